"""pandas in and out."""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from app.client.answers import AuditEntry, Event, PlacedFeedback, Point, Score
from app.client.reading import Record

if TYPE_CHECKING:
    import pandas as pd

TIMESTAMP, SERIES, VALUE = "timestamp", "series", "value"
CHUNK_ROWS = 50_000
READABLE = ("string", "datetime", "date")  # kinds of an index that is made one of times
INDEXED_BY: Mapping[type[Record], str] = {
    Point: TIMESTAMP,
    Score: TIMESTAMP,
    Event: "start",
    PlacedFeedback: TIMESTAMP,
    AuditEntry: "at",
}
OF_FIELDS = {"expected", "lower", "upper", "contributions"}
NUMBERS = {VALUE, "expected", "lower", "upper"}


def is_frame(given: Any) -> bool:
    """A frame or a series of pandas, which is not loaded for the question."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(given, pandas.DataFrame | pandas.Series)


def checked(given: "pd.DataFrame | pd.Series[Any]") -> "pd.DataFrame":
    """One column of numbers for each field, and one of series where there is such.

    The index is of times, in UTC and named `timestamp`. It may also be a column of that name.
    """
    import pandas as pd

    frame = given.to_frame(VALUE) if isinstance(given, pd.Series) else given
    if not frame.columns.is_unique:
        raise ValueError(f"The frame has a column twice: {', '.join(map(str, frame.columns))}")
    if TIMESTAMP in frame.columns:
        frame = frame.set_index(TIMESTAMP)
    columns = {str(name): _numbers(frame[name], str(name)) for name in frame.columns}
    if not columns.keys() - {SERIES}:
        raise ValueError("The frame has no column of values")
    return pd.DataFrame(columns, index=_times_of(frame.index))


def _times_of(index: Any) -> "pd.DatetimeIndex":
    import pandas as pd

    if not isinstance(index, pd.DatetimeIndex) and index.inferred_type in (
        "string",
        "datetime",
        "date",
    ):
        index = pd.DatetimeIndex(pd.to_datetime(index, utc=True, format="ISO8601"))
    if not isinstance(index, pd.DatetimeIndex):
        raise TypeError(
            "The frame needs a DatetimeIndex, or a column `timestamp` of times, not "
            f"{index.dtype} (of epoch numbers pd.to_datetime(…, unit=…) makes one)"
        )
    if index.hasnans:
        raise ValueError(f"There is no time at row {int(index.isna().argmax()) + 1}")
    utc = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    return utc.rename(TIMESTAMP)


def _numbers(column: Any, name: str) -> Any:
    """Doubles, missing ones as NaN; names of series as they are."""
    import pandas as pd

    if name == SERIES:
        return column.to_numpy()
    if pd.api.types.is_bool_dtype(column.dtype):
        raise TypeError(f"The column {name} holds true and false, not numbers")
    try:
        return column.to_numpy(dtype="float64", na_value=math.nan)
    except (TypeError, ValueError) as error:
        raise TypeError(f"The column {name} holds something else than numbers: {error}") from None


def csv_blocks(frame: "pd.DataFrame") -> Iterator[tuple[bytes, int]]:
    """(text, rows) of a checked frame without its header, some rows at a time."""
    for start in range(0, len(frame), CHUNK_ROWS):
        chunk = frame.iloc[start : start + CHUNK_ROWS]
        written = chunk.set_axis(_texts(chunk.index), axis=0)
        yield written.to_csv(header=False, lineterminator="\n").encode(), len(chunk)


def csv_header(frame: "pd.DataFrame") -> bytes:
    text: str = frame.iloc[:0].to_csv(lineterminator="\n")
    return text.encode()


def _texts(index: Any) -> list[str]:
    """RFC 3339, as fine as the times are: what is finer than a microsecond is refused, not cut."""
    import numpy as np

    times = index.tz_localize(None).to_numpy()
    seconds = times.astype("datetime64[s]")
    texts = np.datetime_as_string(seconds if (seconds == times).all() else times)
    return [f"{text}Z" for text in texts.tolist()]


def points(given: Any) -> Iterator[dict[str, Any]]:
    """The points of a frame in the order of time, as JSON has them."""
    frame = checked(given).sort_index(kind="stable")
    fields = [name for name in frame.columns if name != SERIES]
    series = frame[SERIES].tolist() if SERIES in frame.columns else None
    rows = zip(*(frame[name].tolist() for name in fields), strict=True)
    for place, (time, numbers) in enumerate(zip(_texts(frame.index), rows, strict=True)):
        known = [_finite(number, name, place) for name, number in zip(fields, numbers, strict=True)]
        value = known[0] if len(fields) == 1 else dict(zip(fields, known, strict=True))
        point = {TIMESTAMP: time, VALUE: value}
        yield point if series is None else {SERIES: series[place], **point}


def _finite(number: float, field: str, place: int) -> float | None:
    if math.isinf(number):
        raise ValueError(f"points[{place}].value: {field} must be finite, not {number}")
    return None if math.isnan(number) else number


def table(kind: type[Record], raws: Iterable[Mapping[str, Any]]) -> "pd.DataFrame":
    """A row for each of the answers; times are in UTC, and those of history are the index.

    Points of several fields have a column for each field, scores also `expected.<field>` and so on,
    as CSV exports have them.
    """
    import pandas as pd

    columns: dict[str, list[Any]] = {}
    known, nested = _names(kind), _nested(kind)
    count = 0
    for count, raw in enumerate(raws, 1):
        for name, cell in _cells(raw, known, nested):
            column = columns.setdefault(name, [])
            column.extend([None] * (count - 1 - len(column)))
            column.append(cell)
    for column in columns.values():
        column.extend([None] * (count - len(column)))
    frame = pd.DataFrame(columns if columns else {name: [] for name in known})
    for name in frame.columns[frame.isna().all()]:
        first = name.partition(".")[0]
        if first in NUMBERS or first not in known:  # a field of a point
            frame[name] = frame[name].astype("float64")
    for name in _times(kind) & set(frame.columns):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").dt.as_unit("us")
    index = next((name for base, name in INDEXED_BY.items() if issubclass(kind, base)), None)
    return frame.set_index(index) if index else frame


def _cells(
    raw: Mapping[str, Any], known: list[str], nested: Mapping[str, type[Record]]
) -> Iterator[tuple[str, Any]]:
    for name, cell in raw.items():
        if name in nested:
            inner = cell or {}
            yield from ((f"{name}.{one}", inner.get(one)) for one in _names(nested[name]))
        elif name == VALUE and isinstance(cell, Mapping):
            taken = {*known, *raw}
            yield from ((f"{VALUE}.{f}" if f in taken else f, one) for f, one in cell.items())
        elif name in OF_FIELDS and isinstance(cell, Mapping):
            yield from ((f"{name}.{field}", one) for field, one in cell.items())
        elif not (name == "contributions" and cell is None):
            yield name, cell


def _names(kind: type[Record]) -> list[str]:
    return [name for name in get_type_hints(kind) if name != "raw"]


def _nested(kind: type[Record]) -> dict[str, type[Record]]:
    """The records within one, which have a column for each of their fields."""
    hints = {name: get_args(hint) or (hint,) for name, hint in get_type_hints(kind).items()}
    return {
        name: one
        for name, kinds in hints.items()
        for one in kinds
        if isinstance(one, type) and issubclass(one, Record)
    }


def _times(kind: type[Record]) -> set[str]:
    hints = get_type_hints(kind)
    own = {name for name, hint in hints.items() if hint in (datetime, datetime | None)}
    inner = _nested(kind).items()
    return own | {f"{name}.{time}" for name, one in inner for time in _times(one)}
