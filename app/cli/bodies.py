"""Files and pipes that commands read, from their beginning as often as it takes."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from app.cli.failures import WrongUsage

STDIN = "-"


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """A file by its name, or what standard input holds for `-`."""
    if name == STDIN:
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.seek(0)
            yield kept
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - errors of opening alone
    except OSError as error:
        raise WrongUsage(f"{name} cannot be read: {error.strerror}") from None
    with file:
        yield file
