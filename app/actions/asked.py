"""Points that somebody wants judged, and what he is answered."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.actions import fields
from app.errors import TocsinError
from app.store.scores import Score
from app.store.series import Series


class Asked(NamedTuple):
    """Points to judge, as they came: times (n,) ns in any order, values (n, c), places (n,).

    Each point makes some of these; a frozen dataclass takes several times as long to make.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    places: NDArray[np.int64]
    columns: tuple[str, ...]

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Asked":
        return Asked(self.times[chosen], self.values[chosen], self.places[chosen], self.columns)

    def arranged(self, of: Series) -> "Asked":
        """With the values in the order of the series' fields; those not named are missing."""
        names = tuple(of.fields)
        are_alike = self.columns == names
        values = self.values if are_alike else fields.arranged(of, self.columns, self.values)
        values = values + 0.0  # no -0.0, see Points
        return Asked(self.times, values, self.places, names)


class Answer(NamedTuple):
    """For each place in the request a score, or the error that stands for it."""

    scores: dict[int, Score]
    errors: dict[int, TocsinError]
