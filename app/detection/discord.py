"""Distances of windows to the nearest ones before them, in whole numbers.

Values are rounded to whole 255ths of a spread. Sums of whole numbers are exact: going on from the
window before gives the same to the last bit as a sum over each window anew (own derivation; the
going on from window to window is that of Zhu et al., Matrix Profile II, ICDM 2016). What is
measured, and why, says `shape`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from app.detection.arithmetic import Flags, Floats, Ints
from app.detection.compiled import compiled, compiled_without_nan
from app.detection.frame import Frame
from app.detection.nearest import (
    NOTHING,
    REACH_POINTS,
    STEPS,
    WINDOWS,
    Whole,
    go_on,
    nearest,
    open_products,
)
from app.detection.scale import Scale

CHANNELS = 2 * len(WINDOWS)  # D of each window, then Z of each
LONGEST = WINDOWS[-1]
NEEDED_POINTS = REACH_POINTS + LONGEST + 2  # and the neighbours of the first
FAR = 8  # spreads from the centre, where values are cut: sums of products fit 31 bits
FLAT = 0.05
SETTLED = WINDOWS[0]  # so many rows later a window is first looked at, and can be found or not


class Rows(NamedTuple):
    """What is known of each row, worked out once; rows are only ever added.

    whole: (rows,) values in 255ths of a spread, 0 for missing; is_there: (rows,). runs: (rows,) how
    many rows just before have a value and are not lone. sums: (2, rows + 1) of the values and of
    their squares, up to each row. ends: (windows, 3, rows), of the window that ends there VARIANCE,
    (s w STEPS)^2, INVERSE, 1 / (s + FLAT), and SHARE, (s / (s + FLAT))^2; SETTLED rows later
    NOTHING where it cannot be found: a value is missing or a lone wild one, the points lie too far
    apart, or the clock on the wall was changed.
    """

    whole: Whole
    is_there: Flags
    runs: Ints
    sums: Floats
    ends: Floats

    @classmethod
    def room_for(cls, rows: int) -> Rows:
        """With nothing in it yet."""
        return cls(
            np.zeros(rows, np.int32),
            np.zeros(rows, np.bool_),
            np.zeros(rows, np.int64),
            np.zeros((2, rows + 1)),
            np.empty((len(WINDOWS), 3, rows)),
        )

    def take(self, other: Rows, span: slice) -> None:
        """Rows of another, as the first of these."""
        n = span.stop - span.start
        for name in ("whole", "is_there", "runs", "ends"):
            getattr(self, name)[..., :n] = getattr(other, name)[..., span]
        self.sums[:, : n + 1] = other.sums[:, span.start : span.stop + 1]


class Past(NamedTuple):
    """What rows are made of, (rows,) each."""

    values: Floats
    times: Ints
    offsets: Ints


class Measure(NamedTuple):
    """By what rows are measured: centre and spread of the values; wild: 255ths of a spread off both
    neighbours from which a value is a lone one; spans: ns that each window may take, (windows,)."""

    centre: float
    spread: float
    wild: int
    spans: Ints

    @classmethod
    def of(cls, scale: Scale, interval_ns: int, wild: int) -> Measure:
        """For points so many nanoseconds apart."""
        spans = np.array([min(w * interval_ns, 1 << 62) for w in WINDOWS])
        return cls(float(scale.centre[0]), float(scale.spread[0]), wild, spans)


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
    past = Past(frame.values[0, start:], frame.times[start:], frame.offsets[start:])
    if absent:
        before = (np.full(absent, np.nan), np.zeros(absent, np.int64), np.zeros(absent, np.int64))
        past = Past(*(np.concatenate(both) for both in zip(before, past, strict=True)))
    by, rows = Measure.of(scale, interval_ns, wild), Rows.room_for(len(past.values))
    products = opened(rows, by, past, NEEDED_POINTS)
    return followed(rows, by, past, range(NEEDED_POINTS, len(past.values)), products)[:2]


def opened(rows: Rows, by: Measure, past: Past, end: int) -> Whole:
    """Fill in the rows before `end`, at least NEEDED_POINTS; the products (windows, lags) of the
    windows that end with the last of them."""
    products = np.zeros((len(WINDOWS), REACH_POINTS + 1), np.int32)
    _fill(past, rows, by, 0, end)
    open_products(rows.whole[:end], products)
    return products


def reopen(rows: Rows, by: Measure, past: Past, end: int) -> None:
    """Forget what rows from `end` on have settled; those before are there."""
    _fill(past, rows, by, end - SETTLED, end)


def followed(
    rows: Rows, by: Measure, past: Past, new: range, products: Whole
) -> tuple[Floats, Floats, Whole]:
    """Fill in new rows; their distances and shares as of `distances`, and the products after the
    last. products: of the row before."""
    n, products = len(new), products.copy()
    answer, moving = np.empty((CHANNELS, n)), np.empty((len(WINDOWS), n))
    _follow(
        past.values,
        past.times,
        past.offsets,
        rows.whole,
        rows.is_there,
        rows.runs,
        rows.sums,
        rows.ends,
        by.centre,
        by.spread,
        by.wild,
        by.spans,
        new.start,
        products,
        answer,
        moving,
    )
    return answer, moving, products


@compiled
def _round(values: Floats, centre: float, spread: float, whole: Whole, is_there: Flags) -> None:
    for i in range(len(values)):
        is_there[i] = not math.isnan(values[i])
        away = min(max((values[i] - centre) / spread, -float(FAR)), float(FAR))
        whole[i] = round(away * STEPS) if is_there[i] else 0


@compiled
def _off(before: int, x: int, after: int) -> int:
    """How far a value is off the median of its neighbours and itself."""
    return abs(x - max(min(before, after), min(max(before, after), x)))


@compiled
def off_neighbours(whole: Whole, is_there: Flags) -> Whole:
    """How far each value but the first and last is off the median of its neighbours and itself."""
    off = np.zeros(len(whole), np.int32)
    for i in range(1, len(whole) - 1):
        if is_there[i - 1] and is_there[i + 1]:
            off[i] = _off(whole[i - 1], whole[i], whole[i + 1])
    return off


@compiled
def _fill(past: Past, rows: Rows, by: Measure, begin: int, end: int) -> None:
    """The rows from begin up to end; those before are there."""
    whole, is_there, runs, sums, ends = rows
    _round(past.values[begin:end], by.centre, by.spread, whole[begin:end], is_there[begin:end])
    for row in range(begin, end):
        x, last, is_lone = float(whole[row]), row - 1, False
        sums[0, row + 1], sums[1, row + 1] = sums[0, row] + x, sums[1, row] + x * x
        if row > 1 and is_there[last - 1] and is_there[row]:
            is_lone = _off(whole[last - 1], whole[last], whole[row]) > by.wild
        runs[row] = runs[last] + 1 if row > 0 and is_there[last] and not is_lone else 0
    for i in range(len(WINDOWS)):
        w, own = WINDOWS[i], ends[i]
        _move(sums[0], sums[1], w, max(begin, w - 1), end, own[0], own[1], own[2])
        for row in range(max(begin - SETTLED, w - 1), end - SETTLED):
            if runs[row + 1] < w or not _is_close(past, row, w, by.spans[i]):
                own[0, row], own[1, row], own[2, row] = NOTHING


@compiled_without_nan
def _move(
    sums: Floats,
    squares: Floats,
    w: int,
    begin: int,
    end: int,
    variances: Floats,
    inverses: Floats,
    shares: Floats,
) -> None:
    """What is known of the windows that end with the rows from begin on."""
    for row in range(begin, end):
        total, square = sums[row + 1] - sums[row + 1 - w], squares[row + 1] - squares[row + 1 - w]
        variances[row] = w * square - total * total
        deviation = math.sqrt(variances[row]) / (w * STEPS)
        inverses[row] = 1.0 / (deviation + FLAT)
        shares[row] = deviation * inverses[row] * deviation * inverses[row]


@compiled
def _is_close(past: Past, row: int, w: int, span: int) -> bool:
    """Whether the points of a window that ends with a row follow each other on one clock."""
    first = row - w + 1
    is_near = past.times[row] - past.times[first] < span
    return bool(is_near & (past.offsets[row] == past.offsets[first]))


@compiled
def _follow(
    values: Floats,
    times: Ints,
    offsets: Ints,
    whole: Whole,
    is_there: Flags,
    runs: Ints,
    sums: Floats,
    ends: Floats,
    centre: float,
    spread: float,
    wild: int,
    spans: Ints,
    begin: int,
    products: Whole,
    answer: Floats,
    moving: Floats,
) -> None:
    """D and Z into answer, (CHANNELS, rows), and (s / (s + FLAT))^2 into moving, (windows, rows),
    of the rows from `begin` on. All is given by itself: tuples with names are slow to hand over."""
    past, by = Past(values, times, offsets), Measure(centre, spread, wild, spans)
    rows = Rows(whole, is_there, runs, sums, ends)
    for row in range(begin, begin + answer.shape[1]):
        here, furthest = row - begin, row - REACH_POINTS
        _fill(past, rows, by, row, row + 1)
        for i in range(len(WINDOWS)):
            w = WINDOWS[i]
            go_on(whole[row], whole[furthest:], whole[row - w], whole[furthest - w :], products[i])
            moving[i, here] = ends[i, 2, row]
            length = runs[row] + 1 if is_there[row] else 0
            if length >= w and _is_close(past, row, w, by.spans[i]):
                found = nearest(sums[0], ends[i], row, w, products[i])
            else:
                found = math.nan, math.nan
            answer[i, here], answer[len(WINDOWS) + i, here] = found
