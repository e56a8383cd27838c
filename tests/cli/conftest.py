import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.service import Service, Tenant, free_port, wait_until

PROGRAM = Path(sys.executable).with_name("tocsin")


class Run:
    """The installed command, run to its end."""

    def __init__(self, environment: dict[str, str], *words: str, stdin: str = "") -> None:
        done = subprocess.run(
            [PROGRAM, *words], env=environment, input=stdin, capture_output=True, text=True
        )
        self.code, self.out, self.said = done.returncode, done.stdout, done.stderr
        assert "Traceback" not in self.said, self.said

    @property
    def data(self) -> Any:
        assert self.code == 0, self.said
        return json.loads(self.out)


class Shell:
    """Where commands are run: the environment, and a data folder of its own."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
        self.environment = {**inherited, "TOCSIN_DATA_DIR": str(data_dir), **environment}

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> Run:
        return Run({**self.environment, **environment}, *words, stdin=stdin)


class Up:
    """A command that stays up, in a session of its own as in a terminal."""

    def __init__(self, environment: dict[str, str], *words: str) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [PROGRAM, *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until(self, said: str) -> str:
        """Read on to the line that says it; whoever waits in vain sees all that came."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if said in line:
                return line
        raise AssertionError(f"{said!r} was not said: {''.join(self.lines)}")

    def end(self, number: signal.Signals) -> int:
        """Signal the session, as a terminal does, but for SIGKILL, which hits the command alone."""
        if number == signal.SIGKILL:
            self.process.kill()
        else:
            os.killpg(self.process.pid, number)
        rest, _ = self.process.communicate()
        self.lines.append(rest)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Home:
    """A data folder that the embedded servers' account can reach, and a port for it."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.port = free_port()
        self.shell = Shell(self.data_dir, TOCSIN_PORT=str(self.port), TOCSIN_JOB_LEASE_S="2")

    def up(self, *words: str) -> Up:
        return Up(self.shell.environment, "up", *words)

    def processes(self) -> list[str]:
        """Whatever works on the folder: each of ours has it in its environment or its arguments."""
        needle = os.fsencode(self.data_dir)
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                arguments = (process / "cmdline").read_bytes()
                if needle in arguments or needle in (process / "environ").read_bytes():
                    found.append(arguments.replace(b"\0", b" ").decode())
        return found

    def await_nothing_left(self) -> None:
        """A worker whose Redis went first tries a while to reach it before it ends."""
        try:
            wait_until(lambda: not self.processes(), "all processes have ended", timeout_s=150)
        except AssertionError:
            raise AssertionError(f"left: {self.processes()}") from None


@pytest.fixture
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="tocsin-cli-") as folder:
        Path(folder).chmod(0o711)
        yield Home(Path(folder))


@pytest.fixture
def tocsin(service: Service, tenant: Tenant, tmp_path: Path) -> Shell:
    """With the key of a new tenant."""
    return Shell(tmp_path, TOCSIN_URL=service.url, TOCSIN_API_KEY=tenant.key)


@pytest.fixture
def operator(service: Service, tmp_path: Path) -> Shell:
    """With an operator key."""
    return Shell(tmp_path, TOCSIN_URL=service.url, TOCSIN_API_KEY=service.operator_key)


@pytest.fixture
def up() -> type[Up]:
    """For commands that stay up."""
    return Up
