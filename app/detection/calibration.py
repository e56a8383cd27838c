"""From the strangeness of a channel to evidence: -log10 of its tail probability."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import Floats

RECENT_POINTS = 20_000  # calibrated against the recent past
KNOTS = 129
TAIL_FROM = 0.99  # the empirical distribution up to here, an exponential tail above
EVIDENCE_MAX = 6.0
DECADE_LEAST = 0.02  # a series that repeats exactly has no tail to measure: little is not rare
MANY_POINTS = 1000  # enough to have ten beyond the .99 quantile
LEVELS = np.linspace(0.0, 2.0, KNOTS)  # evidence at the knots; 2 is the quantile .99


@dataclass(frozen=True, eq=False)
class Calibration:
    """Tables for a number of channels, frozen in training.

    knots: (channels, KNOTS) strangeness whose evidence is LEVELS; decade: (channels,) how much more
    strangeness makes something ten times as rare, beyond the last knot.
    """

    knots: Floats
    decade: Floats

    @classmethod
    def of(cls, strangeness: Floats) -> Calibration:
        """Calibrate channels (channels, n) against out-of-sample strangeness; NaN is left out."""
        recent = strangeness[:, max(0, strangeness.shape[1] - RECENT_POINTS) :]
        tables = [_table(row[~np.isnan(row)]) for row in recent]
        knots = np.array([table[0] for table in tables]).reshape(len(tables), KNOTS)
        return cls(knots, np.array([table[1] for table in tables]))

    def evidence(self, strangeness: Floats) -> Floats:
        """-log10 P(at least as strange), in [0, 6]; 0 where the strangeness is NaN.

        strangeness: (channels, n); so is the answer.
        """
        beyond = strangeness - self.knots[:, -1:]
        with np.errstate(over="ignore", invalid="ignore"):
            tail = LEVELS[-1] + beyond / self.decade[:, None]
        answer = np.where(beyond > 0, tail, self._empirical(strangeness))
        return np.where(np.isnan(strangeness), 0.0, np.clip(answer, 0.0, EVIDENCE_MAX))

    def _empirical(self, strangeness: Floats) -> Floats:
        """Between the knots on either side. A tie counts as the least of what it ties with."""
        below = np.count_nonzero(self.knots[:, None, :] < strangeness[:, :, None], axis=-1)
        upper = np.clip(below, 1, KNOTS - 1)
        low = np.take_along_axis(self.knots, upper - 1, axis=1)
        high = np.take_along_axis(self.knots, upper, axis=1)
        width = high - low
        share = np.divide(strangeness - low, width, out=np.zeros_like(low), where=width > 0)
        step = LEVELS[1]
        between = (upper - 1) * step + np.clip(share, 0.0, 1.0) * step
        return np.where(below == 0, 0.0, between)


def _table(strangeness: Floats) -> tuple[Floats, float]:
    """Knots and decade of one channel."""
    if not len(strangeness):
        return np.zeros(KNOTS), 1e300
    ordered = np.sort(strangeness)
    knots = np.quantile(ordered, 1.0 - 10.0**-LEVELS, method="higher")
    return knots, _decade(ordered, knots)


def _decade(ordered: Floats, knots: Floats) -> float:
    """Of the excess over the .99 quantile, but never less than the decade before it shows.

    With few points the excess is that of one or two points; the decade before guides better.
    """
    start = float(knots[-1])
    excess = ordered[ordered > start] - start
    mean_excess = float(excess.mean()) if len(excess) else 0.0
    shown = start - float(np.quantile(ordered, 0.9))
    trust = 1.0 if len(ordered) < MANY_POINTS else 0.5
    smallest = max(DECADE_LEAST, 1e-9 * abs(start))
    return max(mean_excess * math.log(10.0), trust * shown, smallest)
