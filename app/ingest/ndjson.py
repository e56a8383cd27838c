"""NDJSON uploads: a JSON object a line, each a point."""

import json
import math
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from app.errors import Invalid, Malformed, RowError
from app.ingest.chunk import Chunk, objects
from app.ingest.inflate import ByteStream
from app.ingest.json import load
from app.ingest.limits import DEFAULT_LIMITS, Limits
from app.ingest.names import wrong_with_series
from app.ingest.records import read_records
from app.ingest.timestamps import TOO_LONG, parse_timestamps
from app.ingest.wording import excerpt

_SERIES, _TIMESTAMP, _VALUE = "series", "timestamp", "value"
_NAME_CHARACTERS = 200


def read_ndjson(
    stream: ByteStream, *, with_series: bool = False, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Chunk]:
    """The points of an NDJSON text in chunks of `limits.chunk_rows`, fewer when they are wide.

    Each line is an object of `timestamp` (text or integer) and `value`: a number, null for
    missing, or an object of such by field; and of `series` when with_series. Blank lines are
    skipped. A chunk's columns are the fields of its points in the order they come up, `value` for
    bare numbers; NaN where a point has not the field. `rows` are line numbers.

    A line that is no JSON, no such object, or has other keys is one error in its chunk. Raises
    `Invalid`, with the line, for NUL, for what is not UTF-8, for a line too long, and when there is
    no line at all; that may come after good chunks, so what is stored of them must be one
    transaction. Nothing is read before the first chunk is asked for; what the stream raises comes
    through.
    """
    span = _Span(with_series, limits)
    for line, text in _lines(stream, limits):
        point = _read(line, text, with_series=with_series, limits=limits)
        if not span.has_room(() if isinstance(point, RowError) else point.values):
            yield span.chunk()
            span = _Span(with_series, limits)
        span.add(point)
    if not span.received:
        raise Invalid("there are no points; give a JSON object for each, one a line")
    yield span.chunk()


@dataclass(slots=True)
class _Point:
    line: int
    series: str
    time: str
    values: dict[str, float]


class _BadPoint(Exception):
    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@dataclass
class _Span:
    """The points of a chunk that is being gathered."""

    with_series: bool
    limits: Limits
    points: list[_Point] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)
    received: int = 0

    def has_room(self, fields: Collection[str]) -> bool:
        """Whether a point of these fields fits too; the first always does."""
        columns = len(self.columns) + sum(name not in self.columns for name in fields)
        fits = columns <= self.limits.columns and self.received < self.limits.rows_of(columns)
        return fits or not self.received

    def add(self, point: "_Point | RowError") -> None:
        """Takes the next line in, whatever came of it."""
        self.received += 1
        if isinstance(point, RowError):
            self.errors.append(point)
            return
        self.points.append(point)
        for name in point.values:
            self.columns.setdefault(name)

    def chunk(self) -> Chunk:
        """What was gathered; the timestamps are read here, many at a time."""
        times, wrong = parse_timestamps([point.time for point in self.points])
        late = [RowError(self.points[i].line, _TIMESTAMP, wrong[i]) for i in wrong]
        if wrong:
            times = np.delete(times, list(wrong))
            self.points = [point for i, point in enumerate(self.points) if i not in wrong]
            self.columns = dict.fromkeys(name for point in self.points for name in point.values)
        points = self.points
        values = np.empty((len(points), len(self.columns)), dtype=np.float64)
        for place, name in enumerate(self.columns):
            values[:, place] = [point.values.get(name, math.nan) for point in points]
        return Chunk(
            rows=np.array([point.line for point in points], dtype=np.int64),
            series=objects([point.series for point in points]) if self.with_series else None,
            times=times,
            columns=tuple(self.columns),
            values=values,
            errors=tuple(sorted([*self.errors, *late], key=lambda error: error.row)),
            received=self.received,
        )


def _lines(stream: ByteStream, limits: Limits) -> Iterator[tuple[int, bytes]]:
    for records in read_records(stream, limits, has_quotes=False):
        texts = records.data.split(b"\n")[:-1]
        for line, text in zip(records.lines.tolist(), texts, strict=True):
            if text.strip():
                yield line, text


def _read(line: int, text: bytes, *, with_series: bool, limits: Limits) -> _Point | RowError:
    try:
        members = _object(text)
        _check_keys(members, with_series=with_series)
        return _Point(
            line=line,
            series=_series(members[_SERIES]) if with_series else "",
            time=_time(members[_TIMESTAMP]),
            values=_values(members[_VALUE], limits),
        )
    except _BadPoint as problem:
        return RowError(line, problem.column, problem.message)


def _object(text: bytes) -> dict[str, object]:
    try:
        value = load(text)
    except json.JSONDecodeError as error:
        raise _BadPoint(None, f"character {error.colno}: {error.msg}") from None
    except Malformed as error:
        raise _BadPoint(None, error.detail) from None
    if not isinstance(value, dict):
        raise _BadPoint(None, 'not an object; give {"timestamp": ..., "value": ...}')
    return value


def _check_keys(members: dict[str, object], *, with_series: bool) -> None:
    known = (_SERIES, _TIMESTAMP, _VALUE) if with_series else (_TIMESTAMP, _VALUE)
    for key in known:
        if key not in members:
            raise _BadPoint(key, f"the key {excerpt(key)} is missing")
    for key in members:
        if key not in known:
            message = f"the key {excerpt(key)} is unknown; known are {', '.join(known)}"
            raise _BadPoint(key[:_NAME_CHARACTERS], message)


def _series(name: object) -> str:
    if (problem := wrong_with_series(name)) or not isinstance(name, str):
        raise _BadPoint(_SERIES, problem or "not a name")
    return name


def _time(value: object) -> str:
    # No timestamp is as long as where it is cut off: what waits for its chunk stays small.
    if isinstance(value, str):
        return value.strip(" \t")[:TOO_LONG]
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)[:TOO_LONG]
    raise _BadPoint(_TIMESTAMP, f"{_kind(value)} is not a timestamp; give text or an integer")


def _values(value: object, limits: Limits) -> dict[str, float]:
    if not isinstance(value, dict):
        return {_VALUE: _number(value, _VALUE)}
    if not value or any(not 0 < len(name) <= _NAME_CHARACTERS for name in value):
        message = f"give one field at least, each with a name of 1 to {_NAME_CHARACTERS} characters"
        raise _BadPoint(_VALUE, message)
    if len(value) > limits.columns:
        raise _BadPoint(_VALUE, f"{len(value)} fields; {limits.columns} are the most")
    # Interned: one string for each field, not one for each field of each point.
    return {sys.intern(name): _number(number, f"{_VALUE}.{name}") for name, number in value.items()}


def _number(value: object, column: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadPoint(
            column, f"{_kind(value)} is not a number; give a number, or null for missing"
        )
    try:
        return float(value)
    except OverflowError:
        raise _BadPoint(column, "the integer is too large; doubles end at 1.8e308") from None


def _kind(value: object) -> str:
    kinds = {str: "text", bool: "true or false", float: "a number with a fraction", list: "a list"}
    return kinds.get(type(value), "null" if value is None else "an object")
