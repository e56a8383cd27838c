"""Rows as cells of CSV and back, bit for bit: the columns of what a tenant takes along.

A number is written as Python's repr, which names one double only; a missing one is an empty cell.
Text that a spreadsheet would run, or that begins with an apostrophe, gets an apostrophe before it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.store.ids import from_ulid, ulid

ESCAPED_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True)
class Kind:
    """How a value is written and read; None is an empty cell."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]
    is_per_field: bool = False  # a list, with a cell for each field


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_time(cell: str) -> datetime:
    moment = datetime.fromisoformat(cell)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return moment


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _read_number(cell: str) -> float:
    return float(cell) if cell else math.nan


def _read_flag(cell: str) -> bool:
    return {"true": True, "false": False}[cell]


def _read_ulid(cell: str) -> UUID:
    found = from_ulid(cell)
    if found is None:
        raise ValueError("no ULID")
    return found


def text(value: str) -> str:
    return f"'{value}" if value.startswith(ESCAPED_STARTS) else value


def read_text(cell: str) -> str:
    return cell.removeprefix("'")


TIME = Kind(_time, _read_time)
NUMBER = Kind(_number, _read_number)
NUMBERS = Kind(_number, _read_number, is_per_field=True)
WHOLE = Kind(str, int)
FLAG = Kind(lambda value: str(value).lower(), _read_flag)
EVENT = Kind(ulid, _read_ulid)
TEXT = Kind(text, read_text)

_SCORE = {
    "timestamp": TIME,
    "value": NUMBERS,
    "score": NUMBER,
    "is_anomaly": FLAG,
    "alert": FLAG,
    "event": EVENT,
    "threshold": NUMBER,
    "expected": NUMBERS,
    "lower": NUMBERS,
    "upper": NUMBERS,
    "contributions": NUMBERS,
    "reason": TEXT,
    "model_version": WHOLE,
    "backfilled": FLAG,
    "scored_at": TIME,
}
TABLES: dict[str, dict[str, Kind]] = {
    "points": {"timestamp": TIME, "value": NUMBERS},
    "events": {
        "id": EVENT,
        "started_at": TIME,
        "ended_at": TIME,
        "closed_at": TIME,
        "peak_score": NUMBER,
        "peak_at": TIME,
        "points": WHOLE,
        "reason": TEXT,
        "model_version": WHOLE,
    },
    "scores": _SCORE,
    "replaced_scores": {**_SCORE, "replaced_at": TIME},
}


def header(table: str, fields: Sequence[str]) -> list[str]:
    """The points' values are named by their fields, so that they may be uploaded as they are."""
    return [title for name, kind in TABLES[table].items() for title in _titles(name, kind, fields)]


def _titles(name: str, kind: Kind, fields: Sequence[str]) -> list[str]:
    if not kind.is_per_field:
        return [name]
    if name == "value":
        return list(fields)
    return [name] if len(fields) == 1 else [f"{name}.{field}" for field in fields]


def written(table: str, row: Sequence[Any]) -> list[str]:
    """The cells of a row, whose values are in the order of the table's columns."""
    cells: list[str] = []
    for kind, value in zip(TABLES[table].values(), row, strict=True):
        if kind.is_per_field:
            cells += map(kind.write, value)
        else:
            cells.append("" if value is None else kind.write(value))
    return cells


def read(table: str, fields: int, cells: Sequence[str]) -> list[Any]:
    """The values of a row; raises ValueError, naming the column, for a cell that is none."""
    left = iter(cells)
    return [_value(name, kind, fields, left) for name, kind in TABLES[table].items()]


def _value(name: str, kind: Kind, fields: int, cells: Iterator[str]) -> Any:
    try:
        if kind.is_per_field:
            return [kind.read(next(cells)) for _ in range(fields)]
        cell = next(cells)
        return kind.read(cell) if cell or kind is TEXT or kind is NUMBER else None
    except (ValueError, KeyError, StopIteration) as error:
        raise ValueError(f"{name}: {str(error) or 'missing'}") from None
