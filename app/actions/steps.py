"""From points that were read to the steps of a chart; arrays in, arrays out."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.store.picks import NS_PER_MS, Found, Grid

Numbers = NDArray[np.float64]

SUMS: dict[str, Callable[..., Any]] = {
    "min": np.minimum.reduceat,
    "max": np.maximum.reduceat,
    "sum": np.add.reduceat,
}


def newest(found: Found, field: int, grid: Grid, lookback_ms: int) -> Numbers:
    """At each step the newest value that is not too old; NaN for none, and where it is missing."""
    values = np.full(grid.steps, np.nan)
    if not len(found.times):
        return values
    at = grid.times_ns
    place = np.searchsorted(found.times, at, "right") - 1
    known = np.flatnonzero(place >= 0)
    recent = known[found.times[place[known]] > at[known] - lookback_ms * NS_PER_MS]
    values[recent] = found.values[place[recent], field]
    return values


def over(found: Found, field: int, grid: Grid, range_ms: int, function: str) -> Numbers:
    """At each step a number over the values in the range before it; NaN where there are none."""
    values = np.full(grid.steps, np.nan)
    if not len(found.times):
        return values
    is_there = ~np.isnan(found.values[:, field])
    times, given = found.times[is_there], found.values[is_there, field]
    end = np.searchsorted(times, grid.times_ns, "right")
    begin = np.searchsorted(times, grid.times_ns - range_ms * NS_PER_MS, "right")
    filled = np.flatnonzero(end > begin)
    if len(filled):
        values[filled] = _over(given, begin[filled], end[filled], function)
    return values


def _over(
    given: Numbers, begin: NDArray[np.int64], end: NDArray[np.int64], function: str
) -> Numbers:
    counts = (end - begin).astype(np.float64)
    if function == "count":
        return counts
    if function == "last":
        return given[end - 1]
    bounds = np.stack([begin, end], axis=1).ravel()
    # One value more, since each bound has to be the place of one; what lies between two ranges is
    # worked out too, and left out.
    reduced: Numbers = SUMS["sum" if function == "avg" else function](
        np.append(given, given[-1]), bounds
    )[::2]
    return reduced / counts if function == "avg" else reduced
