"""What a row needs of the machine; where it is not there the row is skipped, and says why."""

import os
import shutil
from pathlib import Path

from tests.chaos.rows import Skipped

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


def root() -> None:
    if os.geteuid() != 0:
        raise Skipped("it needs root")


def program(name: str) -> str:
    found = shutil.which(name, path=PATH)
    if found is None:
        raise Skipped(f"{name} is not installed")
    return found


def faketime() -> str:
    """The library that shifts a process's clock."""
    for found in sorted(Path("/").glob(FAKETIME.removeprefix("/"))):
        return str(found)
    raise Skipped("libfaketime is not installed")
