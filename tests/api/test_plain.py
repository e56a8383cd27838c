"""A point that is read at once is the point that the general reader makes of the same bytes."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.api import plain
from app.api.bodies import Point
from app.errors import TocsinError
from app.ingest.json import parse_json
from app.web import formats

BLANKS = st.text(" \t\r\n", max_size=2)
TIMES = st.one_of(
    st.datetimes().map(lambda at: f'"{at.isoformat()}Z"'),
    st.text("0123456789T:.Z+-", min_size=10, max_size=30).map(json.dumps),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(['"2024-02-30T00:00:00Z"', '"2024-W01-1T00:00:00Z"', "1e9", "true", "null"]),
)
NUMBERS = st.one_of(
    st.floats().map(json.dumps),
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.text("0123456789.eE+-", max_size=8),
    st.sampled_from(["null", '"1"', "-0", "-0.0", "1e400", "01", "1.", ".5", "{}", '{"a": 1}']),
)


def generally(body: bytes) -> Point | None:
    try:
        read = formats.checked_body((Point,), parse_json(body))
    except TocsinError:
        return None
    assert isinstance(read, Point)
    return read


@given(st.lists(BLANKS, min_size=10, max_size=10), TIMES, NUMBERS)
@example([""] * 10, '"2024-01-01T00:00:00Z"', "17")
def test_what_is_read_at_once_is_what_the_general_reader_makes_of_it(
    blanks: list[str], time: str, number: str
) -> None:
    tokens = ["{", '"timestamp"', ":", time, ",", '"value"', ":", number, "}", ""]
    body = "".join(blank + token for blank, token in zip(blanks, tokens, strict=True)).encode()
    read = plain.point(body)
    assert read is None or read == generally(body)


@pytest.mark.parametrize("time", ['"2024-01-01T00:00:00Z"', '"2024-01-01T00:00:00.25+02:00"', "-5"])
@pytest.mark.parametrize("number", ["0", "-17", "3.25", "1e-7", "2.5E+3"])
def test_the_usual_point_is_read_at_once(time: str, number: str) -> None:
    body = f'{{"timestamp": {time}, "value": {number}}}'.encode()
    assert plain.point(body) == generally(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        b'{"value": 1, "timestamp": "2024-01-01T00:00:00Z"}',
        b'{"timestamp": "2024-01-01T00:00:00Z", "value": 1, "value": 2}',
        b'{"timestamp": "2024-01-01T00:00:00Z", "value": 1, "other": 2}',
        b'{"timestamp": "2024-01-01T00:00:00Z", "value": 1} x',
        b'{"timestamp": "2024-02-30T00:00:00Z", "value": 1}',
        b'{"timestamp": "2024-01-01T00:00:00Z", "value": 1e999}',
        b'{"timestamp": "2024-01-01T00:00:00Z", "value": null}',
        b'{"timestamp": "2024-01-01T00:00:00Z", "value": 1}\v',
        b"",
    ],
)
def test_anything_else_is_left_to_the_general_reader(body: bytes) -> None:
    assert plain.point(body) is None
