"""Values beyond anything seen before.

With e the distance beyond the range [lowest, highest] of n points, in widths of that range,

    L = min(2.5, log10 n) + 5 min(e, 2)   where e > .05, else 0;   8 at most.

Of n + 1 values in any order the last is the highest with probability 1 / (n + 1) (Renyi 1962),
hence the start; little beyond is what any longer look would bring. The slope is our own, by
measuring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import LANES, Floats
from app.detection.calibration import CHANCE_MOST, EVIDENCE_MAX
from app.detection.compiled import compiled

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
        All arrays are contiguous.
        """
        start, answer = evidence_from(seen_points), np.empty(values.shape)
        beyond(values, self.lowest, self.highest, start, answer)
        return answer


def evidence_from(seen_points: int) -> float:
    """The evidence of whatever lies beyond all of so many points."""
    return min(EVIDENCE_FROM, float(np.log10(max(seen_points, 1))))


def range_so_far(values: Floats) -> Range:
    """What came before each point within values (d, n) themselves: the training's own view."""
    nothing = np.full((len(values), 1), -np.inf)
    high = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, values), axis=1)
    low = np.maximum.accumulate(np.where(np.isnan(values), -np.inf, -values), axis=1)
    before = (np.hstack([nothing, x[:, :-1]]) for x in (low, high))
    return Range(-next(before), next(before))


@compiled
def beyond(values: Floats, lowest: Floats, highest: Floats, start: float, answer: Floats) -> None:
    """The evidence, by the distance beyond the range as a share of it; 1e9 beyond one value. Into
    answer, (d, n) as all are but `start`, the evidence of anything beyond."""
    for field in range(len(values)):
        for i in range(values.shape[1]):
            low, high = lowest[field, i], highest[field, i]
            outside, width = max(values[field, i] - high, low - values[field, i]), high - low
            excess = 0.0
            if width >= 0 and outside > 0:
                excess = min(outside / width, BEYOND_ALL) if width > 0 else BEYOND_ALL
            steep = min(start + EVIDENCE_SLOPE * min(excess, 2.0), EVIDENCE_MOST)
            answer[field, i] = steep if excess > IGNORED else 0.0


@compiled
def range_before(
    values: Floats, length: int, lowest: Floats, highest: Floats, low: Floats, high: Floats
) -> None:
    """Into low and high, (d, n), the range of the `length` entries before each of the last n of
    values (d, length + n), and of the training, (d,).

    As many entries as `length` at a time: what their windows share is looked at once, what is
    before and behind it is added from there (van Herk 1992).
    """
    n = low.shape[1]
    for field in range(len(values)):
        row = values[field]
        for begin in range(0, n, length):
            end = min(begin + length, n)
            shared = row[end - 1 : begin + length]
            least, most = _reach(shared, lowest[field], highest[field])
            low[field, end - 1], high[field, end - 1] = least, most
            for i in range(end - 2, begin - 1, -1):
                x = row[i]
                least, most = x if x < least else least, x if x > most else most
                low[field, i], high[field, i] = least, most
            least, most = math.inf, -math.inf
            for i in range(begin + 1, end):
                x = row[i + length - 1]
                least, most = x if x < least else least, x if x > most else most
                low[field, i], high[field, i] = min(low[field, i], least), max(high[field, i], most)


@compiled
def _reach(row: Floats, least: float, most: float) -> tuple[float, float]:
    """The range with what a row adds to it, several values side by side."""
    low, high = np.full(LANES, least), np.full(LANES, most)
    together = len(row) // LANES * LANES
    for start in range(0, together, LANES):
        for lane in range(LANES):
            x = row[start + lane]
            low[lane] = x if x < low[lane] else low[lane]
            high[lane] = x if x > high[lane] else high[lane]
    for x in row[together:]:
        low[0], high[0] = x if x < low[0] else low[0], x if x > high[0] else high[0]
    return low.min(), high.max()
