import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.columns import Column
from app.ingest.numbers import parse_column, parse_number, parse_numbers

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite))
def test_doubles_come_back_bit_for_bit(numbers: list[float]) -> None:
    values, bad = parse_numbers([repr(number) for number in numbers])
    assert values.tobytes() == np.array(numbers, dtype=np.float64).tobytes()
    assert not bad


@pytest.mark.parametrize("text", ["1", "+1", "1.", ".5", "-1e-3", "1E5", " 2\t", "007"])
def test_decimals_are_read(text: str) -> None:
    assert parse_number(text) == float(text)
    assert parse_numbers([text, "1"])[0].tolist() == [float(text), 1.0]


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_cell_is_a_missing_value(text: str) -> None:
    assert math.isnan(parse_number(text))
    values, bad = parse_numbers(["1", text, "2"])
    assert np.isnan(values).tolist() == [False, True, False]
    assert not bad


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nan", "leave the cell empty"),
        ("NaN", "leave the cell empty"),
        ("-inf", "leave the cell empty"),
        ("Infinity", "leave the cell empty"),
        ("1e400", "too large"),
        ("-" + "9" * 400, "too large"),
        ("1,5", "write '1.5'"),
        ("-,5e3", "write '-.5e3'"),
        ("1.234,5", "not a number"),
        ("1_000", "not a number"),
        ("0x10", "not a number"),
        ("True", "not a number"),
        ("true", "not a number"),
        ("1e", "not a number"),
        (".", "not a number"),
        ("e5", "not a number"),
        ("1 2", "not a number"),
        ("--1", "not a number"),
        ("1\r", "not a number"),
        ("1\n", "not a number"),
        ("\u0661", "not a number"),
        ("\xa01", "not a number"),
        ("n/a", "not a number"),
        ("NULL", "not a number"),
    ],
)
def test_what_is_no_finite_decimal_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_number(text)
    values, bad = parse_numbers(["1", text, "2"])
    assert list(bad) == [1]
    assert said in bad[1]
    assert np.isnan(values[1])
    assert values[[0, 2]].tolist() == [1.0, 2.0]


@given(st.lists(st.text(alphabet="0123456789+-.eE_ ,naif\t\r", max_size=6), max_size=20))
def test_a_column_is_judged_as_its_cells_one_by_one(cells: list[str]) -> None:
    values, bad = parse_numbers(cells)
    together = [bad.get(i, repr(value)) for i, value in enumerate(values.tolist())]
    assert together == [alone(cell) for cell in cells]


def alone(cell: str) -> str:
    try:
        return repr(parse_number(cell))
    except ValueError as error:
        return str(error)


def test_a_refusal_shows_a_short_piece_of_a_long_cell() -> None:
    _, bad = parse_numbers(["x" * 60_000])
    assert len(bad[0]) < 200


@pytest.mark.parametrize(
    "cell", ["1" * 65_000 + "x", "1." + "1" * 65_000 + "x", "1" * 65_000 + ",1x"]
)
def test_long_hopeless_cells_cost_no_more_than_their_length(cell: str) -> None:
    # Were it the square of it, these would run into the time limit of the tests.
    _, bad = parse_numbers([cell] * 200)
    assert len(bad) == 200


def test_a_comma_before_three_digits_may_set_thousands_apart() -> None:
    _, bad = parse_numbers(["1,234", "1,5"])
    assert "write '1234', or '1.234' where it is decimal" in bad[0]
    assert "write '1.5'" in bad[1]


plain = st.from_regex(r"\A[+-]?[0-9]{0,17}\.?[0-9]{0,17}\Z").filter(lambda text: len(text) < 40)
mixed = st.one_of(plain, plain, finite.map(repr), st.text("0123456789+-.eE ,x\0é", max_size=20))


@given(st.lists(mixed))
def test_a_column_of_bytes_is_read_as_its_cells_are(cells: list[str]) -> None:
    values, bad = parse_column(Column.of(cells))
    same, wrong = parse_numbers(cells)
    assert values.tobytes() == same.tobytes()
    assert bad == wrong


@given(st.lists(st.tuples(st.integers(-(10**15), 10**15), st.integers(0, 15))))
def test_short_decimals_are_the_nearest_doubles(numbers: list[tuple[int, int]]) -> None:
    cells = [f"{Decimal(whole).scaleb(-places):f}" for whole, places in numbers]
    values, bad = parse_column(Column.of(cells))
    assert values.tobytes() == np.array([float(cell) for cell in cells], np.float64).tobytes()
    assert not bad


@pytest.mark.parametrize("cell", ["-0", "-0.0", "0", ".0", "000000000000001", "999999999999999"])
def test_zeros_and_the_longest_short_decimals_keep_their_bits(cell: str) -> None:
    values, _ = parse_column(Column.of([cell]))
    assert values.tobytes() == np.float64(cell).tobytes()
