"""What a row of the table is: a figure, what it is compared with, and what it is to reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.service.scale import Scale
from benchmarks.tables import Table

HEAD = ("figure", "ours", "reference", "ratio", "reach", "p50 ms", "p99 ms", "memory MB")


@dataclass(frozen=True)
class Reach:
    """What a number is to be: at most, or at least, so much."""

    most: float | None = None
    least: float | None = None
    unit: str = "x"

    def __str__(self) -> str:
        sign, bound = ("≤", self.most) if self.most is not None else ("≥", self.least)
        return f"{sign} {bound:g} {self.unit}"

    def holds(self, value: float) -> bool:
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least
        )


@dataclass(frozen=True)
class Reference:
    """The same by somebody else, in the figure's unit."""

    name: str
    value: float
    p99_ms: float | None = None


@dataclass(frozen=True)
class Figure:
    """`reach` is of the ratio where there is a reference, else of the value."""

    name: str
    value: float
    unit: str
    reference: Reference | None = None
    reach: Reach | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    memory_mb: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference.value if self.reference else None

    @property
    def is_reached(self) -> bool | None:
        """None where nothing is to be reached."""
        judged = self.value if self.ratio is None else self.ratio
        return None if self.reach is None else self.reach.holds(judged)

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: found for name, found in vars(self).items() if name != "reach"},
            "reference": vars(self.reference) if self.reference else None,
            "ratio": self.ratio,
            "reach": str(self.reach) if self.reach else None,
            "is_reached": self.is_reached,
        }


def tabled(figures: list[Figure]) -> Table:
    return Table(HEAD, tuple(_row(figure) for figure in figures))


def _row(figure: Figure) -> tuple[str, ...]:
    other = figure.reference
    return (
        figure.name,
        f"{number(figure.value)} {figure.unit}",
        f"{other.name} {number(other.value)}" if other else "",
        "" if figure.ratio is None else f"{number(figure.ratio)} x",
        f"{figure.reach}, {'yes' if figure.is_reached else 'no'}" if figure.reach else "",
        *(_shown(one) for one in (figure.p50_ms, figure.p99_ms, figure.memory_mb)),
    )


def told(scale: Scale) -> str:
    """What the numbers are of."""
    return (
        f"{scale.series:,} series; loads of {scale.seconds:g} s; a ratio is ours to the reference, "
        "measured in the same run; reach is of the ratio, or of the figure where there is none; "
        "p50 and p99 are of requests; memory is of all processes that answer them (PSS)."
    )


def number(value: float) -> str:
    """Three digits that matter, none of them after the point from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _shown(value: float | None) -> str:
    return "" if value is None else number(value)
