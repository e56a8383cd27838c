"""Rows as cells of CSV and back, bit for bit: the columns of what a tenant takes along.

A number is written as Python's repr, which names one double only; a missing one is an empty cell.
Text that a spreadsheet would run, or that begins with an apostrophe, gets an apostrophe before it.
Reading is as strict as that of an upload, since anybody may have written the cells.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.ingest.numbers import parse_number
from app.ingest.timestamps import parse_timestamp
from app.ingest.wording import excerpt
from app.store.ids import from_ulid, ulid
from app.store.times import to_datetime

INTEGER = re.compile(r"[0-9]{1,10}")
LARGEST_INTEGER = 2**31 - 1
ESCAPED_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass(frozen=True)
class Kind:
    """How a value is written and read."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]
    is_per_field: bool = False  # a list, with a cell for each field
    is_optional: bool = False  # None is an empty cell


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read_time(cell: str) -> datetime:
    return to_datetime(parse_timestamp(cell))


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _read_share(cell: str) -> float:
    share = parse_number(cell)
    if not 0 <= share <= 1:
        raise ValueError(f"{excerpt(cell)} is not from 0 to 1")
    return share


def _read_count(cell: str) -> int:
    if not INTEGER.fullmatch(cell) or int(cell) > LARGEST_INTEGER:
        raise ValueError(f"{excerpt(cell)} is no integer from 0 to {LARGEST_INTEGER}")
    return int(cell)


def _read_flag(cell: str) -> bool:
    if cell not in ("true", "false"):
        raise ValueError(f"{excerpt(cell)} is neither true nor false")
    return cell == "true"


def _read_ulid(cell: str) -> UUID:
    found = from_ulid(cell)
    if found is None:
        raise ValueError(f"{excerpt(cell)} is no ULID")
    return found


def _one_of(*words: str) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if cell not in words:
            raise ValueError(f"{excerpt(cell)} is not {' or '.join(words)}")
        return cell

    return read


def text(value: str) -> str:
    return f"'{value}" if value.startswith(ESCAPED_STARTS) else value


def read_text(cell: str) -> str:
    return cell.removeprefix("'")


TIME = Kind(_time, _read_time)
OPTIONAL_TIME = Kind(_time, _read_time, is_optional=True)
NUMBERS = Kind(_number, parse_number, is_per_field=True)
SHARE = Kind(_number, _read_share)
COUNT = Kind(str, _read_count)
FLAG = Kind(lambda value: str(value).lower(), _read_flag)
EVENT = Kind(ulid, _read_ulid)
OPTIONAL_EVENT = Kind(ulid, _read_ulid, is_optional=True)
TEXT = Kind(text, read_text)
OPTIONAL_TEXT = Kind(text, read_text, is_optional=True)
SUBJECT = Kind(str, _one_of("event", "score"))
LABEL = Kind(str, _one_of("anomaly", "normal"))

_SCORE = {
    "timestamp": TIME,
    "value": NUMBERS,
    "score": SHARE,
    "is_anomaly": FLAG,
    "alert": FLAG,
    "event": OPTIONAL_EVENT,
    "threshold": SHARE,
    "expected": NUMBERS,
    "lower": NUMBERS,
    "upper": NUMBERS,
    "contributions": NUMBERS,
    "reason": TEXT,
    "model_version": COUNT,
    "backfilled": FLAG,
    "scored_at": TIME,
}
TABLES: dict[str, dict[str, Kind]] = {
    "points": {"timestamp": TIME, "value": NUMBERS},
    "events": {
        "id": EVENT,
        "started_at": TIME,
        "ended_at": TIME,
        "closed_at": OPTIONAL_TIME,
        "peak_score": SHARE,
        "peak_at": TIME,
        "points": COUNT,
        "reason": TEXT,
        "model_version": COUNT,
    },
    "feedback": {
        "timestamp": TIME,
        "subject": SUBJECT,
        "event": OPTIONAL_EVENT,
        "label": LABEL,
        "note": TEXT,
        "given_by": OPTIONAL_TEXT,
        "given_at": TIME,
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
        return None if kind.is_optional and not cell else kind.read(cell)
    except (ValueError, StopIteration) as error:
        raise ValueError(f"{name}: {str(error) or 'is missing'}") from None
