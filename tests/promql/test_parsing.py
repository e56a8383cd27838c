"""A query is read as Prometheus would read it; what is not supported is refused with what is."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Invalid
from app.promql import Comparison, Matcher, Query, Selector, parsed

HOUR_MS = 3_600_000
NAMED = Matcher("__name__", "=", "tocsin_value")


def selector(text: str) -> Selector:
    query = parsed(text)
    assert isinstance(query, Query)
    assert query == Query(query.selector)
    return query.selector


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("tocsin_value", [NAMED]),
        ("tocsin_value{}", [NAMED]),
        (' tocsin_value { series = "a" , } # of one', [NAMED, Matcher("series", "=", "a")]),
        ("{__name__='tocsin_value'}", [NAMED]),
        ("(tocsin_value)", [NAMED]),
        (
            'tocsin_value{series=~"a|b",field!="c",x!~`\\d`}',
            [
                NAMED,
                Matcher("series", "=~", "a|b"),
                Matcher("field", "!=", "c"),
                Matcher("x", "!~", "\\d"),
            ],
        ),
        (r'tocsin_value{series=~"a\\.b"}', [NAMED, Matcher("series", "=~", r"a\.b")]),
        (r'tocsin_value{series="\"\x41\u00e4\n"}', [NAMED, Matcher("series", "=", '"Aä\n')]),
    ],
)
def test_matchers_of_a_selector(text: str, matchers: list[Matcher]) -> None:
    assert selector(text) == Selector(tuple(matchers))


@pytest.mark.parametrize(
    ("text", "range_ms", "offset_ms"),
    [
        ("tocsin_value[1h]", HOUR_MS, 0),
        ("tocsin_value[1h30m] offset 1d", HOUR_MS * 3 // 2, 24 * HOUR_MS),
        ("tocsin_value OFFSET 5m", None, 300_000),
        ("tocsin_value offset -1w", None, -7 * 24 * HOUR_MS),
        ("tocsin_value[1y2w3d4h5m6s7ms]", 365 * 24 * HOUR_MS + 1_483_506_007, 0),
    ],
)
def test_ranges_and_offsets(text: str, range_ms: int | None, offset_ms: int) -> None:
    found = selector(text)
    assert (found.range_ms, found.offset_ms) == (range_ms, offset_ms)


def test_functions_over_a_range_and_comparisons() -> None:
    query = parsed("max_over_time(tocsin_value[1h] offset 1h) >= 0.5 < 1e3")
    assert query == Query(
        Selector((NAMED,), HOUR_MS, HOUR_MS),
        "max",
        (Comparison(">=", 0.5), Comparison("<", 1000.0)),
    )


@pytest.mark.parametrize(
    ("text", "number"),
    [("1+1", 2), ("-2 * (3 - 1) / 4", -1), ("1 - 2 - 3", -4), (".5e1", 5), ("+Inf", math.inf)],
)
def test_plain_arithmetic(text: str, number: float) -> None:
    assert parsed(text) == number


def test_nothing_by_nothing_is_no_number() -> None:
    found = parsed("0/0")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    "text",
    [
        "rate(tocsin_value[5m])",
        "sum by (series) (tocsin_value)",
        "tocsin_value + 1",
        "-tocsin_value",
        "tocsin_value and tocsin_score",
        "tocsin_value > tocsin_upper",
        "tocsin_value > bool 1",
        "tocsin_value[1h:5m]",
        "tocsin_value @ 1",
        "max_over_time(tocsin_value)",
        "1 == 1",
        "'text'",
        "5m",
        "",
    ],
)
def test_what_is_not_supported_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(Invalid, match=r"Supported are a selector|needs a range"):
        parsed(text)


@pytest.mark.parametrize(
    "text",
    [
        "tocsin_value{series=",
        "tocsin_value{series=a}",
        "tocsin_value{series='a'",
        "tocsin_value{'a'='b'}",
        "tocsin_value{a='b' c='d'}",
        "tocsin_value[5]",
        "tocsin_value[0s]",
        "tocsin_value[1m1h]",
        "tocsin_value[1h",
        "tocsin_value 1",
        r"tocsin_value{a='\q'}",
        r"tocsin_value{a='\ud800'}",
        r"tocsin_value{a='\U00110000'}",
        "tocsin_value{a='\n'}",
        "§",
        "(" * 1000 + "1" + ")" * 1000,
        "x" * 10_001,
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parsed(text)


WORDS = st.sampled_from(
    ["tocsin_value", "{", "}", "(", ")", "[", "]", "1h", "1", "'a'", "=", "=~", ",", "offset", "-",
     "+", ">", "max_over_time", "series", " ", "#", "\n", '"', "\\", "5", "m", ".", ":", "@"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=20).map("".join) | st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        assert isinstance(parsed(text), Query | float)
