"""The course of the last points, compared with every course of the same length not long before.

For windows of w points that end with a point, the distance to the nearest window that ended at
least w and at most 5,000 points before (left discord; Yeh et al., Matrix Profile I, ICDM 2016; Lu
et al., DAMP, KDD 2022), in two forms: of values without their mean,

    D^2 = min_j sum_k ((a_k - mean a) - (b_k - mean b))^2 / w

and without their spread too, each divided by its standard deviation s and a little, so that what
hardly moves has no shape,

    Z^2 = min_j sum_k ((a_k - mean a) / (s_a + .05) - (b_k - mean b) / (s_b + .05))^2 / w.

Several lengths at once make it unnecessary to know a period. The strangeness is log(D + .01). It
means something only where history repeats itself: `trust` says how much, from 0 to 1.

A lone wild value is strange by itself; the windows that hold it say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.detection.arithmetic import Floats, log
from app.detection.calibration import Calibration
from app.detection.compiled import compiled
from app.detection.discord import CHANNELS, LONGEST, distances, off_neighbours, rounded
from app.detection.evidence import Course
from app.detection.frame import Frame
from app.detection.nearest import STEPS, WINDOWS
from app.detection.scale import Scale

LEAST = 0.01
LEARNED_ROWS = 3000
LARGEST_SHARE = 0.25
LITTLE = 0.02  # so much further off is at most ten times as rare
LEARNED_LEAST, SURE_ROWS = 256, 1000  # from so many on something is said, and fully
JUDGED_BY = WINDOWS.index(64)  # the window whose Z tells whether history repeats itself
ALIKE, UNLIKE = 0.25, 0.45  # Z / sqrt 2, which is 1 between windows that have nothing in common
STILL, MOVING = 0.25, 0.5  # (s / (s + FLAT))^2 of the usual window, without and with a shape
WILD_LEAST, WILD_BEYOND, WILD_SHARE = 4.0, 2.0, 0.999


@dataclass(frozen=True, eq=False)
class Shape:
    """What training found of courses. trust: in (0, 1], how much history repeats itself. wild: in
    255ths of a spread, how far off both its neighbours a value is left out as a lone one.
    """

    trust: float
    wild: int
    calibration: Calibration

    def facts(self) -> dict[str, Any]:
        """What is not an array."""
        return {"trust": self.trust, "wild": self.wild, "calibrated": self.calibration.points}


@dataclass(frozen=True, eq=False)
class Learned:
    """shape, and the strangeness of the last of the training, (CHANNELS, up to 3,000)."""

    shape: Shape
    strangeness: Floats


def learned(frame: Frame, scale: Scale, interval_ns: int) -> Learned | None:
    """Of a training's frame; None with several fields, little history, or where nothing repeats."""
    if len(frame.values) > 1:
        return None
    wild = _wild(frame, scale)
    rows = min(LEARNED_ROWS, len(frame) - 2 * LONGEST)  # the first have nothing to look through
    if rows < LEARNED_LEAST:
        return None
    table, moving = distances(frame, scale, interval_ns, wild, len(frame.times) - rows)
    trust = _trust(table[len(WINDOWS) + JUDGED_BY, rows // 2 :], moving[JUDGED_BY, rows // 2 :])
    trust *= min(1.0, rows / SURE_ROWS)
    if trust == 0:
        return None
    logarithms = strangeness(table)
    by = Calibration.of(logarithms)
    # Nobody minds a little, however exactly a series repeats itself.
    least = np.log1p(LITTLE * np.exp(-by.knots[:, -1]))
    by = replace(by, decade=np.maximum(by.decade, least))
    return Learned(Shape(trust, wild, by), logarithms)


def course_of(both: Floats, shape: Shape) -> Course:
    """The evidence of all windows, 3 / 4 of it their mean and 1 / 4 the largest.

    both: (2, channels, n) evidence as of `Calibration.evidence`, the CHANNELS last.
    """
    together = np.empty((len(both), both.shape[2]))
    evidence_of_course(both, together)
    return Course(together, shape.trust)


@compiled
def evidence_of_course(both: Floats, answer: Floats) -> None:
    """As of `course_of`, into answer (2, n)."""
    first = both.shape[1] - CHANNELS
    for purpose in range(len(both)):
        for i in range(both.shape[2]):
            total = largest = 0.0
            for channel in range(first, first + CHANNELS):
                evidence = both[purpose, channel, i]
                total, largest = total + evidence, max(largest, evidence)
            mean = total / CHANNELS
            answer[purpose, i] = mean + LARGEST_SHARE * (largest - mean)


def strangeness(distances: Floats) -> Floats:
    """log of the distances of each point's windows, (CHANNELS, n); NaN where values are missing, or
    no window lies before."""
    return log(distances + LEAST)


def strangest(strangeness: Floats, shape: Shape) -> int:
    """The length of the window that is furthest beyond the usual, of one point's (CHANNELS,)."""
    by = shape.calibration
    return WINDOWS[int(np.argmax((strangeness - by.knots[:, -1]) / by.decade)) % len(WINDOWS)]


def _trust(alike: Floats, moving: Floats) -> float:
    """From the Z and the (s / (s + FLAT))^2 of the usual window, (n,) each."""
    known = ~np.isnan(alike)
    if np.count_nonzero(known) < LEARNED_LEAST // 2:
        return 0.0
    usual = float(np.median(alike[known])) / math.sqrt(2)
    moves = (float(np.median(moving[known])) - STILL) / (MOVING - STILL)
    repeats = (UNLIKE - usual) / (UNLIKE - ALIKE)
    return min(max(moves, 0.0), 1.0) * min(max(repeats, 0.0), 1.0)


def _wild(frame: Frame, scale: Scale) -> int:
    """Twice as far off its neighbours as but one value in a thousand, four spreads at least."""
    whole, is_there = rounded(frame.values[0, frame.lookback :], scale)
    far = float(np.quantile(off_neighbours(whole, is_there), WILD_SHARE))
    return int(max(WILD_LEAST * STEPS, WILD_BEYOND * far))
