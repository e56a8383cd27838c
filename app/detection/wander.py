"""How far a field may be from its centre when as much time has passed again as its history has.

Noise is as far from it tomorrow as today. A field that wanders, as temperatures do, goes further
the longer one waits: how much so is read from its differences over growing lags, its structure
function (Kolmogorov 1941), |x(t + h) - x(t)| ~ h^slope, and continued to the length of the history.
Medians: an anomaly in the history, even a quarter of it, hardly changes the answer.
"""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import Floats

LAG_SHARE = 0.1  # of the history: longest lag of differences, which so often can be seen
PAIRS = 4096  # so many differences are enough for a median
SLOPE_MOST = 1.0  # a steady trend; a random walk has .5, noise 0
STEADY_LEAST = 0.5  # of what independent values would show: many equal ones are no exact science
MOVED_LEAST = 0.02  # in spreads of the values: smaller differences show no growth
MAD_TO_DEVIATION = 1.4826


def slopes_of(means: Floats, size: int) -> Floats:
    """The power of time by which each field wanders, (d,) in [0, 1].

    means: (d, n) trailing means over `size` points of standardised values.
    """
    lags = _lags(means.shape[1], size)
    if len(lags) == 1:
        return np.zeros(len(means))
    first, last = (np.maximum(_difference(means, lag), MOVED_LEAST) for lag in (lags[0], lags[-1]))
    return np.asarray(np.clip(np.log(last / first) / math.log(lags[-1] / lags[0]), 0.0, SLOPE_MOST))


def reach(away: Floats, size: int, slopes: Floats) -> Floats:
    """Standard deviations to expect of means from their centre, (d,).

    away: (d, n) trailing means over `size` points less their centre, standardised; slopes: (d,).
    The centre is a median of few independent means, and has an error of its own.
    """
    n = away.shape[1]
    lags = _lags(n, size)
    differences = np.max([_difference(away, lag) for lag in lags], axis=0)
    waited = differences * np.power(max(n / lags[-1], 1.0), slopes)
    centre_error = math.sqrt(1.0 + math.pi / 2 * size / n)
    return np.asarray(centre_error * np.maximum(waited, STEADY_LEAST / math.sqrt(size)))


def row_medians(x: Floats) -> Floats:
    """Median of each row of x (d, n) without what is missing, (d,); 0 where all is."""
    answer = np.zeros(len(x))
    is_there = ~np.isnan(x).all(axis=1)
    answer[is_there] = np.nanmedian(x[is_there], axis=1)
    return answer


def _lags(n: int, size: int) -> list[int]:
    """From the length of the means, doubled, to a share of the history."""
    lags = [size]
    while 2 * lags[-1] <= LAG_SHARE * n:
        lags.append(2 * lags[-1])
    return lags


def _difference(x: Floats, lag: int) -> Floats:
    """Typical deviation of one end of differences over a lag, (d,), by their median; 0 for none."""
    first = np.arange(x.shape[1] - lag)[:: max(1, (x.shape[1] - lag) // PAIRS)]
    apart = np.abs(x[:, first + lag] - x[:, first])
    return MAD_TO_DEVIATION / math.sqrt(2.0) * row_medians(apart)
