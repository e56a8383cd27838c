"""The loops that look for the nearest of many windows, by the sums of products with them.

Arrays go from the furthest window to the own one, REACH_POINTS + 1 of them or fewer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from app.detection.arithmetic import Floats
from app.detection.compiled import compiled, compiled_without_nan

Whole = npt.NDArray[np.int32]

WINDOWS = (16, 32, 64, 128)  # points, each twice the one before
REACH_POINTS = 5000  # how far back a window is looked for
STEPS = 255  # of rounding in a spread
NOWHERE = 1e18
NOTHING = (NOWHERE, 0.0, NOWHERE)
LANES = 16  # searched side by side
TOGETHER = 8  # values to go on by at a time, a divisor of all windows


@compiled
def open_products(whole: Whole, products: Whole) -> None:
    """The products, (windows, REACH_POINTS + 1), of the windows that end with the last row with
    those that end as many rows before it, the furthest first: each window begins the next."""
    end, done = len(whole), 0
    first = end - REACH_POINTS - 1
    for i in range(len(WINDOWS)):
        if i > 0:
            products[i] = products[i - 1]
        for k in range(done, WINDOWS[i], TOGETHER):
            _add(
                whole[end - k - TOGETHER : end - k], whole[first - k - TOGETHER + 1 :], products[i]
            )
        done = WINDOWS[i]


@compiled
def _add(own: Whole, others: Whole, products: Whole) -> None:
    """Add to the products what TOGETHER values more bring; others begin where the furthest do."""
    a, b, c, d, e, f, g, h = own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]
    for i in range(REACH_POINTS + 1):
        x = a * others[i] + b * others[i + 1] + c * others[i + 2] + d * others[i + 3]
        y = e * others[i + 4] + f * others[i + 5] + g * others[i + 6] + h * others[i + 7]
        products[i] += x + y


@compiled
def go_on(enters: int, new: Whole, leaves: int, old: Whole, products: Whole) -> None:
    """From the window that ended a row before to the one that ends at this."""
    for i in range(REACH_POINTS + 1):
        products[i] += enters * new[i] - leaves * old[i]


@compiled
def nearest(sums: Floats, ends: Floats, row: int, w: int, products: Whole) -> tuple[float, float]:
    """D and Z of the window that ends with a row; NaN where there is none before it."""
    begin, end = row - REACH_POINTS, row - w + 1
    upper, lower = sums[begin + 1 : end + 1], sums[begin + 1 - w : end + 1 - w]
    total, inverse = sums[row + 1] - sums[row + 1 - w], ends[1, row]
    others = ends[0, begin:end], ends[1, begin:end], ends[2, begin:end]
    closest, likest = _searched(total, w, inverse, products, *others, upper, lower)
    if likest == -NOWHERE:
        return math.nan, math.nan
    squared = max(ends[0, row] + closest, 0.0)
    return math.sqrt(squared) / (w * STEPS), math.sqrt(max(ends[2, row] - likest, 0.0))


@compiled_without_nan
def _searched(
    total: float,
    w: int,
    inverse: float,
    products: Whole,
    variances: Floats,
    inverses: Floats,
    shares: Floats,
    upper: Floats,
    lower: Floats,
) -> tuple[float, float]:
    """Of the windows that can be found the least squared distance, in (w * STEPS)^2 and less the
    own variance, and the largest likeness; -NOWHERE likeness: none can be found.

    total: sum of the own window; upper - lower: of the others.
    """
    scale = 2.0 * inverse / (w * w * float(STEPS * STEPS))
    closest, likest = np.full(LANES, NOWHERE), np.full(LANES, -NOWHERE)
    together = len(upper) // LANES * LANES
    for start in range(0, together, LANES):
        for lane in range(LANES):
            i = start + lane
            product = w * float(products[i]) - total * (upper[i] - lower[i])
            distance = variances[i] - 2.0 * product
            likeness = scale * product * inverses[i] - shares[i]
            closest[lane] = distance if distance < closest[lane] else closest[lane]
            likest[lane] = likeness if likeness > likest[lane] else likest[lane]
    for i in range(together, len(upper)):
        product = w * float(products[i]) - total * (upper[i] - lower[i])
        closest[0] = min(closest[0], variances[i] - 2.0 * product)
        likest[0] = max(likest[0], scale * product * inverses[i] - shares[i])
    return closest.min(), likest.max()
