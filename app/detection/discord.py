"""Distances of windows to the nearest ones before them, in whole numbers.

Values are rounded to whole 255ths of a spread. Sums of whole numbers are exact: a stream takes them
over each window anew, a batch goes on from the window before, with the same result to the last bit
(own derivation; the going on from window to window is that of Zhu et al., Matrix Profile II, ICDM
2016). What is measured, and why, says `shape`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.compiled import compiled, compiled_without_nan
from app.detection.frame import Frame
from app.detection.scale import Scale

Whole = npt.NDArray[np.int32]

WINDOWS = (16, 32, 64, 128)  # points, each twice the one before
CHANNELS = 2 * len(WINDOWS)  # D of each window, then Z of each
LONGEST = WINDOWS[-1]
REACH_POINTS = 5000  # how far back a window is looked for
NEEDED_POINTS = REACH_POINTS + LONGEST + 2  # and the neighbours of the first
STEPS = 255  # of rounding in a spread
FAR = 8  # spreads from the centre, where values are cut: sums of products fit 31 bits
FLAT = 0.05
NOWHERE = 1e18
TOGETHER = 8  # values to go on by at a time, a divisor of all windows


def rounded(values: Floats, scale: Scale) -> tuple[Whole, Flags]:
    """Values, (n,), in whole 255ths of a spread, 0 for missing; and which of them are there."""
    whole, is_there = np.empty(len(values), np.int32), np.empty(len(values), np.bool_)
    _round(values, float(scale.centre[0]), float(scale.spread[0]), whole, is_there)
    return whole, is_there


def distances(
    frame: Frame, scale: Scale, interval_ns: int, wild: int, first: int
) -> tuple[Floats, Floats]:
    """D and Z of the windows, (CHANNELS, n), that end with the rows of the frame from `first` on,
    and (s / (s + FLAT))^2 of each, (windows, n)."""
    start = max(0, first - NEEDED_POINTS)
    absent = NEEDED_POINTS - (first - start)
    whole, is_there = rounded(frame.values[0, start:], scale)
    is_lone = off_neighbours(whole, is_there) > wild
    times, offsets = frame.times[start:], frame.offsets[start:]
    if absent:
        whole, is_there, is_lone, times, offsets = (
            np.concatenate([np.zeros(absent, a.dtype), a])
            for a in (whole, is_there, is_lone, times, offsets)
        )
    rows = len(whole) - NEEDED_POINTS
    answer, moving = np.empty((CHANNELS, rows)), np.empty((len(WINDOWS), rows))
    spans = tuple(min(w * interval_ns, 1 << 62) for w in WINDOWS)
    past = _by_lag(whole, is_there, is_lone, times, offsets)
    _nearest(*past, spans, answer, moving)
    return answer, moving


@compiled
def _round(values: Floats, centre: float, spread: float, whole: Whole, is_there: Flags) -> None:
    for i in range(len(values)):
        is_there[i] = not math.isnan(values[i])
        away = min(max((values[i] - centre) / spread, -float(FAR)), float(FAR))
        whole[i] = round(away * STEPS) if is_there[i] else 0


@compiled
def off_neighbours(whole: Whole, is_there: Flags) -> Whole:
    """How far each value but the last is off the median of its neighbours and itself."""
    off = np.zeros(len(whole), np.int32)
    for i in range(1, len(whole) - 1):
        if is_there[i - 1] and is_there[i + 1]:
            low, high = min(whole[i - 1], whole[i + 1]), max(whole[i - 1], whole[i + 1])
            off[i] = abs(whole[i] - max(low, min(high, whole[i])))
    return off


@compiled
def _by_lag(
    whole: Whole, is_there: Flags, is_lone: Flags, times: Ints, offsets: Ints
) -> tuple[Whole, Floats, Ints, Ints]:
    """All from the last row back: quicker to go along.

    The values; (2, n + 1) sums of values and of squares up to each row; (2, n) how many rows up to
    each have a value and are not lone, itself let be lone, and not; (2, n) times and offsets.
    """
    n, total, squares, run = len(whole), 0, 0, 0
    back, sums = np.empty(n, np.int32), np.zeros((2, n + 1))
    runs, clock = np.empty((2, n), np.int64), np.empty((2, n), np.int64)
    for i in range(n):
        lag, x = n - 1 - i, int(whole[i])
        total, squares = total + x, squares + x * x
        back[lag], sums[0, lag], sums[1, lag] = x, total, squares
        runs[0, lag] = run + 1 if is_there[i] else 0
        run = run + 1 if is_there[i] and not is_lone[i] else 0
        runs[1, lag] = run
        clock[0, lag], clock[1, lag] = times[i], offsets[i]
    return back, sums, runs, clock


@compiled
def _measure(sums: Floats, runs: Ints, clock: Ints, w: int, span: int, ends: Floats) -> None:
    """For the window that ends at each lag: sum, sum of squares, 1 / (s + FLAT), and (s / (s +
    FLAT))^2; and whether it can be judged, and be found.

    It cannot where a value is missing or a lone wild one, the points lie too far apart, or the
    clock on the wall was changed; nor be found if its last value is a lone one, as is known later.
    """
    for lag in range(ends.shape[1]):
        first = lag + w - 1
        total, squares = sums[0, lag] - sums[0, first + 1], sums[1, lag] - sums[1, first + 1]
        deviation = math.sqrt(max(w * squares - total * total, 0.0)) / (w * STEPS)
        inverse = 1.0 / (deviation + FLAT)
        is_close = (clock[0, lag] - clock[0, first] < span) & (clock[1, lag] == clock[1, first])
        ends[0, lag], ends[1, lag], ends[2, lag] = total, squares, inverse
        ends[3, lag] = deviation * inverse * deviation * inverse
        ends[4, lag] = 1.0 if is_close & (runs[0, lag] >= w) else 0.0
        ends[5, lag] = 1.0 if is_close & (runs[1, lag] >= w) else 0.0


@compiled
def _nearest(
    back: Whole,
    sums: Floats,
    runs: Ints,
    clock: Ints,
    spans: tuple[int, ...],
    answer: Floats,
    moving: Floats,
) -> None:
    """Of what `_by_lag` gives D and Z into answer, (CHANNELS, rows), and (s / (s + FLAT))^2 into
    moving, (windows, rows), of the last rows."""
    rows, begin = answer.shape[1], 0
    opening = np.zeros(REACH_POINTS + 1, np.int32)  # of the first row: each window begins the next
    room = np.empty((6, len(back)))
    for i in range(len(WINDOWS)):
        w, ends = WINDOWS[i], room[:, : len(back) - WINDOWS[i] + 1]
        _measure(sums, runs, clock, w, spans[i], ends)
        for k in range(begin, w, TOGETHER):
            _add(back[rows - 1 + k :], opening)
        begin, products = w, opening.copy()
        for row in range(rows):
            at = rows - 1 - row
            if row > 0:
                _go_on(back[at], back[at:], back[at + w], back[at + w :], products)
            found = _search(ends[:, at:], w, products)
            answer[i, row], answer[len(WINDOWS) + i, row] = found
            moving[i, row] = ends[3, at]


@compiled
def _add(back: Whole, products: Whole) -> None:
    """Add to the products with the window each lag back what TOGETHER more values bring."""
    a, b, c, d, e, f, g, h = back[0], back[1], back[2], back[3], back[4], back[5], back[6], back[7]
    for lag in range(REACH_POINTS + 1):
        x = a * back[lag] + b * back[lag + 1] + c * back[lag + 2] + d * back[lag + 3]
        y = e * back[lag + 4] + f * back[lag + 5] + g * back[lag + 6] + h * back[lag + 7]
        products[lag] += x + y


@compiled
def _go_on(enters: int, new: Whole, leaves: int, old: Whole, products: Whole) -> None:
    """From the window that ended a row before to the one that ends at this."""
    for lag in range(REACH_POINTS + 1):
        products[lag] += enters * new[lag] - leaves * old[lag]


@compiled_without_nan
def _squared(ends: Floats, w: int, products: Whole) -> tuple[float, float]:
    """Least squared distance of a window, in (w * STEPS)^2, and its largest likeness, to those at
    least w before it; all arrays by lag, 0 is the window. -NOWHERE likeness: there is none."""
    sums, norms, inverses, shares, _, is_found = ends
    total, squares = sums[0], norms[0]
    scale = 2.0 * inverses[0] / (w * w * float(STEPS * STEPS))
    nearest, likest = NOWHERE, -NOWHERE
    for lag in range(w, REACH_POINTS + 1):
        product, apart = float(products[lag]), total - sums[lag]
        distance = w * (squares + norms[lag] - 2.0 * product) - apart * apart
        likeness = scale * (w * product - total * sums[lag]) * inverses[lag] - shares[lag]
        distance = distance if is_found[lag] else NOWHERE
        likeness = likeness if is_found[lag] else -NOWHERE
        nearest = distance if distance < nearest else nearest
        likest = likeness if likeness > likest else likest
    return nearest, likest


@compiled
def _search(ends: Floats, w: int, products: Whole) -> tuple[float, float]:
    """D and Z of a window; NaN where it cannot be judged or there is none before it."""
    if not ends[4, 0]:
        return math.nan, math.nan
    nearest, likest = _squared(ends, w, products)
    if likest == -NOWHERE:
        return math.nan, math.nan
    own = ends[3, 0]
    return math.sqrt(max(nearest, 0.0)) / (w * STEPS), math.sqrt(max(own - likest, 0.0))
