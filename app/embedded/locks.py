"""One supervisor for a data folder, and never two servers on the same files.

Two locks: the supervisor's, free as soon as it is gone, says who is refused. The servers' is handed
down to each of their processes and so stays taken until the last one is gone, which after a kill -9
of the supervisor may be a moment later; a new start waits for that.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from app.errors import Misconfigured

RETRY_S = 0.02
PROGRESS_EVERY_S = 5.0


@contextlib.contextmanager
def supervisor_lock(home: Path, data_dir: Path) -> Iterator[None]:
    """Hold the folder; raises Misconfigured, naming the owner's pid, when somebody else does."""
    with _opened(home / "supervisor.lock") as lock:
        if not _take(lock):
            pid = os.pread(lock, 20, 0).decode().strip() or "unknown"
            raise Misconfigured(f"{data_dir} is in use by a running Tocsin, pid {pid}.")
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield


@contextlib.contextmanager
def servers_lock(home: Path, tell: Callable[[str], None]) -> Iterator[int]:
    """Wait until no server of an earlier run is left; the descriptor is for ours to keep open."""
    with _opened(home / "servers.lock") as lock:
        started_at = told_at = time.monotonic()
        while not _take(lock):
            now = time.monotonic()
            if now - told_at >= PROGRESS_EVERY_S:
                told_at = now
                waited_s = now - started_at
                tell(f"Waiting for servers of an earlier run in {home} to end: {waited_s:.0f} s")
            time.sleep(RETRY_S)
        yield lock


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
