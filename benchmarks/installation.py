"""A `tocsin up` of its own on a folder of its own, asked as clients ask it, and its database."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks import processes

PROGRAM = Path(sys.executable).with_name("tocsin")
STARTS_WITHIN_S = 120.0
QUICK_S = 0.02
TENANT = "bench"
MANY = 1_000_000_000
# Limits are looked at as everywhere; these are only never reached.
LIMITS = {"requests_per_s": 1e6, "points_per_day": MANY, "series": 1_000_000}


@dataclass
class Installation:
    """`settings` are those of `tocsin up`, such as worker_processes=2."""

    folder: Path
    settings: dict[str, object]
    port: int
    up: subprocess.Popen[bytes] = field(init=False)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def key(self) -> str:
        """An admin key of the tenant that all measuring is done as; made at first."""
        return _key_of_tenant(self.url, self.data_dir)

    @cached_property
    def http(self) -> httpx.Client:
        """A client with the tenant's key."""
        return httpx.Client(base_url=self.url, headers=bearer(self.key), timeout=300)

    @property
    def urls(self) -> dict[str, str]:
        """Of the database by role, and of Redis."""
        home = self.data_dir / "servers"
        known = (home if home.exists() else self.data_dir) / "urls.json"
        urls: dict[str, str] = json.loads(known.read_text())
        return urls

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection]:
        """The server's role, as the tenant; commits at the end."""
        with psycopg.connect(self.urls["server"]) as connection:
            connection.execute("SET ROLE tocsin_operator")
            row = connection.execute("SELECT id FROM tenants WHERE slug = %s", [TENANT]).fetchone()
            assert row
            connection.execute("RESET ROLE")
            connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(row[0])])
            yield connection

    def analyse(self) -> None:
        """What Postgres would do by itself, a while later."""
        with psycopg.connect(self.urls["owner"], autocommit=True) as owner:
            owner.execute("VACUUM ANALYZE")

    def processes(self, part: str) -> list[int]:
        """The ids of its processes whose command line has this part, and of their children."""
        return processes.of(self.up.pid, part)

    def start(self, **settings: object) -> float:
        """Returns the seconds until it was ready. None takes a setting back."""
        given = {**self.settings, **settings}
        self.settings = {name: text for name, text in given.items() if text is not None}
        begun = time.monotonic()
        with (self.folder / "up.log").open("ab") as log:
            self.up = subprocess.Popen(
                [PROGRAM, "up"], env=self._environment(), stdout=log, stderr=log
            )
        while not self._is_ready():
            if self.up.poll() is not None or time.monotonic() > begun + STARTS_WITHIN_S:
                raise SystemExit(f"`tocsin up` did not start; {self.folder}/up.log says why")
            time.sleep(QUICK_S)
        return time.monotonic() - begun

    def stop(self) -> None:
        self.up.send_signal(signal.SIGINT)
        self.up.wait()

    def restart(self, **settings: object) -> float:
        """With other settings too, on the same folder; the seconds from start to ready."""
        self.stop()
        return self.start(**settings)

    def _environment(self) -> dict[str, str]:
        inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
        own = {"data_dir": self.data_dir, "port": self.port, **self.settings}
        return inherited | {f"TOCSIN_{name.upper()}": str(given) for name, given in own.items()}

    def _is_ready(self) -> bool:
        if not (self.data_dir / "credentials.json").exists():
            return False
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def started(folder: Path | None = None, **settings: object) -> Iterator[Installation]:
    """One that runs, on a folder that stays, or on a throw-away one."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as throwaway:
        place = folder or Path(throwaway)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o711)
        installation = Installation(place, settings, _port_of(place))
        installation.start()
        try:
            yield installation
        finally:
            installation.stop()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _key_of_tenant(url: str, data_dir: Path) -> str:
    """In a folder that was measured before, a new key of the tenant that is there."""
    known: dict[str, Any] = json.loads((data_dir / "credentials.json").read_text())
    with httpx.Client(base_url=url, headers=bearer(known["operator_key"])) as operator:
        body = {"slug": TENANT, "name": "Benchmark", "limits": LIMITS}
        made = operator.post("/v1/tenants", json=body)
        if made.status_code != 409:
            first: str = made.raise_for_status().json()["api_key"]["secret"]
            return first
        again = {"name": "again", "scopes": ["admin"]}
        another = operator.post(f"/v1/tenants/{TENANT}/keys", json=again)
    secret: str = another.raise_for_status().json()["secret"]
    return secret


def _port_of(folder: Path) -> int:
    """The one it had, where there was one: `credentials.json` names it."""
    known = folder / "data" / "credentials.json"
    if known.exists():
        return int(json.loads(known.read_text())["url"].rpartition(":")[2])
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
