"""How much of everything there is to measure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How much of everything; a user may give some of it by options."""

    series: int = 1_000
    seconds: float = 20.0
    upload_rows: int = 1_000_000
    trainings: int = 1_000
    scores: int = 10_000_000
    many_series: int = 10_000


SHORT = Scale(
    series=12, seconds=2.0, upload_rows=100_000, trainings=12, scores=100_000, many_series=24
)
