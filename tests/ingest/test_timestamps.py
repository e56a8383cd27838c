from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.ingest.timestamps import (
    format_timestamp,
    format_timestamps,
    parse_timestamp,
    parse_timestamps,
)

SECOND = 10**9
NOON = 1_414_929_600 * SECOND  # 2014-11-02T12:00:00Z
EARLIEST = -9_214_560_000 * SECOND  # 1678-01-01T00:00:00Z
LATEST = (2**63 - 1) // 1000 * 1000

stored = st.integers(EARLIEST // 1000, LATEST // 1000).map(lambda us: us * 1000)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2014-11-02T12:00:00Z", NOON),
        ("2014-11-02t12:00:00z", NOON),
        ("2014-11-02 12:00:00", NOON),
        ("2014-11-02T12:00", NOON),
        ("2014-11-02", NOON - 12 * 3600 * SECOND),
        ("2014-11-02T14:30:00+02:30", NOON),
        ("2014-11-02T14:30:00+0230", NOON),
        ("2014-11-02 04:00:00 -08", NOON),
        ("2014-11-02T12:00:00.5Z", NOON + SECOND // 2),
        ("2014-11-02T12:00:00,25", NOON + SECOND // 4),
        ("2014-11-02T12:00:00.000001", NOON + 1000),
        ("2014-11-02T12:00:00.000001000+00:00", NOON + 1000),
        ("  2014-11-02T12:00:00Z\t", NOON),
        ("1678-01-01", EARLIEST),
        ("2262-04-11T23:47:16.854775Z", LATEST),
        ("1969-12-31T23:59:59.999999Z", -1000),
    ],
)
def test_text_is_read_as_utc(text: str, ns: int) -> None:
    assert parse_timestamp(text) == ns
    assert parse_timestamps([text, text])[0].tolist() == [ns, ns]


@pytest.mark.parametrize(
    ("number", "ns"),
    [
        (0, 0),
        (1_414_929_600, NOON),
        (-5, -5 * SECOND),
        (2014, 2014 * SECOND),
        (9_223_372_036, 9_223_372_036 * SECOND),
        (10**11, 10**8 * SECOND),
        (1_414_929_600_000, NOON),
        (10**14 - 1, None),
        (10**14, 10**8 * SECOND),
        (-(10**14), -(10**8) * SECOND),
        (1_414_929_600_000_000, NOON),
        (10**17, 10**17),
        (NOON, NOON),
        (-NOON, -NOON),
        (LATEST, LATEST),
    ],
)
def test_the_size_of_an_integer_says_its_unit(number: int, ns: int | None) -> None:
    if ns is None:
        with pytest.raises(ValueError, match="out of range"):
            parse_timestamp(number)
        assert list(parse_timestamps([str(number)])[1]) == [0]
        return
    assert parse_timestamp(number) == ns
    assert parse_timestamp(str(number)) == ns
    assert parse_timestamps([str(number)])[0].tolist() == [ns]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "there is no timestamp; give RFC 3339"),
        ("yesterday", "give RFC 3339"),
        ("2014-11", "give RFC 3339"),
        ("02/11/2014", "give RFC 3339"),
        ("1414929600.5", "give RFC 3339"),
        ("1_414_929_600", "give RFC 3339"),
        ("2014-11-02T12:00:00ZZ", "give RFC 3339"),
        ("2014-11-02T12:00:00Z\n", "give RFC 3339"),
        ("2014-11-02\0", "give RFC 3339"),
        ("\u0662014-11-02", "give RFC 3339"),
        ("9" * 5000, "give RFC 3339"),
        ("2014-13-02", "month"),
        ("2014-00-02", "month"),
        ("2014-02-29", "day"),
        ("1900-02-29", "day"),
        ("2014-11-00", "day"),
        ("2014-11-02T24:00:00Z", "hour"),
        ("2014-11-02T12:60:00Z", "minute"),
        ("2014-11-02T23:59:60Z", "second"),
        ("2014-11-02T12:00:00+24:00", "offset"),
        ("2014-11-02T12:00:00+02:60", "offset"),
        ("2014-11-02T12:00:00.0000001Z", "finer than a microsecond"),
        ("1677-12-31T23:59:59Z", "out of range"),
        ("1678-01-01T00:00:00+00:01", "out of range"),
        ("2262-04-11T23:47:16.854776Z", "out of range"),
        ("0000-01-01", "year"),
        (NOON + 1, "finer than a microsecond"),
        (-NOON - 1, "finer than a microsecond"),
        (LATEST + 1000, "out of range"),
        (2**63, "out of range"),
        (2**64 + 1, "out of range"),
        (-(2**63), "out of range"),
        (99_999_999_999, "out of range"),
        pytest.param(10**5000, "out of range", id="an integer of 5001 digits"),
        (True, "bool"),
        (1.5, "float"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_timestamp_is_refused_with_what_would_be_right(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_timestamp(value)  # type: ignore[arg-type]
    if isinstance(value, str):
        times, bad = parse_timestamps(["2014-11-02", value, "2014-11-02T12:00:00Z"])
        assert list(bad) == [1]
        assert times[2] == NOON
        assert said in bad[1]


@given(stored)
@example(EARLIEST)
@example(LATEST)
def test_what_is_written_is_read_back(ns: int) -> None:
    assert parse_timestamp(format_timestamp(ns)) == ns


@given(st.lists(stored | st.integers(-9_000_000_000, 9_000_000_000).map(lambda s: s * SECOND)))
def test_a_column_is_written_and_read_like_its_cells(times: list[int]) -> None:
    texts = format_timestamps(np.array(times, dtype=np.int64))
    assert texts == [format_timestamp(ns) for ns in times]
    parsed, bad = parse_timestamps(texts)
    assert parsed.tolist() == times
    assert not bad


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
    st.integers(-23 * 60, 23 * 60),
    st.sampled_from(["T", " "]),
)
def test_offsets_are_taken_off(moment: datetime, offset_minutes: int, mark: str) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    ns = since // timedelta(microseconds=1) * 1000
    text = aware.isoformat(mark)
    assert parse_timestamp(text) == ns
    assert parse_timestamps([text])[0].tolist() == [ns]


dates = ["2014-11-02", "2014-02-30", "1500-01-01", "1414929600", "9999999999999999999", "-", "é"]
rests = ["T12:00:00", " 12:00", "t25:00:00", ".5", ".1234567", ".120000000", "Z", "+02:00", "-0230"]
pieces = st.sampled_from([*dates, *rests, "+99", " ", "", "x"])


@given(st.lists(st.lists(pieces, max_size=4).map("".join), max_size=30))
def test_a_column_is_judged_as_its_cells_one_by_one(cells: list[str]) -> None:
    times, bad = parse_timestamps(cells)
    assert [bad.get(i, ns) for i, ns in enumerate(times.tolist())] == [alone(c) for c in cells]
    assert not times[list(bad)].any()


def alone(cell: str) -> int | str:
    try:
        return parse_timestamp(cell)
    except ValueError as error:
        return str(error)


def test_a_column_may_be_a_list_an_array_or_a_series() -> None:
    cells = ["2014-11-02T12:00:00Z", "nonsense", "1414929600"]
    for column in (cells, np.array(cells), np.array(cells, dtype=object), pd.Series(cells)):
        times, bad = parse_timestamps(column)
        assert times.dtype == np.int64
        assert times.tolist() == [NOON, 0, NOON]
        assert list(bad) == [1]


def test_an_empty_column_has_no_times() -> None:
    times, bad = parse_timestamps([])
    assert times.shape == (0,)
    assert bad == {}
    assert format_timestamps(times) == []


def test_more_ways_of_writing_than_are_read_together_are_all_read() -> None:
    cells = [f"2014-11-02T12:00:00.{'0' * k}" for k in range(1, 16)] * 3
    times, bad = parse_timestamps(cells)
    assert not bad
    assert set(times.tolist()) == {NOON}


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (NOON, "2014-11-02T12:00:00Z"),
        (NOON + 1000, "2014-11-02T12:00:00.000001Z"),
        (NOON + SECOND // 2, "2014-11-02T12:00:00.500000Z"),
        (-1000, "1969-12-31T23:59:59.999999Z"),
        (NOON + 1999, "2014-11-02T12:00:00.000001Z"),
    ],
)
def test_microseconds_are_written_only_where_not_zero(ns: int, text: str) -> None:
    assert format_timestamp(ns) == text
    assert format_timestamps(np.array([ns])) == [text]
