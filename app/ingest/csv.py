"""CSV uploads: a header, then a row for each point."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.errors import Invalid, RowError
from app.ingest import cells
from app.ingest.chunk import Chunk, join, objects
from app.ingest.header import Header, Wanted, read_header
from app.ingest.inflate import ByteStream
from app.ingest.limits import DEFAULT_LIMITS, Limits
from app.ingest.names import wrong_with_series
from app.ingest.numbers import parse_column
from app.ingest.records import Records, read_records
from app.ingest.timestamps import parse_timestamps

_SECOND_NS = 1_000_000_000


def read_csv(
    stream: ByteStream,
    *,
    with_series: bool = False,
    timestamp_column: str | None = None,
    value_column: str | None = None,
    counted: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[Chunk]:
    """The rows of a CSV file in chunks of `limits.chunk_rows` (fewer when the file is wide).

    The file has a header, is parted by comma, semicolon or tab, and is UTF-8 with or without a
    byte order mark; quotes are those of RFC 4180, blanks around cells do not count, blank lines are
    skipped. `timestamp` and one column for each field; a lone other column is `value`.

    with_series: a column `series` says whose point each row is.
    timestamp_column: the name of the timestamps' column, when it is another.
    value_column: the only column to take, as `value`; the others are not looked at.
    counted: a file without a timestamp column is taken too: its rows are a second apart from
        1970-01-01T00:00:00Z on, bad ones included.

    A row with a bad cell, or more or fewer cells than the header, is one error in its chunk: what
    is wrong with it first (timestamp, series, then the fields) and what would be right. An empty
    cell is a missing value (NaN). Raises `Invalid` for what spoils the whole file, with the line:
    no header or no row, columns missing, unnamed, twice or too many, a line too long, NUL, not
    UTF-8, a stray quote. That may come after good chunks, so what is
    stored of them must be one transaction. Nothing is read before the first chunk is asked for;
    what the stream raises comes through.
    """
    wanted = Wanted(with_series, timestamp_column, value_column, counted)
    spans = read_records(stream, limits, has_quotes=True)
    first = next(spans, None)
    if first is None:
        raise Invalid("the file is empty; give a header row and a row for each point")
    title = first.span(0, 1)
    header = read_header(title.data.decode()[:-1], int(title.lines[0]), wanted, limits)
    table = _Table(header, limits.rows_of(len(header.names)))
    yield from table.chunks(first.span(1, len(first)), spans)


@dataclass
class _Table:
    header: Header
    chunk_rows: int
    rows_read: int = 0

    def chunks(self, first: Records, others: Iterator[Records]) -> Iterator[Chunk]:
        """The records below the header, parsed."""
        parts: list[Chunk] = []
        for records in self._cut(first, others):
            parts.append(self._parse(records))
            self.rows_read += len(records)
            if self.rows_read % self.chunk_rows == 0:
                yield join(parts)
                parts = []
        if parts:
            yield join(parts)
        if not self.rows_read:
            raise Invalid("there is no row below the header; give one for each point")

    def _cut(self, first: Records, others: Iterator[Records]) -> Iterator[Records]:
        """The same records in spans that end where chunks end."""
        records: Records | None = first
        while records is not None:
            start = 0
            while start < len(records):
                room = self.chunk_rows - self.rows_read % self.chunk_rows
                stop = min(len(records), start + room)
                yield records.span(start, stop)
                start = stop
            records = next(others, None)

    def _parse(self, records: Records) -> Chunk:
        header = self.header
        table, errors = cells.split(records, header.delimiter, len(header.names))
        bad = _Bad(table.records.lines, {})
        if header.timestamp is None:
            times = (self.rows_read + table.places) * _SECOND_NS
        else:
            times, wrong = parse_timestamps(table.column(header.timestamp))
            bad.note(header.names[header.timestamp], wrong)
        series = None
        if header.series is not None:
            series = objects([name.strip() for name in table.column(header.series).texts])
            bad.note(header.names[header.series], _wrong_series(series))
        values = np.empty((len(table), len(header.fields)), dtype=np.float64)
        for place, index in enumerate(header.fields):
            values[:, place], wrong = parse_column(table.column(index))
            bad.note(header.names[index], wrong)
        good = bad.others()
        return Chunk(
            rows=table.records.lines[good],
            series=None if series is None else series[good],
            times=times[good],
            columns=header.columns,
            values=values[good],
            errors=tuple(sorted([*errors, *bad.rows.values()], key=lambda error: error.row)),
            received=len(records),
        )


@dataclass
class _Bad:
    """What is wrong first with each bad row, by its index."""

    lines: NDArray[np.int64]
    rows: dict[int, RowError]

    def note(self, column: str, wrong: dict[int, str]) -> None:
        """Takes down what is wrong with a column, by index; what is known of a row stands."""
        for row, message in wrong.items():
            self.rows.setdefault(row, RowError(int(self.lines[row]), column, message))

    def others(self) -> NDArray[np.bool_]:
        """Which rows nothing is wrong with, bool (n,)."""
        is_good = np.ones(len(self.lines), dtype=np.bool_)
        is_good[list(self.rows)] = False
        return is_good


def _wrong_series(names: NDArray[np.object_]) -> dict[int, str]:
    wrong = {name: message for name in set(names) if (message := wrong_with_series(name))}
    return {i: wrong[name] for i, name in enumerate(names) if name in wrong} if wrong else {}
