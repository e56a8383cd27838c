"""What the forests and the plain channels look at, all of it causal and free of units.

Each feature compares a point, or the last few, with what is usual: the level of the whole history,
(x - centre) / spread; of the hours before, (x - median) / (MAD + .1); of the same place in the
season, x - expected. Values are squeezed by arcsinh (linear near 0, logarithmic far out; Johnson
1949) and spreads by log, so that one wild point does not drown all others. The set is our own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import BOUND, Floats, Ints
from app.detection.compiled import compiled
from app.detection.frame import Frame
from app.detection.lookup import on_the_clock, phase
from app.detection.predictor import Predictor
from app.detection.scale import Scale
from app.detection.windows import deviation_of, gathered, mad_of, mean_of, median_of, span_of

FEATURES = (
    *("value", "step", "mean_short", "deviation_short", "mean_middle", "deviation_middle"),
    *("mean_long", "deviation_long", "local_short", "local_middle", "local_long"),
    *("residual", "residual_short", "residual_middle", "residual_relative", "residual_deviation"),
    *("offset", "phase", "phase_quarter"),
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
FEWEST = 8  # a long window with less than an eighth of its points, behind a gap, says nothing
CAP = 5.0  # in spreads: one wild point must not make a mean of many strange

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

    @property
    def spans(self) -> Spans:
        """The windows that go with the season."""
        return Spans.of(self.predictor.period_points)


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


def seen(frame: Frame, by: Yardstick) -> Seen:
    """Features and channels of the frame's points."""
    d, n, spans = len(frame.values), len(frame), by.spans
    answer = Seen(
        np.full((n, d * NUMBER), np.nan),
        np.full((len(CHANNELS), d, n), np.nan),
        *(np.full((d, n), np.nan) for _ in range(3)),
    )
    first = frame.lookback - spans.of_residuals
    for field in np.flatnonzero(by.scale.is_known).tolist():
        expected = by.predictor.expected(frame, field, first)
        usual = by.predictor.usual(frame, field, first)
        _measure(frame, by, spans, field, expected, usual, answer)
        answer.expected[field] = expected[frame.lookback - first :]
        answer.usual[field] = usual[frame.lookback - first :]
    return answer


def _measure(
    frame: Frame,
    by: Yardstick,
    spans: Spans,
    field: int,
    expected: Floats,
    usual: Floats,
    answer: Seen,
) -> None:
    values, first = frame.values[field], len(frame.times) - len(expected)
    interval_ns, columns = by.predictor.interval_ns, slice(field * NUMBER, (field + 1) * NUMBER)
    centre, spread = float(by.scale.centre[field]), float(by.scale.spread[field])
    own = np.full((len(frame), NUMBER), np.nan)
    usual_here = usual if by.predictor.season_of(field) else centre
    channels = np.full((len(CHANNELS), len(frame)), np.nan)
    sizes = (spans.short, spans.middle, spans.long, *spans.local, spans.quiet)
    _features(
        frame.times,
        _standard(values, centre, spread),
        _standard(values[first:] - expected, 0.0, float(by.residual_spread[field])),
        _standard(values[first:] - usual, 0.0, float(by.offset_spread[field])),
        _standard(values[first:], usual_here, spread),
        frame.lookback,
        sizes,
        tuple(span_of(size, interval_ns) for size in sizes),
        own,
        channels,
        answer.recent[field],
    )
    if by.predictor.season_ns:
        here, season_ns = frame.lookback, by.predictor.season_ns
        offsets = on_the_clock(frame.offsets[here:], season_ns)
        own[:, -2:] = phase(frame.times[here:], offsets, season_ns).T
    else:
        own[:, -2], own[:, -1] = 0.0, own[:, FEATURES.index("mean_middle")]
    answer.features[:, columns] = own
    answer.channels[:, field] = channels


def _standard(values: Floats, centre: Floats | float, spread: float) -> Floats:
    """In spreads from the centre, cut where squares would overflow."""
    with np.errstate(over="ignore"):
        return np.clip((values - centre) / spread, -BOUND, BOUND)


@compiled
def _calm(x: Floats) -> Floats:
    """Each entry as the median of itself and the two before it: a lone wild one is gone, what lasts
    comes a step late. A missing neighbour is not looked at."""
    answer = x.copy()
    for i in range(2, len(x)):
        if math.isnan(x[i]):
            continue
        low = high = x[i - 1]
        if math.isnan(low) or x[i - 2] < low:
            low = x[i - 2]
        if math.isnan(high) or x[i - 2] > high:
            high = x[i - 2]
        if not math.isnan(low):
            answer[i] = max(low, min(high, x[i]))
    return answer


@compiled
def _trailing(
    times: Ints, calm: Floats, now: float, row: int, size: int, span: int, found: Floats
) -> int:
    """The window that ends with a point, which stands as it is after a past without its spikes."""
    number = gathered(times, calm, row, size - 1, span, found)
    if not math.isnan(now):
        found[number] = now
        number += 1
    return number


@compiled
def _local(times: Ints, x: Floats, row: int, size: int, span: int, found: Floats) -> float:
    """How far a value is from the median before it, in spreads of what was before it."""
    number = gathered(times, x, row, size, span, found)
    middle = median_of(found, number)
    return math.asinh((x[row] - middle) / (mad_of(found, number, middle) + 0.1))


@compiled
def _smaller_step(x: Floats, row: int) -> float:
    """The change from the last value or the one before it: back from a spike is no step."""
    last, before = x[row] - x[row - 1], x[row] - x[row - 2]
    return float(before if math.isnan(last) or abs(before) < abs(last) else last)


@compiled
def _capped(x: Floats) -> Floats:
    answer = np.empty(len(x))
    for i in range(len(x)):
        answer[i] = min(max(x[i], -CAP), CAP)
        if math.isnan(x[i]):
            answer[i] = math.nan
    return answer


@compiled
def _features(
    times: Ints,
    x: Floats,
    residuals: Floats,
    offsets: Floats,
    away: Floats,
    first: int,
    sizes: tuple[int, ...],
    spans: tuple[int, ...],
    features: Floats,
    channels: Floats,
    recent: Floats,
) -> None:
    """Fill features (n, NUMBER), channels (kinds, n) and recent (n,) for the rows from `first` on.

    x: (rows,); residuals, offsets and away: the last of as many; all in spreads. away is what the
    season leaves of x: a step that it takes too is none.
    """
    calm, calm_residuals = _calm(x), _calm(residuals)
    capped, absolute = _capped(offsets), np.abs(_capped(residuals))
    skip = len(x) - len(residuals)
    clock, found = times[skip:], np.empty(max(sizes) + 1)
    for row in range(first, len(x)):
        here, at = row - first, row - skip
        own, value, residual = features[here], x[row], residuals[at]
        own[0], own[1] = math.asinh(value), math.asinh(_smaller_step(x, row))
        for k in range(3):
            number = _trailing(times, calm, value, row, sizes[k], spans[k], found)
            mean = mean_of(found, number)
            deviation = deviation_of(found, number, mean)
            own[2 + 2 * k], own[3 + 2 * k] = math.asinh(mean), math.log(deviation + 1e-3)
            if k == 0 and number > 1:
                channels[2, here] = math.log(deviation + 0.05)
        for k in range(3):
            own[8 + k] = _local(times, x, row, sizes[3 + k], spans[3 + k], found)
        number = _trailing(clock, calm_residuals, residual, at, sizes[0], spans[0], found)
        mean = mean_of(found, number)
        own[12] = math.asinh(mean)
        own[15] = math.log(deviation_of(found, number, mean) + 1e-2)
        number = _trailing(clock, calm_residuals, residual, at, sizes[1], spans[1], found)
        own[13] = math.asinh(mean_of(found, number))
        number = gathered(clock, absolute, at, sizes[1], spans[1], found)
        recent[here] = mean_of(found, number)
        number = gathered(clock, absolute, at, sizes[2], spans[2], found)
        own[11], own[16] = math.asinh(residual), math.asinh(offsets[at])
        own[14] = math.asinh(residual / (mean_of(found, number) + 0.05))
        channels[0, here] = math.log1p(abs(residual))
        step, unusual = abs(_smaller_step(x, row)), abs(_smaller_step(away, at))
        channels[1, here] = unusual if unusual < step else step
        number = _trailing(clock, capped, capped[at], at, sizes[0], spans[0], found)
        channels[3, here] = abs(mean_of(found, number))
        number = _trailing(clock, capped, capped[at], at, sizes[2], spans[2], found)
        if FEWEST * number >= sizes[2]:
            channels[4, here] = abs(mean_of(found, number))
        number = _trailing(clock, residuals, residual, at, sizes[6], spans[6], found)
        if 2 * number >= sizes[6]:  # few values are alike by chance
            mean = mean_of(found, number)
            channels[5, here] = -math.log(deviation_of(found, number, mean) + 0.01)
        if math.isnan(value):
            channels[:, here] = math.nan
