"""A stream of bytes cut into whole records, whose lines are counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.errors import Invalid
from app.ingest.inflate import ByteStream
from app.ingest.limits import Limits
from app.ingest.wording import invalid_line

LINE_FEED, QUOTE = ord("\n"), ord('"')

_UTF8_MARK = b"\xef\xbb\xbf"
_SAVE_AS_UTF8 = "save the file as UTF-8"


@dataclass(frozen=True, eq=False)
class Records:
    """Records that follow each other; each ends in a line feed, and none is blank.

    data: the bytes, sound UTF-8 without NUL.
    ends: int64 (n,), the position behind each record's line feed.
    lines: int64 (n,), the line of the file on which each begins; the first line is 1.
    """

    data: bytes
    ends: NDArray[np.int64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def span(self, start: int, stop: int) -> "Records":
        """The records from start up to stop, which is left out."""
        first = int(self.ends[start - 1]) if start else 0
        last = int(self.ends[stop - 1]) if stop else 0
        return Records(self.data[first:last], self.ends[start:stop] - first, self.lines[start:stop])

    def where(self, is_kept: NDArray[np.bool_]) -> "Records":
        """Those of the records that bool (n,) says."""
        sizes = np.diff(self.ends, prepend=0)
        characters = np.frombuffer(self.data, dtype=np.uint8)[np.repeat(is_kept, sizes)]
        return Records(characters.tobytes(), np.cumsum(sizes[is_kept]), self.lines[is_kept])

    def line_at(self, position: int) -> int:
        """The line of the file on which that byte of the data stands."""
        record = int(np.searchsorted(self.ends, position, side="right"))
        start = int(self.ends[record - 1]) if record else 0
        return int(self.lines[record]) + self.data.count(b"\n", start, position)


def read_records(stream: ByteStream, limits: Limits, *, has_quotes: bool) -> Iterator[Records]:
    """The records of a text, some hundred KB at a time; blank lines are skipped, but counted.

    Lines end in LF or CRLF; with quotes, a line end between double quotes belongs to its record.
    A UTF-8 byte order mark is skipped. Raises `Invalid`, with the line, for NUL, for what is not
    UTF-8, and for a record longer than the limit.
    """
    line, rest = 1, b""
    for piece, is_last in _pieces(stream, limits.piece_bytes):
        data = rest + piece
        if is_last and data and not data.endswith(b"\n"):
            data += b"\n"
        cut = data.rfind(b"\n") + 1
        whole = data[:cut]
        if b"\r" in whole:  # one character is looked for many times faster than two
            whole = whole.replace(b"\r\n", b"\n")
        _check_text(data if b"\0" in data else whole, line)
        records, lines_read = _cut(whole, line, has_quotes=has_quotes)
        _check_sizes(records, limits)
        rest = whole[len(records.data) :] + data[cut:]
        line += lines_read
        _check_rest(rest, line, limits, is_last=is_last)
        records = _without_blanks(records)
        if len(records):
            yield records


def _pieces(stream: ByteStream, size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of one size, and whether each is the last, however little each read gives."""
    piece = _fill(stream, size).removeprefix(_UTF8_MARK)
    while True:
        following = _fill(stream, size)
        yield piece, not following
        if not following:
            return
        piece = following


def _fill(stream: ByteStream, size: int) -> bytes:
    parts, missing = [], size
    while missing and (part := stream.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _cut(whole: bytes, line: int, *, has_quotes: bool) -> tuple[Records, int]:
    """The records that are complete in whole lines of text, and how many lines they take."""
    characters = np.frombuffer(whole, dtype=np.uint8)
    feeds = np.flatnonzero(characters == LINE_FEED)
    closes = np.arange(len(feeds))
    if has_quotes and b'"' in whole:
        quotes = np.flatnonzero(characters == QUOTE)
        closes = np.flatnonzero(np.searchsorted(quotes, feeds) % 2 == 0)
    begins = np.concatenate([[0], closes + 1])
    ends = feeds[closes] + 1
    used = int(ends[-1]) if ends.size else 0
    return Records(whole[:used], ends, line + begins[:-1]), int(begins[-1])


def _without_blanks(records: Records) -> Records:
    is_blank = np.diff(records.ends, prepend=0) == 1
    return records.where(~is_blank) if is_blank.any() else records


def _check_text(data: bytes, line: int) -> None:
    nul = data.find(b"\0")
    if nul >= 0:
        raise invalid_line(
            line + data.count(b"\n", 0, nul), f"a NUL byte, as in UTF-16; {_SAVE_AS_UTF8}"
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} is not UTF-8, perhaps Latin-1 or UTF-16"
        raise invalid_line(
            line + data.count(b"\n", 0, error.start), f"{found}; {_SAVE_AS_UTF8}"
        ) from None


def _check_sizes(records: Records, limits: Limits) -> None:
    too_long = np.flatnonzero(np.diff(records.ends, prepend=0) > limits.line_bytes + 1)
    if too_long.size:
        raise _too_long(int(records.lines[too_long[0]]), limits)


def _check_rest(rest: bytes, line: int, limits: Limits, *, is_last: bool) -> None:
    if len(rest) > limits.line_bytes + 1:
        raise _too_long(line, limits)
    if rest and is_last:
        raise invalid_line(line, "a quote is opened and never closed")


def _too_long(line: int, limits: Limits) -> Invalid:
    return invalid_line(
        line,
        f"longer than {limits.line_bytes} bytes; is a quote not closed, or a line end missing?",
    )
