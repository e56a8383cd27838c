"""The score of the Numenta Anomaly Benchmark, from its published rules.

Each labelled window is worth its earliest detection, weighted by a sigmoid that falls from 1 at the
window's left end to 0 past its right end; a missed window costs, and so does each false alarm,
less when it comes soon after a window. A detector that says nothing has 0, a perfect one 100.

The total at a threshold is a sum over the points at or above it: each point brings what the total
gains when the threshold falls to its score. So a series is judged once, and every threshold and
every choice of series is a sum.

Source: Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms, ICMLA 2015, section III.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Window = tuple[int, int]  # first and last row

PROBATION_SHARE = 0.15
PROBATION_ROWS_MOST = 750
FAR = 3.0  # window lengths past a window from which a false alarm costs all


@dataclass(frozen=True)
class Profile:
    """What a missed window and a false alarm cost; a detection is worth 1 at most."""

    miss: float
    false_alarm: float


PROFILES = {
    "standard": Profile(1.0, 0.11),
    "reward_low_FP": Profile(1.0, 0.22),
    "reward_low_FN": Profile(2.0, 0.11),
}


@dataclass(frozen=True, eq=False)
class Gains:
    """Of one or more series under a profile.

    alarms, gains: (n,), each point's alarm, and what the total gains when the threshold falls to
    it. best: the gains of a perfect detector.
    """

    alarms: Floats
    gains: Floats
    best: float

    @classmethod
    def joined(cls, parts: Sequence[Gains]) -> Gains:
        """Those of several series as if they were one."""
        alarms = np.concatenate([part.alarms for part in parts])
        gains = np.concatenate([part.gains for part in parts])
        return cls(alarms, gains, sum(part.best for part in parts))

    def score_at(self, threshold: float) -> float:
        """The score when every point at or above the threshold is a detection."""
        return 100.0 * float(self.gains[self.alarms >= threshold].sum()) / self.best

    def best_threshold(self) -> float:
        """The threshold with the highest score; inf, which says nothing, where none gains."""
        order = np.argsort(-self.alarms, kind="stable")
        alarms, totals = self.alarms[order], np.cumsum(self.gains[order])
        is_last_of_level = np.append(alarms[1:] != alarms[:-1], True)
        totals = np.where(is_last_of_level, totals, -np.inf)
        top = int(np.argmax(totals))
        return float(alarms[top]) if totals[top] > 0 else math.inf


def judged(alarms: Floats, windows: Sequence[Window], profile: Profile) -> Gains:
    """What each point of a series brings; the first rows, where a detector may learn, are left out.

    alarms: (n,), larger is more alarming. windows: ascending, not overlapping.
    """
    first = probation_rows(len(alarms))
    seen = [window for window in windows if window[1] >= first]
    gains = profile.false_alarm * false_alarms(len(alarms), windows)
    for left, right in seen:
        rows = slice(max(left, first), right + 1)
        worth = detections((left, right))[rows.start - left :]
        gains[rows] = _window_gains(alarms[rows], worth, profile.miss)
    return Gains(alarms[first:], gains[first:], (1.0 + profile.miss) * len(seen))


def probation_rows(n: int) -> int:
    """How many rows at the beginning do not count."""
    return min(int(PROBATION_SHARE * n), PROBATION_ROWS_MOST)


def detections(window: Window) -> Floats:
    """What a detection at each row of a window is worth: 1 at its left end, falling."""
    length = window[1] - window[0] + 1
    ahead = -np.arange(length, 0, -1) / length
    return np.asarray(sigmoid(ahead) / sigmoid(np.array(-1.0)))


def false_alarms(n: int, windows: Sequence[Window]) -> Floats:
    """What a detection at each of n rows outside the windows brings: -1, or less soon after one."""
    worth = np.full(n, -1.0)
    for left, right in windows:
        past = np.arange(1, n - right) / max(right - left, 1)
        worth[right + 1 :] = np.where(past > FAR, -1.0, sigmoid(past))
    return worth


def sigmoid(position: Floats) -> Floats:
    """From 1 far before the end of a window, at position 0, to -1 far behind it."""
    return np.asarray(2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 2 * FAR))) - 1.0)


def _window_gains(alarms: Floats, worth: Floats, miss: float) -> Floats:
    """By how much each point raises its window's best detection as the threshold falls."""
    order = np.argsort(-alarms, kind="stable")
    best = np.maximum.accumulate(worth[order])
    gains = np.empty(len(alarms))
    gains[order] = np.diff(best, prepend=-miss)
    return gains
