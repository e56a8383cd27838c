"""The real thing: `tocsin up` on a folder of its own, and who of its processes is who."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil  # type: ignore[import-untyped]
import psycopg
from redis import ConnectionPool

from tests.service import free_port, wait_until

PROGRAM = Path(sys.executable).with_name("tocsin")
QUICK_S = 0.02


class Ground:
    """`tocsin up` as a user starts it: its own session, its own data folder, a port."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-chaos-"))
        self.folder.chmod(0o711)
        self.data_dir = self.folder / "data"
        self.port = free_port()
        inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
        self.environment = {
            **inherited,
            "TOCSIN_DATA_DIR": str(self.data_dir),
            "TOCSIN_PORT": str(self.port),
            "TOCSIN_TENANT_REQUESTS_PER_S": "100000",
            **settings,
        }
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "up.log"
        self.processes: list[subprocess.Popen[bytes]] = []
        # To make one takes longer than to be told no: asked for anew each time, it would take a
        # third of a processor from what is starting. No connection is kept to what was killed.
        self._asking = httpx.Client(timeout=2, headers={"Connection": "close"})

    @property
    def up(self) -> subprocess.Popen[bytes]:
        return self.processes[0]

    def start(self) -> None:
        """Returns when it is ready."""
        self.processes[:1] = [self.run("up")]
        self.await_ready()

    def run(
        self, *words: str, log: str = "up", before: Sequence[str] = (), **settings: str
    ) -> subprocess.Popen[bytes]:
        """A command of ours, with its own log; `before` is a command that runs it."""
        with (self.folder / f"{log}.log").open("ab") as out:
            return subprocess.Popen(
                [*before, str(PROGRAM), *words],
                env={**self.environment, **settings},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def run_beside(
        self, *words: str, log: str, before: Sequence[str] = (), **settings: str
    ) -> subprocess.Popen[bytes]:
        """The same, ended with the ground at the latest."""
        process = self.run(*words, log=log, before=before, **settings)
        self.processes.append(process)
        return process

    def await_ready(self) -> None:
        wait_until(self.is_ready, f"{self.url} is ready; {self.log} says more")

    def is_ready(self) -> bool:
        if self.up.poll() is not None:
            raise RuntimeError(f"it ended: {self.log.read_text()[-2000:]}")
        if not (self.data_dir / "credentials.json").exists():
            return False  # the first start is not over yet
        return self.answers(self.url)

    def answers(self, url: str) -> bool:
        """Whether a server there is ready."""
        try:
            return self._asking.get(f"{url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> None:
        """Stop it, and remove its folder."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_tenant(self) -> str:
        """-> the secret of its first key."""
        known = json.loads((self.data_dir / "credentials.json").read_text())
        slug = f"t-{secrets.token_hex(6)}"
        answer = httpx.post(
            f"{self.url}/v1/tenants",
            json={"slug": slug, "name": slug},
            headers={"Authorization": f"Bearer {known['operator_key']}"},
            timeout=30,
        )
        answer.raise_for_status()
        key: str = answer.json()["api_key"]["secret"]
        return key

    def processes_of(self, module: str) -> list[psutil.Process]:
        """Of ours, those whose command line names it; the oldest first."""
        found = []
        for process in psutil.Process(self.up.pid).children(recursive=True):
            try:
                if module in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return sorted(found, key=lambda each: each.create_time())

    def first_of(self, module: str) -> psutil.Process:
        """The oldest of them, once there is one: it may be about to be started again."""
        found = wait_until(lambda: self.processes_of(module), f"there is a process of {module}")
        oldest: psutil.Process = found[0]
        return oldest

    def server(self) -> psutil.Process:
        """The parent of the processes that answer."""
        return self.first_of("app.cli.served")

    def api_processes(self) -> list[psutil.Process]:
        return [each for each in self.server().children() if "tracker" not in each.name()]

    def worker(self) -> psutil.Process:
        return self.first_of("workers.main")

    def work_horses(self) -> list[psutil.Process]:
        found: list[psutil.Process] = self.worker().children()
        return found

    def postgres(self) -> psutil.Process:
        return self.first_of("bin/postgres")

    def valkey(self) -> psutil.Process:
        return self.first_of("valkey")

    def superuser_url(self) -> str:
        return self._urls()["superuser"].replace("/postgres?", "/tocsin?")

    def server_url(self, host: str, port: int) -> str:
        """The server's role, where a port leads to the socket."""
        return by_tcp(self._urls()["server"], host, port)

    def sockets(self) -> Path:
        return Path(ConnectionPool.from_url(self.redis_url()).connection_kwargs["path"]).parent

    def redis_url(self) -> str:
        return self._urls()["redis"]

    def rows(self, query: str) -> list[Any]:
        """By the superuser, past all walls between tenants."""
        with psycopg.connect(self.superuser_url(), connect_timeout=5) as connection:
            return connection.execute(query).fetchall()

    def _urls(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.data_dir / "urls.json").read_text())
        return found


def by_tcp(url: str, host: str, port: int) -> str:
    """The URL of a database that is reached by a socket, where this port leads to it."""
    found = urlsplit(url)
    netloc = f"{found.netloc.rpartition('@')[0]}@{host}:{port}"
    return urlunsplit(found._replace(netloc=netloc, query=""))


def kill(process: psutil.Process) -> float:
    """-> when it was shot; returns once it is dead."""
    at = time.monotonic()
    os.kill(process.pid, signal.SIGKILL)
    await_end(process)
    return at


def await_end(process: psutil.Process) -> None:
    while lives(process):
        time.sleep(QUICK_S)


def lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
