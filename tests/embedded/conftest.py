import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

ROOT = Path(__file__).parents[2]
IN_MEMORY = next(folder for folder in ("/dev/shm", "/tmp") if Path(folder).is_dir())  # noqa: S108
SUPERVISED = Path(__file__).with_name("supervised.py")


class Up:
    """A supervisor in a process of its own, heard through its events."""

    def __init__(self, argv: list[str | Path], env: dict[str, str], **account: int) -> None:
        self.seen: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            argv,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            user=account.get("user"),
            group=account.get("group"),
        )

    def until(self, kind: str, name: str | None = None) -> dict[str, Any]:
        """The next event of this kind; whoever waits in vain sees what came instead."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            self.seen.append(event)
            if event["kind"] == kind and name in (None, event.get("name")):
                return event
        raise AssertionError(f"{kind} of {name} did not come: {self.seen}")

    def up(self) -> dict[str, Any]:
        return self.until("up")

    def pid_of(self, name: str) -> int:
        started = [e for e in self.seen if e["kind"] == "starting" and e["name"] == name]
        return int(started[-1]["detail"].removeprefix("pid "))

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        self.process.communicate()
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)  # a test may have stopped it
            self.end(signal.SIGTERM)


class Folder:
    """A data folder that the servers' account can reach, unlike pytest's; and what runs on it."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.data_dir = base / "data"
        self.elsewhere = base / "elsewhere"

    def start(self, **environment: str) -> Up:
        return self.run(sys.executable, {**os.environ, "PYTHONPATH": str(ROOT), **environment})

    def run(self, python: str, env: dict[str, str], **account: int) -> Up:
        return Up([python, SUPERVISED, self.data_dir, self.elsewhere], env, **account)

    def processes(self) -> list[int]:
        """Who works in a folder of ours or was started with a path in it, but for supervisors."""
        return [int(p.name) for p in Path("/proc").glob("[0-9]*") if self._is_server(p)]

    def _is_server(self, process: Path) -> bool:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            where = str((process / "cwd").readlink())
        except OSError:
            return False
        if os.fsencode(SUPERVISED) in words:
            return False
        base = str(self.base)
        return where.startswith(base) or any(os.fsencode(base) in word for word in words)


def _await_ends(pids: list[int]) -> None:
    with contextlib.ExitStack() as opened:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                watched = os.pidfd_open(pid)
                opened.callback(os.close, watched)
                assert select.select([watched], [], [], 30)[0], f"{pid} still runs"


@pytest.fixture
def await_ends() -> Callable[[list[int]], None]:
    """Wait until processes have ended, whoever started them."""
    return _await_ends


@contextlib.contextmanager
def _folder() -> Iterator[Folder]:
    base = Path(tempfile.mkdtemp(prefix="tocsin-test-", dir=IN_MEMORY))
    base.chmod(0o755)
    made = Folder(base)
    try:
        yield made
    finally:
        _clear(made)


def _clear(made: Folder) -> None:
    left = made.processes()
    try:
        _await_ends(left)  # servers whose supervisor a test has killed are just ending
    finally:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(made.base)


@pytest.fixture
def folder() -> Iterator[Folder]:
    with _folder() as made:
        yield made


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Folder]:
    with _folder() as made:
        yield made
