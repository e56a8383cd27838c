"""Faults at random, one after the other or at once, for as long as is asked."""

import time
from collections.abc import Callable
from functools import partial

import psutil  # type: ignore[import-untyped]
from redis.exceptions import RedisError

from tests.chaos.faults.redis import connected
from tests.chaos.ground import Ground, kill
from tests.chaos.rows import Outcome, Row, Run

PAUSE_S = (0.2, 4.0)
RECOVERED_S = 15.0  # after the last of several at once

Shot = Callable[[Ground], object]


def _flush(ground: Ground) -> None:
    with connected(ground) as redis:
        redis.flushall()


SHOTS: dict[str, Shot] = {
    "API process": lambda ground: kill(ground.api_processes()[0]),
    "server": lambda ground: kill(ground.server()),
    "worker": lambda ground: kill(ground.worker()),
    "work horse": lambda ground: kill(ground.work_horses()[0]),
    "upkeep": lambda ground: kill(ground.processes_of("workers.upkeep")[0]),
    "Postgres": lambda ground: kill(ground.postgres()),
    "Redis": lambda ground: kill(ground.valkey()),
    "FLUSHALL": _flush,
}


def mix(duration_s: float, run: Run, told: Outcome) -> None:
    """What is not there just now cannot be shot; the next shot comes soon."""
    until = time.monotonic() + duration_s
    last = time.monotonic()
    while time.monotonic() < until:
        name = run.rng.choice(sorted(SHOTS))
        last = time.monotonic()
        try:
            SHOTS[name](run.scene.ground)
            told.times += 1
        except (IndexError, OSError, psutil.NoSuchProcess, RedisError):
            pass
        time.sleep(run.rng.uniform(*PAUSE_S))
    told.took(run.scene.load.recovery_s(last), run.s(RECOVERED_S))


def row(duration_s: float) -> Row:
    return Row(f"a random mix, {duration_s:g} s", "no violation", partial(mix, duration_s))
