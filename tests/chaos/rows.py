"""A row of the table: a fault, what must hold, and what came of it."""

import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import psycopg
import redis

from tests.chaos.checker import Found
from tests.chaos.scene import Scene
from tests.service import NotWithin

# How a row says that it has waited long enough, by what it waited with.
TIMEOUTS = (
    NotWithin,
    TimeoutError,
    subprocess.TimeoutExpired,
    httpx.TimeoutException,
    psycopg.errors.ConnectionTimeout,
    redis.exceptions.TimeoutError,
)


class Skipped(Exception):
    """This machine cannot do it; says why."""


@dataclass
class Outcome:
    """`problems` are certain; what is `late` may only tell of a slow machine."""

    fault: str
    goal: str
    times: int = 0
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    worst_s: float | None = None
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def holds(self) -> bool:
        return not (self.problems or self.late)

    def took(self, seconds: float, at_most_s: float | None = None) -> None:
        """A recovery, or the longest wait, and what it may be."""
        self.worst_s = max(self.worst_s or 0.0, seconds)
        if at_most_s is not None:
            said = f"{seconds:.2f} s, and {at_most_s:g} s are allowed"
            self.require_in_time(seconds <= at_most_s, said)

    def require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.problems.append(otherwise)

    def require_in_time(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.late.append(otherwise)

    def fail(self, error: Exception) -> None:
        """The row could not go on."""
        failed = self.late if isinstance(error, TIMEOUTS) else self.problems
        failed.append(f"{type(error).__name__}: {error}")

    def compare(self, look: Callable[[], Found], acknowledged: int, is_last: bool = True) -> None:
        """What no later look makes good is never only late: nobody knows what was lost."""
        try:
            self.add(look(), acknowledged)
        except Exception as error:
            if is_last:
                self.problems.append(f"not compared: {type(error).__name__}: {error}")
            else:
                self.fail(error)

    def add(self, found: Found, acknowledged: int) -> None:
        self.acknowledged += acknowledged
        self.lost += found.lost
        self.twice += found.twice
        self.problems += found.problems
        self.late += found.late


@dataclass
class Run:
    """What a row may use. `patience` stretches the times that are allowed, on a shared machine."""

    scene: Scene  # the one under load, which most rows shoot at
    seed: int
    rng: random.Random
    is_long: bool
    patience: float = 1.0

    def s(self, seconds: float) -> float:
        return seconds * self.patience


@dataclass(frozen=True)
class Row:
    fault: str
    goal: str
    shoot: Callable[[Run, Outcome], None]
