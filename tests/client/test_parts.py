"""How a text is cut: behind whole records, and no part larger than there is room for."""

import gzip
import io
import json
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.errors import Damaged
from app.client.parts import Part, Room, packed, parts, smaller
from app.client.sources import Source, of_file, opened

CELL = st.sampled_from(["1", "-2.5", '"3"', '"a\nb"', '"say ""hi"""', "", "ü"])
ROWS = st.lists(st.tuples(CELL, CELL).map(lambda cells: ",".join(cells) + "\n"), max_size=40)
HEADERS = st.sampled_from(["{}", "\ufeff{}", "\n{}", "\r\n\n{}"]).map(
    lambda form: form.format("timestamp,value\n")
)


class Pipe:
    """Can be read once, a little at a time."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def seekable(self) -> bool:
        return False

    def read(self, size: int = -1) -> bytes:
        return self._content.read(min(size, 7))


def piped(content: bytes, form: Any = "csv") -> Source:
    return of_file(cast(Any, Pipe(content)), form)


def text_of(part: Part) -> str:
    part.file.seek(0)
    content = part.file.read()
    assert len(content) == part.size_bytes
    text = gzip.decompress(content) if part.is_gzip else content
    assert len(text) == part.text_bytes
    return text.decode()


def assert_whole(cut: list[Part], header: str, rows: list[str], most: int) -> None:
    """The parts are the header each time, and all rows in order, none cut."""
    texts = [text_of(part) for part in cut]
    bodies = [text.removeprefix(header) for text in texts]
    assert all(text.startswith(header) for text in texts)
    assert "".join(bodies) == "".join(rows)
    ends = set(accumulate(map(len, rows)))
    assert set(accumulate(map(len, filter(None, bodies)))) <= ends
    for text, body in zip(texts, bodies, strict=True):
        assert len(text.encode()) <= most or body in rows
    lines = [0, *accumulate(body.count("\n") for body in bodies)]
    assert [part.lines_before for part in cut] == lines[:-1]


@given(ROWS, st.integers(20, 200), st.booleans(), HEADERS)
def test_csv_is_cut_behind_records_and_each_part_has_the_header(
    rows: list[str], most: int, compresses: bool, header: str
) -> None:
    source = piped("".join([header, *rows]).encode())
    cut = list(packed(source, Room(most), compresses))
    assert_whole(cut, header, rows, most)


@given(ROWS, HEADERS, st.integers(20, 60))
def test_a_gzipped_pipe_is_cut_as_what_is_in_it(rows: list[str], header: str, most: int) -> None:
    source = piped(gzip.compress("".join([header, *rows]).encode()))
    cut = list(packed(source, Room(most), compresses=False))
    assert all(part.is_gzip for part in cut)
    assert_whole(cut, header, rows, most)


@given(ROWS, HEADERS)
def test_a_part_that_was_too_large_is_cut_anew(rows: list[str], header: str) -> None:
    (whole,) = packed(piped("".join([header, *rows]).encode()), Room(10**6), compresses=False)
    assert_whole(list(smaller(whole, Room(60))), header, rows, 60)


def test_units_of_all_parts_are_those_of_the_source() -> None:
    text = b"timestamp,value\n" + b"2024-01-01,1\n" * 1000
    cut = list(packed(piped(text), Room(700), compresses=True))
    assert sum(part.units for part in cut) == len(text)
    again = list(smaller(cut[3], Room(100)))
    assert sum(part.units for part in again) == cut[3].units
    assert again[0].units_before == cut[3].units_before


def test_a_quote_that_never_ends_holds_nobody_up() -> None:
    text = b'timestamp,value\n2024-01-01,"1\n' + b"2024-01-02,2\n" * 200_000
    cut = list(packed(piped(text), Room(500_000), compresses=False))
    assert "".join(text_of(part).removeprefix("timestamp,value\n") for part in cut).encode() == (
        text.removeprefix(b"timestamp,value\n")
    )
    assert len(cut) > 1


def test_a_file_that_is_small_enough_is_sent_as_it_is() -> None:
    content = b"timestamp,value\n2024-01-01,1\n"
    for data, is_gzip in ((content, False), (gzip.compress(content), True)):
        file = io.BytesIO(data)
        with opened(file, None) as source:
            (part,) = parts(source, Room(len(content)), compresses=False)
        assert (part.file, part.size_bytes, part.is_gzip) == (file, len(data), is_gzip)


def test_a_gzipped_file_that_is_too_large_inside_is_cut() -> None:
    content = b"timestamp,value\n" + b"2024-01-01,1\n" * 100
    with opened(io.BytesIO(gzip.compress(content)), None) as source:
        cut = list(parts(source, Room(500), compresses=False))
    assert len(cut) > 1
    assert_whole(cut, "timestamp,value\n", ["2024-01-01,1\n"] * 100, 500)


def test_text_that_packs_to_nearly_nothing_is_cut_all_the_same() -> None:
    rows = ["2024-01-01T00:00:00Z,1\n"] * 200_000
    packed_rows = gzip.compress("".join(["timestamp,value\n", *rows]).encode())
    with opened(io.BytesIO(packed_rows), None) as source:
        cut = list(parts(source, Room(1_000_000), compresses=False))
    assert len(cut) > 4
    assert_whole(cut, "timestamp,value\n", rows, 1_000_000)
    assert sum(part.units for part in cut) == len(packed_rows)


def test_a_pipe_whose_gzip_is_damaged_is_an_error() -> None:
    content = gzip.compress(b"timestamp,value\n" + b"2024-01-01,1\n" * 100)
    for damaged in (content[:-9], content[:20] + b"x" * 9 + content[29:]):
        with pytest.raises(Damaged):
            list(packed(piped(damaged), Room(500), compresses=False))


def test_json_stays_in_one_piece() -> None:
    content = json.dumps({"points": [{"timestamp": 0, "value": 1}] * 100}, indent=1).encode()
    for source in (of_file(io.BytesIO(content), "json"), piped(content, "json")):
        (part,) = parts(source, Room(50), compresses=False)
        assert text_of(part).encode() == content


def test_rows_are_asked_for_as_they_are_sent() -> None:
    taken = []

    def rows() -> Iterator[tuple[int, float]]:
        for second in range(10_000):
            taken.append(second)
            yield second, 1.0

    with opened(rows(), None) as source:
        part = next(parts(source, Room(1_000), compresses=False))
        assert len(taken) < 1_000
    assert text_of(part).splitlines()[1] == '{"timestamp":1,"value":1.0}'


def test_nothing_to_send_is_no_part() -> None:
    empty: list[tuple[int, float]] = []
    for data in (empty, iter(empty)):
        with opened(data, None) as source:
            assert list(parts(source, Room(1_000), compresses=False)) == []
