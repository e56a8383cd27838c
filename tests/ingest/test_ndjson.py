import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Invalid
from app.ingest.chunk import Chunk
from app.ingest.limits import Limits
from app.ingest.ndjson import read_ndjson
from app.ingest.timestamps import format_timestamp

SECOND = 10**9
GOOD = '{"timestamp": 1, "value": 2}'


def chunks(*lines: str, **options: Any) -> list[Chunk]:
    return list(read_ndjson(io.BytesIO("\n".join(lines).encode()), **options))


def only(*lines: str, **options: Any) -> Chunk:
    (chunk,) = chunks(*lines, **options)
    return chunk


def test_each_line_is_a_point() -> None:
    chunk = only(
        '{"timestamp": "1970-01-01T00:00:01Z", "value": 2}',
        '{"value": -3.5, "timestamp": 2}',
        '{"timestamp": "3", "value": null}',
    )
    assert chunk.columns == ("value",)
    assert chunk.times.tolist() == [SECOND, 2 * SECOND, 3 * SECOND]
    np.testing.assert_equal(chunk.values, [[2.0], [-3.5], [np.nan]])
    assert chunk.rows.tolist() == [1, 2, 3]
    assert chunk.series is None
    assert (chunk.errors, chunk.received) == ((), 3)


def test_columns_are_the_fields_of_all_points_of_the_chunk() -> None:
    chunk = only(
        '{"timestamp": 1, "value": {"a": 1, "b": null}}',
        '{"timestamp": 2, "value": {"c": 3, "b": 2}}',
        '{"timestamp": 3, "value": 4}',
    )
    nan = np.nan
    assert chunk.columns == ("a", "b", "c", "value")
    np.testing.assert_equal(
        chunk.values, [[1, nan, nan, nan], [nan, 2, 3, nan], [nan, nan, nan, 4]]
    )


def test_the_fields_of_bad_points_are_no_columns() -> None:
    chunk = only('{"timestamp": "x", "value": {"a": 1}}', '{"timestamp": 1, "value": {"b": 1}}')
    assert chunk.columns == ("b",)
    assert chunk.values.tolist() == [[1.0]]
    assert chunk.rows.tolist() == [2]


def test_points_of_many_series_name_theirs() -> None:
    chunk = only(
        '{"timestamp": 1, "value": 2, "series": "a"}',
        '{"timestamp": 1, "value": 2, "series": "a b"}',
        '{"timestamp": 1, "value": 2, "series": 7}',
        GOOD,
        '{"timestamp": 9, "value": 2, "series": "b"}',
        with_series=True,
    )
    assert chunk.series is not None
    assert chunk.series.tolist() == ["a", "b"]
    assert [(error.row, error.column) for error in chunk.errors] == [
        (2, "series"),
        (3, "series"),
        (4, "series"),
    ]


def test_blank_lines_and_a_byte_order_mark_are_skipped_but_lines_counted() -> None:
    body = b"\xef\xbb\xbf\r\n" + GOOD.encode() + b"\r\n  \t\r\n\nx\r\n" + GOOD.encode()
    (chunk,) = read_ndjson(io.BytesIO(body))
    assert chunk.rows.tolist() == [2, 6]
    assert [error.row for error in chunk.errors] == [5]
    assert chunk.received == 3


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("{", None, "character 2"),
        ("1", None, "not an object"),
        ("null", None, "not an object"),
        ("[1, 2]", None, "not an object"),
        (GOOD + GOOD, None, "Extra data"),
        ('{"timestamp": 1, "value": 2, "value": 3}', None, "'value' twice"),
        ('{"timestamp": 1, "value": {"a": 1, "a": 1}}', None, "'a' twice"),
        ('{"timestamp": 1, "value": NaN}', None, "write null"),
        ('{"timestamp": 1, "value": -Infinity}', None, "write null"),
        ('{"timestamp": 1, "value": 1e400}', None, "too large"),
        ('{"timestamp": 1, "value": ' + "9" * 5000 + "}", None, "4300 digits"),
        ('{"timestamp": 1, "value": ' + "9" * 400 + "}", "value", "too large"),
        ('{"timestamp": 1, "value": ' + "[" * 5000 + "}", None, "deeper than 32"),
        ('{"timestamp": 1, "value": 2, "extra": 3}', "extra", "unknown"),
        ('{"timestamp": 1, "value": 2, "series": "a"}', "series", "unknown"),
        ('{"value": 2}', "timestamp", "missing"),
        ('{"timestamp": 1}', "value", "missing"),
        ('{"timestamp": null, "value": 2}', "timestamp", "null is not a timestamp"),
        ('{"timestamp": true, "value": 2}', "timestamp", "true or false"),
        ('{"timestamp": 1.5, "value": 2}', "timestamp", "fraction"),
        ('{"timestamp": "soon", "value": 2}', "timestamp", "give RFC 3339"),
        ('{"timestamp": ' + "9" * 4000 + ', "value": 2}', "timestamp", "give RFC 3339"),
        ('{"timestamp": 1414929600000000001, "value": 2}', "timestamp", "finer"),
        ('{"timestamp": 1, "value": "2"}', "value", "text is not a number"),
        ('{"timestamp": 1, "value": true}', "value", "true or false"),
        ('{"timestamp": 1, "value": [2]}', "value", "a list is not a number"),
        ('{"timestamp": 1, "value": {}}', "value", "one field at least"),
        ('{"timestamp": 1, "value": {"": 1}}', "value", "one field at least"),
        ('{"timestamp": 1, "value": {"' + "a" * 201 + '": 1}}', "value", "1 to 200"),
        ('{"timestamp": 1, "value": {"a": "2"}}', "value.a", "text is not a number"),
        ('{"timestamp": 1, "value": {"a": {"b": 2}}}', "value.a", "an object is not"),
    ],
)
def test_a_bad_line_is_one_error_that_says_what_is_right(
    line: str, column: str | None, said: str
) -> None:
    chunk = only(GOOD, line, GOOD)
    (error,) = chunk.errors
    assert (error.row, error.column) == (2, column)
    assert said in error.message
    assert len(error.message) < 300
    assert chunk.rows.tolist() == [1, 3]
    assert chunk.columns == ("value",)


def test_a_point_has_no_more_fields_than_columns_are_allowed() -> None:
    value = json.dumps({f"f{i}": i for i in range(4)})
    chunk = only('{"timestamp": 1, "value": ' + value + "}", limits=Limits(columns=3))
    assert "4 fields; 3 are the most" in chunk.errors[0].message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no points"),
        (b"\n \n", "no points"),
        (b'{"timestamp": 1, "value": 2}\n\xe9', "line 2: byte 0xe9 is not UTF-8"),
        (GOOD.encode("utf-16"), "line 1: a NUL byte"),
        (b"\n" + b"1" * 70_000, "line 2: longer than 65536 bytes"),
    ],
)
def test_what_spoils_the_whole_text_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        list(read_ndjson(io.BytesIO(body)))
    assert said in caught.value.detail


def test_chunks_have_as_many_rows_as_the_limit_bad_ones_included() -> None:
    parts = chunks(*[GOOD, "x", GOOD, GOOD, "x"] * 2, limits=Limits(chunk_rows=4))
    assert [part.received for part in parts] == [4, 4, 2]
    assert [len(part.errors) for part in parts] == [1, 2, 1]


def test_a_chunk_ends_before_it_has_too_many_columns_or_cells() -> None:
    lines = [f'{{"timestamp": {i}, "value": {{"f{i}": 1, "g": 2}}}}' for i in range(5)]
    by_columns = chunks(*lines, limits=Limits(columns=3))
    assert [part.columns for part in by_columns] == [
        ("f0", "g", "f1"),
        ("f2", "g", "f3"),
        ("f4", "g"),
    ]
    by_cells = chunks(*lines, limits=Limits(chunk_cells=9))
    assert [part.values.size for part in by_cells] == [6, 6, 2]


numbers = st.floats(allow_nan=False, allow_infinity=False) | st.none()


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**15), 10**15).map(lambda us: us * 1000),
            st.dictionaries(st.sampled_from("abc"), numbers, min_size=1),
        ),
        min_size=1,
    )
)
def test_points_that_are_written_are_read_back(
    points: list[tuple[int, dict[str, float | None]]],
) -> None:
    lines = [json.dumps({"timestamp": format_timestamp(ns), "value": x}) for ns, x in points]
    chunk = only(*lines)
    assert chunk.times.tolist() == [ns for ns, _ in points]
    assert chunk.errors == ()
    for place, name in enumerate(chunk.columns):
        expected = [np.nan if x.get(name) is None else x[name] for _, x in points]
        np.testing.assert_equal(chunk.values[:, place].tolist(), expected)


noise = st.binary(max_size=200) | st.text('{}[]",:\\\r\n01timesapvlu', max_size=100).map(str.encode)


@given(st.lists(noise | st.just(GOOD.encode()), max_size=6).map(b"\n".join), st.booleans())
@settings(max_examples=300)
def test_arbitrary_bytes_give_chunks_or_expected_errors(body: bytes, with_series: bool) -> None:
    limits = Limits(line_bytes=150, chunk_rows=3, piece_bytes=8)
    try:
        for chunk in read_ndjson(io.BytesIO(body), with_series=with_series, limits=limits):
            assert chunk.received == len(chunk.rows) + len(chunk.errors)
            assert chunk.values.shape == (len(chunk.rows), len(chunk.columns))
    except Invalid:
        return
