"""Backends of a PostgreSQL that was killed: in the middle of a query they do not notice at once.

While one is left, the next server refuses to start. Each has a process group of its own.
"""

import contextlib
import os
import select
import signal
from pathlib import Path

GONE_WITHIN_S = 1.0  # the next start will come back for those that take longer


def end(program: Path, data: Path) -> None:
    """End every process of this program that works in this folder; none has a server any more."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is none of ours
            if _is_backend(process, program, data):
                _kill(int(process.name))


def _is_backend(process: Path, program: Path, data: Path) -> bool:
    where, what = (process / "cwd").readlink(), (process / "exe").readlink()
    return where.samefile(data) and what.samefile(program)


def _kill(pid: int) -> None:
    watched = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(watched, signal.SIGKILL)
        select.select([watched], [], [], GONE_WITHIN_S)
    finally:
        os.close(watched)
