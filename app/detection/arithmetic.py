"""Arithmetic in which a row's result never depends on how many rows are computed together.

A batch and a stream must agree bit for bit. numpy sums in pairs over one layout and in sequence
over another, and its transcendental functions may take another path for the last few elements;
what a verdict takes from whole arrays goes through the functions here instead; the rest is done
point by point (`compiled`).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

LANES = 32  # a multiple of every vector width: no element is ever in a remainder
BOUND = 1e12  # standardised values are cut here, so that no square of them overflows


def ordered_sum(terms: Floats, axis: int = -1) -> Floats:
    """The sum along an axis, strictly from first to last; that axis must not be empty."""
    return np.asarray(np.take(np.cumsum(terms, axis=axis), -1, axis=axis), dtype=np.float64)


def log(x: Floats) -> Floats:
    """Natural logarithm of positive numbers; NaN stays NaN."""
    return _in_whole_lanes(np.log, x, filler=1.0)


def exp2(x: Floats) -> Floats:
    """2 to the power of x."""
    return _in_whole_lanes(np.exp2, x)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """The quotient, cut to [-BOUND, BOUND]; NaN where the numerator is. The denominator is > 0."""
    with np.errstate(over="ignore"):
        return np.clip(numerator / denominator, -BOUND, BOUND)


def windows(x: Floats, length: int, first: int) -> Floats:
    """The `length` entries up to and with each entry from `first` on.

    x: (..., n); returns a view (..., n - first, length). Needs first >= length - 1.
    """
    view = np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)
    return view[..., first - length + 1 :, :]


def count(window: Floats) -> Ints:
    """How many entries along the last axis are not missing."""
    return np.asarray(np.count_nonzero(~np.isnan(window), axis=-1), dtype=np.int64)


def median(window: Floats) -> Floats:
    """Median of what is not missing along the last axis; NaN where all is missing."""
    ordered = np.sort(window, axis=-1)  # missing entries go to the end
    present = count(window)
    low = np.take_along_axis(ordered, np.maximum(present - 1, 0)[..., None] // 2, axis=-1)
    high = np.take_along_axis(ordered, (present // 2)[..., None], axis=-1)
    middle = np.where(low == high, low, low / 2 + high / 2)[..., 0]
    return np.where(present > 0, middle, np.nan)


def median_and_deviation(window: Floats) -> tuple[Floats, Floats]:
    """Median, and median absolute deviation x 1.4826 (the standard deviation of a normal)."""
    centre = median(window)
    return centre, 1.4826 * median(np.abs(window - centre[..., None]))


def _in_whole_lanes(function: Callable[[Floats], Floats], x: Floats, filler: float = 0.0) -> Floats:
    padded = np.empty(-(-x.size // LANES) * LANES)
    padded[: x.size], padded[x.size :] = x.reshape(-1), filler
    return function(padded)[: x.size].reshape(x.shape)
