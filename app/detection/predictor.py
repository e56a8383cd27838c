"""The expected value of a point, from what came before it: the best of a few plain predictors.

The last value; the median of the last 12; and for each season P, with K up to 5 (others: 3),

    median of x(t - kP + d), k = 1..K, one point before, at and after the place: d = -1, 0, 1,

as it is or with the median of its last 6 errors added. Training takes, for each field, the one with
the smallest mean error, an error counting up to 3 spreads. In the same way the usual value is taken
from the seasonal medians and the median of the last 192 points: unlike the expected value it does
not follow the last points, so an anomaly that lasts stays far from it.

Source: naive and seasonal naive forecasts (Hyndman and Athanasopoulos, Forecasting: Principles and
Practice, section 5.2), by medians in place of single values; the set is our own, by measuring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.candidates import (
    CORRECTION_POINTS,
    LONG,
    LONG_POINTS,
    RECENT,
    SEASONAL,
    candidate,
    guess,
    medians,
)
from app.detection.frame import Frame
from app.detection.lookup import repeats
from app.detection.scale import Scale

SHARE_LEAST = 0.25  # a predictor must have had an answer for so much of the training
ERROR_CAP = 3.0  # in spreads: one wild point must not choose the predictor


@dataclass(frozen=True, eq=False)
class Predictor:
    """Candidates for each field, chosen in training.

    seasons_ns: lengths, shortest first; choice, usual_choice: (d,) which candidate is the expected
    and the usual value; lowest, highest: (d,) of the training, in the field's unit.
    """

    interval_ns: int
    seasons_ns: tuple[int, ...]
    choice: Ints
    usual_choice: Ints
    lowest: Floats
    highest: Floats

    @property
    def season_ns(self) -> int:
        """Length of the shortest season in nanoseconds; 0 for none."""
        return self.seasons_ns[0] if self.seasons_ns else 0

    @property
    def period_points(self) -> int:
        """Length of the shortest season in points; 0 for none."""
        return round(self.season_ns / self.interval_ns)

    @property
    def reach(self) -> int:
        """How many points before a point its expected value may depend on."""
        numbers = [self._repeats(i) for i in range(len(self.seasons_ns))]
        spans = [
            n * max(1, round(s / self.interval_ns)) + 2
            for n, s in zip(numbers, self.seasons_ns, strict=True)
        ]
        return max([LONG_POINTS, *spans]) + CORRECTION_POINTS

    def settled(self, n: int) -> int:
        """From which of n training points on the predictors err as they will: after a season, but
        within the first half."""
        used = max((self.season_of(field) for field in range(len(self.choice))), default=0)
        return min(n // 2, round(used / self.interval_ns))

    def season_of(self, field: int) -> int:
        """Length in ns of the season the field's usual value goes by; 0: none."""
        kind = int(self.usual_choice[field])
        return self.seasons_ns[kind - 1] if kind > LONG else 0

    def guesses(self, frame: Frame, first: int) -> Floats:
        """The expected and the usual value of each field for the frame's rows from `first` on, (2,
        d, rows); first >= reach.

        The usual value is that of this place: unlike the expected one it does not follow the last
        points, and so not an anomaly that lasts either. The median of the last 12 points stands in
        for what was expected, that of the last 192 for what is usual; NaN where they are missing.
        """
        answer = np.empty((2, len(frame.values), len(frame.times) - first))
        columns = frame.times, frame.offsets, frame.values
        guess(*columns, first, self.interval_ns, self._seasons, *self._chosen, answer)
        return answer

    def candidates(self, frame: Frame, field: int) -> tuple[list[Floats], list[Floats]]:
        """What each candidate would expect, and call usual, for the frame's points: (n,) each."""
        columns, first = (frame.times, frame.offsets, frame.values[field]), frame.lookback
        bounds, expected = (float(self.lowest[field]), float(self.highest[field])), []
        for kind in range(SEASONAL + 2 * len(self.seasons_ns)):
            answer = np.empty(len(frame))
            candidate(*columns, first, kind, self.interval_ns, self._seasons, *bounds, answer)
            expected.append(answer)
        long = np.empty(len(frame))
        medians(frame.times, frame.values[field], first, LONG_POINTS, self.interval_ns, long)
        return expected, [long, *expected[SEASONAL::2]]

    @cached_property
    def _seasons(self) -> Ints:
        """Of each its length in ns, and how many to look back, (seasons, 2)."""
        rows = [(length, self._repeats(i)) for i, length in enumerate(self.seasons_ns)]
        return np.array(rows, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def _chosen(self) -> tuple[Ints, Floats]:
        """Of each field the candidates, and where its values lay, (2, d) each."""
        return np.stack([self.choice, self.usual_choice]), np.stack([self.lowest, self.highest])

    def _repeats(self, which: int) -> int:
        return repeats(self.seasons_ns[which], self.interval_ns, is_first=which == 0)


def undecided(scale: Scale, interval_ns: int, seasons_ns: tuple[int, ...]) -> Predictor:
    """All candidates at hand, none chosen yet but the medians."""
    d = len(scale.centre)
    choice, usual = np.full(d, RECENT), np.full(d, LONG)
    return Predictor(interval_ns, seasons_ns, choice, usual, scale.lowest, scale.highest)


def choose(draft: Predictor, frame: Frame, spread: Floats) -> Predictor:
    """The candidates with the smallest mean error for each field, over the training points.

    frame: the training, with a lookback of at least the draft's reach; spread: (d,).
    """
    choices = [_chosen(draft, frame, field, float(s)) for field, s in enumerate(spread)]
    table = np.array(choices, dtype=np.int64).reshape(-1, 2)
    return replace(draft, choice=table[:, 0].copy(), usual_choice=table[:, 1].copy())


def _chosen(draft: Predictor, frame: Frame, field: int, spread: float) -> tuple[int, int]:
    expected, usual = draft.candidates(frame, field)
    values = frame.judged[field]
    return _best(expected, values, spread, RECENT), _best(usual, values, spread, LONG)


def _best(candidates: list[Floats], values: Floats, spread: float, plain: int) -> int:
    """The candidate with the smallest mean capped error, of those that have answers enough."""
    with np.errstate(over="ignore"):
        errors = [np.minimum(np.abs(values - c) / spread, ERROR_CAP) for c in candidates]
    numbers = [int(np.count_nonzero(~np.isnan(e))) for e in errors]
    least = SHARE_LEAST * max(numbers[plain], 1)
    means = [
        float(np.nansum(e)) / n if n >= max(least, 1) else math.inf
        for e, n in zip(errors, numbers, strict=True)
    ]
    return int(np.argmin(means))
