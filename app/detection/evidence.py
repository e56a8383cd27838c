"""Evidence of many channels becomes one.

With L_c the evidence of channel c, of the fields or of what they are together, whichever says more,

    S = (largest L_c + mean L_c) / 2:

half the largest, because one channel may be alone and right; half the mean, because most channels
see most anomalies. Only that a series stands still no other channel sees: .6 of that evidence, if
this is more. Where history repeats itself, with trust w, and the course of the last points has
evidence C, the score is of

    max(S + w (B - S), S + .75 w (C - S)),   B = S - 2; from 2.75 on 2.75 + .1 (S - 2.75).

The strength, of which alarms are made, is max(S, w C). Source: our own derivation, measured on NAB
and the UCR archive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from app.detection.arithmetic import Flags, Floats
from app.detection.calibration import EVIDENCE_MAX
from app.detection.compiled import compiled
from app.detection.features import CHANNELS, VIEWS

KINDS = (*CHANNELS, "novelty")
ALONE = "quiet"  # of KINDS: what it sees no other does
FORESTS, FIELDWISE, NUMBER = len(VIEWS), len(CHANNELS), len(VIEWS) + len(KINDS)
ALONE_AT = FORESTS + KINDS.index(ALONE)
ALONE_SHARE = 0.6
PARTS = ("forests", *KINDS, "joint", "shape")
SHAPE_SHARE = 0.75  # of the score, where history repeats itself and its course says more
POINT_COST = 2.0  # what a point alone then loses, unless it is anomalous
AUTO_EVIDENCE = 2.75  # on real series a normal point in a thousand, or fewer, reaches it
SCORE, STRENGTH = 0, 1  # what evidence is for


@dataclass(frozen=True, eq=False)
class Course:
    """evidence: (2, n), for the score and for the strength, that the last points took a course
    unlike any before. trust: in [0, 1], how much history repeats itself."""

    evidence: Floats
    trust: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """-log10 of tail probabilities, of n points with d values each.

    channels: (2, channels, n), for the score and for the strength: of a forest for each of VIEWS,
    of CHANNELS by field, of the fields together, `joints` of them (none for a single one), and
    those that the course was made of. novelty: (d, n). course: None where history does not repeat
    itself. most: evidence that none but novelty may pass. without: parts that do not count, to
    measure what they are worth.
    """

    channels: Floats
    joints: int
    novelty: Floats
    course: Course | None
    most: float
    without: frozenset[str] = frozenset()

    def for_score(self) -> Floats:
        """S (n,): of the point; where history repeats itself, mostly of the course of the last.

        There a point by itself counts less, unless it is out of the ordinary.
        """
        return np.asarray(self._sums[SCORE])

    def is_course(self, row: int) -> bool:
        """Whether the course of a point says what the point does not say by itself."""
        if self._course is None:
            return False
        unlike = self._course.trust * self._course.evidence[SCORE, row]
        of_point = self._of_point[SCORE, row]
        return bool(unlike > of_point and of_point < AUTO_EVIDENCE)

    def is_joint(self, row: int) -> bool:
        """Whether the fields of a point together say more than each by itself."""
        return bool(self._is_joint[row])

    @property
    def views(self) -> Floats:
        """Of the forests, for the score, (views, n)."""
        return self.channels[SCORE, :FORESTS]

    @property
    def joint(self) -> Floats:
        """Of what the fields are together, for the score, (joint channels, n)."""
        first = FORESTS + FIELDWISE * len(self.novelty)
        return self.channels[SCORE, first : first + self.joints]

    def kinds_at(self, row: int) -> Floats:
        """Of each of KINDS and each field of a point, for the score, (kinds, d)."""
        own = self.channels[SCORE, FORESTS:, row][: FIELDWISE * len(self.novelty)]
        return np.vstack([own.reshape(FIELDWISE, -1), self.novelty[:, row]])

    def strongest(self) -> Floats:
        """The evidence for the score of each of KINDS, of the strongest field, (kinds, n)."""
        answer = np.empty((NUMBER, self.novelty.shape[1]))
        for row in range(answer.shape[1]):
            for kind in range(len(answer)):
                own = self.channels[SCORE], self.novelty, kind, row
                answer[kind, row] = _strongest(*own, by_chance(len(self.novelty)), self._most)
        return answer[FORESTS:]

    @property
    def _course(self) -> Course | None:
        return None if "shape" in self.without else self.course

    @property
    def _most(self) -> float:
        return min(self.most, EVIDENCE_MAX)

    @cached_property
    def _sums(self) -> Floats:
        """Of point and course, for the score and the strength, (2, n)."""
        course = self._course
        if course is None:
            return self._of_point
        answer = np.empty(self._of_point.shape)
        add_course(self._of_point, course.evidence, course.trust, answer)
        return answer

    @property
    def _of_point(self) -> Floats:
        """For the score and the strength, (2, n)."""
        return self._weighed[0]

    @property
    def _is_joint(self) -> Flags:
        return self._weighed[1]

    @cached_property
    def _weighed(self) -> tuple[Floats, Flags]:
        """Of the fields, or of what they are together, whichever says more; and which did, for the
        score."""
        of_point = np.empty((2, self.novelty.shape[1]))
        is_joint = np.zeros(self.novelty.shape[1], np.bool_)
        limits = by_chance(len(self.novelty)), self._most, self.most
        counts = counted(self.without)
        combine(self.channels, self.joints, self.novelty, counts, *limits, of_point, is_joint)
        return of_point, is_joint


def by_chance(fields: int) -> float:
    """What the best of so many fields brings."""
    return float(np.log10(fields))


@lru_cache(maxsize=64)
def counted(without: frozenset[str]) -> Flags:
    """Of views, KINDS and joint whether they count, (views + kinds + 1,)."""
    names = ["forests"] * FORESTS + [*KINDS, "joint"]
    return np.array([name not in without for name in names])


@compiled
def combine(
    channels: Floats,
    joints: int,
    novelty: Floats,
    counts: Flags,
    by_chance: float,
    most: float,
    joint_most: float,
    of_point: Floats,
    is_joint: Flags,
) -> None:
    """Half the largest channel and half their mean, or .6 of ALONE; of the fields, each kind by its
    strongest one, or of what they are together. Into of_point (2, n), and is_joint (n,) which of
    both it is for the score."""
    first_joint = FORESTS + FIELDWISE * len(novelty)
    for purpose in range(len(channels)):
        own = channels[purpose]
        for i in range(own.shape[1]):
            total = largest = alone = 0.0
            number = 0
            for kind in range(NUMBER):
                if not counts[kind]:
                    continue
                evidence = _strongest(own, novelty, kind, i, by_chance, most)
                if kind == ALONE_AT:
                    alone = ALONE_SHARE * evidence
                else:
                    total, largest, number = total + evidence, max(largest, evidence), number + 1
            of_fields = max(0.5 * largest + 0.5 * (total / number), alone)
            total = largest = 0.0
            if counts[-1] and joints > 0:
                for channel in range(first_joint, first_joint + joints):
                    evidence = min(own[channel, i], joint_most)
                    total, largest = total + evidence, max(largest, evidence)
                total /= joints
            together = 0.5 * largest + 0.5 * total
            of_point[purpose, i] = max(of_fields, together)
            if purpose == SCORE:
                is_joint[i] = together > of_fields


@compiled
def _strongest(
    channels: Floats, novelty: Floats, kind: int, row: int, by_chance: float, most: float
) -> float:
    """Of a view, or of one of KINDS by the field with the most evidence, less what is by chance."""
    if kind < FORESTS:
        return float(min(channels[kind, row], most))
    strongest, d = 0.0, len(novelty)
    if kind < FORESTS + FIELDWISE:
        first = FORESTS + (kind - FORESTS) * d
        for channel in range(first, first + d):
            strongest = max(strongest, channels[channel, row] - by_chance)
        return min(strongest, most)
    for field in range(d):
        strongest = max(strongest, novelty[field, row] - by_chance)
    return min(strongest, float(EVIDENCE_MAX))


@compiled
def add_course(points: Floats, courses: Floats, trust: float, answer: Floats) -> None:
    """What points and courses, (2, n) each, say together, into answer (2, n)."""
    for i in range(points.shape[1]):
        point = points[SCORE, i]
        alone = point if point >= AUTO_EVIDENCE else point - trust * POINT_COST
        together = point + SHAPE_SHARE * trust * (courses[SCORE, i] - point)
        is_nan = math.isnan(together)
        answer[SCORE, i] = math.nan if is_nan else max(alone, together, 0.0)
        answer[STRENGTH, i] = max(points[STRENGTH, i], trust * courses[STRENGTH, i])


@compiled
def share(
    channels: Floats, novelty: Floats, joint_parts: Floats, is_joint: Flags, answer: Floats
) -> None:
    """Of each field in the evidence for the score of each point, into answer (n, d): rows sum to 1,
    or are 0 without evidence. joint_parts: (joint channels, d, n), what each field adds to these,
    which count where what the fields are together decided."""
    first_joint = FORESTS + FIELDWISE * len(novelty)
    for i in range(len(answer)):
        strongest = 0
        for channel in range(len(joint_parts)):
            if channels[first_joint + channel, i] > channels[first_joint + strongest, i]:
                strongest = channel
        total, weights = 0.0, answer[i]
        for field in range(len(novelty)):
            weights[field] = novelty[field, i]
            for kind in range(FIELDWISE):
                channel = FORESTS + kind * len(novelty) + field
                weights[field] = max(weights[field], channels[channel, i])
            if is_joint[i]:
                weights[field] = joint_parts[strongest, field, i]
            total += weights[field]
        for field in range(len(novelty)):
            weights[field] = weights[field] / total if total > 0 else 0.0
