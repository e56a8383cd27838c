"""Columns of short decimals read many rows at a time, to the very doubles that `float` gives.

A whole number under 2^53 is a double, and so is a power of ten up to 10^22: their quotient, rounded
once, is the double nearest to the decimal (W. Clinger, How to read floating point numbers
accurately, 1990).
"""

import numpy as np
from numpy.typing import NDArray

from app.ingest.columns import Column

_DIGITS = 15  # 10^15 is under 2^53
_PLACES = _DIGITS + 2  # with a sign and a point
_POWERS = 10.0 ** np.arange(_DIGITS + 1)
_PLUS, _MINUS, _POINT, _ZERO, _NINE = map(ord, "+-.09")


def read(column: Column) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Doubles (n,), and which of the cells were read: `-12.5`, `.5`, `7.`, `+3`, or empty (NaN).

    The others may be numbers too: longer, with an exponent, or with blanks round them.
    """
    heads, lengths = column.heads(_PLACES), column.lengths
    whole = np.zeros(len(column), np.int64)
    digits, decimals = np.zeros(len(column), np.int8), np.zeros(len(column), np.int8)
    has_point, is_sound = np.zeros(len(column), np.bool_), lengths <= _PLACES
    for place, characters in enumerate(heads):
        is_digit = (characters >= _ZERO) & (characters <= _NINE)
        np.multiply(whole, 10, out=whole, where=is_digit)
        np.add(whole, characters - np.uint8(_ZERO), out=whole, where=is_digit)
        digits += is_digit
        decimals += is_digit & has_point
        is_point = (characters == _POINT) & ~has_point
        is_sign = ((characters == _PLUS) | (characters == _MINUS)) if place == 0 else False
        has_point |= is_point
        is_sound &= is_digit | is_point | is_sign | (place >= lengths)
    is_sound &= (digits >= 1) & (digits <= _DIGITS)
    values = np.where(is_sound, whole, 0) / _POWERS[np.minimum(decimals, _DIGITS)]
    if len(heads):
        np.negative(values, out=values, where=heads[0] == _MINUS)
    is_empty = lengths == 0
    values[~is_sound] = np.nan
    return values, is_sound | is_empty
