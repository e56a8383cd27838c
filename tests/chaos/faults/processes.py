"""kill -9 to each process of the service itself."""

import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]

from tests.chaos.ground import kill, lives
from tests.chaos.rows import Outcome, Row, Run
from tests.service import wait_until

BACK_S = 2.0
RETRIED_S = 15.0


def api_process(run: Run, told: Outcome) -> None:
    def victim() -> psutil.Process:
        return run.rng.choice(run.scene.ground.api_processes())

    _kill_and_await(run, told, victim, BACK_S, 2)


def server_parent(run: Run, told: Outcome) -> None:
    _kill_and_await(run, told, run.scene.ground.server, BACK_S, 2)


def worker(run: Run, told: Outcome) -> None:
    """In the middle of a training: its work horse dies with it, another worker makes the model."""

    def shoot() -> float:
        [horse] = run.scene.ground.work_horses()
        at = kill(run.scene.ground.worker())
        wait_until(lambda: not lives(horse), "the work horse dies with its worker", 5)
        return at

    _interrupt_training(run, told, shoot)


def work_horse(run: Run, told: Outcome) -> None:
    """In the middle of a training."""
    _interrupt_training(run, told, lambda: kill(run.scene.ground.work_horses()[0]))


def _kill_and_await(
    run: Run, told: Outcome, victim: Callable[[], psutil.Process], at_most_s: float, times: int
) -> None:
    for _ in range(times):
        at = kill(wait_until(victim, "there is something to kill"))
        told.times += 1
        told.took(run.scene.load.recovery_s(at), run.s(at_most_s))


def _interrupt_training(run: Run, told: Outcome, shoot: Callable[[], float]) -> None:
    training = run.scene.training(f"trained-{told.fault.split()[-1]}-{time.monotonic_ns()}")
    training.begin()
    at = shoot()
    told.times += 1
    training.await_attempt(2)
    told.took(time.monotonic() - at, run.s(RETRIED_S))
    told.problems += training.wrong_at_end()


ROWS = [
    Row("kill -9 an API process", "back in 2 s", api_process),
    Row("kill -9 the server's parent", "back in 2 s", server_parent),
    Row("kill -9 a worker", "one model, retried in 15 s", worker),
    Row("kill -9 its work horse", "one model, retried in 15 s", work_horse),
]
