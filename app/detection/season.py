"""How long is a season: the first lag at which the autocorrelation clearly peaks.

Of the ranks r of the last 20,000 values, less their mean, which outliers hardly move,

    acf(l) = n / (n - l) * sum_t r_t r_(t-l) / sum_t r_t^2,   l up to n / 2, smoothed over 3 lags,

all lags at once from the power spectrum (Wiener and Khinchin). Of the peaks the shortest is taken
that reaches 85 % of the highest, since multiples of a season peak as well; a day already at 60 %.
What is measured to within a hundredth of a minute, hour, day, week or year is that. Seven times the
season is tried too: whether it serves is the predictor's choice. What counts as a clear peak: our
own rule, by measuring.
"""

from __future__ import annotations

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.lookup import REACH_POINTS
from app.detection.points import Points
from app.detection.settings import UNITS_NS, Settings

DAY_NS = UNITS_NS["d"]
CALENDAR_NS = (UNITS_NS["m"], UNITS_NS["h"], DAY_NS, UNITS_NS["w"], 31_556_952_000_000_000)
CALENDAR_SHARE = 100  # a measured length may be wrong by one in so many
RECENT_POINTS = 20_000  # the period is that of the recent past
SHORTEST_POINTS = 6
FIELDS_TRIED = 8  # the period is common to all fields
ACF_LEAST, ACF_RISE, ACF_NEAR_BEST, ACF_NEAR_DAY = 0.2, 0.15, 0.85, 0.6


def sampling_interval_ns(points: Points, settings: Settings) -> int:
    """Nanoseconds between points: as set, or the median distance; 1 s where none can be told."""
    if settings.interval != "auto":
        return settings.interval
    if len(points) < 2:
        return UNITS_NS["s"]
    steps = np.sort(np.diff(points.times.view(np.uint64)))  # unsigned: a span may exceed 2^63
    return int(min(steps[(len(steps) - 1) // 2], 1 << 60))


def lengths_ns(points: Points, settings: Settings, interval_ns: int) -> tuple[int, ...]:
    """Season lengths in nanoseconds, shortest first; () where there is none to go by.

    Lengths under two intervals, or further back than a verdict may look, say nothing: left out.
    """
    if settings.season == "auto":
        period = on_the_calendar(period_points(points, interval_ns) * interval_ns, interval_ns)
        wanted: tuple[int, ...] = (period, 7 * period)
    else:
        wanted = settings.season
    most = min(REACH_POINTS, len(points) // 2) * interval_ns
    return tuple(s for s in wanted if 2 * interval_ns <= s <= most)


def on_the_calendar(length_ns: int, interval_ns: int) -> int:
    """The minute, hour, day, week or year that a measured length is as good as; else itself."""
    for unit in CALENDAR_NS:
        if length_ns and abs(length_ns - unit) <= max(interval_ns // 2, unit // CALENDAR_SHARE):
            return unit
    return length_ns


def period_points(points: Points, interval_ns: int) -> int:
    """Length of the season in points, from the autocorrelation of ranks; 0 when there is none."""
    recent = points[max(0, len(points) - RECENT_POINTS) :]
    acf = _autocorrelation(_on_grid(recent, interval_ns))
    lags = _peaks(acf)
    if not len(lags):
        return 0
    best = acf[lags].max()
    day = DAY_NS / interval_ns
    tolerance = max(2.0, day / 30)
    if np.any((np.abs(lags - day) <= tolerance) & (acf[lags] >= ACF_NEAR_DAY * best)):
        return round(day)
    return int(lags[acf[lags] >= ACF_NEAR_BEST * best][0])


def _on_grid(points: Points, interval_ns: int) -> Floats:
    """Values at regular times, gaps as NaN, (d, cells); by position where gaps would prevail."""
    values = points.values.T[:FIELDS_TRIED]
    cells = (
        np.round((points.times - points.times[:1]) / interval_ns) if len(points) else np.empty(0)
    )
    if not len(cells) or cells[-1] >= 2 * len(points) or cells[-1] < 0:
        return values
    grid = np.full((len(values), int(cells[-1]) + 1), np.nan)
    grid[:, cells.astype(np.int64)] = values
    return grid


def _autocorrelation(values: Floats) -> Floats:
    """Mean over the fields of the autocorrelation of their ranks, up to half the length."""
    n = values.shape[1]
    longest = min(n // 2, REACH_POINTS)
    curves = [_rank_correlation(row)[:longest] for row in values if _varies(row)]
    return np.mean(curves, axis=0) if curves else np.zeros(longest)


def _varies(row: Floats) -> bool:
    present = row[~np.isnan(row)]
    return len(present) >= 2 * SHORTEST_POINTS and bool(present.min() < present.max())


def _rank_correlation(row: Floats) -> Floats:
    n = len(row)
    is_there = ~np.isnan(row)
    ranks = np.zeros(n)
    ranks[is_there] = _ranks(row[is_there])
    ranks[is_there] -= ranks[is_there].mean()
    spectrum = np.fft.rfft(ranks, 2 * n)
    products = np.fft.irfft(spectrum * np.conj(spectrum))[:n]
    unbiased = products / products[0] * n / (n - np.arange(n))
    return np.convolve(unbiased, np.full(3, 1 / 3), "same")


def _ranks(values: Floats) -> Floats:
    """From 0 on; equal values share the mean of their places."""
    _, place, number = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(number) - (number + 1) / 2)[place], dtype=np.float64)


def _peaks(acf: Floats) -> Ints:
    """Lags at which the autocorrelation peaks clearly."""
    lags = [lag for lag in range(SHORTEST_POINTS, len(acf) - 1) if _is_peak(acf, lag)]
    return np.array(lags, dtype=np.int64)


def _is_peak(acf: Floats, lag: int) -> bool:
    if acf[lag] <= ACF_LEAST or acf[lag] < acf[lag + 1] or acf[lag] < acf[lag - 1]:
        return False
    around = max(3, lag // 10)
    is_highest = acf[lag] >= acf[max(0, lag - around) : lag + around + 1].max()
    return bool(is_highest and acf[lag] >= acf[:lag].min() + ACF_RISE)
