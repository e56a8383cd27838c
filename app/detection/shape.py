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

Values are rounded to whole 255ths of a spread. Sums of whole numbers are exact: a stream takes them
over each window anew, a batch goes on from the window before, with the same result to the last bit
(own derivation). A lone wild value is strange by itself; the windows that hold it say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Floats, Ints, ordered_sum
from app.detection.calibration import Calibration
from app.detection.compiled import compiled, compiled_without_nan
from app.detection.frame import Frame
from app.detection.scale import Scale
from app.detection.verdict import Course

Whole = npt.NDArray[np.int32]

WINDOWS = (16, 32, 64, 128)  # points, each twice the one before
CHANNELS = 2 * len(WINDOWS)  # D of each window, then Z of each
LONGEST = WINDOWS[-1]
REACH_POINTS = 5000  # how far back a window is looked for
NEEDED_POINTS = REACH_POINTS + LONGEST + 2  # and the neighbours of the first
STEPS = 255  # of rounding in a spread
FAR = 8  # spreads from the centre, where values are cut: sums of products fit 31 bits
FLAT = 0.05
LEAST = 0.01
LEARNED_ROWS = 3000
LARGEST_SHARE = 0.25
DECADE_LEAST = 0.1  # a tenth further off is not rare, however exactly a series repeats itself
LEARNED_LEAST, SURE_ROWS = 256, 1000  # from so many on something is said, and fully
JUDGED_BY = WINDOWS.index(64)  # the window whose Z tells whether history repeats itself
ALIKE, UNLIKE = 0.25, 0.45  # Z / sqrt 2, which is 1 between windows that have nothing in common
STILL, MOVING = 0.25, 0.5  # (s / (s + FLAT))^2 of the usual window, without and with a shape
WILD_LEAST, WILD_BEYOND, WILD_SHARE = 4.0, 2.0, 0.999
NOWHERE = 1e18


@dataclass(frozen=True, eq=False)
class Shape:
    """What training found of courses. trust: in (0, 1], how much history repeats itself. wild: in
    255ths of a spread, how far off both its neighbours a value is left out as a lone one.
    """

    trust: float
    wild: int
    calibration: Calibration

    def nothing_yet(self) -> Floats:
        """The memory where the training ended: (CHANNELS, 0)."""
        return np.empty((CHANNELS, 0))

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
    table, moving = _distances(frame, scale, interval_ns, wild, len(frame.times) - rows)
    trust = _trust(table[len(WINDOWS) + JUDGED_BY, rows // 2 :], moving[rows // 2 :])
    trust *= min(1.0, rows / SURE_ROWS)
    if trust == 0:
        return None
    logarithms = _logarithm(table)
    by = Calibration.of(logarithms)
    by = replace(by, decade=np.maximum(by.decade, DECADE_LEAST))
    return Learned(Shape(trust, wild, by), logarithms)


def courses(
    strangeness: Floats, shape: Shape, memory: Floats
) -> tuple[tuple[Course, Course], Floats]:
    """For the score and for the strength the evidence of all windows, 3 / 4 of it their mean and
    1 / 4 the largest; and the memory after.

    strangeness: (CHANNELS, n); memory: as of `Calibration.evidence`.
    """
    both, memory = shape.calibration.evidence(strangeness, memory)
    mean = ordered_sum(both, axis=1) / CHANNELS
    for_score, for_strength = mean + LARGEST_SHARE * (both.max(axis=1) - mean)
    return (Course(for_score, shape.trust), Course(for_strength, shape.trust)), memory


def strangeness(frame: Frame, scale: Scale, interval_ns: int, shape: Shape) -> Floats:
    """log of the distances of each point's windows, (CHANNELS, n); NaN where values are missing, or
    no window lies before."""
    distances, _ = _distances(frame, scale, interval_ns, shape.wild, frame.lookback)
    distances[:, np.isnan(frame.judged[0])] = np.nan
    return _logarithm(distances)


def strangest(strangeness: Floats, shape: Shape) -> int:
    """The length of the window that is furthest beyond the usual, of one point's (CHANNELS,)."""
    by = shape.calibration
    return WINDOWS[int(np.argmax((strangeness - by.knots[:, -1]) / by.decade)) % len(WINDOWS)]


def _logarithm(distances: Floats) -> Floats:
    answer = np.empty(distances.shape)
    _log(distances.ravel(), answer.ravel())
    return answer


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
    whole, is_there = _whole(frame.values[0, frame.lookback :], scale)
    far = float(np.quantile(_off_neighbours(whole, is_there), WILD_SHARE))
    return int(max(WILD_LEAST * STEPS, WILD_BEYOND * far))


def _whole(values: Floats, scale: Scale) -> tuple[Whole, npt.NDArray[np.bool_]]:
    """Values, (n,), in whole 255ths of a spread, 0 for missing; and which of them are there."""
    whole, is_there = np.empty(len(values), np.int32), np.empty(len(values), np.bool_)
    _round(values, float(scale.centre[0]), float(scale.spread[0]), whole, is_there)
    return whole, is_there


def _distances(
    frame: Frame, scale: Scale, interval_ns: int, wild: int, first: int
) -> tuple[Floats, Floats]:
    """D and Z of the windows, (CHANNELS, n), that end with the rows of the frame from `first` on,
    and (s / (s + FLAT))^2 of the usual window, (n,)."""
    start = max(0, first - NEEDED_POINTS)
    absent = NEEDED_POINTS - (first - start)
    whole, is_there = _whole(frame.values[0, start:], scale)
    is_lone = _off_neighbours(whole, is_there) > wild
    whole = np.concatenate([np.zeros(absent, np.int32), whole])
    is_there, is_lone = (
        np.concatenate([np.zeros(absent, np.bool_), a]) for a in (is_there, is_lone)
    )
    times = np.concatenate([np.full(absent, np.iinfo(np.int64).min), frame.times[start:]])
    offsets = np.concatenate([np.zeros(absent, np.int64), frame.offsets[start:]])
    rows = len(whole) - NEEDED_POINTS
    answer, ends = np.empty((CHANNELS, rows)), np.empty((len(WINDOWS), 6, len(whole)))
    for i, w in enumerate(WINDOWS):
        _sums(whole, is_there, is_lone, times, offsets, w, w * interval_ns, ends[i])
    _nearest(whole, ends, NEEDED_POINTS, answer)
    return answer, ends[JUDGED_BY, 3, NEEDED_POINTS:]


@compiled
def _log(distances: Floats, answer: Floats) -> None:
    for i in range(len(distances)):
        answer[i] = math.log(distances[i] + LEAST)


@compiled
def _round(
    values: Floats, centre: float, spread: float, whole: Whole, is_there: npt.NDArray[np.bool_]
) -> None:
    for i in range(len(values)):
        is_there[i] = not math.isnan(values[i])
        away = min(max((values[i] - centre) / spread, -float(FAR)), float(FAR))
        whole[i] = round(away * STEPS) if is_there[i] else 0


@compiled
def _off_neighbours(whole: Whole, is_there: npt.NDArray[np.bool_]) -> Whole:
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
    is_there: npt.NDArray[np.bool_],
    is_lone: npt.NDArray[np.bool_],
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
