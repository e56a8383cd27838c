"""A row of the table: a fault, what must hold, and what came of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.checker import Found
from tests.chaos.scene import Scene


class Skipped(Exception):
    """This machine cannot do it; says why."""


@dataclass
class Outcome:
    fault: str
    goal: str
    times: int = 0
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    worst_s: float | None = None
    problems: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def holds(self) -> bool:
        return not self.problems

    def took(self, seconds: float, at_most_s: float | None = None) -> None:
        """A recovery, or the longest wait, and what it may be."""
        self.worst_s = max(self.worst_s or 0.0, seconds)
        if at_most_s is not None:
            self.require(seconds <= at_most_s, f"{seconds:.2f} s, and {at_most_s:g} s are allowed")

    def require(self, holds: bool, otherwise: str) -> None:
        if not holds:
            self.problems.append(otherwise)

    def add(self, found: Found, acknowledged: int) -> None:
        self.acknowledged += acknowledged
        self.lost += found.lost
        self.twice += found.twice
        self.problems += found.problems


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
