import csv
import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Invalid, RowError, TocsinError
from app.ingest.chunk import Chunk
from app.ingest.csv import read_csv
from app.ingest.inflate import capped
from app.ingest.limits import Limits
from app.ingest.timestamps import format_timestamp

SECOND = 10**9


def chunks(text: str | bytes, **options: Any) -> list[Chunk]:
    body = text.encode() if isinstance(text, str) else text
    return list(read_csv(io.BytesIO(body), **options))


def only(text: str | bytes, **options: Any) -> Chunk:
    (chunk,) = chunks(text, **options)
    return chunk


def refusal(text: str | bytes, **options: Any) -> Invalid:
    with pytest.raises(Invalid) as caught:
        chunks(text, **options)
    return caught.value


def test_each_row_is_a_point_and_each_other_column_a_field() -> None:
    chunk = only("timestamp,temperature,pressure\n1,20.5,3\n2,,4e1\n")
    assert chunk.columns == ("temperature", "pressure")
    assert chunk.times.tolist() == [1 * SECOND, 2 * SECOND]
    np.testing.assert_equal(chunk.values, [[20.5, 3.0], [np.nan, 40.0]])
    assert chunk.rows.tolist() == [2, 3]
    assert chunk.series is None
    assert chunk.errors == ()
    assert chunk.received == 2


def test_the_arrays_have_the_types_they_say() -> None:
    for text in ("timestamp,a\n1,2\n", "timestamp,a\nx,2\n"):
        chunk = only(text)
        assert chunk.rows.dtype == chunk.times.dtype == np.int64
        assert chunk.values.dtype == np.float64
        assert chunk.values.shape == (len(chunk.rows), 1)


def test_a_lone_other_column_is_the_value_whatever_its_name() -> None:
    chunk = only("celsius,timestamp\n20.5,1\n")
    assert chunk.columns == ("value",)
    assert chunk.values.tolist() == [[20.5]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_same_file_is_read_however_it_was_saved(
    delimiter: str, line_end: str, mark: bytes
) -> None:
    rows = [["timestamp", "größe", "b"], ["2014-01-01 00:00:00", "1.5", "2"], ["3", "", "-4"]]
    text = line_end.join(delimiter.join(row) for row in rows)
    for ending in ("", line_end, line_end * 2):
        chunk = only(mark + (text + ending).encode())
        assert chunk.columns == ("größe", "b")
        np.testing.assert_equal(chunk.values, [[1.5, 2.0], [np.nan, -4.0]])
        assert chunk.rows.tolist() == [2, 3]


def test_the_delimiter_is_the_one_that_sets_the_timestamp_apart() -> None:
    chunk = only("timestamp;a,b,c\n1;2\n")
    assert chunk.values.tolist() == [[2.0]]


def test_blanks_around_cells_do_not_count() -> None:
    chunk = only("series, timestamp ,value\n a , 1 ,\t2 \n", with_series=True)
    assert chunk.series is not None
    assert chunk.series.tolist() == ["a"]
    assert chunk.times.tolist() == [SECOND]
    assert chunk.values.tolist() == [[2.0]]


def test_blank_lines_are_skipped_but_counted() -> None:
    chunk = only("\n\ntimestamp,value\n\n1,2\n\r\n\n2,x\n")
    assert chunk.rows.tolist() == [5]
    assert [error.row for error in chunk.errors] == [8]
    assert chunk.received == 2


def test_quoted_cells_hold_delimiters_quotes_and_line_ends() -> None:
    text = (
        '"timestamp","the ""value""",note\r\n'
        '"1","2","a, ""b""\r\nc\n"\r\n'
        "3,4,\r\n"
        '5,x,"\n\n"\n'
        '6,7,""\n'
    )
    chunk = only(text, value_column='the "value"')
    assert chunk.times.tolist() == [1 * SECOND, 3 * SECOND, 6 * SECOND]
    assert chunk.values.tolist() == [[2.0], [4.0], [7.0]]
    assert chunk.rows.tolist() == [2, 5, 9]
    assert [(error.row, error.column) for error in chunk.errors] == [(6, 'the "value"')]


def test_another_column_may_hold_the_timestamps() -> None:
    chunk = only("timestamp,when\n7,1\n", timestamp_column="when")
    assert chunk.times.tolist() == [SECOND]
    assert chunk.values.tolist() == [[7.0]]


def test_a_value_column_is_the_only_one_that_is_looked_at() -> None:
    chunk = only("timestamp,a,b\n1,nonsense,2\n", value_column="b")
    assert chunk.columns == ("value",)
    assert chunk.values.tolist() == [[2.0]]
    assert chunk.errors == ()


def test_rows_of_many_series_name_theirs() -> None:
    chunk = only("timestamp,series,value\n1,a,2\n2,b.c:d_e-f,3\n", with_series=True)
    assert chunk.series is not None
    assert chunk.series.tolist() == ["a", "b.c:d_e-f"]
    assert chunk.columns == ("value",)


@pytest.mark.parametrize("name", ["", "-a", "a b", "é", "a/b", "a" * 201])
def test_a_name_that_no_series_may_have_is_an_error_of_its_row(name: str) -> None:
    chunk = only(f"timestamp,series,value\n1,{name},2\n2,{'a' * 200},3\n", with_series=True)
    assert [(error.row, error.column) for error in chunk.errors] == [(2, "series")]
    assert "letters, digits" in chunk.errors[0].message
    assert chunk.rows.tolist() == [3]


def test_a_counted_file_needs_no_timestamps() -> None:
    parts = chunks("value,label\n5,0\nx,0\n7,1\n", counted=True, limits=Limits(chunk_rows=2))
    assert [part.times.tolist() for part in parts] == [[0], [2 * SECOND]]
    assert parts[0].columns == ("value", "label")


@pytest.mark.parametrize("name", ["Timestamp", "time", "datetime", "DATE"])
def test_a_counted_file_may_call_its_time_otherwise(name: str) -> None:
    found = only(f"{name},value\n1970-01-01T00:00:09Z,5\n", counted=True)
    assert found.times.tolist() == [9 * SECOND]
    assert found.columns == ("value",)


def test_a_counted_file_keeps_the_timestamps_it_has() -> None:
    assert only("timestamp,value\n9,5\n", counted=True).times.tolist() == [9 * SECOND]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("nan", "leave the cell empty"),
        ("inf", "leave the cell empty"),
        ("1e400", "too large"),
        ('"1,5"', "write '1.5'"),
        ("n/a", "not a number"),
        ("True", "not a number"),
    ],
)
def test_a_bad_value_is_an_error_of_its_row_that_says_what_is_right(cell: str, said: str) -> None:
    chunk = only(f"timestamp,a,b\n1,2,3\n2,4,{cell}\n3,5,\n")
    (error,) = chunk.errors
    assert (error.row, error.column) == (3, "b")
    assert said in error.message
    assert chunk.rows.tolist() == [2, 4]
    np.testing.assert_equal(chunk.values, [[2.0, 3.0], [5.0, np.nan]])


def test_a_bad_or_missing_timestamp_is_an_error_of_its_row() -> None:
    chunk = only("timestamp,value\nyesterday,1\n,2\n2014-02-30,3\n")
    assert [(error.row, error.column) for error in chunk.errors] == [
        (2, "timestamp"),
        (3, "timestamp"),
        (4, "timestamp"),
    ]
    assert chunk.received == 3
    assert chunk.values.shape == (0, 1)


def test_a_row_with_several_bad_cells_is_one_error() -> None:
    chunk = only("a,b,timestamp\nx,y,z\n")
    assert [(error.row, error.column) for error in chunk.errors] == [(2, "timestamp")]


def test_a_row_longer_or_shorter_than_the_header_is_an_error_with_its_line() -> None:
    chunk = only("timestamp,value\n1,2,3\n4\n5,6\n7,8,9,10\n11,12\n")
    assert chunk.errors == (
        RowError(2, None, "a row has as many cells as the header, 2, not 3"),
        RowError(3, None, "a row has as many cells as the header, 2, not 1"),
        RowError(5, None, "a row has as many cells as the header, 2, not 4"),
    )
    assert chunk.rows.tolist() == [4, 6]
    assert chunk.times.tolist() == [5 * SECOND, 11 * SECOND]


def test_a_file_whose_rows_are_all_bad_has_no_values_but_their_errors() -> None:
    chunk = only("timestamp,value\n1\n2\n")
    assert len(chunk.errors) == chunk.received == 2
    assert chunk.rows.shape == chunk.times.shape == (0,)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        (b"", None, "empty"),
        (b"\n \r\n".replace(b" ", b""), None, "empty"),
        (b"\xef\xbb\xbf", None, "empty"),
        (b"timestamp,value", None, "no row"),
        (b"timestamp,value\r\n\r\n", None, "no row"),
        (b"time,value\n1,2\n", 1, "no column 'timestamp'"),
        (b"2014-01-01,5\n2014-01-02,6\n", 1, "the first row must name one"),
        (b"timestamp\n1\n", 1, "no column of values"),
        (b"timestamp,a,a\n1,2,3\n", 1, "'a' is there 2 times"),
        (b"timestamp, a,a \n1,2,3\n", 1, "'a' is there 2 times"),
        (b"timestamp,,a\n1,2,3\n", 1, "column 2 has no name"),
        (b"timestamp,a,\n1,2,\n", 1, "column 3 has no name"),
        (b"timestamp" + b",a" * 200 + b"\n", 1, "201 columns; 200"),
        (b"timestamp,a\r1,2\r", 1, "carriage return"),
        (b'timestamp,"a"b\n1,2\n', 1, "quote"),
        (b'\ntimestamp,a\n1,"2\n3,4\n', 3, "never closed"),
        (b'timestamp,a\n1,2\n3,5" pipe\n6,7" pipe\n', 3, "a quote within a cell"),
        (b'timestamp,a\n1,"2"x\n', 2, "a quote within a cell"),
        (b'timestamp,a\n1,"2\n\n"x\n', 4, "a quote within a cell"),
        (b"timestamp,a\n1,2\n3,\x004\n", 3, "NUL"),
        (b"timestamp,a\r\n1,2\r\n3,\xe9\r\n", 3, "0xe9 is not UTF-8"),
        (b"timestamp,a\n1,2\n3,\xe2\x82", 3, "not UTF-8"),
        ("timestamp,a\n1,2\n".encode("utf-16"), 1, "UTF-16"),
        ("timestamp,a\n1,2\n".encode("utf-16-le"), 1, "UTF-16"),
        (b"timestamp,a\n1,2\n3," + b"4" * 70_000 + b"\n", 3, "longer than 65536 bytes"),
        (b"timestamp,a\n1,2\n3," + b"4" * 700_000, 3, "longer than 65536 bytes"),
        (b'timestamp,a\n1,2\n3,"' + b"4\n" * 300_000, 3, "is a quote not closed"),
    ],
)
def test_what_spoils_a_whole_file_is_refused_with_its_line(
    body: bytes, line: int | None, said: str
) -> None:
    problem = refusal(body)
    assert said in problem.detail
    rows = [error.row for error in problem.errors if isinstance(error, RowError)]
    assert rows == ([] if line is None else [line])
    if line is not None:
        assert problem.detail.startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timestamp_column": "when"}, "no column 'when'"),
        ({"timestamp_column": "when", "counted": True}, "no column 'when'"),
        ({"value_column": "b"}, "no column 'b'"),
        ({"value_column": "timestamp"}, "two things at once"),
        ({"timestamp_column": "a", "value_column": "a"}, "two things at once"),
        ({"with_series": True}, "no column 'series'"),
    ],
)
def test_columns_that_are_asked_for_must_be_there(options: dict[str, Any], said: str) -> None:
    assert said in refusal("timestamp,a\n1,2\n", **options).detail


def test_numbers_where_the_header_should_be_are_no_header() -> None:
    assert "give a row of names" in refusal("1.5\n2.5\n", counted=True).detail


def test_a_record_as_long_as_the_limit_is_read() -> None:
    limits = Limits(line_bytes=20)
    assert only("timestamp,value\r\n1,000000000000000002\r\n", limits=limits).values == 2.0
    problem = refusal("timestamp,value\n1,0000000000000000002\n", limits=limits)
    assert "longer than 20 bytes" in problem.detail


def test_two_hundred_columns_are_read() -> None:
    names = ["timestamp", *(f"f{i}" for i in range(199))]
    chunk = only(",".join(names) + "\n" + ",".join(["1"] * 200) + "\n")
    assert chunk.values.shape == (1, 199)


@pytest.mark.parametrize("piece_bytes", [4, 7, 64, 256 * 1024])
def test_chunks_have_as_many_rows_as_the_limit_bad_ones_included(piece_bytes: int) -> None:
    rows = "".join(f"{i},{'x' if i % 3 == 0 else i}\n" for i in range(11))
    limits = Limits(chunk_rows=4, piece_bytes=piece_bytes)
    parts = chunks("timestamp,value\n" + rows, limits=limits)
    assert [part.received for part in parts] == [4, 4, 3]
    assert [error.row for part in parts for error in part.errors] == [2, 5, 8, 11]
    assert [row for part in parts for row in part.rows.tolist()] == [3, 4, 6, 7, 9, 10, 12]


def test_wide_files_come_in_chunks_of_fewer_rows() -> None:
    limits = Limits(chunk_cells=6)
    parts = chunks("timestamp,a,b\n" + "1,2,3\n" * 5, limits=limits)
    assert [part.received for part in parts] == [2, 2, 1]


def test_nothing_is_read_before_the_first_chunk_is_asked_for() -> None:
    stream = io.BytesIO(b"timestamp,value\n1,2\n")
    reading = read_csv(stream)
    assert stream.tell() == 0
    assert next(reading).received == 1


def test_what_the_stream_raises_comes_through() -> None:
    body = b"timestamp,value\n" + b"1,2\n" * 100
    with pytest.raises(TocsinError) as caught:
        list(read_csv(capped(io.BytesIO(body), 50)))
    assert caught.value.code == "too_large"


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**15), 10**15).map(lambda us: us * 1000),
            st.floats(allow_nan=False, allow_infinity=False) | st.none(),
        ),
        min_size=1,
    ),
    st.sampled_from([",", ";", "\t"]),
    st.integers(1, 7),
)
def test_points_that_are_written_are_read_back(
    points: list[tuple[int, float | None]], delimiter: str, chunk_rows: int
) -> None:
    rows = [(format_timestamp(ns), "" if x is None else repr(x)) for ns, x in points]
    text = "\n".join(delimiter.join(row) for row in [("timestamp", "value"), *rows])
    parts = chunks(text, limits=Limits(chunk_rows=chunk_rows))
    assert [ns for part in parts for ns in part.times.tolist()] == [ns for ns, _ in points]
    expected = [np.nan if x is None else x for _, x in points]
    np.testing.assert_equal([x for part in parts for x in part.values[:, 0].tolist()], expected)


notes = st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=8)


@given(
    st.lists(st.tuples(notes, st.sampled_from(["1", "", "x"]), notes), min_size=1, max_size=12),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([5, 16, 4096]),
)
@settings(max_examples=300)
def test_lines_are_counted_as_the_csv_module_counts_them(
    rows: list[tuple[str, str, str]], quoting: Any, line_end: str, piece_bytes: int
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=quoting, lineterminator=line_end)
    writer.writerow(["n,1", "value", "timestamp", "n2"])
    for note, cell, other in rows:
        writer.writerow([note, cell, "5", other])
    text = re.sub("\r\n|\n", line_end, buffer.getvalue())

    reader = csv.reader(io.StringIO(text, newline=""))
    lines = [1 + reader.line_num for _ in reader][:-1]
    parts = chunks(text, value_column="value", limits=Limits(chunk_rows=5, piece_bytes=piece_bytes))
    good = [row for part in parts for row in part.rows.tolist()]
    bad = [error.row for part in parts for error in part.errors]
    is_bad = [cell == "x" for _, cell, _ in rows]
    assert good == [line for line, wrong in zip(lines, is_bad, strict=True) if not wrong]
    assert bad == [line for line, wrong in zip(lines, is_bad, strict=True) if wrong]


noise = st.binary(max_size=300) | st.text('timesap,;\t"\r\n01-:Tx.é', max_size=200).map(str.encode)


@given(noise, st.booleans(), st.booleans(), st.sampled_from([4, 9, 4096]))
@settings(max_examples=500)
def test_arbitrary_bytes_give_chunks_or_expected_errors(
    body: bytes, with_series: bool, counted: bool, piece_bytes: int
) -> None:
    for prefix in (b"", b"timestamp,value\n", b"series;timestamp;a;b\n1;1;1;1\n"):
        limits = Limits(line_bytes=100, columns=5, chunk_rows=3, piece_bytes=piece_bytes)
        stream = io.BytesIO(prefix + body)
        try:
            for chunk in read_csv(stream, with_series=with_series, counted=counted, limits=limits):
                check(chunk)
        except Invalid:
            continue


def check(chunk: Chunk) -> None:
    n, c = len(chunk.rows), len(chunk.columns)
    assert chunk.times.shape == (n,)
    assert chunk.values.shape == (n, c)
    assert chunk.series is None or chunk.series.shape == (n,)
    assert not np.isinf(chunk.values).any()
    assert not (chunk.times % 1000).any()
    assert chunk.received == n + len(chunk.errors)
    lines = chunk.rows.tolist() + [error.row for error in chunk.errors]
    assert len(set(lines)) == len(lines)
