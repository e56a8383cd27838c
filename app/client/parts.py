"""Blocks of records as bodies of requests, none larger than the service takes."""

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from app.client.bodies import CHUNK_BYTES, Form
from app.client.sources import Block, Source, first_end, last_end, of_file

MEMORY_BYTES = 4_000_000  # a part that is larger is kept on disk
COMPRESSION = 1  # a quarter of the time of the usual 6, for a tenth to a quarter more bytes


@dataclass(frozen=True)
class Part:
    """A file to be sent on its own, `text_bytes` when inflated, and what of the source it is."""

    file: BinaryIO
    size_bytes: int
    form: Form
    is_gzip: bool
    text_bytes: int
    units: int
    lines_before: int = 0
    units_before: int = 0


@dataclass
class Room:
    """How much text a part may have; found to be less by asking."""

    most_bytes: int


def parts(source: Source, room: Room, compresses: bool) -> Iterator[Part]:
    """The source as it is, where it may be sent so; else cut, each part with the header."""
    part = _whole(source, room, compresses)
    return iter([part]) if part else packed(source, room, compresses)


def smaller(part: Part, room: Room) -> Iterator[Part]:
    """The same records in smaller parts."""
    part.file.seek(0)
    for one in packed(of_file(part.file, part.form), room, part.is_gzip):
        begin = one.units_before * part.units // part.size_bytes
        end = (one.units_before + one.units) * part.units // part.size_bytes
        yield replace(
            one,
            lines_before=part.lines_before + one.lines_before,
            units_before=part.units_before + begin,
            units=end - begin,
        )


def _whole(source: Source, room: Room, compresses: bool) -> Part | None:
    file, size = source.file, source.units
    if file is None or size is None or (compresses and not source.is_gzip):
        return None
    text_bytes = _inflated(file, room.most_bytes) if source.is_gzip else size
    if text_bytes > room.most_bytes and source.form != "json":
        return None
    return Part(file, size, source.form, source.is_gzip, text_bytes, size)


def _inflated(file: BinaryIO, most_bytes: int) -> int:
    """How much text there is, counted until it is too much; damage is for the service to name."""
    position, size = file.tell(), 0
    file.seek(0)
    with suppress(OSError, EOFError, zlib.error), gzip.GzipFile(fileobj=file) as text:
        while size <= most_bytes and (piece := text.read(CHUNK_BYTES)):
            size += len(piece)
    file.seek(position)
    return size


def packed(source: Source, room: Room, compresses: bool) -> Iterator[Part]:
    """Parts of no more text than there is room for, unless a single record has more."""
    header, compresses = source.header(), compresses or source.is_gzip
    lines = units = count = 0
    gathered = _Gathered(header, compresses)
    for block in source.blocks:
        for piece in _pieces(block, max(room.most_bytes - len(header), 1), source.form):
            if gathered.blocks and gathered.text_bytes + len(piece.data) > room.most_bytes:
                yield gathered.part(source.form, lines, units)
                count += 1
                lines, units = lines + gathered.lines, units + gathered.units
                gathered = _Gathered(header, compresses)
            gathered.add(piece)
    if gathered.blocks or (header and not count):
        yield gathered.part(source.form, lines, units)


def _pieces(block: Block, room_bytes: int, form: Form) -> Iterator[Block]:
    """The block, or where it is too large, its records by as many as there is room for."""
    if form == "json":
        yield block
        return
    has_quotes = form == "csv"
    rest, units = block.data, block.units
    while len(rest) > room_bytes:
        end = last_end(rest, room_bytes, has_quotes) or first_end(rest, 0, has_quotes) or len(rest)
        share = units * end // len(rest)
        yield Block(rest[:end], share)
        rest, units = rest[end:], units - share
    if rest:
        yield Block(rest, units)


class _Gathered:
    """Blocks for a part."""

    def __init__(self, header: bytes, compresses: bool) -> None:
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed when sent
        self._packed = gzip.GzipFile("", "wb", COMPRESSION, self._file) if compresses else None
        self.text_bytes = self.blocks = self.lines = self.units = 0
        self._write(header)

    def _write(self, data: bytes) -> None:
        (self._packed or self._file).write(data)
        self.text_bytes += len(data)

    def add(self, block: Block) -> None:
        self._write(block.data)
        self.blocks += 1
        self.lines += block.data.count(b"\n")
        self.units += block.units

    def part(self, form: Form, lines_before: int, units_before: int) -> Part:
        if self._packed:
            self._packed.close()
        return Part(
            cast(BinaryIO, self._file),
            self._file.tell(),
            form,
            self._packed is not None,
            self.text_bytes,
            self.units,
            lines_before,
            units_before,
        )
