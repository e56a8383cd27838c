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

from app.detection import joint, reason, shape, weighing
from app.detection.arithmetic import Flags, Floats, Ints, median
from app.detection.calibration import MEMORY_POINTS
from app.detection.compiled import compiled
from app.detection.discord import CHANNELS as CHANNELS_OF_COURSE
from app.detection.evidence import FIELDWISE, FORESTS, KINDS, SCORE, STRENGTH, Evidence
from app.detection.fallback import field_name
from app.detection.features import CHANNELS, VIEWS, Seen, seen
from app.detection.frame import Frame
from app.detection.model import Model
from app.detection.trail import Stretch
from app.detection.verdict import PLAINLY, Verdicts, score_of
from app.detection.weighing import HIGHEST, LOWER, LOWEST, NOVELTY, UPPER

DRIFT = CHANNELS.index("drift")
RECENT_POINTS, LEVEL_POINTS, LOCAL_POINTS = 6, 24, 48  # what reasons speak of
TELLING = np.array([1.0, 0, 0, 0, 0, 0, 2.5])  # of KINDS: how much rather one of them is told
FIELDS_TOLD, SHARE_TOLD = 3, 0.25  # of fields that disagree; share of the strongest
WORDS_BEFORE_TREES = (
    0.5  # a plain channel explains better than a forest of nearly the same evidence
)


@dataclass(eq=False, slots=True)
class Grounds:
    """What verdicts on n points of d fields stand on.

    strangeness: (channels, n), in the order of the model's tables. channels: (2, channels, n), the
    evidence, for the score and for the strength. fields: (5, d, n), and told, contributions, place
    as of `weighing.weigh`. guesses: (2, d, n), expected and usual values. means, parts: (channels,
    d, n), of the joint channels.
    """

    model: Model
    strangeness: Floats
    channels: Floats
    fields: Floats
    told: Floats
    contributions: Floats
    place: Ints
    guesses: Floats
    means: Floats
    parts: Floats

    def evidence(self) -> Evidence:
        """Of each channel, and of all."""
        model, course = self.model, None
        if model.shape is not None:
            course = shape.course_of(self.channels, model.shape)
        kinds = self.channels, len(self.parts), self.fields[NOVELTY]
        return Evidence(*kinds, course, model.calibration.most, model.without)


def judged(
    model: Model, stretch: Stretch, memory: Floats, names: Sequence[str]
) -> tuple[Verdicts, Floats]:
    """Verdicts on the points of a stretch, and the memory after them.

    memory: what `Calibration.evidence` remembers of the points before.
    """
    grounds, memory = weigh(model, stretch, memory)
    score = score_of(grounds.told[SCORE])
    threshold, model_based = np.empty(len(score)), np.empty(len(score), np.bool_)
    threshold.fill(model.threshold)
    model_based.fill(True)
    is_anomaly: Flags = score >= threshold
    reasons = [PLAINLY[place] for place in grounds.place.tolist()]
    if True in is_anomaly.tolist():
        evidence = grounds.evidence()
        for row in np.flatnonzero(is_anomaly).tolist():
            reasons[row] = _reason(model, stretch.frame, grounds, evidence, row, names)
    verdicts = Verdicts(
        score=score,
        strength=grounds.told[STRENGTH],
        is_anomaly=is_anomaly,
        threshold=threshold,
        expected=grounds.guesses[0].T,
        lower=grounds.fields[LOWER].T,
        upper=grounds.fields[UPPER].T,
        contributions=grounds.contributions,
        reasons=tuple(reasons),
        model_based=model_based,
    )
    return verdicts, memory


def remembered(model: Model, stretch: Stretch) -> Floats:
    """The memory after the points of a stretch, if there was nothing to remember before them."""
    return model.tables.excess(_strangeness(model, stretch)[0])


def _strangeness(model: Model, stretch: Stretch) -> tuple[Floats, Seen, Floats, Floats]:
    """Of all channels, (channels, n), in the order of the model's tables: forests, the channels of
    each field, joint channels, those of the course. With it what they look at: of fields, and of
    joint channels the means and the parts of the fields."""
    frame, tables = stretch.frame, model.tables
    d, n = len(frame.values), len(frame)
    answer, ahead = np.empty((len(tables.knots), n)), FORESTS + FIELDWISE * d
    channels = answer[FORESTS:ahead].reshape(FIELDWISE, d, n)
    learned = seen(frame, model.yardstick, stretch.guesses, channels)
    model.grove.strangeness(learned.features, model.typical, answer[:FORESTS])
    # Without a value there is nothing to say, and behind a gap the first few look strange to a
    # forest, since their windows hold nothing but themselves.
    _silence(channels[DRIFT], answer)
    means = parts = np.empty((0, d, n))
    if model.joint is not None:
        means, parts = _together(model, model.joint, frame)
        answer[ahead : ahead + len(parts)] = joint.strangeness(parts, means)
        joint.take_over(channels, model.predictor)
    if model.shape is not None:
        answer[ahead:] = shape.strangeness(stretch.distances)
    return answer, learned, means, parts


@compiled
def _silence(drift: Floats, strangeness: Floats) -> None:
    """Of forests where no field (d, n) has anything to say."""
    for i in range(drift.shape[1]):
        if np.isnan(drift[:, i]).all():
            strangeness[:FORESTS, i] = math.nan


def _together(model: Model, of: joint.Joint, frame: Frame) -> tuple[Floats, Floats]:
    """Means and parts of the joint channels, (channels, d, n)."""
    means = joint.means_of(frame, model.yardstick)
    means[:, :, np.isnan(frame.judged).all(axis=0)] = np.nan
    return means, of.parts(means)


def weigh(model: Model, stretch: Stretch, memory: Floats) -> tuple[Grounds, Floats]:
    """The grounds of the verdicts, and the memory after; as for `judged`."""
    frame, tables = stretch.frame, model.tables
    strangeness, learned, means, parts = _strangeness(model, stretch)
    (number, n), d, before = strangeness.shape, len(frame.values), memory.shape[1]
    excess, channels = np.empty((number, before + n)), np.empty((2, number, n))
    excess[:, :before] = memory
    fields, told = np.empty((5, d, n)), np.empty((2, n))
    contributions, place = np.empty((n, d)), np.empty(n, np.int64)
    weighing.weigh(
        strangeness,
        tables.knots,
        tables.decade,
        tables.points_of,
        excess,
        channels,
        frame.times,
        frame.offsets,
        frame.values,
        model.scale.lowest,
        model.scale.highest,
        model.least_novelty,
        stretch.guesses,
        learned.recent,
        model.predictor.season_ns,
        model.band.places,
        model.band.factors,
        fields,
        len(parts),
        parts,
        *model.rules,
        model.discount,
        told,
        contributions,
        place,
    )
    guesses = stretch.guesses[:, :, -n:]
    kept = excess[:, max(0, before + n - MEMORY_POINTS) :]
    found = strangeness, channels, fields, told, contributions, place, guesses, means, parts
    return Grounds(model, *found), kept


def _reason(
    model: Model,
    frame: Frame,
    grounds: Grounds,
    evidence: Evidence,
    row: int,
    names: Sequence[str],
) -> str:
    if model.shape is not None and evidence.is_course(row):
        unlike = grounds.strangeness[-CHANNELS_OF_COURSE:, row]
        return reason.unlike_before(shape.strangest(unlike, model.shape))
    if evidence.is_joint(row):
        return _joint_reason(model, grounds, evidence, row, names)
    plain, views = evidence.kinds_at(row), evidence.views[:, row]
    field = int(plain.max(axis=0).argmax())
    own = plain[:, field]
    if own.max() + WORDS_BEFORE_TREES >= views.max():
        kind = KINDS[int(np.where(own > 0, own + TELLING, 0.0).argmax())]
    else:
        kind = list(VIEWS)[int(views.argmax())]
    facts = _facts(model, frame, grounds, row, field)
    return reason.sentence(kind, facts, field_name(names, field) if model.fields > 1 else "")


def _joint_reason(
    model: Model, grounds: Grounds, evidence: Evidence, row: int, names: Sequence[str]
) -> str:
    assert model.joint is not None
    channel = int(evidence.joint[:, row].argmax())
    parts, which = grounds.parts[channel, :, row], channel % len(joint.MEANS)
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
        usual=float(grounds.guesses[1, field, row]),
        before=float(values[at - 1]),
        lowest=float(grounds.fields[LOWEST, field, row]),
        highest=float(grounds.fields[HIGHEST, field, row]),
        usual_low=float(scale.usual_low[field]),
        usual_high=float(scale.usual_high[field]),
        level=float(np.sum(present / max(len(present), 1))),
        local=float(median(values[at - LOCAL_POINTS : at])),
        local_ns=int(frame.times[at]) + int(frame.offsets[at]),
        season_ns=model.predictor.season_of(field),
        recent=tuple(values[at - RECENT_POINTS + 1 : at + 1].tolist()),
    )
