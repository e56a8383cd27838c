"""Before there is a model: median and spread of the points before, with a wide band.

With z the distance from the median of up to 256 points, in median absolute deviations x 1.4826, or
in quarters of the range without the outer tenths where that is more,

    L = 1.5 log10(1 + z^2 / 3),   score = 1 - 10^-L:

the tail of Student's t with three degrees of freedom, to leading order, because a short past says
little of how far values may go. The band is what was seen and five spreads to each side, at least.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.detection.arithmetic import (
    Flags,
    Floats,
    Ints,
    count,
    log,
    median_and_deviation,
    ratio,
    windows,
)
from app.detection.calibration import EVIDENCE_MAX
from app.detection.frame import Frame
from app.detection.points import Points
from app.detection.reason import number
from app.detection.scale import SMALLEST
from app.detection.training import FOREST_POINTS
from app.detection.verdict import (
    NO_VALUE,
    QUIET,
    Verdicts,
    auto_threshold,
    discount,
    score_of,
    shares,
)

MINIMUM_POINTS = 12
FALLBACK_LOOKBACK = 256
BAND_SPREADS = 5.0
RANGE_SHARE = 0.25  # of the inner range: of values that alternate, most may be alike
OFTEN = 3
TAIL_DEGREES = 3.0  # heavy tails: a short past says little of how far values may go


def advance(points: Points, first: int, names: Sequence[str] = ()) -> Verdicts:
    """Judge the points from `first` on by the median of up to 256 points before each.

    A field with fewer than 12 values before the point is not judged; without any field that is, the
    verdict is neutral: score 0, no expected value, and the reason says how many points are there.
    """
    frame = Frame.of(points, first, FALLBACK_LOOKBACK)
    parts = [_judged(block, names) for _, block in frame.blocks()]
    return Verdicts.joined(parts) if parts else nothing(points.fields)


def nothing(fields: int) -> Verdicts:
    """No verdicts, for no points."""
    none, table = np.empty(0), np.empty((0, fields))
    flags = np.empty(0, np.bool_)
    return Verdicts(none, none, flags, none, table, table, table, table, (), flags)


def _judged(frame: Frame, names: Sequence[str]) -> Verdicts:
    before = windows(frame.values[:, :-1], FALLBACK_LOOKBACK, FALLBACK_LOOKBACK - 1)
    number_before = count(before)
    centre, spread, lowest, highest = _measure(before, number_before)
    evidence = _evidence(frame.judged, centre, spread)
    if (
        len(evidence) > 1
    ):  # one of several fields often hardly varies: what it did before is no news
        evidence[_was_there(frame.judged, before)] = 0.0
    total = np.maximum(evidence.max(axis=0) - float(np.log10(len(evidence))), 0.0)
    score, threshold = score_of(total), np.full(len(frame), auto_threshold())
    is_anomaly: Flags = np.asarray(score >= threshold)
    most, strongest = number_before.max(axis=0).tolist(), evidence.argmax(axis=0).tolist()
    flags = is_anomaly.tolist()
    return Verdicts(
        score=score,
        strength=np.maximum(total - discount(1), 0.0),
        is_anomaly=is_anomaly,
        threshold=threshold,
        expected=centre.T,
        lower=np.minimum(lowest, centre - BAND_SPREADS * spread).T,
        upper=np.maximum(highest, centre + BAND_SPREADS * spread).T,
        contributions=shares(evidence.T),
        reasons=tuple(
            _reason(frame.judged[:, i], centre[:, i], most[i], strongest[i], flags[i], names)
            for i in range(len(frame))
        ),
        model_based=np.zeros(len(frame), np.bool_),
    )


def _measure(before: Floats, number_before: Ints) -> tuple[Floats, Floats, Floats, Floats]:
    """Centre, spread, lowest and highest of what came before, (d, n) each; NaN where too little."""
    centre, deviation = median_and_deviation(before)
    enough = number_before >= MINIMUM_POINTS
    highest = np.where(np.isnan(before), -np.inf, before).max(axis=-1)
    lowest = np.where(np.isnan(before), np.inf, before).min(axis=-1)
    spread = np.maximum(deviation, RANGE_SHARE * np.where(enough, _inner_range(before), 0.0))
    spread = np.maximum(spread, np.maximum(1e-9 * np.abs(centre), SMALLEST))
    return tuple(np.where(enough, x, np.nan) for x in (centre, spread, lowest, highest))  # type: ignore[return-value]


def _was_there(values: Floats, before: Floats) -> Flags:
    """Whether so low, and so high, values (d, n) came at least three times before each point."""
    low = np.count_nonzero(before <= values[..., None], axis=-1)
    high = np.count_nonzero(before >= values[..., None], axis=-1)
    return np.asarray(np.minimum(low, high) >= OFTEN)


def _inner_range(before: Floats) -> Floats:
    """From the lowest to the highest value without the outer tenths, (d, n); NaN for none."""
    ordered = np.sort(before, axis=-1)  # missing entries go to the end
    number = count(before)
    outer = np.maximum(number - 1, 0) // 10
    low = np.take_along_axis(ordered, outer[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, np.maximum(number - 1 - outer, 0)[..., None], axis=-1)
    return np.asarray(high[..., 0] - low)


def _evidence(values: Floats, centre: Floats, spread: Floats) -> Floats:
    """-log10 of the tail of Student's t with three degrees, to leading order; 0 if not judged."""
    distance = ratio(values - centre, spread)
    odds = 1.0 + distance * distance / TAIL_DEGREES
    evidence = 0.5 * TAIL_DEGREES * log(odds) / np.log(10.0)
    return np.where(np.isnan(evidence), 0.0, np.minimum(evidence, EVIDENCE_MAX))


def _reason(
    values: Floats, centre: Floats, before: int, field: int, is_anomaly: bool, names: Sequence[str]
) -> str:
    """The reason for one point; values and centre (d,), before: points there are to judge by."""
    if np.isnan(values).all():
        return NO_VALUE
    if before < MINIMUM_POINTS:
        points = "1 point" if before == 1 else f"{before} points"
        return f"only {points} before this one; {MINIMUM_POINTS} are needed to judge"
    here = before + 1
    waiting = f"{here} points; the forest needs {FOREST_POINTS}" if here < FOREST_POINTS else ""
    if not is_anomaly:
        return f"{QUIET} so far ({waiting})" if waiting else QUIET
    value, middle = float(values[field]), float(centre[field])
    name = f"{field_name(names, field)}: " if len(values) > 1 else ""
    side = "above" if value > middle else "below"
    return (
        f"{name}{number(value)} is far {side} the last {before} points, "
        f"whose median is {number(middle)}{f' ({waiting})' if waiting else ''}"
    )


def field_name(names: Sequence[str], field: int) -> str:
    """The field's name, or its number from 1 where names are not known."""
    return names[field] if field < len(names) else f"field {field + 1}"
