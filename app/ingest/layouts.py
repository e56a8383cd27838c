"""Columns of timestamps read many rows at a time: rows written alike share their positions."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ISO = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[Tt ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,30}))?)?"
    r" ?(?:[Zz]|(?P<sign>[+-])(?P<offset_hour>[0-9]{2})(?::?(?P<offset_minute>[0-9]{2}))?)?)?"
)
EPOCH = re.compile(r"(?P<sign>[+-])?(?P<number>[0-9]{1,19})")

# Long enough for seconds with nine digits behind the point and an offset.
WIDTH = 36
_DIGITS_OF_MICROSECOND = 6
_ZERO, _NINE = ord("0"), ord("9")


@dataclass(frozen=True)
class Layout:
    """Where a way of writing timestamps has its digits, its marks and its parts.

    example: uint8 (w,), the characters of one timestamp written so.
    is_digit: bool (w,), where digits stand; any digit may; elsewhere the example's character must.
    spans: the first position and the one behind the last, for each part that is written.
    """

    example: NDArray[np.uint8]
    is_digit: NDArray[np.bool_]
    spans: dict[str, tuple[int, int]]
    sign: int


def layout_of(text: str) -> Layout | None:
    """The layout of a timestamp, or None when it has none: not ASCII, too long, not a timestamp."""
    match = ISO.fullmatch(text) or EPOCH.fullmatch(text)
    if match is None or len(text) >= WIDTH:
        return None
    example = np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return Layout(
        example=example,
        is_digit=(example >= _ZERO) & (example <= _NINE),
        spans={part: match.span(part) for part, found in match.groupdict().items() if found},
        sign=-1 if match["sign"] == "-" else 1,
    )


def is_written_so(characters: NDArray[np.uint8], layout: Layout) -> NDArray[np.bool_]:
    """Which of the rows follow the layout, by characters (w, n), w as in the layout; bool (n,)."""
    alike = np.ones(characters.shape[1], np.bool_)
    for place, is_digit in enumerate(layout.is_digit):
        if is_digit:
            alike &= (characters[place] >= _ZERO) & (characters[place] <= _NINE)
        else:
            alike &= characters[place] == layout.example[place]
    return alike


def read(
    characters: NDArray[np.uint8], layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows that follow the layout, as characters (w, n): UTC microseconds (n,), and which hold.

    Where the second is False the row is no timestamp (month 13) or finer than a microsecond, and
    the first has no meaning there. The range is not checked.
    """
    parts = {
        name: _number(characters, *span) for name, span in layout.spans.items() if name != "sign"
    }
    if "number" in parts:
        return _from_epoch(parts["number"], layout.sign)
    return _from_calendar(parts, characters, layout)


def _number(characters: NDArray[np.uint8], start: int, stop: int) -> NDArray[np.uint64]:
    # Unsigned: 19 digits pass the largest int64.
    number = np.zeros(characters.shape[1], dtype=np.uint64)
    for digits in characters[start:stop]:
        number *= np.uint64(10)
        number += digits - np.uint8(_ZERO)
    return number


def _from_epoch(
    number: NDArray[np.uint64], sign: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    million, thousand = np.uint64(10**6), np.uint64(10**3)
    is_ns = number >= 10**17
    microseconds = np.select(
        [number < 10**11, number < 10**14, ~is_ns],
        [number * million, number * thousand, number],
        number // thousand,
    )
    return microseconds.astype(np.int64) * sign, ~is_ns | (number % thousand == 0)


def _from_calendar(
    parts: dict[str, NDArray[np.uint64]], characters: NDArray[np.uint8], layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    nothing = np.zeros(characters.shape[1], dtype=np.int64)
    part = {name: number.astype(np.int64) for name, number in parts.items()}
    hour, minute, second = (part.get(name, nothing) for name in ("hour", "minute", "second"))
    offset_hour = part.get("offset_hour", nothing)
    offset_minute = part.get("offset_minute", nothing)
    days, holds = _days(part["year"], part["month"], part["day"])
    holds &= (hour < 24) & (minute < 60) & (second < 60) & (offset_hour < 24) & (offset_minute < 60)
    offset_minutes = layout.sign * (offset_hour * 60 + offset_minute)
    seconds = ((days * 24 + hour) * 60 + minute - offset_minutes) * 60 + second
    microseconds, is_whole = _fraction(characters, layout)
    return seconds * 1_000_000 + microseconds, holds & is_whole


def _days(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Days since 1970-01-01 (n,), and which of the dates exist."""
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    following = (months + 1).astype("datetime64[D]").astype(np.int64)
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (day <= following - first)
    return first + day - 1, exists


def _fraction(
    characters: NDArray[np.uint8], layout: Layout
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Microseconds behind the point (n,), and which rows have nothing finer."""
    start, stop = layout.spans.get("fraction", (0, 0))
    cut = min(stop, start + _DIGITS_OF_MICROSECOND)
    scale = 10 ** (_DIGITS_OF_MICROSECOND - (cut - start))
    microseconds = _number(characters, start, cut).astype(np.int64) * scale
    return microseconds, (characters[cut:stop] == _ZERO).all(axis=0)
