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
from app.detection.frame import Frame
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

NUMBER = len(FEATURES)


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
    def reaches(self) -> tuple[int, int]:
        """Points before a point whose residuals, and whose values, its windows may hold."""
        return self.spans.of_residuals, self.spans.of_values

    @cached_property
    def windows(self) -> tuple[Ints, Ints]:
        """Of each window how many points it holds, and how many nanoseconds it may reach back."""
        spans = [span_of(size, self.predictor.interval_ns) for size in self.spans.sizes]
        return np.array(self.spans.sizes), np.array(spans)

    @cached_property
    def units(self) -> Floats:
        """For each field, (d, 4): its centre and spread, and those of residuals and offsets."""
        spreads = (self.scale.spread, self.residual_spread, self.offset_spread)
        return np.ascontiguousarray(np.stack([self.scale.centre, *spreads], axis=1))

    @cached_property
    def flags(self) -> tuple[Flags, Flags]:
        """Of each field, (d,): whether it is known, and whether its usual value has a season."""
        seasons = [self.predictor.season_of(field) > 0 for field in range(len(self.scale.centre))]
        return self.scale.is_known, np.array(seasons)


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


def seen(frame: Frame, by: Yardstick, guesses: Floats, channels: Floats | None = None) -> Seen:
    """Features and channels of the frame's points.

    guesses: of its rows from `lookback - by.spans.of_residuals` on, as the predictor gives them,
    contiguous as all arrays are. channels: where to put them.
    """
    d, n, of_residuals, of_values = len(frame.values), len(frame), *by.reaches
    put = np.empty((len(CHANNELS), d, n)) if channels is None else channels
    features, recent = np.empty((n, d * NUMBER)), np.empty((d, n))
    given = (frame.times, frame.offsets, frame.values, frame.lookback - of_values, guesses)
    season_ns = by.predictor.season_ns
    measure(*given, by.units, *by.flags, season_ns, *by.windows, features, put, recent)
    expected, usual = guesses[:, :, of_residuals:]
    return Seen(features, put, expected, usual, recent)
