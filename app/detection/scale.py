"""Centre and spread of each field, by which all else is measured.

    centre = median,    spread = max((q95 - q05) / 3.29, (q75 - q25) / 1.349, sd / 10)

Both quotients are the standard deviation where values are normal (Tukey 1977). The larger of them,
and a tenth of the plain one, because a series may rest most of the time. Their maximum is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.detection.arithmetic import Flags, Floats

JUDGED_FROM = 12  # a field with fewer values than this in training is left out
SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class Scale:
    """What training saw of each field; all (d,) in the field's unit.

    is_known says whether the field had values enough; spread > 0; usual_low..usual_high holds 99 %.
    """

    centre: Floats
    spread: Floats
    lowest: Floats
    highest: Floats
    usual_low: Floats
    usual_high: Floats
    is_known: Flags

    @classmethod
    def of(cls, values: Floats) -> Scale:
        """Measure the training values, (d, n), NaN missing."""
        is_known = np.count_nonzero(~np.isnan(values), axis=1) >= JUDGED_FROM
        rows = [_measure(row) for row in np.where(is_known[:, None], values, np.nan)]
        table = np.array(rows, dtype=np.float64).reshape(len(values), 6).T
        centre, spread, lowest, highest, low, high = (np.ascontiguousarray(row) for row in table)
        return cls(centre, spread, lowest, highest, low, high, is_known)


def robust_spread(values: Floats) -> float:
    """Spread of values (n,) without NaN: like a standard deviation, hardly moved by outliers."""
    if not len(values):
        return 0.0
    q05, q25, q75, q95 = np.quantile(values, [0.05, 0.25, 0.75, 0.95]).tolist()
    return float(max((q95 - q05) / 3.29, (q75 - q25) / 1.349, 0.1 * _deviation(values)))


def _measure(row: Floats) -> list[float]:
    present = row[~np.isnan(row)]
    if not len(present):
        return [0.0, 1.0, np.inf, -np.inf, np.nan, np.nan]
    centre = float(np.median(present))
    spread = max(robust_spread(present), 1e-9 * abs(centre), SMALLEST)
    low, high = np.quantile(present, [0.005, 0.995]).tolist()
    return [centre, spread, float(present.min()), float(present.max()), low, high]


def _deviation(values: Floats) -> float:
    """Standard deviation, brought to unit size first so that squares cannot overflow."""
    size = float(np.abs(values).max())
    return size * float(np.std(values / size)) if size > SMALLEST else 0.0
