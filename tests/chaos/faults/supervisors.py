"""The supervisor itself: two on one folder, kill -9, and a start that has much to replay."""

import os
import signal
import time

import psutil  # type: ignore[import-untyped]
import psycopg

from tests.chaos.ground import Ground, kill, lives
from tests.chaos.rows import Outcome, Row, Run
from tests.service import free_port

STARTED_S = 2.0
GONE_S = 10.0
WAL_BYTES = 3_000_000_000
SHORT_WAL_BYTES = 200_000_000
LAZY = (
    "ALTER SYSTEM SET max_wal_size = '16GB'",
    "ALTER SYSTEM SET checkpoint_timeout = '1d'",
    "SELECT pg_reload_conf()",
)
WRITTEN = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"


def two(run: Run, told: Outcome) -> None:
    """The second is refused and names the first; the first goes on."""
    ground, since = run.scene.ground, time.monotonic()
    second = ground.run("up", log="second", TOCSIN_PORT=str(free_port()))
    code = second.wait(60)
    said = (ground.folder / "second.log").read_text()
    told.times += 1
    told.require(code == 1 and f"pid {ground.up.pid}" in said, f"exit code {code}: {said[-500:]}")
    told.require(run.scene.load.failures(since)[0] == 0, "the first one was disturbed")


def killed(run: Run, told: Outcome) -> None:
    """All of it ends with the supervisor; the next start finds everything. Timed without load."""
    ground = run.scene.ground
    for _ in range(3):
        with run.scene.load.paused():
            at = _kill_all(run, told)
            ground.start()
            told.times += 1
            told.took(time.monotonic() - at, run.s(STARTED_S))


def killed_under_load(run: Run, told: Outcome) -> None:
    """The same, the clients never pausing: what they were told is there."""
    ground = run.scene.ground
    for _ in range(2):
        at = _kill_all(run, told)
        ground.start()
        told.times += 1
        told.took(run.scene.load.recovery_s(at))


def _kill_all(run: Run, told: Outcome) -> float:
    """-> when the supervisor was gone; what is of it has to follow soon."""
    up = run.scene.ground.up
    theirs = psutil.Process(up.pid).children(recursive=True)
    names = {each.pid: " ".join(each.cmdline())[-60:] for each in theirs if lives(each)}
    up.kill()
    up.wait()
    at = time.monotonic()
    while any(map(lives, theirs)) and time.monotonic() < at + GONE_S:
        time.sleep(0.02)
    left = [names.get(each.pid, "") for each in theirs if lives(each)]
    told.require_in_time(not left, f"left {GONE_S:g} s after the supervisor: {left}")
    return at


def replay(run: Run, told: Outcome) -> None:
    """Postgres was killed with much in its log: the start waits, says so, and loses nothing."""
    ground = run.scene.ground
    goal = WAL_BYTES if run.is_long else SHORT_WAL_BYTES
    with run.scene.load.paused():
        _write_wal(ground, goal)
        kill(ground.postgres())
        os.kill(ground.up.pid, signal.SIGKILL)
        ground.up.wait()
        at = time.monotonic()
        ground.start()
        told.times += 1
        told.took(time.monotonic() - at)
    if told.worst_s and told.worst_s > 20:
        said = ground.log.read_text()
        told.require("postgres is starting" in said, "nothing was said while it waited")


def _write_wal(ground: Ground, size_bytes: int) -> None:
    with psycopg.connect(ground.superuser_url(), autocommit=True) as connection:
        for line in LAZY:
            connection.execute(line.encode())
        connection.execute("CREATE TABLE IF NOT EXISTS replayed (n int, text text)")
        [written] = connection.execute(WRITTEN).fetchone() or (0,)
        until = written + size_bytes
        while written < until:
            connection.execute(
                "INSERT INTO replayed SELECT n, repeat('x', 900) FROM generate_series(1, 20000) n"
            )
            [written] = connection.execute(WRITTEN).fetchone() or (0,)


ROWS = [
    Row("two supervisors on one folder", "the second is refused", two),
    Row("kill -9 the supervisor", "all of it starts in 2 s", killed),
    Row("kill -9 the supervisor under load", "nothing is lost", killed_under_load),
    Row("3 GB of log to replay", "waits with progress", replay),
]
