import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Malformed
from app.ingest.json import parse_json

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text('ab{}[]\\"', max_size=5), inner),
)


@given(values, st.booleans())
def test_what_is_written_is_read_back(value: object, is_ascii: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,\n "b": }', "line 2, column 7"),
        (b"{'a': 1}", "column 2"),
        (b"[1] [2]", "Extra data"),
        (b"[1,]", "column"),
        (b'{"a": 1, "b": 2, "a": 3}', "key 'a' twice"),
        (b'[{"x": {"y": 1, "y": 1}}]', "key 'y' twice"),
        (b'{"a": 1, "\\u0061": 2}', "key 'a' twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b'{"a": Infinity}', "Infinity"),
        (b"1e400", "too large"),
        (b"-1e400", "too large"),
        (b"9" * 4301, "4300 digits"),
        (b'"\xe9"', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'["\\u0000"]', "U\\+0000"),
        (b'"\x01"', "control character"),
        (b"[" * 100_000, "deeper than 32"),
        (b'{"a":' * 100_000, "deeper than 32"),
        (b'["\\\\", ' + b"[" * 40 + b"]" * 40 + b"]", "deeper than 32"),
    ],
)
def test_what_can_be_read_in_two_ways_or_not_at_all_is_malformed(body: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse_json(body)


def test_line_and_column_are_shown_to_the_client() -> None:
    with pytest.raises(Malformed) as caught:
        parse_json(b'{"a": 1,\n "b": }')
    assert caught.value.extra == {"line": 2, "column": 7}


def test_nesting_may_be_32_deep_and_no_deeper() -> None:
    assert parse_json(b"[" * 32 + b"]" * 32) is not None
    with pytest.raises(Malformed, match="32"):
        parse_json(b"[" * 33 + b"]" * 33)


@pytest.mark.parametrize("text", ["[" * 50, '\\"' + "[{" * 50, "\\" * 51 + '"' + "[" * 50])
def test_brackets_in_strings_are_no_nesting(text: str) -> None:
    value = {"text": [text, {"more": text}]}
    assert parse_json(json.dumps(value).encode()) == value


def test_many_objects_side_by_side_are_not_deep() -> None:
    assert len(parse_json(b"[" + b",".join([b'{"a": [1]}'] * 1000) + b"]")) == 1000  # type: ignore[arg-type]


def test_integers_of_4300_digits_and_surrogate_pairs_are_read() -> None:
    assert parse_json(b"9" * 4300) == int("9" * 4300)
    assert parse_json(b'"\\ud83d\\ude00 \\\\u0000"') == "\N{GRINNING FACE} \\u0000"


@given(
    st.binary(max_size=200) | st.text('[]{}",:\\u0d8e1-+.NaInfty tr', max_size=60).map(str.encode)
)
def test_arbitrary_bytes_are_read_or_malformed(body: bytes) -> None:
    try:
        value = parse_json(body)
    except Malformed:
        return
    assert not isinstance(value, float) or math.isfinite(value)
    assert json.loads(body) == value
