"""Networks that drop every packet, by namespaces and nftables."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil  # type: ignore[import-untyped]

from tests.chaos.apart import Relay, Room, room
from tests.chaos.checker import Checker
from tests.chaos.load import Load
from tests.chaos.rows import Outcome, Row, Run
from tests.service import wait_until

DATABASE_PORT, REDIS_PORT, SERVER_PORT = 15432, 16379, 18080
UNREACHABLE_S = 10.0
LONGEST_WAIT_S = 3.0
TRAININGS = 2  # one for each worker


@contextmanager
def servers_across(run: Run, number: int) -> Iterator[tuple[Room, dict[str, str]]]:
    """A room, and the settings with which what runs in it reaches the servers by the cable."""
    ground = run.scene.ground
    with ExitStack() as stack:
        made = stack.enter_context(room(number))
        sockets = ground.sockets()
        stack.enter_context(Relay(made.here, DATABASE_PORT, sockets / ".s.PGSQL.5432"))
        stack.enter_context(Relay(made.here, REDIS_PORT, sockets / "valkey.sock"))
        settings = {
            "TOCSIN_DATABASE_URL": ground.server_url(made.here, DATABASE_PORT),
            "TOCSIN_REDIS_URL": f"redis://{made.here}:{REDIS_PORT}/0",
            "TOCSIN_HOST": made.there,
            "TOCSIN_PORT": str(SERVER_PORT),
        }
        yield made, settings


def postgres_unreachable(run: Run, told: Outcome) -> None:
    """A server in the room loses Postgres: clients are answered soon, though not served."""
    ground = run.scene.ground
    with servers_across(run, 1) as (made, settings):
        server = ground.run_beside("serve", log="serve-apart", before=made.before, **settings)
        url = f"http://{made.there}:{SERVER_PORT}"
        wait_until(lambda: ground.answers(url), "the server in the room is ready")
        load = Load(url, key := ground.new_tenant(), run.seed)
        load.start()
        time.sleep(1)
        with made.cut_off(DATABASE_PORT):
            at = time.monotonic()
            time.sleep(UNREACHABLE_S)
        told.times += 1
        back_s = load.recovery_s(time.monotonic())
        waits = [asked.ended - asked.started for asked in load.since(at)]
        told.took(max(waits), run.s(LONGEST_WAIT_S))
        told.require_in_time(
            back_s < run.s(LONGEST_WAIT_S), f"{back_s:.1f} s until all were served again"
        )
        load.stop()
        checker = Checker(ground.url, ground.rows, key, load.ledger)
        told.compare(checker.check, load.ledger.acknowledged)
        server.terminate()
        server.wait(60)


def worker_cut_off(run: Run, told: Outcome) -> None:
    """For longer than its lease, in the middle of a training; then it comes back."""
    ground = run.scene.ground
    with servers_across(run, 2) as (made, settings):
        worker = ground.run_beside("worker", log="worker-apart", before=made.before, **settings)
        name = f"cut-off-{time.monotonic_ns()}"
        trainings = [run.scene.training(f"{name}-{i}") for i in range(TRAININGS)]
        for training in trainings:
            training.ask()
        running = ["running"] * TRAININGS
        wait_until(
            lambda: [each.job()["status"] for each in trainings] == running and _horses(worker.pid),
            "the worker in the room has one of the trainings",
        )
        with made.cut_off(DATABASE_PORT, REDIS_PORT):
            at = time.monotonic()
            told.times += 1
            for training in trainings:
                training.await_end()
            told.took(time.monotonic() - at)
        time.sleep(5)  # what was cut off comes back, and has nothing to say any more
        told.problems += [wrong for training in trainings for wrong in training.wrong_at_end()]
        retried = [training.job()["attempt"] for training in trainings]
        told.require(max(retried) > 1, f"none was cut off: attempts {retried}")
        worker.terminate()
        worker.wait(60)


def _horses(supervisor_pid: int) -> list[psutil.Process]:
    """Of the workers under this supervisor."""
    found = psutil.Process(supervisor_pid).children(recursive=True)
    return [each for each in found if _is_horse(each)]


def _is_horse(process: psutil.Process) -> bool:
    try:
        parent = process.parent()
        return parent is not None and "workers.main" in " ".join(parent.cmdline())
    except psutil.NoSuchProcess:
        return False


ROWS = [
    Row("Postgres unreachable for 10 s", "no request waits over 3 s", postgres_unreachable),
    Row("worker cut off longer than its lease", "one model", worker_cut_off),
]
