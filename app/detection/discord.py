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
    whole = np.concatenate([np.zeros(absent, np.int32), whole])
    is_there, is_lone = (
        np.concatenate([np.zeros(absent, np.bool_), a]) for a in (is_there, is_lone)
    )
    times = np.concatenate([np.full(absent, np.iinfo(np.int64).min), frame.times[start:]])
    offsets = np.concatenate([np.zeros(absent, np.int64), frame.offsets[start:]])
    rows = len(whole) - NEEDED_POINTS
    answer, ends = np.empty((CHANNELS, rows)), np.empty((len(WINDOWS), 6, len(whole)))
    for i, w in enumerate(WINDOWS):
        _sums(whole, is_there, is_lone, times, offsets, w, min(w * interval_ns, 1 << 62), ends[i])
    _nearest(whole, ends, NEEDED_POINTS, answer)
    return answer, ends[:, 3, NEEDED_POINTS:]


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
def _sums(
    whole: Whole,
    is_there: Flags,
    is_lone: Flags,
    times: Ints,
    offsets: Ints,
    w: int,
    span: int,
    ends: Floats,
) -> None:
    """For the window that ends at each row: sum, sum of squares, 1 / (s + FLAT), and (s / (s +
    FLAT))^2; and whether it can be judged, and be found.

    It cannot where a value is missing or a lone wild one, the points lie too far apart, or the
    clock on the wall was changed; nor be found if its last value is a lone one, as is known later.
    """
    total, squares, present = 0, 0, 0
    for i in range(len(whole)):
        before, x = i - w + 1, int(whole[i])
        total, squares, present = total + x, squares + x * x, present + is_there[i]
        is_whole = present == w and times[i] - times[before] < span
        ends[4, i] = is_whole and offsets[i] == offsets[before]
        ends[0, i], ends[1, i] = total, squares
        present -= is_lone[i]
        ends[5, i] = ends[4, i] and not is_lone[i]
        if before >= 0:
            x = int(whole[before])
            total, squares = total - x, squares - x * x
            present -= is_there[before] and not is_lone[before]
    for i in range(len(whole)):
        deviation = math.sqrt(max(w * ends[1, i] - ends[0, i] * ends[0, i], 0.0)) / (w * STEPS)
        inverse = 1.0 / (deviation + FLAT)
        ends[2, i] = inverse
        ends[3, i] = deviation * inverse * deviation * inverse


@compiled
def _nearest(whole: Whole, ends: Floats, first: int, answer: Floats) -> None:
    """ends: (windows, 6, rows), as `_sums` fills them. answer: (CHANNELS, rows from `first` on)."""
    newest, products = len(whole) - 1, np.zeros((len(WINDOWS), REACH_POINTS + 1), np.int32)
    back, ends_back = whole[::-1].copy(), ends[:, :, ::-1].copy()  # by lag: quicker to go along
    for row in range(first, len(whole)):
        at, begin = newest - row, 0
        for i in range(len(WINDOWS)):
            w = WINDOWS[i]
            if row == first:
                if i > 0:
                    products[i] = products[i - 1]
                for k in range(begin, w):
                    _add(back[at + k], back[at + k :], products[i])
                begin = w
            else:
                _go_on(back[at], back[at:], back[at + w], back[at + w :], products[i])
            found = _search(ends_back[i, :, at:], w, products[i])
            answer[i, row - first], answer[len(WINDOWS) + i, row - first] = found


@compiled
def _add(x: int, back: Whole, products: Whole) -> None:
    """Add to the products with the window each lag back what one more value brings."""
    for lag in range(REACH_POINTS + 1):
        products[lag] += x * back[lag]


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
