"""Uploads are read in constant memory, however long, however wide, however bad they are."""

import itertools
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from app.ingest.csv import read_csv
from app.ingest.ndjson import read_ndjson

MB = 1024 * 1024
BLOCK_ROWS = 5_000


class Endless:
    """A stream that is made as it is read: a head, then one block of rows again and again."""

    def __init__(self, head: bytes, block: bytes, blocks: int) -> None:
        self._parts: Iterator[bytes] = itertools.chain([head], itertools.repeat(block, blocks))
        self._left = b""

    def read(self, size: int, /) -> bytes:
        while len(self._left) < size and (part := next(self._parts, b"")):
            self._left += part
        data, self._left = self._left[:size], self._left[size:]
        return data


def peak_bytes(read: Callable[[], int]) -> tuple[int, int]:
    """What the reading returned, and the most memory that it held at a time."""
    tracemalloc.start()
    try:
        received = read()
        return received, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def count(stream: Endless) -> int:
    return sum(chunk.received for chunk in read_csv(stream))


def test_a_million_rows_take_less_than_60_mb_and_no_more_than_a_tenth_of_them() -> None:
    rows = b"".join(
        b"2014-01-01T00:%02d:%02dZ,%d.%d\n" % (i // 60 % 60, i % 60, i, i)
        for i in range(BLOCK_ROWS)
    )

    def read(blocks: int) -> tuple[int, int]:
        return peak_bytes(lambda: count(Endless(b"timestamp,value\n", rows, blocks)))

    few, peak_of_few = read(20)
    many, peak_of_many = read(200)
    assert (few, many) == (100_000, 1_000_000)
    assert peak_of_many < 60 * MB
    assert peak_of_many < 1.2 * peak_of_few


@pytest.mark.parametrize(
    ("head", "row", "blocks"),
    [
        (b"timestamp" + b",f%d" * 199 % tuple(range(199)) + b"\n", b"1" + b",2" * 199 + b"\n", 4),
        (b"timestamp,value\n", b"1,x\n", 40),
        (b"timestamp,value\n", b"1\n", 40),
        (b"timestamp,value,note\n", b'1,2,"\n\n"\n', 40),
        (b"timestamp,value\n", b"\n", 400),
        (b"timestamp,value\n", b"1," + b" " * 60_000 + b"2\n", 1),
    ],
    ids=["wide", "all bad", "all short", "quoted line ends", "blank", "long lines"],
)
def test_odd_files_take_less_than_60_mb(head: bytes, row: bytes, blocks: int) -> None:
    rows = BLOCK_ROWS if len(row) < 1000 else 200
    stream = Endless(head + b"1" + b",2" * head.count(b",") + b"\n", row * rows, blocks)
    received, peak = peak_bytes(lambda: count(stream))
    assert received >= 1
    assert peak < 60 * MB


@pytest.mark.parametrize(
    "row",
    [
        b'{"timestamp": 1, "value": 2.5}\n',
        b'{"timestamp": 1, "value": {"' + b"a" * 200 + b'": 1}}\n',
        b'{"timestamp": "' + b" " * 3000 + b'1", "' + b"k" * 3000 + b'": 1}\n',
    ],
    ids=["plain", "long field", "long key"],
)
def test_ndjson_takes_less_than_60_mb(row: bytes) -> None:
    stream = Endless(b"", row * 500, 120)
    received, peak = peak_bytes(lambda: sum(chunk.received for chunk in read_ndjson(stream)))
    assert received == 60_000
    assert peak < 60 * MB
