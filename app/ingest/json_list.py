"""A long JSON list of objects, one at a time: memory does not grow with the list."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from app.errors import Malformed
from app.ingest.inflate import ByteStream
from app.ingest.json import parse_json

OBJECT_BYTES = 256 * 1024
_PIECE_BYTES = 64 * 1024
_BLANKS = re.compile(r"[ \t\r\n]*")
_FINDER = json.JSONDecoder()


def read_objects(stream: ByteStream) -> Iterator[dict[str, Any]]:
    """Each object of the list, read as strictly as `parse_json` does.

    Raises `Malformed`, naming the entry, for what is no list of objects, and for an object of more
    than about 256 KB.
    """
    text = _Text(stream)
    if text.next_character() != "[":
        raise Malformed("must be a list")
    number, mark = 0, text.next_character()
    while mark != "]":
        if number:
            _refuse(mark != ",", number, "a comma or the end of the list must follow")
            mark = text.next_character()
        number += 1
        _refuse(mark != "{", number, "must be an object")
        try:
            found = parse_json(text.take_object().encode())
        except Malformed as error:
            raise Malformed(f"entry {number}: {error.detail}") from None
        assert isinstance(found, dict)  # it begins like one
        yield found
        mark = text.next_character()
    if text.next_character():
        raise Malformed("nothing may follow the list")


def _refuse(is_wrong: bool, number: int, message: str) -> None:
    if is_wrong:
        raise Malformed(f"entry {number}: {message}")


class _Text:
    """What of the stream was not taken yet, as far as it was read."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._held, self._at, self._is_over = "", 0, False

    def next_character(self) -> str:
        """The next one that is no blank, taken; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._held, self._at)
            assert blanks is not None  # there may be none of them
            found = self._held[blanks.end() : blanks.end() + 1]
            self._at = blanks.end() + len(found)
            if found or self._is_over:
                return found
            self._read()

    def take_object(self) -> str:
        """The text of the object whose first character was taken last."""
        self._at -= 1
        while True:
            try:
                _, end = _FINDER.raw_decode(self._held, self._at)
            except RecursionError:
                raise Malformed("arrays and objects are nested too deep") from None
            except ValueError as error:  # wrong, or not read to its end yet
                if self._is_over or len(self._held) - self._at > OBJECT_BYTES:
                    raise Malformed(f"is no JSON of {OBJECT_BYTES} bytes: {error}") from None
                self._read()
            else:
                start, self._at = self._at, end
                return self._held[start:end]

    def _read(self) -> None:
        piece = self._stream.read(_PIECE_BYTES)
        self._is_over = not piece
        try:
            read = self._decoder.decode(piece, final=self._is_over)
        except UnicodeDecodeError:
            raise Malformed("is not UTF-8") from None
        self._held, self._at = self._held[self._at :] + read, 0
