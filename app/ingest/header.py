"""The header of a CSV file: how its rows are parted, and what each column is."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.ingest.limits import Limits
from app.ingest.numbers import parse_number
from app.ingest.wording import excerpt, invalid_line

DELIMITERS = ",;\t"
TIMESTAMP, SERIES, VALUE = "timestamp", "series", "value"
# Where points may be counted, a column of such a name holds their times all the same.
LIKE_TIMESTAMP = {TIMESTAMP, "time", "datetime", "date"}


@dataclass(frozen=True)
class Wanted:
    """What the caller asks of the columns; see `app.ingest.csv.read_csv`."""

    with_series: bool = False
    timestamp_column: str | None = None
    value_column: str | None = None
    counted: bool = False


@dataclass(frozen=True)
class Header:
    """Where the columns of a CSV file are.

    names: as the file has them, blanks around them cut off.
    timestamp, series: index of the column, or None when the file has none.
    fields: indices of the columns that hold values.
    columns: the names those get in chunks; a lone one is "value".
    """

    delimiter: str
    names: tuple[str, ...]
    timestamp: int | None
    series: int | None
    fields: tuple[int, ...]
    columns: tuple[str, ...]


def read_header(text: str, line: int, wanted: Wanted, limits: Limits) -> Header:
    """The header that the first record of a file says, its line end cut off.

    Raises `Invalid`, with the line and what would be right: columns that are missing, empty,
    there twice or too many, quotes or line ends that cannot be read.
    """
    delimiter = _delimiter(text, wanted.timestamp_column or TIMESTAMP)
    names = _names(text, delimiter, line, limits)
    timestamp = _timestamp(names, wanted, line)
    series = _index(names, SERIES, line) if wanted.with_series else None
    fields = _fields(names, (timestamp, series), wanted.value_column, line)
    columns = (VALUE,) if len(fields) == 1 else tuple(names[i] for i in fields)
    return Header(delimiter, tuple(names), timestamp, series, fields, columns)


def _delimiter(text: str, timestamp: str) -> str:
    """The one that sets the timestamp column apart; else, the most frequent."""

    cells = {d: [cell.strip(' \t"') for cell in text.split(d)] for d in DELIMITERS}
    return max(DELIMITERS, key=lambda d: (timestamp in cells[d], len(cells[d])))


def _names(text: str, delimiter: str, line: int, limits: Limits) -> list[str]:
    if "\r" in text:
        raise invalid_line(line, "a carriage return alone; end lines in LF or CRLF")
    try:
        (cells,) = csv.reader([text], delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise invalid_line(line, f"the quotes of the header cannot be read: {error}") from None
    if len(cells) > limits.columns:
        raise invalid_line(line, f"{len(cells)} columns; {limits.columns} are the most")
    names = [cell.strip() for cell in cells]
    if "" in names:
        raise invalid_line(line, f"column {names.index('') + 1} has no name; name each column")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        message = f"the column {excerpt(name)} is there {times} times; name each differently"
        raise invalid_line(line, message, name)
    return names


def _timestamp(names: Sequence[str], wanted: Wanted, line: int) -> int | None:
    name = wanted.timestamp_column or TIMESTAMP
    if not wanted.counted or wanted.timestamp_column is not None or name in names:
        return _index(names, name, line)
    if all(_is_number(name) for name in names):
        raise invalid_line(line, "numbers where the header should be; give a row of names first")
    alike = (i for i, given in enumerate(names) if given.lower() in LIKE_TIMESTAMP)
    return next(alike, None)


def _fields(
    names: Sequence[str], taken: tuple[int | None, int | None], value: str | None, line: int
) -> tuple[int, ...]:
    if value is None:
        fields = tuple(i for i in range(len(names)) if i not in taken)
    else:
        fields = (_index(names, value, line),)
    roles = Counter(i for i in (*taken, *fields) if i is not None)
    for index, times in roles.items():
        if times > 1:
            message = f"the column {excerpt(names[index])} cannot be two things at once"
            raise invalid_line(line, message, names[index])
    if not fields:
        raise invalid_line(line, "no column of values; give one for each field")
    return fields


def _index(names: Sequence[str], name: str, line: int) -> int:
    if name in names:
        return names.index(name)
    found = ", ".join(excerpt(other) for other in names[:8]) + (", ..." if len(names) > 8 else "")
    message = f"there is no column {excerpt(name)}; the first row must name one (it has {found})"
    raise invalid_line(line, message, name)


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True
