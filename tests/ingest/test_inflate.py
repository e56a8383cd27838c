import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Malformed, TooLarge
from app.ingest.inflate import ByteStream, capped, inflate


class Dripping(io.BytesIO):
    """Gives a byte at a time, as a slow client does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 1))


class Counting(io.BytesIO):
    """Knows how much was read of it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.given_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.given_bytes += len(data)
        return data


def drain(stream: ByteStream, size: int = 1000) -> bytes:
    pieces = []
    while piece := stream.read(size):
        assert len(piece) <= size
        pieces.append(piece)
    assert stream.read(size) == b""
    return b"".join(pieces)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.integers(1, 50))
def test_members_come_back_joined(members: list[bytes], size: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    assert drain(inflate(io.BytesIO(packed), 2000), size) == b"".join(members)
    assert inflate(io.BytesIO(packed), 2000).read() == b"".join(members)
    assert drain(inflate(Dripping(packed), 2000), size) == b"".join(members)


def test_zeros_behind_the_last_member_are_padding() -> None:
    packed = gzip.compress(b"abc") + bytes(40_000) + gzip.compress(b"def") + bytes(40_000)
    assert inflate(io.BytesIO(packed), 10).read() == b"abcdef"


def test_as_much_as_the_cap_is_given_and_no_byte_more() -> None:
    packed = gzip.compress(bytes(1000))
    assert inflate(io.BytesIO(packed), 1000).read() == bytes(1000)
    with pytest.raises(TooLarge, match="999 bytes"):
        inflate(io.BytesIO(packed), 999).read()
    assert capped(io.BytesIO(bytes(1000)), 1000).read() == bytes(1000)
    with pytest.raises(TooLarge, match="999 bytes"):
        capped(io.BytesIO(bytes(1000)), 999).read()


def test_a_bomb_is_not_inflated_beyond_what_is_read() -> None:
    source = Counting(gzip.compress(bytes(200_000_000)))
    stream = inflate(source, 1_000_000)
    with pytest.raises(TooLarge):
        drain(stream, 64 * 1024)
    assert source.given_bytes <= 16 * 1024


def test_a_capped_stream_reads_no_more_than_a_byte_past_its_cap() -> None:
    source = Counting(bytes(1_000_000))
    with pytest.raises(TooLarge):
        capped(source, 1000).read(500_000)
    assert source.given_bytes == 1001


@pytest.mark.parametrize("kept", [0, 1, 9, 10, 20, -8, -4, -1])
def test_gzip_that_ends_early_is_malformed(kept: int) -> None:
    packed = gzip.compress(b"timestamp,value\n" * 10)[:kept]
    with pytest.raises(Malformed, match="cut off"):
        inflate(io.BytesIO(packed), 10_000).read()


@pytest.mark.parametrize(
    "packed",
    [
        b"timestamp,value\n",
        zlib.compress(b"abc"),
        gzip.compress(b"abc") + b"trailing",
        gzip.compress(b"abc")[:-8] + bytes(8),
    ],
    ids=["plain text", "zlib", "trailing bytes", "wrong checksum"],
)
def test_what_is_not_sound_gzip_is_malformed(packed: bytes) -> None:
    with pytest.raises(Malformed, match="gzip"):
        inflate(io.BytesIO(packed), 10_000).read()


def test_members_without_content_have_a_limit() -> None:
    with pytest.raises(Malformed, match="members"):
        inflate(io.BytesIO(gzip.compress(b"") * 70_000), 10_000).read()


@given(st.binary(max_size=500))
def test_arbitrary_bytes_give_nothing_but_expected_errors(noise: bytes) -> None:
    packed = gzip.compress(b"some content to be damaged")
    for body in (noise, packed + noise, packed[:10] + noise, packed[:-8] + noise):
        try:
            data = inflate(io.BytesIO(body), 100).read()
        except (Malformed, TooLarge):
            continue
        assert len(data) <= 100
