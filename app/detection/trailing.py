"""The loops behind the features: what the windows that end with a point say of it."""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import BOUND, Flags, Floats, Ints
from app.detection.compiled import compiled
from app.detection.lookup import clock, waves
from app.detection.windows import deviation_of, gathered, mad_of, mean_of, median_of

FEWEST = 8  # a long window with less than an eighth of its points, behind a gap, says nothing
CAP = 5.0  # in spreads: one wild point must not make a mean of many strange
LOCAL = 8  # where the features begin that compare with the medians of the hours before,
RESIDUAL = 11  # and those of the residuals,
PHASE = 16  # and the two of the place in the season,
MEAN_MIDDLE = 4  # in whose stead stands this one where there is none


@compiled
def measure(
    times: Ints,
    offsets: Ints,
    values: Floats,
    start: int,
    guesses: Floats,
    units: Floats,
    is_known: Flags,
    has_season: Flags,
    season_ns: int,
    sizes: Ints,
    spans: Ints,
    features: Floats,
    channels: Floats,
    recent: Floats,
) -> None:
    """Fill features (n, d * NUMBER), channels (kinds, d, n) and recent (d, n) for the last n rows
    of times, offsets (rows,) and values (d, rows), NaN for fields that are not known.

    start: the first row to look at. guesses: (2, d, rows) expected and usual values of the last
    rows, in the field's unit. units: (d, 4) centre and spread of the values, spreads of the
    residuals and offsets. sizes, spans: of the windows short, middle, long, local ones, quiet.
    """
    features[:], channels[:], recent[:] = math.nan, math.nan, math.nan
    number = features.shape[1] // len(values)
    for field in range(len(values)):
        if is_known[field]:
            own = features[:, field * number : (field + 1) * number]
            given = (times[start:], values[field, start:], guesses[0, field], guesses[1, field])
            found = (own, channels[:, field], recent[field])
            _measure(*given, units[field], has_season[field], sizes, spans, *found)
    first = len(times) - len(features)
    for row in range(len(features)):
        place, ahead = times[first + row], offsets[first + row]
        phases = waves(place, clock(ahead, season_ns), season_ns) if season_ns else (0.0, 0.0)
        for field in range(len(values)):
            if is_known[field]:
                own = features[row, field * number : (field + 1) * number]
                # Without a season, the mean of the last hours stands there.
                own[PHASE] = phases[0]
                own[PHASE + 1] = phases[1] if season_ns else own[MEAN_MIDDLE]


@compiled
def _measure(
    times: Ints,
    values: Floats,
    expected: Floats,
    usual: Floats,
    units: Floats,
    has_season: bool,
    sizes: Ints,
    spans: Ints,
    features: Floats,
    channels: Floats,
    recent: Floats,
) -> None:
    """Of one field: values (rows,); features (n, NUMBER), channels (kinds, n), recent (n,)."""
    centre, spread, n = units[0], units[1], len(features)
    skip = len(values) - len(expected)
    x = _standard(values, centre, spread)
    residuals = _standard(values[skip:] - expected, 0.0, units[2])
    offsets = _standard(values[skip:] - usual, 0.0, units[3])
    # What the season leaves of x: a step that it takes too is none.
    away = _standard(values[skip:] - usual, 0.0, spread) if has_season else x[skip:]
    found = np.empty(np.max(sizes) + 1)
    _level(times, x, len(x) - n, sizes, spans, found, features, channels)
    first, late = len(residuals) - n, times[skip:]
    _residual(late, residuals, first, sizes, spans, found, features, channels, recent)
    _offset(late, offsets, first, sizes, spans, found, channels)
    for here in range(n):
        row, at = len(x) - n + here, first + here
        step, unusual = abs(_smaller_step(x, row)), abs(_smaller_step(away, at))
        channels[1, here] = unusual if unusual < step else step
        if math.isnan(x[row]):
            channels[:, here] = math.nan


@compiled
def _level(
    times: Ints,
    x: Floats,
    first: int,
    sizes: Ints,
    spans: Ints,
    found: Floats,
    features: Floats,
    channels: Floats,
) -> None:
    """What values say of level, change and spread, and of the hours before; rows from `first`."""
    calm = _calm(x)
    for row in range(first, len(x)):
        here = row - first
        own = features[here]
        own[0], own[1] = math.asinh(x[row]), math.asinh(_smaller_step(x, row))
        for k in range(3):
            number = _trailing(times, calm, x[row], row, sizes[k], spans[k], found)
            mean = mean_of(found, number)
            deviation = deviation_of(found, number, mean)
            own[2 + 2 * k], own[3 + 2 * k] = math.asinh(mean), math.log(deviation + 1e-3)
            if k == 0 and number > 1:
                channels[2, here] = math.log(deviation + 0.05)
        for k in range(3):
            own[LOCAL + k] = _local(times, x, row, sizes[3 + k], spans[3 + k], found)


@compiled
def _residual(
    times: Ints,
    residuals: Floats,
    first: int,
    sizes: Ints,
    spans: Ints,
    found: Floats,
    features: Floats,
    channels: Floats,
    recent: Floats,
) -> None:
    """What the expected value leaves; rows from `first`."""
    calm, absolute = _calm(residuals), np.abs(_capped(residuals))
    for row in range(first, len(residuals)):
        here, residual = row - first, residuals[row]
        own = features[here, RESIDUAL:]
        own[0] = math.asinh(residual)
        number = _trailing(times, calm, residual, row, sizes[0], spans[0], found)
        mean = mean_of(found, number)
        own[1] = math.asinh(mean)
        own[4] = math.log(deviation_of(found, number, mean) + 1e-2)
        number = _trailing(times, calm, residual, row, sizes[1], spans[1], found)
        own[2] = math.asinh(mean_of(found, number))
        number = gathered(times, absolute, row, sizes[1], spans[1], found)
        recent[here] = mean_of(found, number)
        number = gathered(times, absolute, row, sizes[2], spans[2], found)
        own[3] = math.asinh(residual / (mean_of(found, number) + 0.05))
        channels[0, here] = math.log1p(abs(residual))
        number = _trailing(times, residuals, residual, row, sizes[6], spans[6], found)
        if 2 * number >= sizes[6]:
            # n values come to lie as close as s by chance in proportion to s^(n - 1).
            close = -math.log(deviation_of(found, number, mean_of(found, number)) + 0.01)
            channels[5, here] = close * (number - 1) / (sizes[6] - 1)


@compiled
def _offset(
    times: Ints,
    offsets: Floats,
    first: int,
    sizes: Ints,
    spans: Ints,
    found: Floats,
    channels: Floats,
) -> None:
    """How far from the usual values are, for a short and for a long time; rows from `first`."""
    capped = _capped(offsets)
    calm = _calm(capped)
    for row in range(first, len(offsets)):
        here = row - first
        number = _trailing(times, calm, capped[row], row, sizes[0], spans[0], found)
        channels[3, here] = abs(mean_of(found, number))
        number = _trailing(times, calm, capped[row], row, sizes[2], spans[2], found)
        if FEWEST * number >= sizes[2]:
            channels[4, here] = abs(mean_of(found, number))


@compiled
def _standard(values: Floats, centre: float, spread: float) -> Floats:
    """In spreads from the centre, cut where squares would overflow."""
    answer = np.empty(len(values))
    for i in range(len(values)):
        x = (values[i] - centre) / spread
        answer[i] = math.nan if math.isnan(x) else min(max(x, -BOUND), BOUND)
    return answer


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
