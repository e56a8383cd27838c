"""A frame of points, judged by a model: from values to channels, evidence, score and reason.

The features of each point go to the forests; forests, plain channels, joint channels and the course
of the last points each say how strange it is; calibration makes evidence of that, to which novelty
is added; the evidence becomes score and strength (`verdict`), and its largest cause the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.detection import joint, reason, shape
from app.detection.arithmetic import Flags, Floats, median
from app.detection.band import place_of
from app.detection.fallback import field_name
from app.detection.features import CHANNELS, VIEWS, Seen, seen
from app.detection.frame import Frame
from app.detection.model import Model
from app.detection.novelty import Range, range_before
from app.detection.verdict import (
    KINDS,
    NO_VALUE,
    OUTSIDE,
    QUIET,
    Course,
    Evidence,
    Verdicts,
    discount,
    score_of,
)

RECENT_POINTS, LEVEL_POINTS, LOCAL_POINTS = 6, 24, 48  # what reasons speak of
TELLING = np.array([1.0, 0, 0, 0, 0, 0, 2.5])  # of KINDS: how much rather one of them is told
FIELDS_TOLD, SHARE_TOLD = 3, 0.25  # of fields that disagree; share of the strongest
WORDS_BEFORE_TREES = (
    0.5  # a plain channel explains better than a forest of nearly the same evidence
)


@dataclass(frozen=True, eq=False)
class Grounds:
    """What a verdict stands on: evidence for the score, and for the strength.

    expected, usual, lower, upper: (d, n); seen: the range before each point; means: of the joint
    channels; unlike: strangeness of the windows that the course is judged by.
    """

    evidence: Evidence
    alarming: Evidence
    expected: Floats
    usual: Floats
    lower: Floats
    upper: Floats
    seen: Range
    means: Floats
    unlike: Floats


def judged(
    model: Model, frame: Frame, memory: Floats, names: Sequence[str]
) -> tuple[Verdicts, Floats]:
    """Verdicts on the points of a frame whose lookback is the model's, and the memory after them.

    memory: what `Calibration.evidence` remembers of the points before.
    """
    grounds, memory = weigh(model, frame, memory)
    has_value: Flags = np.asarray(~np.isnan(frame.judged).all(axis=0))
    total, alarming = (
        np.where(has_value, evidence, 0.0)
        for evidence in (grounds.evidence.for_score(), grounds.alarming.for_strength())
    )
    values = frame.judged
    beyond = (values < grounds.lower) | (values > grounds.upper)
    is_outside: list[bool] = np.asarray(beyond.any(axis=0)).tolist()
    score = score_of(total)
    threshold = np.full(len(frame), model.threshold)
    is_anomaly: Flags = np.asarray(score >= threshold)
    verdicts = Verdicts(
        score=score,
        strength=np.maximum(alarming - discount(model.trained_points), 0.0),
        is_anomaly=is_anomaly,
        threshold=threshold,
        expected=grounds.expected.T,
        lower=grounds.lower.T,
        upper=grounds.upper.T,
        contributions=np.where(has_value[:, None], grounds.evidence.contributions(), 0.0),
        reasons=tuple(
            _reason(model, frame, grounds, i, names)
            if is_anomaly[i]
            else (OUTSIDE if outside else QUIET)
            if there
            else NO_VALUE
            for i, (there, outside) in enumerate(zip(has_value.tolist(), is_outside, strict=True))
        ),
        model_based=np.ones(len(frame), np.bool_),
    )
    return verdicts, memory


def remembered(model: Model, frame: Frame) -> Floats:
    """The memory after the points of a frame, if there was nothing to remember before them."""
    own = model.calibration.excess(_strangeness(model, frame)[0])
    if model.shape is None:
        return own
    return np.concatenate([own, model.shape.calibration.excess(_unlike(model, frame))])


def _strangeness(model: Model, frame: Frame) -> tuple[Floats, Seen, Floats, Floats]:
    """Of all channels, (channels, n), in the order of the calibration: forests, the channels of
    each field, joint channels. With it what they look at: of fields, and of joint channels the
    means and the parts of the fields."""
    learned = seen(frame, model.yardstick)
    rows = np.where(np.isnan(learned.features), model.typical, learned.features)
    forests = model.grove.strangeness(rows)
    # Without a value there is nothing to say, and behind a gap the first few look strange to a
    # forest, since their windows hold nothing but themselves.
    is_silent = np.isnan(learned.channels[CHANNELS.index("drift")]).all(axis=0)
    if is_silent.any():
        forests[:, is_silent] = np.nan
    means, parts, together = _together(model, frame)
    if model.joint is not None:
        joint.take_over(learned.channels, model.predictor)
    plain = learned.channels.reshape(-1, len(frame))
    return np.concatenate([forests, plain, together]), learned, means, parts


def _together(model: Model, frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Means and parts, (channels, d, n), and strangeness (channels, n) of the joint channels."""
    if model.joint is None:
        nothing = np.empty((0, model.fields, len(frame)))
        return nothing, nothing, nothing[:, 0]
    means = joint.means_of(frame, model.yardstick)
    means[:, :, np.isnan(frame.judged).all(axis=0)] = np.nan
    parts = model.joint.parts(means)
    return means, parts, joint.strangeness(parts, means)


def _unlike(model: Model, frame: Frame) -> Floats:
    """Strangeness of the course of the last points, (channels, n); no channels without trust."""
    if model.shape is None:
        return np.empty((0, len(frame)))
    return shape.strangeness(frame, model.scale, model.predictor.interval_ns, model.shape)


def weigh(model: Model, frame: Frame, memory: Floats) -> tuple[Grounds, Floats]:
    """The grounds of the verdicts, and the memory after; as for `judged`."""
    strangeness, learned, means, parts = _strangeness(model, frame)
    number = len(strangeness)
    both, kept = model.calibration.evidence(strangeness, memory[:number])
    unlike = _unlike(model, frame)
    courses: tuple[Course, Course] | tuple[None, None] = None, None
    if model.shape is not None:
        courses, remembered = shape.courses(unlike, model.shape, memory[number:])
        kept = np.concatenate([kept, remembered])
    before = range_before(frame, model.scale.lowest, model.scale.highest)
    novelty = before.evidence(frame.judged, model.trained_points)
    own = len(strangeness) - len(parts)
    for_score, for_strength = (
        Evidence(
            views=evidence[: len(VIEWS)],
            kinds=np.concatenate(
                [evidence[len(VIEWS) : own].reshape(learned.channels.shape), novelty[None]]
            ),
            joint=evidence[own:],
            joint_parts=parts,
            course=course,
            most=model.calibration.most,
            without=model.without,
        )
        for evidence, course in zip(both, courses, strict=True)
    )
    place = place_of(frame, model.predictor.season_ns, model.band.places.shape[1])
    lower, upper = model.band.around(learned.expected, learned.recent, place)
    values = learned.expected, learned.usual, lower, upper
    return Grounds(for_score, for_strength, *values, before, means, unlike), kept


def _reason(model: Model, frame: Frame, grounds: Grounds, row: int, names: Sequence[str]) -> str:
    if model.shape is not None and grounds.evidence.is_course[row]:
        return reason.unlike_before(shape.strangest(grounds.unlike[:, row], model.shape))
    if grounds.evidence.is_joint[row]:
        return _joint_reason(model, grounds, row, names)
    plain, views = grounds.evidence.kinds[:, :, row], grounds.evidence.views[:, row]
    field = int(plain.max(axis=0).argmax())
    own = plain[:, field]
    if own.max() + WORDS_BEFORE_TREES >= views.max():
        kind = KINDS[int(np.where(own > 0, own + TELLING, 0.0).argmax())]
    else:
        kind = list(VIEWS)[int(views.argmax())]
    facts = _facts(model, frame, grounds, row, field)
    return reason.sentence(kind, facts, field_name(names, field) if model.fields > 1 else "")


def _joint_reason(model: Model, grounds: Grounds, row: int, names: Sequence[str]) -> str:
    assert model.joint is not None
    channel = int(grounds.evidence.joint[:, row].argmax())
    parts, which = grounds.evidence.joint_parts[channel, :, row], channel % len(joint.MEANS)
    means = grounds.means[which, :, row]
    fitting = model.joint.fitting(which, means)
    strongest = np.argsort(-parts, kind="stable")[:FIELDS_TOLD]
    disagreements = [
        reason.Disagreement(
            field_name(names, field),
            *(_in_unit(model, field, float(x[field])) for x in (means, fitting)),
        )
        for field in strongest.tolist()
        if parts[field] >= SHARE_TOLD * parts.max()
    ]
    return reason.disagreeing(disagreements, joint.sizes(model.yardstick.spans)[which])


def _in_unit(model: Model, field: int, squeezed: float) -> float:
    """The value that standardised and squeezed is this."""
    return float(model.scale.centre[field] + model.scale.spread[field] * math.sinh(squeezed))


def _facts(model: Model, frame: Frame, grounds: Grounds, row: int, field: int) -> reason.Facts:
    at, scale = frame.lookback + row, model.scale
    values = frame.values[field]
    trailing = values[at - LEVEL_POINTS + 1 : at + 1]
    present = trailing[~np.isnan(trailing)]
    return reason.Facts(
        value=float(values[at]),
        usual=float(grounds.usual[field, row]),
        before=float(values[at - 1]),
        lowest=float(grounds.seen.lowest[field, row]),
        highest=float(grounds.seen.highest[field, row]),
        usual_low=float(scale.usual_low[field]),
        usual_high=float(scale.usual_high[field]),
        level=float(np.sum(present / max(len(present), 1))),
        local=float(median(values[at - LOCAL_POINTS : at])),
        local_ns=int(frame.times[at]) + int(frame.offsets[at]),
        season_ns=model.predictor.season_of(field),
        recent=tuple(values[at - RECENT_POINTS + 1 : at + 1].tolist()),
    )
