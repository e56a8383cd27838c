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
import numpy.typing as npt

from app.detection import joint, reason, shape
from app.detection.arithmetic import Flags, Floats, Ints, median
from app.detection.band import place_of
from app.detection.compiled import compiled
from app.detection.evidence import KINDS, Evidence
from app.detection.fallback import field_name
from app.detection.features import CHANNELS, VIEWS, Seen, seen
from app.detection.frame import Frame
from app.detection.model import Model
from app.detection.novelty import Range, range_before
from app.detection.trail import Stretch
from app.detection.verdict import PLAINLY, Verdicts, score_of

DRIFT = CHANNELS.index("drift")
RECENT_POINTS, LEVEL_POINTS, LOCAL_POINTS = 6, 24, 48  # what reasons speak of
TELLING = np.array([1.0, 0, 0, 0, 0, 0, 2.5])  # of KINDS: how much rather one of them is told
FIELDS_TOLD, SHARE_TOLD = 3, 0.25  # of fields that disagree; share of the strongest
WORDS_BEFORE_TREES = (
    0.5  # a plain channel explains better than a forest of nearly the same evidence
)


@dataclass(frozen=True, eq=False)
class Grounds:
    """What a verdict stands on.

    values, expected, usual: (d, n); band: lower and upper, (d, n) each; seen: the range before each
    point; means: of the joint channels; unlike: strangeness of the windows that the course is
    judged by.
    """

    evidence: Evidence
    values: Floats
    expected: Floats
    usual: Floats
    band: tuple[Floats, Floats]
    seen: Range
    means: Floats
    unlike: Floats


def judged(
    model: Model, stretch: Stretch, memory: Floats, names: Sequence[str]
) -> tuple[Verdicts, Floats]:
    """Verdicts on the points of a stretch, and the memory after them.

    memory: what `Calibration.evidence` remembers of the points before.
    """
    grounds, memory = weigh(model, stretch, memory)
    n, evidence, contributions = len(stretch), grounds.evidence, grounds.evidence.contributions()
    told, place = np.empty((2, n)), np.empty(n, np.int64)
    less, sums = model.discount, (evidence.for_score(), evidence.for_strength())
    _conclude(grounds.values, *grounds.band, *sums, less, told, contributions, place)
    score = score_of(told[0])
    is_anomaly: Flags = np.asarray(score >= model.threshold)
    verdicts = Verdicts(
        score=score,
        strength=told[1],
        is_anomaly=is_anomaly,
        threshold=np.full(n, model.threshold),
        expected=grounds.expected.T,
        lower=grounds.band[0].T,
        upper=grounds.band[1].T,
        contributions=contributions,
        reasons=tuple(
            _reason(model, stretch.frame, grounds, i, names) if anomalous else PLAINLY[where]
            for i, (anomalous, where) in enumerate(
                zip(is_anomaly.tolist(), place.tolist(), strict=True)
            )
        ),
        model_based=np.ones(n, np.bool_),
    )
    return verdicts, memory


@compiled
def _conclude(
    values: Floats,
    lower: Floats,
    upper: Floats,
    score: Floats,
    strength: Floats,
    less: float,
    told: Floats,
    contributions: Floats,
    place: Ints,
) -> None:
    """Into told (2, n) the evidence for score and strength, into place (n,) which of PLAINLY; there
    is none, and there are no contributions (n, d), where all of the values (d, n) are missing."""
    for i in range(len(place)):
        is_there = is_outside = False
        for field in range(len(values)):
            x = values[field, i]
            is_there |= not math.isnan(x)
            is_outside |= x < lower[field, i] or x > upper[field, i]
        told[0, i] = score[i] if is_there else 0.0
        told[1, i] = max((strength[i] if is_there else 0.0) - less, 0.0)
        place[i] = (2 if is_outside else 1) if is_there else 0
        for field in range(len(values)):
            contributions[i, field] = contributions[i, field] if is_there else 0.0


def remembered(model: Model, stretch: Stretch) -> Floats:
    """The memory after the points of a stretch, if there was nothing to remember before them."""
    return model.tables.excess(_strangeness(model, stretch)[0])


def _strangeness(model: Model, stretch: Stretch) -> tuple[Floats, Seen, Floats, Floats]:
    """Of all channels, (channels, n), in the order of the model's tables: forests, the channels of
    each field, joint channels, those of the course. With it what they look at: of fields, and of
    joint channels the means and the parts of the fields."""
    frame = stretch.frame
    learned = seen(frame, model.yardstick, stretch.guesses)
    rows = np.empty(learned.features.shape, np.float32)
    _fill(learned.features, model.typical, rows)
    forests = model.grove.strangeness(rows)
    # Without a value there is nothing to say, and behind a gap the first few look strange to a
    # forest, since their windows hold nothing but themselves.
    _silence(learned.channels[DRIFT], forests)
    means, parts, together = _together(model, frame)
    if model.joint is not None:
        joint.take_over(learned.channels, model.predictor)
    plain = learned.channels.reshape(-1, len(frame))
    unlike = shape.strangeness(stretch.distances)
    return np.concatenate([forests, plain, together, unlike]), learned, means, parts


@compiled
def _fill(features: Floats, typical: Floats, rows: npt.NDArray[np.float32]) -> None:
    for i in range(len(features)):
        for column in range(len(typical)):
            x = features[i, column]
            rows[i, column] = typical[column] if math.isnan(x) else x


@compiled
def _silence(drift: Floats, forests: Floats) -> None:
    for i in range(drift.shape[1]):
        if np.isnan(drift[:, i]).all():
            forests[:, i] = math.nan


def _together(model: Model, frame: Frame) -> tuple[Floats, Floats, Floats]:
    """Means and parts, (channels, d, n), and strangeness (channels, n) of the joint channels."""
    if model.joint is None:
        nothing = np.empty((0, model.fields, len(frame)))
        return nothing, nothing, nothing[:, 0]
    means = joint.means_of(frame, model.yardstick)
    means[:, :, np.isnan(frame.judged).all(axis=0)] = np.nan
    parts = model.joint.parts(means)
    return means, parts, joint.strangeness(parts, means)


def weigh(model: Model, stretch: Stretch, memory: Floats) -> tuple[Grounds, Floats]:
    """The grounds of the verdicts, and the memory after; as for `judged`."""
    frame = stretch.frame
    strangeness, learned, means, parts = _strangeness(model, stretch)
    both, kept = model.tables.evidence(strangeness, memory)
    course = shape.course_of(both, model.shape) if model.shape else None
    # Contiguous, whatever they were cut from: loops are compiled for one kind of array only.
    values = np.ascontiguousarray(frame.judged)
    before = range_before(frame, model.scale.lowest, model.scale.highest)
    novelty = before.evidence(values, model.trained_points)
    most = model.calibration.most
    evidence = Evidence(both, len(parts), novelty, parts, course, most, model.without)
    place = place_of(frame, model.predictor.season_ns, model.band.places.shape[1])
    band = model.band.around(learned.expected, learned.recent, place)
    unlike = strangeness[len(strangeness) - len(stretch.distances) :]
    guessed = learned.expected, learned.usual
    return Grounds(evidence, values, *guessed, band, before, means, unlike), kept


def _reason(model: Model, frame: Frame, grounds: Grounds, row: int, names: Sequence[str]) -> str:
    if model.shape is not None and grounds.evidence.is_course(row):
        return reason.unlike_before(shape.strangest(grounds.unlike[:, row], model.shape))
    if grounds.evidence.is_joint(row):
        return _joint_reason(model, grounds, row, names)
    plain, views = grounds.evidence.kinds_at(row), grounds.evidence.views[:, row]
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
