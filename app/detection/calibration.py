"""From the strangeness of a channel to evidence: -log10 of its tail probability.

Up to the quantile .99 of the training the empirical distribution counts, beyond it a tail of
exponential excess (peaks over threshold: Pickands 1975, with shape 0). Rate and mean excess of the
tail are corrected by the last points: with N training points, M of them beyond u by m on average,
and of the last n points k beyond it by e in all,

    P(S > s) = (tM + k) / (tN + n) * exp(-(s - u) (tM + k) / (tMm + e)),   t = TRUST

so that after a change a channel stops crying, between trainings too (own derivation). For the score
an excess counts up to one decade, so that a lone spike does not hide the next, and up to more the
fuller the memory is of excess, in the end in full: what lasts is how things are. For the strength
that alarms are made of it counts up to three: nobody needs to be woken by the same again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled

RECENT_POINTS = 20_000  # calibrated against the recent past
KNOTS = 129
TAIL_SHARE = 0.01  # of the training, beyond the quantile .99
LOG_OF_10 = math.log(10.0)
EVIDENCE_MAX = 6.0
CHANCE_MOST = 2.0  # decades that the best of 64 fields may bring by chance, and a little more
BEYOND_DECADES = 2.0  # no more than this beyond one in as many as the training had
MEMORY_POINTS = 512  # so long what stood out lately makes the next of its kind less rare
MOST_FOR_SCORE, MOST_FOR_STRENGTH = 1.0, 3.0  # decades of an excess that count
TRUST = 0.5  # of the training, against what came since
DECADE_LEAST = 0.02  # a series that repeats exactly has no tail to measure: little is not rare
LEVEL_MOST = 2.0  # evidence of the quantile .99
LEVELS = np.linspace(0.0, LEVEL_MOST, KNOTS)  # evidence at the knots


@dataclass(frozen=True, eq=False)
class Calibration:
    """Tables for a number of channels, frozen in training.

    points: how many the tables were made of. knots: (channels, KNOTS) strangeness whose evidence is
    LEVELS; decade: (channels,) how much more strangeness makes something ten times as rare, beyond
    the last knot. differing: (channels,), points of each where they differ.
    """

    points: int
    knots: Floats
    decade: Floats
    differing: Ints | None = None

    @classmethod
    def of(cls, strangeness: Floats) -> Calibration:
        """Calibrate channels (channels, n) against out-of-sample strangeness; NaN is left out."""
        recent = strangeness[:, max(0, strangeness.shape[1] - RECENT_POINTS) :]
        tables = [_table(row[~np.isnan(row)]) for row in recent]
        knots = np.array([table[0] for table in tables]).reshape(len(tables), KNOTS)
        return cls(recent.shape[1], knots, np.array([table[1] for table in tables]))

    @classmethod
    def joined(cls, first: Calibration, second: Calibration) -> Calibration:
        """The channels of both, as if made of as many points as the first."""
        knots = np.concatenate([first.knots, second.knots])
        return cls(first.points, knots, np.concatenate([first.decade, second.decade]))

    def beside(self, other: Calibration | None) -> Calibration:
        """The channels of both, each as it was made."""
        if other is None:
            return self
        points = np.concatenate([self.points_of, other.points_of])
        knots = np.concatenate([self.knots, other.knots])
        return Calibration(self.points, knots, np.concatenate([self.decade, other.decade]), points)

    @cached_property
    def points_of(self) -> Ints:
        """How many points the tables of each channel were made of."""
        return np.full(len(self.knots), self.points) if self.differing is None else self.differing

    @property
    def most(self) -> float:
        """Evidence that no channel may pass: so many points cannot show that anything is rarer."""
        return min(EVIDENCE_MAX, math.log10(self.points) + BEYOND_DECADES)

    def nothing_yet(self) -> Floats:
        """The memory where the training ended: (channels, 0)."""
        return np.empty((len(self.knots), 0))

    def evidence(self, strangeness: Floats, memory: Floats) -> tuple[Floats, Floats]:
        """-log10 P(at least as strange), 0 where the strangeness is NaN; and the new memory.

        In [0, most + 2]: two decades of room for what the best of many fields brings by chance.

        strangeness: (channels, n). The answer, (2, channels, n): for the score, for the strength.
        memory: (channels, up to 512), by how much each of the last points went beyond the tail's
        threshold, oldest first; NaN if it was not judged.
        """
        shape = len(self.knots), memory.shape[1] + strangeness.shape[1]
        answer, excess = np.empty((2, *strangeness.shape)), np.empty(shape)
        excess[:, : memory.shape[1]] = memory
        fold(self.knots, self.decade, self.points_of, strangeness, excess, answer)
        return answer, excess[:, max(0, shape[1] - MEMORY_POINTS) :]

    def excess(self, strangeness: Floats) -> Floats:
        """What the memory keeps of strangeness (channels, n)."""
        beyond = np.maximum(strangeness - self.knots[:, -1:], 0.0)
        return np.asarray(beyond[:, max(0, beyond.shape[1] - MEMORY_POINTS) :])


@compiled
def fold(
    knots: Floats,
    decade: Floats,
    points_of: Ints,
    strangeness: Floats,
    excess: Floats,
    answer: Floats,
) -> None:
    """Evidence of strangeness (channels, n) into answer (2, channels, n), and what the memory keeps
    of it into the last n columns of excess (channels, memory + n), which holds what it has."""
    start = excess.shape[1] - strangeness.shape[1]
    for channel in range(len(knots)):
        points = float(points_of[channel])
        most = min(EVIDENCE_MAX, math.log10(points) + BEYOND_DECADES) + CHANCE_MOST
        trained, trained_beyond = TRUST * points, TRUST * max(1.0, TAIL_SHARE * points)
        table, own, mean = knots[channel], excess[channel], decade[channel] / LOG_OF_10
        number = beyond = 0  # of the memory: judged, and beyond the last knot
        for j in range(max(start - MEMORY_POINTS, 0), start):
            number, beyond = number + (own[j] >= 0.0), beyond + (own[j] > 0.0)
        for i in range(strangeness.shape[1]):
            s, last = strangeness[channel, i], start + i
            oldest = last - MEMORY_POINTS
            own[last] = s if math.isnan(s) else max(s - table[-1], 0.0)
            rate = (trained_beyond + beyond) / (trained + number)
            level = -math.log10(min(rate, 1.0))
            if math.isnan(s):
                answer[:, channel, i] = 0.0
            elif s > table[-1]:
                for_score, for_strength = _counted(own[max(oldest, 0) : last], beyond, mean)
                far = (s - table[-1]) * (trained_beyond + beyond) / LOG_OF_10
                score = level + far / (trained_beyond * mean + for_score)
                strength = level + far / (trained_beyond * mean + for_strength)
                answer[0, channel, i] = min(score, most)
                answer[1, channel, i] = min(strength, most)
            else:
                answer[:, channel, i] = _level(table, s) * level / LEVEL_MOST
            number, beyond = number + (own[last] >= 0.0), beyond + (own[last] > 0.0)
            if oldest >= 0:
                number, beyond = number - (own[oldest] >= 0.0), beyond - (own[oldest] > 0.0)


@compiled
def _counted(memory: Floats, beyond: int, mean: float) -> tuple[float, float]:
    """What the excesses of the memory come to for the score and for the strength; `beyond` of its
    entries have one. The fuller it is of them, the more each may count for the score."""
    decade = mean * LOG_OF_10
    score_most = MOST_FOR_SCORE * decade * MEMORY_POINTS / max(MEMORY_POINTS - beyond, 1e-3)
    strength_most = MOST_FOR_STRENGTH * decade
    for_score = for_strength = 0.0
    for e in memory:
        if e > 0.0:
            for_score += min(e, score_most)
            for_strength += min(e, strength_most)
    return for_score, for_strength


@compiled
def _level(table: Floats, s: float) -> float:
    """Between the knots on either side; a tie counts as the least of what it ties with."""
    if s <= table[0]:
        return 0.0
    low, high = 0, KNOTS - 1  # table[low] < s <= table[high]
    while high - low > 1:
        middle = (low + high) // 2
        if table[middle] < s:
            low = middle
        else:
            high = middle
    share = (s - table[low]) / (table[high] - table[low])
    return float((low + share) * LEVEL_MOST / (KNOTS - 1))


def _table(strangeness: Floats) -> tuple[Floats, float]:
    """Knots and decade of one channel."""
    if not len(strangeness):
        return np.zeros(KNOTS), 1e300
    ordered = np.sort(strangeness)
    knots = np.quantile(ordered, 1.0 - 10.0**-LEVELS, method="higher")
    return knots, _decade(ordered, knots)


def _decade(ordered: Floats, knots: Floats) -> float:
    """Of the excess over the .99 quantile, but never less than half the decade before it: with few
    points the excess is that of one or two."""
    start = float(knots[-1])
    excess = ordered[ordered > start] - start
    mean_excess = float(excess.mean()) if len(excess) else 0.0
    shown = start - float(np.quantile(ordered, 0.9))
    smallest = max(DECADE_LEAST, 1e-9 * abs(start))
    return max(mean_excess * LOG_OF_10, 0.5 * shown, smallest)
