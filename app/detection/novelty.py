"""Values beyond anything seen before.

With e the distance beyond the range [lowest, highest] of n points, in widths of that range,

    L = min(2.5, log10 n) + 5 min(e, 2)   where e > .05, else 0;   8 at most.

Of n + 1 values in any order the last is the highest with probability 1 / (n + 1) (Renyi 1962),
hence the start; little beyond is what any longer look would bring. The slope is our own, by
measuring.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import Floats
from app.detection.calibration import CHANCE_MOST, EVIDENCE_MAX
from app.detection.compiled import compiled
from app.detection.frame import Frame

IGNORED = 0.05  # excess, as a share of the range, that any longer look would bring
EVIDENCE_MOST = EVIDENCE_MAX + CHANCE_MOST
EVIDENCE_FROM = 2.5
EVIDENCE_SLOPE = 5.0
BEYOND_ALL = 1e9  # the excess over a range of one value


@dataclass(frozen=True, eq=False)
class Range:
    """Lowest and highest value seen before each point, (d, n); inf and -inf where none was."""

    lowest: Floats
    highest: Floats

    def evidence(self, values: Floats, seen_points: int) -> Floats:
        """Evidence in [0, 8] that values (d, n) lie outside, by their distance in ranges.

        Little history shows little: the evidence starts at log10 of the points seen, 2.5 at most.
        """
        start = min(EVIDENCE_FROM, float(np.log10(max(seen_points, 1))))
        excess = self.excess(values)
        steep = np.minimum(
            start + EVIDENCE_SLOPE * np.minimum(excess, 2.0), EVIDENCE_MAX + CHANCE_MOST
        )
        return np.where(excess > IGNORED, steep, 0.0)

    def excess(self, values: Floats) -> Floats:
        """Distance beyond the range as a share of it; 0 inside, 1e9 beyond a single value."""
        outside = np.maximum(values - self.highest, self.lowest - values)
        has_range = self.highest >= self.lowest
        width = np.subtract(self.highest, self.lowest, out=np.ones_like(values), where=has_range)
        share = np.divide(
            outside, width, out=np.full_like(values, BEYOND_ALL), where=has_range & (width > 0)
        )
        return np.where((outside > 0) & has_range, np.minimum(share, BEYOND_ALL), 0.0)


def range_before(frame: Frame, lowest: Floats, highest: Floats) -> Range:
    """What training and the lookback hold before each point of the frame.

    lowest, highest: (d,) of the training.
    """
    is_there = ~np.isnan(frame.values)
    high = _highest_before(np.where(is_there, frame.values, -np.inf), frame.lookback)
    low = -_highest_before(np.where(is_there, -frame.values, -np.inf), frame.lookback)
    return Range(np.minimum(low, lowest[:, None]), np.maximum(high, highest[:, None]))


def range_so_far(values: Floats) -> Range:
    """What came before each point within values (d, n) themselves: the training's own view."""
    nothing = np.full((len(values), 1), -np.inf)
    high = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, values), axis=1)
    low = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, -values), axis=1)
    return Range(-np.hstack([nothing, low])[:, :-1], np.hstack([nothing, high])[:, :-1])


def _highest_before(values: Floats, length: int) -> Floats:
    """Highest of the `length` entries before each entry from `length` on."""
    highest = np.empty((len(values), values.shape[1] - length))
    for row, answer in zip(np.ascontiguousarray(values), highest, strict=True):
        _sliding_highest(row, length, answer)
    return highest


@compiled
def _sliding_highest(values: Floats, length: int, highest: Floats) -> None:
    """Those that may still become the highest wait in a queue, falling (Lemire 2006)."""
    waiting = np.empty(len(values), np.int64)
    first = end = 0
    for i in range(len(values) - 1):
        while end > first and values[waiting[end - 1]] <= values[i]:
            end -= 1
        waiting[end] = i
        end += 1
        if waiting[first] <= i - length:
            first += 1
        if i >= length - 1:
            highest[i - length + 1] = values[waiting[first]]
