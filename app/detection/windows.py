"""What a window of points looks like: its mean, spread and median.

A window holds `size` points at most, and none that lies further back than four times as many
sampling intervals: it follows a series that comes irregularly, but does not reach over a gap.
Missing values are not looked at. The spread about the median is the median absolute deviation
x 1.4826, which is the standard deviation where values are normal (Hampel 1974).
"""

from __future__ import annotations

import math

import numpy as np

from app.detection.arithmetic import Floats, Ints
from app.detection.compiled import compiled

FEW = 16  # up to so many, sorting by insertion is quicker than selecting
FEW_ROWS = 8  # for up to so many rows it is quicker to select than to keep a window sorted
SPAN_MOST_NS = 1 << 62
LOOSE = 4  # so many times its span a window may take where points come irregularly


@compiled
def span_of(size: int, interval_ns: int) -> int:
    """How many nanoseconds back a window of so many points may reach, and no further over a gap."""
    times = LOOSE * size
    return SPAN_MOST_NS if interval_ns > SPAN_MOST_NS // times else times * interval_ns


@compiled
def gathered(times: Ints, x: Floats, row: int, size: int, span_ns: int, found: Floats) -> int:
    """Copy to `found` what up to `size` points within `span_ns` before `row` hold; their number."""
    oldest = times[row] - span_ns
    if oldest > times[row]:  # past the beginning of the clock
        oldest = times[0]
    number = 0
    for i in range(max(row - size, 0), row):
        if times[i] >= oldest and not math.isnan(x[i]):
            found[number] = x[i]
            number += 1
    return number


@compiled
def mean_of(found: Floats, number: int) -> float:
    """Mean of the first `number` values, summed in order; NaN for none."""
    if number == 0:
        return math.nan
    total = 0.0
    for i in range(number):
        total += found[i]
    return total / number


@compiled
def deviation_of(found: Floats, number: int, mean: float) -> float:
    """Standard deviation of the first `number` values around their mean; NaN for none."""
    if number == 0:
        return math.nan
    total = 0.0
    for i in range(number):
        total += (found[i] - mean) * (found[i] - mean)
    return math.sqrt(total / number)


@compiled
def median_of(found: Floats, number: int) -> float:
    """Median of the first `number` values, whose order it changes; NaN for none."""
    if number == 0:
        return math.nan
    middle = number // 2
    upper = _smallest(found, number, middle)
    if number % 2 == 1:
        return upper
    lower = found[0]  # the largest of what stands before the middle
    for i in range(1, middle):
        lower = max(lower, found[i])
    return upper if lower == upper else lower / 2 + upper / 2


@compiled
def mad_of(found: Floats, number: int, median: float) -> float:
    """Median absolute deviation x 1.4826 of the first `number` values, which it replaces."""
    for i in range(number):
        found[i] = abs(found[i] - median)
    return 1.4826 * median_of(found, number)


@compiled
def _smallest(found: Floats, number: int, rank: int) -> float:
    """The value of this rank, from 0; what is smaller stands before it afterwards (Hoare)."""
    low, high = 0, number - 1
    while high - low >= FEW:
        pivot = found[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while found[i] < pivot:
                i += 1
            while found[j] > pivot:
                j -= 1
            if i <= j:
                found[i], found[j] = found[j], found[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            return float(found[rank])
    for i in range(low + 1, high + 1):
        value, j = found[i], i - 1
        while j >= low and found[j] > value:
            found[j + 1] = found[j]
            j -= 1
        found[j + 1] = value
    return float(found[rank])


@compiled
def rolling_medians(
    times: Ints, x: Floats, first: int, size: int, span_ns: int, medians: Floats
) -> None:
    """Median of the window before each row from `first` on, into medians (rows,); NaN for none.

    The window is kept sorted while it moves: a median is exact whichever way it is come by.
    """
    ordered, number = np.empty(size + 2), 0
    if len(x) - first <= FEW_ROWS:
        for row in range(first, len(x)):
            number = gathered(times, x, row, size, span_ns, ordered)
            medians[row - first] = median_of(ordered, number)
        return
    start = max(first - size, 0)
    for i in range(start, first):
        number = _insert(ordered, number, x[i])
    for row in range(first, len(x)):
        oldest = times[row] - span_ns
        if oldest > times[row]:
            oldest = times[0]
        while start < row and (start < row - size or times[start] < oldest):
            number = _remove(ordered, number, x[start])
            start += 1
        medians[row - first] = _middle(ordered, number)
        number = _insert(ordered, number, x[row])


@compiled
def _middle(ordered: Floats, number: int) -> float:
    if number == 0:
        return math.nan
    upper = ordered[number // 2]
    if number % 2 == 1:
        return float(upper)
    lower = ordered[number // 2 - 1]
    return float(upper if lower == upper else lower / 2 + upper / 2)


@compiled
def _place(ordered: Floats, number: int, value: float) -> int:
    low, high = 0, number
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _insert(ordered: Floats, number: int, value: float) -> int:
    if math.isnan(value):
        return number
    place = _place(ordered, number, value)
    for i in range(number, place, -1):
        ordered[i] = ordered[i - 1]
    ordered[place] = value
    return number + 1


@compiled
def _remove(ordered: Floats, number: int, value: float) -> int:
    if math.isnan(value):
        return number
    for i in range(_place(ordered, number, value), number - 1):
        ordered[i] = ordered[i + 1]
    return number - 1
