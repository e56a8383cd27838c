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

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled
from app.detection.frame import Frame
from app.detection.lookup import on_the_clock, repeats, seasonal
from app.detection.scale import Scale
from app.detection.windows import median_of, rolling_medians, span_of

LAST, RECENT, SEASONAL = 0, 1, 2  # then two for each season: plain, and corrected by last errors
LONG = 0  # of the usual values; then one for each season
RECENT_POINTS = 12
LONG_POINTS = 192
CORRECTION_POINTS = 6
WILD_RANGES = 2.0  # so many ranges of the last points away, a value is no guess for the next
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

    def guesses(self, frame: Frame, field: int, first: int) -> tuple[Floats, Floats]:
        """The expected and the usual value for each row of the frame from `first` on, (rows,) each;
        first >= reach.

        The usual value is that of this place: unlike the expected one it does not follow the last
        points, and so not an anomaly that lasts either. The median of the last 12 points stands in
        for what was expected, that of the last 192 for what is usual; NaN where they are missing.
        """
        kind, usual = int(self.choice[field]), int(self.usual_choice[field])
        if usual == LONG:
            expected = self._candidate(frame, field, first, kind)
            return (
                self._filled(expected, frame, field, RECENT_POINTS),
                self._medians(frame, field, first, LONG_POINTS),
            )
        begin = first - CORRECTION_POINTS
        plain = self._seasonal(frame, field, begin, usual - 1)
        expected = (
            self._from_season(plain, frame, field, first, kind)
            if (kind - SEASONAL) // 2 == usual - 1
            else self._candidate(frame, field, first, kind)
        )
        return (
            self._filled(expected, frame, field, RECENT_POINTS),
            self._filled(plain[CORRECTION_POINTS:], frame, field, LONG_POINTS),
        )

    def candidates(self, frame: Frame, field: int) -> tuple[list[Floats], list[Floats]]:
        """What each candidate would expect, and call usual, for the frame's points: (n,) each."""
        first = frame.lookback
        kinds = range(SEASONAL + 2 * len(self.seasons_ns))
        expected = [self._candidate(frame, field, first, kind) for kind in kinds]
        long = self._medians(frame, field, first, LONG_POINTS)
        return expected, [long, *expected[SEASONAL::2]]

    def _candidate(self, frame: Frame, field: int, first: int, kind: int) -> Floats:
        if kind == RECENT:
            return self._medians(frame, field, first, RECENT_POINTS)
        if kind == LAST:
            answer = np.empty(len(frame.times) - first)
            _last(frame.values[field], first, answer)
            return answer
        plain = self._seasonal(frame, field, first - CORRECTION_POINTS, (kind - SEASONAL) // 2)
        return self._from_season(plain, frame, field, first, kind)

    def _from_season(
        self, plain: Floats, frame: Frame, field: int, first: int, kind: int
    ) -> Floats:
        """What lies at this place of the season, plain from CORRECTION_POINTS before `first` on, or
        corrected by its last errors."""
        if (kind - SEASONAL) % 2 == 0:
            return plain[CORRECTION_POINTS:]
        answer = np.empty(len(plain) - CORRECTION_POINTS)
        bounds = float(self.lowest[field]), float(self.highest[field])
        _corrected(frame.values[field], plain, first, *bounds, answer)
        return answer

    def _filled(self, guess: Floats, frame: Frame, field: int, size: int) -> Floats:
        """The guess for the last rows, and where it is missing the median of so many points."""
        if not _has_gap(guess):
            return guess
        is_missing = np.isnan(guess)
        medians = self._medians(frame, field, len(frame.times) - len(guess), size)
        return np.where(is_missing, medians, guess)

    def _medians(self, frame: Frame, field: int, first: int, size: int) -> Floats:
        answer = np.empty(len(frame.times) - first)
        span = span_of(size, self.interval_ns)
        rolling_medians(frame.times, frame.values[field], first, size, span, answer)
        return answer

    def _seasonal(self, frame: Frame, field: int, first: int, which: int) -> Floats:
        answer = np.empty(len(frame.times) - first)
        length_ns, number = self.seasons_ns[which], self._repeats(which)
        clock = (frame.times, on_the_clock(frame.offsets, length_ns))
        values = frame.values[field]
        seasonal(*clock, values, first, length_ns, self.interval_ns, number, answer)
        return answer

    def _repeats(self, which: int) -> int:
        return repeats(self.seasons_ns[which], self.interval_ns, is_first=which == 0)


@compiled
def _has_gap(guess: Floats) -> bool:
    return bool(np.isnan(guess).any())


@compiled
def _last(x: Floats, first: int, answer: Floats) -> None:
    """The last value; the one before it where the last was a wild one."""
    for row in range(first, len(x)):
        last, low, high = x[row - 1], math.inf, -math.inf
        for i in range(row - 1 - RECENT_POINTS, row - 1):
            if not math.isnan(x[i]):
                low, high = min(low, x[i]), max(high, x[i])
        width = WILD_RANGES * (high - low)
        is_wild = high >= low and (last > high + width or last < low - width)
        answer[row - first] = x[row - 2] if is_wild else last


@compiled
def _corrected(
    x: Floats, plain: Floats, first: int, lowest: float, highest: float, answer: Floats
) -> None:
    """The plain prediction and the median of its last errors, no further than the training or the
    last points went: a night is not below zero because the day was quiet."""
    found = np.empty(CORRECTION_POINTS)
    for row in range(first, len(x)):
        number, here = 0, row - first + CORRECTION_POINTS
        for i in range(1, CORRECTION_POINTS + 1):
            error = x[row - i] - plain[here - i]
            if not math.isnan(error):
                found[number] = error
                number += 1
        low, high = lowest, highest
        for i in range(row - RECENT_POINTS, row):
            if not math.isnan(x[i]):
                low, high = min(low, x[i]), max(high, x[i])
        correction = median_of(found, number) if number else 0.0
        answer[row - first] = min(max(plain[here] + correction, low), high)
        if math.isnan(plain[here]):
            answer[row - first] = math.nan


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
