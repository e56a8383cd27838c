"""Evidence of many channels becomes one score, and what is answered about each point.

With L_c the evidence of channel c, of the fields or of what they are together, whichever says more,

    S = (largest L_c + mean L_c) / 2,    score = 1 - 10^-S:

half the largest, because one channel may be alone and right; half the mean, because most channels
see most anomalies. Only that a series stands still no other channel sees: .6 of that evidence, if
this is more. Where history repeats itself, with trust w, and the course of the last points
has evidence C, the score is of

    max(S + w (B - S), S + .75 w (C - S)),   B = S - 2; from 2.75 on 2.75 + .1 (S - 2.75).

A verdict's strength, of which alarms are made, is max(S, w C) less what little or very long history
takes off. Source: our own derivation, measured on NAB and the UCR archive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from app.detection.arithmetic import Flags, Floats, exp2
from app.detection.calibration import EVIDENCE_MAX
from app.detection.compiled import compiled
from app.detection.features import CHANNELS

KINDS = (*CHANNELS, "novelty")
ALONE = "quiet"  # of KINDS: what it sees no other does
ALONE_SHARE = 0.6
PARTS = ("forests", *KINDS, "joint", "shape")
LOG2_OF_10 = float(np.log2(10.0))
SHAPE_SHARE = 0.75  # of the score, where history repeats itself and its course says more
POINT_COST = 2.0  # what a point alone then loses, unless it is anomalous
DOUBT_POINTS = 600  # with so little history, or less, a whole decade of evidence is taken off
LONG_POINTS, LONG_COST = 1000, 0.15
AUTO_EVIDENCE = 2.75  # on real series a normal point in a thousand, or fewer, reaches it
QUIET = "within the usual range"
OUTSIDE = "outside the expected band, but not out of the ordinary"
NO_VALUE = "no value"


@dataclass(frozen=True, eq=False)
class Verdicts:
    """One verdict for each of n points of d fields; arrays are float64 unless said otherwise.

    score: (n,) in [0, 1], larger is more anomalous. strength: (n,) evidence for the event layer, 0
    or more. threshold: (n,), is_anomaly: (n,) bool,
    score >= threshold. expected, lower, upper: (n, d) in the unit of the series, NaN for none;
    about 99 % of normal points lie in lower..upper. contributions: (n, d), shares that sum to 1,
    or zeros. reasons: n sentences. model_based: (n,) bool, false where the fallback answered.
    """

    score: Floats
    strength: Floats
    is_anomaly: Flags
    threshold: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    contributions: Floats
    reasons: tuple[str, ...]
    model_based: Flags

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, span: slice) -> Verdicts:
        return Verdicts(*(getattr(self, part.name)[span] for part in fields(self)))

    def only(self, chosen: Flags) -> Verdicts:
        """The verdicts where chosen, (n,) bool, is true."""
        arrays = {
            part.name: getattr(self, part.name)[chosen]
            for part in fields(self)
            if part.name != "reasons"
        }
        reasons = tuple(r for r, is_chosen in zip(self.reasons, chosen, strict=True) if is_chosen)
        return Verdicts(**arrays, reasons=reasons)

    @classmethod
    def joined(cls, parts: Sequence[Verdicts]) -> Verdicts:
        """The verdicts of all parts, one after the other; at least one part."""
        if len(parts) == 1:
            return parts[0]
        arrays = {
            part.name: np.concatenate([getattr(p, part.name) for p in parts])
            for part in fields(cls)
            if part.name != "reasons"
        }
        return cls(**arrays, reasons=tuple(r for p in parts for r in p.reasons))


@dataclass(frozen=True, eq=False)
class Course:
    """evidence: (n,), that the last points took a course unlike any before. trust: in [0, 1], how
    much history repeats itself."""

    evidence: Floats
    trust: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """-log10 of tail probabilities: of forests (views, n), by field (kinds, d, n), the last of them
    novelty, and of the fields together (joint channels, n), none for a single field. joint_parts:
    (joint channels, d, n) what each field adds to these. course: None where history does not repeat
    itself. most: evidence that none but novelty may pass. without: parts that do not count, to
    measure what they are worth."""

    views: Floats
    kinds: Floats
    joint: Floats
    joint_parts: Floats
    course: Course | None
    most: float
    without: frozenset[str] = frozenset()

    def for_score(self) -> Floats:
        """S (n,): of the point; where history repeats itself, mostly of the course of the last.

        There a point by itself counts less, unless it is out of the ordinary.
        """
        if not self._course.trust:
            return self.of_point
        answer = np.empty(len(self.of_point))
        _ranked(self.of_point, self._course.evidence, self._course.trust, answer)
        return answer

    def for_strength(self) -> Floats:
        """The stronger of point and course, (n,)."""
        return np.asarray(np.maximum(self.of_point, self._course.trust * self._course.evidence))

    @cached_property
    def is_course(self) -> Flags:
        """Whether the course says what the point does not say by itself, (n,) bool."""
        unlike = self._course.trust * self._course.evidence
        return np.asarray((unlike > self.of_point) & (self.of_point < AUTO_EVIDENCE))

    @cached_property
    def _course(self) -> Course:
        if self.course is None or "shape" in self.without:
            return Course(np.zeros(self.kinds.shape[2]), 0.0)
        return self.course

    @cached_property
    def of_point(self) -> Floats:
        """Of the fields, or of what they are together, whichever says more, (n,)."""
        return np.maximum(self.of_fields, self.of_joint)

    @cached_property
    def of_joint(self) -> Floats:
        """Half the largest joint channel and half their mean, (n,); 0 for a single field."""
        answer = np.zeros(self.kinds.shape[2])
        if len(self.joint) and "joint" not in self.without:
            _half_and_half(self.joint, self.most, answer)
        return answer

    @cached_property
    def of_fields(self) -> Floats:
        """Half the largest channel and half their mean, or .6 of ALONE, (n,).

        Of each kind only the strongest field counts, less what the best of d brings by chance.
        """
        answer = np.empty(self.kinds.shape[2])
        names = ["forests"] * len(self.views) + list(KINDS)
        together = [name not in self.without and name != ALONE for name in names]
        _half_and_half(self._by_kind[together], EVIDENCE_MAX, answer)
        if ALONE not in self.without:
            answer = np.maximum(answer, ALONE_SHARE * self._by_kind[names.index(ALONE)])
        return answer

    def strongest(self) -> Floats:
        """The evidence of each kind over all fields, (kinds, n)."""
        return self._by_kind[len(self.views) :]

    @cached_property
    def _by_kind(self) -> Floats:
        """Of views and kinds, (views + kinds, n)."""
        by_chance, most = float(np.log10(self.kinds.shape[1])), min(self.most, EVIDENCE_MAX)
        answer = np.empty((len(self.views) + len(KINDS), self.kinds.shape[2]))
        _strongest(self.views, self.kinds, by_chance, most, answer)
        return answer

    def contributions(self) -> Floats:
        """Share of each field in the evidence, (n, d): rows sum to 1, or are 0 without evidence.

        In what the fields are together where that decided, in their own evidence elsewhere.
        """
        by_field = shares(self.kinds.max(axis=0).T)
        if not len(self.joint):
            return by_field
        strongest = self.joint.argmax(axis=0)
        parts = np.take_along_axis(self.joint_parts, strongest[None, None], axis=0)[0]
        return np.where(self.is_joint[:, None], shares(parts.T), by_field)

    @cached_property
    def is_joint(self) -> Flags:
        """Whether the fields together say more than each by itself, (n,)."""
        return np.asarray(self.of_joint > self.of_fields)


@compiled
def _ranked(points: Floats, courses: Floats, trust: float, answer: Floats) -> None:
    for i in range(len(points)):
        point = points[i]
        alone = point if point >= AUTO_EVIDENCE else point - trust * POINT_COST
        together = point + SHAPE_SHARE * trust * (courses[i] - point)
        is_nan = math.isnan(together)
        answer[i] = math.nan if is_nan else max(alone, together, 0.0)


@compiled
def _strongest(
    views: Floats, kinds: Floats, by_chance: float, most: float, channels: Floats
) -> None:
    """Into channels (views and kinds, n): of each kind the field with the most evidence."""
    for i in range(channels.shape[1]):
        for view in range(len(views)):
            channels[view, i] = min(views[view, i], most)
        for kind in range(len(kinds)):
            strongest = 0.0
            for field in range(kinds.shape[1]):
                strongest = max(strongest, kinds[kind, field, i] - by_chance)
            is_novelty = kind == len(kinds) - 1
            channels[len(views) + kind, i] = min(strongest, EVIDENCE_MAX if is_novelty else most)


@compiled
def _half_and_half(channels: Floats, most: float, answer: Floats) -> None:
    """Of channels (channels, n), none of which counts more than `most`."""
    for i in range(len(answer)):
        total = largest = 0.0
        for channel in range(len(channels)):
            evidence = min(channels[channel, i], most)
            total, largest = total + evidence, max(largest, evidence)
        answer[i] = 0.5 * largest + 0.5 * (total / len(channels))


def discount(trained_points: int) -> float:
    """Evidence to take off before somebody is woken: little history cannot tell how rare something
    is, and in a long one something rare comes up by chance (own derivation, by measuring)."""
    doubt = min(1.0, (DOUBT_POINTS / trained_points) ** 4)
    return doubt + LONG_COST * math.log10(max(trained_points / LONG_POINTS, 1.0))


def shares(weights: Floats) -> Floats:
    """Rows (n, d) of weights >= 0 brought to a sum of 1; zeros stay."""
    answer = np.empty(weights.shape)
    _shares(np.ascontiguousarray(weights), answer)
    return answer


@compiled
def _shares(weights: Floats, answer: Floats) -> None:
    for row in range(len(weights)):
        total = 0.0
        for weight in weights[row]:
            total += weight
        for i in range(weights.shape[1]):
            answer[row, i] = weights[row, i] / total if total > 0 else 0.0


def score_of(evidence: Floats) -> Floats:
    """1 - 10^-S, in [0, 1)."""
    return np.clip(1.0 - exp2(-evidence * LOG2_OF_10), 0.0, 1.0)


def auto_threshold() -> float:
    """The score from which a point is out of the ordinary, unless a share was asked for."""
    return float(score_of(np.array([AUTO_EVIDENCE]))[0])
