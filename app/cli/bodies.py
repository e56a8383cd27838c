"""Files and pipes as bodies of requests: their form, their length, and their bytes part by part."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.cli.failures import WrongUsage

STDIN = "-"
PART_BYTES = 65_536
FORMS = {
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".txt": "text/csv",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
}
CSV = FORMS[".csv"]


@dataclass(frozen=True)
class Body:
    """An open file that can be read twice, and what is in it."""

    file: BinaryIO
    size_bytes: int
    media_type: str
    is_gzip: bool

    @property
    def headers(self) -> dict[str, str]:
        encoding = {"Content-Encoding": "gzip"} if self.is_gzip else {}
        return {
            "Content-Type": self.media_type,
            "Content-Length": str(self.size_bytes),
            **encoding,
        }

    def parts(self, on_sent: Callable[[int], None]) -> Iterator[bytes]:
        """All of it from its beginning; `on_sent` is told the size of each part."""
        self.file.seek(0)
        while part := self.file.read(PART_BYTES):
            yield part
            on_sent(len(part))


@contextmanager
def opened(name: str) -> Iterator[Body]:
    """A file by its name, or standard input for `-`, which is taken to be CSV."""
    if name == STDIN:
        # On disk, because the service asks for the length before the first byte.
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            yield _body(kept, Path("stdin.csv"))
        return
    try:
        file: BinaryIO = Path(name).open("rb")  # noqa: SIM115 - errors of opening alone
    except OSError as error:
        raise WrongUsage(f"{name} cannot be read: {error.strerror}") from None
    with file:
        yield _body(file, Path(name))


def _body(file: BinaryIO, path: Path) -> Body:
    size_bytes = file.seek(0, 2)
    file.seek(0)
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()
    return Body(file, size_bytes, FORMS.get(suffix, CSV), is_gzip)
