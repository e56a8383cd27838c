"""The CSV of an export, read in bounded memory and checked row by row: anybody may have written it.

What is wrong is told with its line.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zipfile import ZipExtFile

from app.errors import Invalid
from app.ingest.limits import DEFAULT_LIMITS
from app.store import cells
from app.store.series import Series

ROW_BYTES = DEFAULT_LIMITS.line_bytes
BLOCK_ROWS, BLOCK_BYTES = 5_000, 4 << 20
# The place of the time that rows are ordered by, and where each time stands once.
TIMES = {
    table: list(columns).index("started_at" if table == "events" else "timestamp")
    for table, columns in cells.TABLES.items()
}
DISTINCT = ("points", "scores")


@dataclass(frozen=True)
class Row:
    """Its last line in the file, its values in the order of the table's columns, its length."""

    line: int
    values: list[Any]
    size_bytes: int


class _Lines:
    """Lines for a reader of CSV; a row of many lines is as long as all of them."""

    def __init__(self, file: ZipExtFile) -> None:
        self._file = io.BufferedReader(file)
        self.number, self.row_bytes = 0, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(ROW_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.row_bytes += len(line)
        if self.row_bytes > ROW_BYTES:
            raise ValueError(f"a row may have {ROW_BYTES} bytes")
        if b"\0" in line:
            raise ValueError("must not hold U+0000")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise ValueError("is not UTF-8; save the file as UTF-8") from None


def read(file: ZipExtFile, name: str, of: Series, table: str) -> Iterator[Row]:
    """Rows of a member of this name. Raises Invalid with the line of the first that cannot be."""
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    expected = cells.header(table, of.fields)
    before: datetime | None = None
    try:
        if next(reader, None) != expected:
            raise ValueError(f"the header must be {','.join(expected)}")  # noqa: TRY301
        lines.row_bytes = 0
        for row in reader:
            values = _values(row, expected, of, table, before)
            before = values[TIMES[table]]
            yield Row(lines.number, values, lines.row_bytes)
            lines.row_bytes = 0
    except (ValueError, csv.Error) as error:
        raise Invalid(f"{name}, line {max(lines.number, 1)}: {error}") from None


def _values(
    row: list[str], expected: list[str], of: Series, table: str, before: datetime | None
) -> list[Any]:
    if len(row) != len(expected):
        raise ValueError(f"must have {len(expected)} cells, not {len(row)}")
    values = cells.read(table, len(of.fields), row)
    moment = values[TIMES[table]]
    if before and (moment < before or (moment == before and table in DISTINCT)):
        raise ValueError(f"{expected[TIMES[table]]}: rows must be in the order of time, each once")
    version = dict(zip(cells.TABLES[table], values, strict=True)).get("model_version", 0)
    if version > of.last_version:
        raise ValueError(f"model_version: the last version of the series was {of.last_version}")
    return values


def in_blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Some thousands at a time, or fewer that are long."""
    block: list[Row] = []
    size = 0
    for row in rows:
        block.append(row)
        size += row.size_bytes
        if len(block) == BLOCK_ROWS or size >= BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block
