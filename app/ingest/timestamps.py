"""Timestamps: RFC 3339 text or epoch integers to UTC nanoseconds, and back.

Nanoseconds are int64 as NumPy's and pandas' are, and multiples of 1000: nothing finer than a
microsecond is stored.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.ingest import layouts
from app.ingest.columns import Column
from app.ingest.layouts import EPOCH, ISO, WIDTH, Layout
from app.ingest.wording import excerpt

USUAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_START = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_EARLIEST_US = (datetime(1678, 1, 1) - _START) // _MICROSECOND
_LATEST_US = (2**63 - 1) // 1000

_RIGHT = "give RFC 3339 such as 2014-11-02T01:00:00Z, or an integer of epoch seconds"
_OUT_OF_RANGE = "is out of range; give 1678-01-01 to 2262-04-11"
_TOO_FINE = "is finer than a microsecond; give at most 6 digits behind the point"

# More characters than any timestamp has.
TOO_LONG = 64

# A column may mix a few ways of writing (fractions only where not zero); past these its rows are
# read one at a time.
_LAYOUTS_OF_A_COLUMN = 8


def parse_timestamp(value: str | int) -> int:
    """One timestamp as UTC nanoseconds, a multiple of 1000.

    Text is RFC 3339 or ISO 8601: a date, or date and time parted by T or a blank, seconds with up
    to 6 digits behind the point (more only when zero), Z or an offset (none: UTC). Integers, also
    as text, are by their absolute value epoch seconds under 1e11, milliseconds under 1e14,
    microseconds under 1e17, else nanoseconds. Blanks around text do not count.

    Raises ValueError, which says what would be right: another form or type (bool too), a date that
    does not exist, finer than a microsecond, or outside of 1678-01-01 to 2262-04-11.
    """
    if isinstance(value, str):
        microseconds = _from_text(value.strip(" \t"))
    elif isinstance(value, int) and not isinstance(value, bool):
        microseconds = _from_epoch(value)
    else:
        raise ValueError(f"a {type(value).__name__} is not a timestamp; {_RIGHT}")
    if not _EARLIEST_US <= microseconds <= _LATEST_US:
        raise ValueError(f"{_shown(value)} {_OUT_OF_RANGE}")
    return microseconds * 1000


def parse_timestamps(
    column: Iterable[str] | Column,
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """A column of text as UTC nanoseconds int64 (n,), and by index what is wrong with the bad ones.

    Takes a list, an array or a Series of str too. The same rules as `parse_timestamp`; bad ones
    are 0. Rows that are written alike are read together, some millions a second; the odd ones one
    at a time.
    """
    cells = column if isinstance(column, Column) else Column.of(column)
    times = np.zeros(len(cells), dtype=np.int64)
    bad: dict[int, str] = {}
    for i in _read_alike(cells, times):
        try:
            times[i] = parse_timestamp(cells.texts[i])
        except ValueError as error:
            bad[i] = str(error)
    return times, bad


def format_timestamp(ns: int) -> str:
    """RFC 3339 in UTC with Z, microseconds only where not zero; what is finer is cut off.

    Takes what `parse_timestamp` gives; its result parses to the same.
    """
    return (_START + timedelta(microseconds=int(ns) // 1000)).isoformat() + "Z"


def format_timestamps(times: NDArray[np.int64]) -> list[str]:
    """`format_timestamp` of each of the times (n,), int64 UTC nanoseconds; about 1 us each."""
    microseconds = np.asarray(times, dtype=np.int64) // 1000
    moments = microseconds.astype("datetime64[us]")
    texts: list[str] = np.datetime_as_string(moments, unit="s").tolist()
    for i in np.flatnonzero(microseconds % 1_000_000).tolist():
        texts[i] += f".{microseconds[i] % 1_000_000:06d}"
    return [text + "Z" for text in texts]


def _from_text(text: str) -> int:
    if USUAL.fullmatch(text):
        with suppress(ValueError):  # a day that is in no calendar: what follows says so
            return (datetime.fromisoformat(text[:-1]) - _START) // _MICROSECOND
    if EPOCH.fullmatch(text):
        return _from_epoch(int(text))
    match = ISO.fullmatch(text)
    if match is None:
        problem = f"{excerpt(text)} is not a timestamp" if text else "there is no timestamp"
        raise ValueError(f"{problem}; {_RIGHT}")
    fraction = (match["fraction"] or "").rstrip("0")
    if len(fraction) > 6:
        raise ValueError(f"{excerpt(text)} {_TOO_FINE}")
    try:
        year, month, day, hour, minute, second = (int(match[part] or 0) for part in _PARTS)
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise ValueError(f"{excerpt(text)} does not exist: {error}") from None
    whole_us = (moment - _START) // _MICROSECOND - _offset_us(match)
    return whole_us + int(fraction.ljust(6, "0"))


def _offset_us(match: re.Match[str]) -> int:
    hours, minutes = int(match["offset_hour"] or 0), int(match["offset_minute"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(f"{excerpt(match.string)} has an offset beyond 23:59")
    return (hours * 60 + minutes) * 60_000_000 * (-1 if match["sign"] == "-" else 1)


def _from_epoch(number: int) -> int:
    magnitude = abs(number)
    if magnitude < 10**11:
        return number * 10**6
    if magnitude < 10**14:
        return number * 10**3
    if magnitude < 10**17:
        return number
    if magnitude >= 2**63:  # said before that it may be too fine as well
        raise ValueError(f"{_shown(number)} {_OUT_OF_RANGE}")
    if number % 1000:
        raise ValueError(f"{_shown(number)} {_TOO_FINE}")
    return number // 1000


def _shown(value: str | int) -> str:
    # An int of thousands of digits cannot be written out.
    if isinstance(value, int) and abs(value) >= 10**20:
        return "the integer"
    return excerpt(value) if isinstance(value, str) else str(value)


def _read_alike(column: Column, times: NDArray[np.int64]) -> list[int]:
    """Fills in the times of rows that are written alike; returns the indices of the others."""
    characters, lengths = column.heads(WIDTH), column.lengths
    pending = np.arange(len(column))
    odd: list[int] = []
    for _ in range(_LAYOUTS_OF_A_COLUMN):
        if not pending.size:
            break
        layout = layouts.layout_of(_text(characters, lengths, int(pending[0])))
        if layout is None:
            odd.append(int(pending[0]))
            pending = pending[1:]
            continue
        follows = _follow(layout, characters, lengths, pending)
        rows = pending[follows]
        microseconds, holds = layouts.read(_of(rows, characters), layout)
        holds &= (microseconds >= _EARLIEST_US) & (microseconds <= _LATEST_US)
        times[rows[holds]] = microseconds[holds] * 1000
        odd.extend(rows[~holds].tolist())
        pending = pending[~follows]
    return sorted([*odd, *pending.tolist()])


def _follow(
    layout: Layout,
    characters: NDArray[np.uint8],
    lengths: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.bool_]:
    width = len(layout.example)
    alike = layouts.is_written_so(_of(rows, characters[:width]), layout)
    follows: NDArray[np.bool_] = alike & (lengths[rows] == width)
    return follows


def _of(rows: NDArray[np.int64], characters: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The columns of these rows; all of them, as nearly always, without a copy."""
    return characters if len(rows) == characters.shape[1] else characters[:, rows]


def _text(characters: NDArray[np.uint8], lengths: NDArray[np.int64], row: int) -> str:
    """Of a cell as far as layouts reach; those that are longer or not ASCII have none."""
    return characters[: lengths[row], row].tobytes().decode("ascii", "replace")
