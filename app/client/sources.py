"""What can be uploaded, as blocks of whole records."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from app.client import frames, points
from app.client.bodies import Form
from app.client.errors import Damaged

READ_BYTES = 262_144
BLOCK_ROWS = 500
LONGEST_RECORD_BYTES = 1_000_000  # the service takes 64 KB; past this, quotes are not believed
FORMS: Mapping[str, Form] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Block:
    """Whole records, and how much of the source they are."""

    data: bytes
    units: int


@dataclass(frozen=True)
class Source:
    """Something to upload; `file` is where it can be sent as it is.

    header: asked for first, and once: what stands before the records of each part.
    blocks: all records behind it, once.
    units: how much there is of it, in bytes of a file and in rows of others; None: nobody knows.
    first_row: what the service calls its first record, less what the caller calls it.
    """

    form: Form
    header: Callable[[], bytes]
    blocks: Iterator[Block]
    units: int | None
    first_row: int = 0
    file: BinaryIO | None = None
    is_gzip: bool = False


@contextmanager
def opened(data: Any, form: Form | None) -> Iterator[Source]:
    """A path, an open binary file, a frame, or an iterable of points."""
    if isinstance(data, str | Path):
        path = Path(data)
        with path.open("rb") as file:
            yield of_file(file, form or form_of(path))
    elif isinstance(data, bytes | bytearray):
        yield of_file(io.BytesIO(data), form or "csv")
    elif callable(getattr(data, "read", None)):
        if isinstance(data, io.TextIOBase):
            raise TypeError("The file must be open in binary mode: open(…, 'rb')")
        yield of_file(data, form or form_of(data))
    elif frames.is_frame(data):
        yield of_frame(data)
    elif isinstance(data, Iterable) and not isinstance(data, Mapping):
        yield of_rows(data)
    else:
        raise TypeError(f"No path, file, frame or iterable of points: {type(data).__name__}")


def form_of(data: Path | BinaryIO) -> Form:
    """By the suffix of its name, `.gz` left out; CSV where that says nothing."""
    name = getattr(data, "name", "")
    path = Path(name if isinstance(name, str) else "")
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    return FORMS.get(suffix, "csv")


def of_frame(data: Any) -> Source:
    frame = frames.checked(data)
    blocks = (Block(*block) for block in frames.csv_blocks(frame))
    header = partial(frames.csv_header, frame) if len(frame) else bytes
    return Source("csv", header, blocks, len(frame), first_row=1)


def of_rows(given: Iterable[Any]) -> Source:
    total = len(given) if isinstance(given, Sized) else None
    return Source("ndjson", bytes, _lines(given), total)


def _lines(given: Iterable[Any]) -> Iterator[Block]:
    rows = enumerate(given, 1)
    while batch := list(islice(rows, BLOCK_ROWS)):
        lines = [orjson.dumps(points.as_json(point, f"row {row}")) for row, point in batch]
        yield Block(b"\n".join([*lines, b""]), len(lines))


def of_file(file: BinaryIO, form: Form) -> Source:
    """From where it is; one that cannot be read again goes in parts that can."""
    is_seekable = file.seekable()
    start = file.tell() if is_seekable else 0
    size = file.seek(0, io.SEEK_END) - start if is_seekable else None
    if is_seekable:
        file.seek(start)
    head = file.read(len(GZIP_MAGIC))
    is_gzip = head == GZIP_MAGIC
    raw = _Counted(file, head)
    records = Records(_inflating(raw) if is_gzip else raw.read, form)
    source_file = file if is_seekable and start == 0 else None
    return Source(form, records.header, _blocks(records, raw), size, 0, source_file, is_gzip)


class _Counted:
    """A file whose first bytes were read already, and how many were read of it."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file, self._head, self.position = file, head, 0

    def read(self, size: int = -1, /) -> bytes:
        part, self._head = (self._head or self._file.read(size)), b""
        self.position += len(part)
        return part


def _inflating(raw: _Counted) -> Callable[[int], bytes]:
    text = gzip.GzipFile(fileobj=cast(BinaryIO, raw))

    def read(size: int) -> bytes:
        try:
            return text.read(size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise Damaged(f"The gzip that was to be uploaded is damaged: {error}") from None

    return read


def _blocks(records: "Records", raw: _Counted) -> Iterator[Block]:
    before = 0
    for data in records:
        yield Block(data, raw.position - before)
        before = raw.position


class Records:
    """A text cut behind whole records: lines, but for line ends between quotes in CSV."""

    def __init__(self, read: Callable[[int], bytes], form: Form) -> None:
        self._read, self._form, self._rest = read, form, b""

    def header(self) -> bytes:
        """The first record of CSV that is not blank, with blank lines before it."""
        if self._form != "csv":
            return b""
        end = 0
        while not self._rest[:end].strip(b"\xef\xbb\xbf\r\n"):
            following = first_end(self._rest, end, has_quotes=True)
            if following:
                end = following
            elif not self._fill():
                end = len(self._rest)
                break
        header, self._rest = self._rest[:end], self._rest[end:]
        return header

    def _fill(self) -> bool:
        """More of it, however little a pipe gives at a time; whether there was any."""
        pieces, wanted = [self._rest], READ_BYTES
        while wanted > 0 and (piece := self._read(wanted)):
            pieces.append(piece)
            wanted -= len(piece)
        self._rest = b"".join(pieces)
        return len(pieces) > 1

    def __iter__(self) -> Iterator[bytes]:
        """Nothing but whole records, of JSON all of it at once."""
        is_more = True
        while is_more:
            is_more = self._fill()
            if self._form == "json":
                continue
            end = last_end(self._rest, len(self._rest), has_quotes=self._form == "csv")
            if end:
                block, self._rest = self._rest[:end], self._rest[end:]
                yield block
        if self._rest:
            yield self._rest


def last_end(data: bytes, at_most: int, has_quotes: bool) -> int:
    """Behind the last record that ends within `at_most` bytes; 0 where none does."""
    end = data.rfind(b"\n", 0, at_most) + 1
    if not has_quotes or len(data) > LONGEST_RECORD_BYTES:
        return end
    quotes = data.count(b'"', 0, end)
    while quotes % 2:  # the last of them opens a cell that goes on: the record began before it
        begin = data.rfind(b"\n", 0, data.rfind(b'"', 0, end)) + 1
        quotes -= data.count(b'"', begin, end)
        end = begin
    return end


def first_end(data: bytes, start: int, has_quotes: bool) -> int:
    """Behind the first record that begins at `start`; 0 where it does not end."""
    quotes, end = 0, start
    while following := data.find(b"\n", end) + 1:
        quotes += data.count(b'"', end, following)
        end = following
        if not (has_quotes and quotes % 2):
            return end
    return 0
