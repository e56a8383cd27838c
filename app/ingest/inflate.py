"""Streams of bytes under a cap: as they come, or gunzipped on the way."""

import zlib
from typing import Protocol

from app.errors import Malformed, TooLarge

_GZIP = 16 + zlib.MAX_WBITS
_READ_BYTES = 16 * 1024

# A member of no content costs 20 bytes and an inflater; bgzip's hold 64 KB, so 4 GB stay readable.
_MEMBERS = 65_536


class ByteStream(Protocol):
    """What uploads are read from: read(n) gives 1 to n bytes, or none at the end."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; b"" at the end only."""
        ...


def capped(stream: ByteStream, max_bytes: int) -> "Capped":
    """The same bytes; reading past max_bytes of them raises `TooLarge`."""
    return Capped(stream, max_bytes)


def inflate(stream: ByteStream, max_bytes: int) -> "Inflated":
    """The gunzipped bytes, members joined; nothing is inflated further than it is read.

    Reading raises `TooLarge` past max_bytes of inflated bytes, and `Malformed` for what is not
    gzip, is damaged (CRC included) or ends early. Zero bytes behind the last member are padding.
    """
    return Inflated(stream, max_bytes)


class Capped:
    """See `capped`."""

    def __init__(self, stream: ByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._left = max_bytes

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all that are left when it is negative; b"" at the end."""
        if size < 0:
            return _read_all(self)
        data = self._stream.read(min(size, self._left + 1))
        if len(data) > self._left:
            raise TooLarge(
                f"the body is larger than {self._max_bytes} bytes", limit_bytes=self._max_bytes
            )
        self._left -= len(data)
        return data


class Inflated:
    """See `inflate`."""

    def __init__(self, stream: ByteStream, max_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._left = max_bytes
        self._members = 1
        self._inflater = zlib.decompressobj(_GZIP)
        self._packed = b""
        self._has_ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, all that are left when it is negative; b"" at the end."""
        if size < 0:
            return _read_all(self)
        data = b""
        while size and not data and not self._has_ended:
            data = self._step(min(size, self._left + 1))
        if len(data) > self._left:
            raise TooLarge(
                f"the body inflates to more than {self._max_bytes} bytes",
                limit_bytes=self._max_bytes,
            )
        self._left -= len(data)
        return data

    def _step(self, size: int) -> bytes:
        if self._inflater.eof:
            self._begin_member()
            return b""
        packed = self._packed or self._stream.read(_READ_BYTES)
        try:
            data = self._inflater.decompress(packed, size)
        except zlib.error as error:
            raise Malformed(f"the body is not sound gzip: {error}") from None
        self._packed = self._inflater.unconsumed_tail or self._inflater.unused_data
        if not packed and not data and not self._inflater.eof:
            raise Malformed("the body is cut off: its gzip data ends early")
        return data

    def _begin_member(self) -> None:
        self._packed = (self._packed or self._stream.read(_READ_BYTES)).lstrip(b"\0")
        while not self._packed:
            piece = self._stream.read(_READ_BYTES)
            if not piece:
                self._has_ended = True
                return
            self._packed = piece.lstrip(b"\0")
        self._members += 1
        if self._members > _MEMBERS:
            raise Malformed(f"the body has more than {_MEMBERS} gzip members")
        self._inflater = zlib.decompressobj(_GZIP)


def _read_all(stream: ByteStream) -> bytes:
    pieces = []
    while piece := stream.read(_READ_BYTES):
        pieces.append(piece)
    return b"".join(pieces)
