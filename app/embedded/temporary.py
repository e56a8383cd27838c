"""Both servers on a throw-away folder, for tests."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from app.embedded.account import account_for_servers, can_enter
from app.embedded.installation import Installation, installation
from app.processes import Supervisor

JANITOR = Path(__file__).with_name("janitor.py")


@contextlib.contextmanager
def temporary() -> Iterator[Installation]:
    """Start both on a new folder, and leave nothing behind, not even when this process is killed.

    For the main thread, as a session's fixture: the kernel ends the servers with the thread that
    started them. They are not restarted when they end.
    """
    with (
        throwaway_folder() as folder,
        installation(folder, is_throwaway=True) as servers,
        Supervisor(handles_signals=False) as supervisor,
    ):
        supervisor.start(*servers.children)
        yield servers


@contextlib.contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A new folder that the servers' account reaches, gone with us and with servers on it."""
    folder = Path(tempfile.mkdtemp(prefix="tocsin-", dir=_parent()))
    # Its end of the pipe closes when we do, whatever the cause of it.
    heard, ours = os.pipe()
    janitor = subprocess.Popen(  # noqa: S603  # nosec B603 - our own program
        [sys.executable, "-I", "-S", JANITOR, folder], stdin=heard, start_new_session=True
    )
    os.close(heard)
    try:
        yield folder
    finally:
        os.close(ours)
        janitor.wait()
        shutil.rmtree(folder, ignore_errors=True)  # should somebody have ended the janitor


def _parent() -> str:
    """A folder for temporary files that the servers' account reaches, even if TMPDIR is not."""
    account = account_for_servers(Path(os.devnull))
    places = (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108  # nosec B108 - mkdtemp makes it private
    return next((place for place in places if can_enter(account, Path(place))), places[0])
