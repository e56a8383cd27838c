"""What workers did, added up in Redis.

They listen on no port, run on any host, and each job has a process of its own, which ends with it.
Where Redis forgets, the numbers begin at 0 again, as Prometheus knows it of a process.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from redis.exceptions import RedisError, ResponseError

from app.cache.entries import connect

KEY = "numbers:workers"
BOUNDS_S = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, math.inf)
OUTCOMES = (
    "succeeded",
    "failed",
    "left",  # to its lease, since the database did not answer
    "discarded",  # another had it by then
    "died",  # and its process with it
)
FIRST_SCORES, ENQUEUED_AGAIN = "first_scores", "enqueued_again"

log = structlog.get_logger()


@dataclass(frozen=True)
class Work:
    """Of one kind of job: how many came to each outcome, seconds in all, and how many took up to
    each of the bounds and more than the one before."""

    ended: dict[str, float]
    seconds: float
    within: tuple[float, ...]


@dataclass(frozen=True)
class Worked:
    of_kind: dict[str, Work]
    first_scores: float
    enqueued_again: float


class WorkNumbers:
    def __init__(self, url: str) -> None:
        self._redis = connect(url)  # not connected before it is asked: a worker forks

    def note_job(self, kind: str, outcome: str, seconds: float | None = None) -> None:
        fields = {f"{kind} {outcome}": 1.0}
        if seconds is not None:
            bound = BOUNDS_S[bisect_left(BOUNDS_S, seconds)]
            fields |= {f"{kind} seconds": seconds, f"{kind} within {bound}": 1.0}
        self._add(fields)

    def note(self, what: str, count: int) -> None:
        if count:
            self._add({what: float(count)})

    def _add(self, fields: dict[str, float]) -> None:
        try:
            self._add_at_once(fields)
        except RedisError as error:
            log.warning("work not counted", error=type(error).__name__)

    def _add_at_once(self, fields: dict[str, float]) -> None:
        try:
            with self._redis.pipeline() as pipeline:
                for name, count in fields.items():
                    pipeline.hincrbyfloat(KEY, name, count)
                pipeline.execute()
        except ResponseError:  # somebody wrote what is no number, and nothing could be added to it
            self._redis.delete(KEY)

    def read(self, kinds: Sequence[str]) -> Worked | None:
        """None where Redis does not answer. Only what is asked for by name is read."""
        names = [FIRST_SCORES, ENQUEUED_AGAIN]
        for kind in kinds:
            names += [f"{kind} {outcome}" for outcome in OUTCOMES]
            names += [f"{kind} seconds", *(f"{kind} within {bound}" for bound in BOUNDS_S)]
        try:
            found = self._redis.hmget(KEY, names)
        except RedisError:
            return None
        numbers = dict(zip(names, map(_number, found), strict=True))
        of_kind = {kind: _work(kind, numbers) for kind in kinds}
        return Worked(of_kind, numbers[FIRST_SCORES], numbers[ENQUEUED_AGAIN])

    def close(self) -> None:
        self._redis.close()


def _work(kind: str, numbers: dict[str, float]) -> Work:
    return Work(
        {outcome: numbers[f"{kind} {outcome}"] for outcome in OUTCOMES},
        numbers[f"{kind} seconds"],
        tuple(numbers[f"{kind} within {bound}"] for bound in BOUNDS_S),
    )


def _number(found: bytes | str | None) -> float:
    """0 for what is none: whoever is in Redis may write what he likes."""
    try:
        number = float(found or 0)
    except ValueError:
        return 0.0
    return number if 0 <= number < math.inf else 0.0
