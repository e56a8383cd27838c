"""kill -9 to Redis, FLUSHALL, and bytes that rot in the cache: no answer changes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from tests.chaos.ground import Ground, kill
from tests.chaos.rows import Outcome, Row, Run
from tests.chaos.twins import Twins
from tests.service import free_port, wait_until

MOST_FAILED = 0.001
FLUSH_EVERY_S = 5.0
FLIPS = 1_000
FLIPS_AT_ONCE = 10


@contextmanager
def connected(ground: Ground) -> Iterator["Redis"]:
    redis = Redis.from_url(ground.redis_url(), socket_timeout=2)
    try:
        yield redis
    finally:
        redis.close()


def killed(run: Run, told: Outcome) -> None:
    twins, since = Twins(run.scene, "killed-redis"), time.monotonic()
    for _ in range(20 if run.is_long else 4):
        at = kill(wait_until(run.scene.ground.valkey, "Redis is there"))
        told.times += 1
        for _ in range(20):
            twins.judge()
        told.took(run.scene.load.recovery_s(at))
    _same_answers(run, told, twins, since)


def flushed(run: Run, told: Outcome) -> None:
    twins, since = Twins(run.scene, "flushed"), time.monotonic()
    for _ in range(60 if run.is_long else 3):
        with connected(run.scene.ground) as redis:
            redis.flushall()
        at = time.monotonic()
        told.times += 1
        while time.monotonic() < at + FLUSH_EVERY_S:
            twins.judge()
        told.took(run.scene.load.recovery_s(at))
    _same_answers(run, told, twins, since)


def rotten(run: Run, told: Outcome) -> None:
    """By a server that keeps no model in memory, so that each request reads what has rotted."""
    ground, port = run.scene.ground, str(free_port())
    server = ground.run_beside(
        "serve", log="forgetful", TOCSIN_MODEL_MEMORY_BYTES="0", TOCSIN_PORT=port
    )
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: ground.answers(url), f"a second server answers on {url}")
    twins, other = Twins(run.scene, "rotten", url), Twins(run.scene, "rotten-too", url)
    with connected(ground) as redis, run.scene.load.paused():
        while told.times < FLIPS:
            told.times += sum(_flip(redis, run) for _ in range(FLIPS_AT_ONCE))
            twins.judge()
            other.judge()
    told.problems += twins.differences() + other.differences()
    told.require(server.poll() is None, "the server ended")
    log = (ground.folder / "forgetful.log").read_text()
    told.require("ended by" not in log and "Traceback" not in log, "a process of the server died")
    server.terminate()
    server.wait(30)


def _same_answers(run: Run, told: Outcome, twins: Twins, since: float) -> None:
    failed, asked = run.scene.load.failures(since)
    told.require(failed <= asked * MOST_FAILED, f"{failed} of {asked} requests failed")
    told.problems += twins.differences()


def _flip(redis: "Redis", run: Run) -> bool:
    """One bit of one cached value, of any kind."""
    key = redis.randomkey()
    if key is None or redis.type(key) != b"string":
        return False
    size = redis.strlen(key)
    if not size:
        return False
    bit = run.rng.randrange(8 * size)
    redis.setbit(key, bit, 1 - redis.getbit(key, bit))
    return True


ROWS = [
    Row("kill -9 Redis", "same answers, errors < 0.1 %", killed),
    Row("FLUSHALL every 5 s", "same answers, errors < 0.1 %", flushed),
    Row("1,000 flips in cached bytes", "same scores, no crash", rotten),
]
