"""Removes a throw-away folder when its owner is gone and its servers have ended.

Run by path, by `app.embedded.temporary`; imports nothing of ours. The owner holds the other end of
standard input. Argument: the folder.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Wait for the owner, then for the servers, which hold a lock as long as they run."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    os.read(sys.stdin.fileno(), 1)
    with contextlib.suppress(FileNotFoundError), (folder / "servers.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
