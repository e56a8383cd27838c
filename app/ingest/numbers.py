"""Cells of text to doubles: finite decimals, or empty for missing."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.ingest import decimals
from app.ingest.columns import Column
from app.ingest.wording import excerpt

_BLANKS = " \t"
# Possessive (++, *+): a long hopeless cell is given up at once, not tried in every way.
_NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")  # or three decimals: nobody can tell
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*+,[0-9]++(?:[eE][+-]?[0-9]++)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_PLAIN_CHARACTERS = b"0123456789+-.eE" + _BLANKS.encode()


def parse_number(cell: str) -> float:
    """One cell as a double, NaN when it is empty; blanks around it do not count.

    Raises ValueError, which says what would be right, for anything but a finite decimal: nan, inf,
    a decimal comma, hexadecimal, underscores, or a number too large for a double.
    """
    text = cell.strip(_BLANKS)
    if not text:
        return math.nan
    if not _NUMBER.fullmatch(text):
        raise ValueError(_not_a_number(text))
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{excerpt(text)} is too large; doubles end at 1.8e308")
    return value


def parse_column(column: Column) -> tuple[NDArray[np.float64], dict[int, str]]:
    """`parse_numbers` of a column, some ten millions a second where they have up to 15 digits."""
    values, is_read = decimals.read(column)
    if is_read.all():
        return values, {}
    odd = np.flatnonzero(~is_read).tolist()
    values[odd], bad = parse_numbers([column.texts[i] for i in odd])
    return values, {odd[i]: message for i, message in bad.items()}


def parse_numbers(cells: Sequence[str]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """A column of cells as doubles (n,), and by index what is wrong with the bad ones.

    The same rules as `parse_number`; empty and bad cells are NaN.
    """
    values = _plain_floats(cells)
    suspects = range(len(cells)) if values is None else np.flatnonzero(np.isinf(values)).tolist()
    if values is None:
        values = np.empty(len(cells), dtype=np.float64)
    bad: dict[int, str] = {}
    for i in suspects:
        try:
            values[i] = parse_number(cells[i])
        except ValueError as error:
            values[i] = math.nan
            bad[i] = str(error)
    return values, bad


def _plain_floats(cells: Sequence[str]) -> NDArray[np.float64] | None:
    # Of these characters alone float() makes what parse_number makes, or raises: no nan, inf or
    # underscore can be spelled with them.
    if "".join(cells).encode().translate(None, _PLAIN_CHARACTERS):
        return None
    try:
        numbers = (float(cell) if cell else math.nan for cell in cells)
        return np.fromiter(numbers if "" in cells else map(float, cells), np.float64, len(cells))
    except ValueError:
        return None


def _not_a_number(text: str) -> str:
    if _NOT_FINITE.fullmatch(text):
        return f"{excerpt(text)} is not finite; leave the cell empty where the value is missing"
    if _DECIMAL_COMMA.fullmatch(text):
        if _THOUSANDS.fullmatch(text):
            whole, decimal = (excerpt(text.replace(",", mark)) for mark in ("", "."))
            return f"{excerpt(text)} has a comma; write {whole}, or {decimal} where it is decimal"
        return f"{excerpt(text)} has a decimal comma; write {excerpt(text.replace(',', '.'))}"
    return (
        f"{excerpt(text)} is not a number; give a decimal such as -12.5 or 1e-3, or leave it empty"
    )
