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
    training_rounds: int = 5  # of the one on many points
    scores: int = 10_000_000
    many_series: int = 10_000
    charted_points: int = 10_000_000


# For a look whether each row can still be measured. Trainings take long, hence there
# are few: one for each worker, and one more series than the ten that growth and history begin with.
SHORT = Scale(
    series=11,
    seconds=1.0,
    upload_rows=100_000,
    trainings=2,
    training_rounds=1,
    scores=100_000,
    many_series=22,
    charted_points=200_000,
)
