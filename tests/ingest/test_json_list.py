"""A long JSON list is read object by object, as strictly as a body and in bounded memory."""

import io
import itertools
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Malformed
from app.ingest import json_list
from app.ingest.json_list import read_objects

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("k"), inner, max_size=1),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=5)


class Pieces:
    """A stream that gives as few bytes at a time as it is told to."""

    def __init__(self, content: bytes, size: int) -> None:
        self._stream, self._size = io.BytesIO(content), size

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._size))


def read(content: str | bytes) -> list[dict[str, Any]]:
    return list(
        read_objects(io.BytesIO(content if isinstance(content, bytes) else content.encode()))
    )


@given(OBJECTS, st.integers(1, 7), st.sampled_from([None, 1]))
def test_what_was_written_is_read_however_it_comes(
    objects: list[dict[str, Any]], size: int, indent: int | None
) -> None:
    objects = [json.loads(json.dumps(one).replace("\\u0000", "0")) for one in objects]
    content = json.dumps(objects, indent=indent, ensure_ascii=False).encode()
    assert list(read_objects(Pieces(content, size))) == objects


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "must be a list"),
        ("{}", "must be a list"),
        ("[{}", "entry 1: a comma"),
        ("[{} {}]", "entry 1: a comma"),
        ("[{},]", "entry 2: must be an object"),
        ("[7]", "entry 1: must be an object"),
        ("[{}] x", "nothing may follow"),
        ("[{}, {]", "entry 2: is no JSON"),
        ('[{"a": 1, "a": 2}]', "entry 1: .* twice"),
        ('[{"a": NaN}]', "entry 1: NaN"),
        ('[{"a": 1e999}]', "entry 1: .* too large"),
        ('[{"a": "\\u0000"}]', "entry 1: .*U.0000"),
        ('[{"a": ' + "[" * 100_000, "entry 1: .*nested"),
        ('[{"a": ' + "[" * 40 + "]" * 40 + "}]", "entry 1: .*nested"),
        (b'[{"a": "\xff"}]', "not UTF-8"),
    ],
)
def test_what_is_wrong_is_named(content: str | bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read(content)


def peak_bytes(pieces: "itertools.chain[bytes]") -> int:
    class Endless:
        def read(self, _: int, /) -> bytes:
            return next(pieces, b"")

    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            for _ in read_objects(Endless()):
                pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "piece", [b" " * 65_536, (b'{"a": "' + b"x" * 1_000 + b'"},') * 64, b'{"a": "' + b"x" * 65_536]
)
def test_a_list_without_end_takes_no_more_memory_than_a_few_objects(piece: bytes) -> None:
    pieces = itertools.chain([b"["], itertools.repeat(piece, 200))
    assert peak_bytes(pieces) < 8 * json_list.OBJECT_BYTES < 200 * len(piece) / 4
