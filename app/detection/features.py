"""What the forests and the plain channels look at, all of it causal and free of units.

Each feature compares a point, or the last few, with what is usual: the level of the whole history,
(x - centre) / spread; of the hours before, (x - median) / (MAD + .1); of the same place in the
season, x - expected. Values are squeezed by arcsinh (linear near 0, logarithmic far out; Johnson
1949) and spreads by log, so that one wild point does not drown all others. The set is our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.compiled import compiled
from app.detection.frame import Frame
from app.detection.lookup import on_the_clock, waves
from app.detection.predictor import Predictor
from app.detection.scale import Scale
from app.detection.trailing import measure
from app.detection.windows import span_of

FEATURES = (
    *("value", "step", "mean_short", "deviation_short", "mean_middle", "deviation_middle"),
    *("mean_long", "deviation_long", "local_short", "local_middle", "local_long"),
    *("residual", "residual_short", "residual_middle", "residual_relative", "residual_deviation"),
    *("phase", "phase_quarter"),
)
VIEWS: dict[str, tuple[str, ...]] = {
    "level": FEATURES[:8],
    "local": (*FEATURES[:2], *FEATURES[8:11]),
    "season": FEATURES[11:16],
    "context": ("value", "residual", "phase", "phase_quarter"),
}
CHANNELS = ("residual", "step", "spread", "offset", "drift", "quiet")

SHORT, MIDDLE, LONG = 6, 24, 96  # points of a window, for a season of 288 points or fewer
LOCAL = (12, 48, 192)
QUIET_POINTS = 12
SEASON_POINTS = 288  # longer seasons make the windows longer
STRETCH_MOST = 4

NUMBER, PHASE, MEAN_MIDDLE = len(FEATURES), FEATURES.index("phase"), FEATURES.index("mean_middle")


@dataclass(frozen=True)
class Spans:
    """How many points the windows hold: they follow the sampling interval, and the season."""

    short: int
    middle: int
    long: int
    local: tuple[int, int, int]
    quiet: int

    @classmethod
    def of(cls, period_points: int) -> Spans:
        """Windows for a season of so many points, 0 for none."""
        stretch = min(max(period_points / SEASON_POINTS, 1.0), float(STRETCH_MOST))
        short, middle, long, quiet = (
            round(size * stretch) for size in (SHORT, MIDDLE, LONG, QUIET_POINTS)
        )
        first, second, third = (round(size * stretch) for size in LOCAL)
        return cls(short, middle, long, (first, second, third), quiet)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Short, middle and long, the local ones in that order, quiet."""
        return self.short, self.middle, self.long, *self.local, self.quiet

    @property
    def of_residuals(self) -> int:
        """Points before a point whose residuals its windows hold, and two to smooth the first."""
        return max(self.long, self.middle, self.quiet) + 2

    @property
    def of_values(self) -> int:
        """Points before a point whose values its windows hold, and two to smooth the first."""
        return max(self.long, *self.local) + 2


@dataclass(frozen=True, eq=False)
class Yardstick:
    """What features are measured by, fixed in training.

    scale, residual_spread and offset_spread, (d,), are in the field's unit: of the values, of what
    is left of them by the expected and by the usual value.
    """

    scale: Scale
    residual_spread: Floats
    offset_spread: Floats
    predictor: Predictor

    @cached_property
    def spans(self) -> Spans:
        """The windows that go with the season."""
        return Spans.of(self.predictor.period_points)

    @cached_property
    def windows(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of each window how many points it holds, and how many nanoseconds it may reach back."""
        sizes = self.spans.sizes
        return sizes, tuple(span_of(size, self.predictor.interval_ns) for size in sizes)

    @cached_property
    def units(self) -> Floats:
        """For each field, (d, 4): its centre and spread, and those of residuals and offsets."""
        spreads = (self.scale.spread, self.residual_spread, self.offset_spread)
        return np.stack([self.scale.centre, *spreads], axis=1)


@dataclass(frozen=True, eq=False)
class Seen:
    """features: (n, d * len(FEATURES)), field by field; channels: (len(CHANNELS), d, n); expected,
    usual: (d, n) in the field's unit; recent: (d, n), mean size of the residuals just before each
    point, in their spreads. NaN is missing."""

    features: Floats
    channels: Floats
    expected: Floats
    usual: Floats
    recent: Floats


def needed_points(predictor: Predictor) -> int:
    """How many points before a point its features may depend on."""
    spans = Spans.of(predictor.period_points)
    return max(spans.of_values, predictor.reach + spans.of_residuals)


def guesses(frame: Frame, predictor: Predictor, first: int) -> Floats:
    """The expected and the usual value of each field for the frame's rows from `first` on, (2, d,
    rows)."""
    answer = np.empty((2, len(frame.values), len(frame.times) - first))
    for field in range(len(frame.values)):
        answer[0, field], answer[1, field] = predictor.guesses(frame, field, first)
    return answer


def seen(frame: Frame, by: Yardstick, guesses: Floats) -> Seen:
    """Features and channels of the frame's points.

    guesses: of its rows from `lookback - by.spans.of_residuals` on, as the function gives them.
    """
    d, n, spans, predictor = len(frame.values), len(frame), by.spans, by.predictor
    by_kind = np.full((len(CHANNELS) + 1, d, n), np.nan)
    features, (expected, usual) = (
        np.full((n, d * NUMBER), np.nan),
        guesses[:, :, spans.of_residuals :],
    )
    answer = Seen(features, by_kind[:-1], expected, usual, by_kind[-1])
    start = frame.lookback - spans.of_values
    times, windows = frame.times[start:], by.windows
    for field in np.flatnonzero(by.scale.is_known).tolist():
        expected, usual = guesses[:, field]
        own = (frame.values[field, start:], expected, usual, by.units[field])
        has_season, out = predictor.season_of(field) > 0, (answer.features, answer.channels)
        measure(times, *own, has_season, field, *windows, *out, answer.recent)
    season_ns, begin = predictor.season_ns, frame.lookback
    offsets = on_the_clock(frame.offsets[begin:], season_ns)
    _place(frame.times[begin:], offsets, season_ns, by.scale.is_known, features)
    return answer


@compiled
def _place(times: Ints, offsets: Ints, season_ns: int, is_known: Flags, features: Floats) -> None:
    """Add the phase to the features of each field; without a season, the mean of the last hours."""
    for row in range(len(features)):
        first, second = waves(times[row], offsets[row], season_ns) if season_ns else (0.0, 0.0)
        for field in range(len(is_known)):
            if is_known[field]:
                own = features[row, field * NUMBER : (field + 1) * NUMBER]
                own[PHASE], own[PHASE + 1] = first, second if season_ns else own[MEAN_MIDDLE]
