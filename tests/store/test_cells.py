"""Cells say what the values were, to the last bit, and nothing that a spreadsheet would run."""

import csv
import io
import math
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.actions.exporting import lines
from app.store import cells
from app.store.cells import TABLES

MOMENT = datetime(2024, 5, 1, 12, 30, 1, 250, tzinfo=UTC)


def bits(number: float) -> bytes:
    return b"missing" if math.isnan(number) else struct.pack("<d", number)


@given(st.floats(allow_infinity=False))
def test_a_number_comes_back_bit_for_bit(number: float) -> None:
    assert bits(cells.NUMBERS.read(cells.NUMBERS.write(number))) == bits(number)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_text_comes_back_through_csv_whatever_it_holds(text: str) -> None:
    written = lines([[cells.TEXT.write(text), "next"]])
    (row,) = csv.reader(io.StringIO(written.decode(), newline=""), strict=True)
    assert [cells.TEXT.read(row[0]), row[1]] == [text, "next"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "'"])
def test_no_text_cell_begins_like_a_formula(start: str) -> None:
    assert cells.TEXT.write(f"{start}1+1").startswith("'")


@given(st.datetimes(datetime(1678, 1, 1), datetime(2262, 4, 11), timezones=st.just(UTC)))
def test_a_time_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert cells.TIME.read(cells.TIME.write(moment)) == moment


@pytest.mark.parametrize("table", TABLES)
def test_every_column_that_a_tenant_would_miss_is_taken_along(table: str) -> None:
    from app.store import tables

    stored = {column.name for column in tables.metadata.tables[table].c}
    assert stored - set(TABLES[table]) == {"tenant_id", "series_id"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (["2024-05-01T12:00:00.0000001Z", "1"], "timestamp"),
        (["1500-05-01T12:00:00Z", "1"], "timestamp"),
        (["", "1"], "timestamp"),
        (["2024-05-01T12:00:00Z", "inf"], "value"),
        (["2024-05-01T12:00:00Z", "1e999"], "value"),
        (["2024-05-01T12:00:00Z", "1_0"], "value"),
        (["never", "1"], "timestamp"),
        (["2024-05-01T12:00:00Z", "one"], "value"),
        (["2024-05-01T12:00:00Z"], "value"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(row: list[str], column: str) -> None:
    with pytest.raises(ValueError, match=column):
        cells.read("points", 1, row)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (cells.SHARE, "1.0000001"),
        (cells.SHARE, "-0.1"),
        (cells.SHARE, ""),
        (cells.COUNT, "-1"),
        (cells.COUNT, "2147483648"),
        (cells.COUNT, "1_0"),
        (cells.COUNT, "\N{ARABIC-INDIC DIGIT ONE}"),
        (cells.FLAG, "True"),
        (cells.EVENT, ""),
        (cells.EVENT, "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
    ],
)
def test_a_cell_that_is_out_of_range_is_refused(kind: cells.Kind, cell: str) -> None:
    with pytest.raises(ValueError, match="is"):
        kind.read(cell)
