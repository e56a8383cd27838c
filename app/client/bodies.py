"""Bytes of a known length that can be sent again from their beginning."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

CHUNK_BYTES = 65_536

Form = Literal["csv", "json", "ndjson"]
MEDIA_TYPES: Mapping[Form, str] = {
    "csv": "text/csv",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}


@dataclass(frozen=True)
class Body:
    """An open file; `on_sent` is told how much of it is on its way."""

    file: BinaryIO
    size_bytes: int
    form: Form
    is_gzip: bool
    on_sent: Callable[[int], None]

    @property
    def headers(self) -> dict[str, str]:
        encoding = {"Content-Encoding": "gzip"} if self.is_gzip else {}
        length = str(self.size_bytes)
        return {"Content-Type": MEDIA_TYPES[self.form], "Content-Length": length, **encoding}

    def chunks(self) -> Iterator[bytes]:
        self.file.seek(0)
        sent = 0
        while sent < self.size_bytes and (chunk := self.file.read(CHUNK_BYTES)):
            yield chunk
            sent += len(chunk)
            self.on_sent(sent)
