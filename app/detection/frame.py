"""The points to judge, with exactly as much of the past before them as a verdict may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.points import Points
from app.detection.zone import UTC_ZONE, Zone

VALUE_BOUND = 1e307  # sums and differences of a few values stay finite
BLOCK_ROWS = 4096


@dataclass(eq=False, slots=True)
class Frame:
    """`lookback` columns of the past, then the points to judge.

    times: (lookback + n,) int64 UTC ns; offsets: (lookback + n,) int64 ns, what a clock on the wall
    adds to each time; values: (d, lookback + n) float64, one row for each field. Where the series
    is younger than the lookback, the columns before its first point are missing.
    """

    times: Ints
    offsets: Ints
    values: Floats
    lookback: int

    @classmethod
    def of(cls, points: Points, first: int, lookback: int, zone: Zone = UTC_ZONE) -> Frame:
        """Frame the points from `first` on; of those before, the last `lookback` are taken.

        zone: whose clock hangs on the wall.
        """
        absent, known = max(0, lookback - first), points[max(0, first - lookback) :]
        values = np.empty((points.fields, absent + len(known)))
        np.clip(known.values.T, -VALUE_BOUND, VALUE_BOUND, out=values[:, absent:])
        values[:, :absent] = np.nan
        times = np.concatenate([np.full(absent, np.iinfo(np.int64).min), known.times])
        return cls(times, zone.offsets_at(times), values, lookback)

    def __len__(self) -> int:
        return len(self.times) - self.lookback

    @property
    def judged(self) -> Floats:
        """Values of the points to judge, (d, n)."""
        return self.values[:, self.lookback :]

    def blocks(self) -> Iterator[tuple[slice, Frame]]:
        """The same points in pieces of bounded size, each with its own past before it."""
        rows = max(64, BLOCK_ROWS // len(self.values))
        if 0 < len(self) <= rows:
            yield slice(0, len(self)), self
            return
        for start in range(0, len(self), rows):
            span = slice(start, min(start + rows, len(self)))
            columns = slice(span.start, span.stop + self.lookback)
            values = np.ascontiguousarray(self.values[:, columns])
            block = Frame(self.times[columns], self.offsets[columns], values, self.lookback)
            yield span, block
