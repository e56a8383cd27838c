"""A `tocsin up` of its own on a throw-away folder, asked as clients ask it, and its database."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

PROGRAM = Path(sys.executable).with_name("tocsin")
STARTS_WITHIN_S = 120.0
TENANT = "bench"


@dataclass(frozen=True)
class Installation:
    """`http` has the tenant's key."""

    http: httpx.Client
    urls: dict[str, str]

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
            owner.execute("VACUUM ANALYZE scores")


@contextmanager
def started() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="tocsin-history-") as folder:
        Path(folder).chmod(0o711)
        data, port = Path(folder) / "data", _free_port()
        inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
        own = {"TOCSIN_DATA_DIR": str(data), "TOCSIN_PORT": str(port)}
        process = subprocess.Popen(
            [PROGRAM, "up"], env={**inherited, **own}, stdout=subprocess.DEVNULL
        )
        try:
            yield _reached(data, process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def _reached(data: Path, process: subprocess.Popen[bytes]) -> Installation:
    until = time.monotonic() + STARTS_WITHIN_S
    while not (data / "credentials.json").exists():
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit("`tocsin up` did not start")
        time.sleep(0.1)
    known: dict[str, Any] = json.loads((data / "credentials.json").read_text())
    home = data / "servers" if (data / "servers").exists() else data
    urls: dict[str, str] = json.loads((home / "urls.json").read_text())
    with httpx.Client(base_url=known["url"], headers=_as(known["operator_key"])) as operator:
        limits = {"requests_per_s": 1e6}
        body = {"slug": TENANT, "name": "Benchmark", "limits": limits}
        made = operator.post("/v1/tenants", json=body)
    key = made.raise_for_status().json()["api_key"]["secret"]
    return Installation(httpx.Client(base_url=known["url"], headers=_as(key), timeout=60), urls)


def _as(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
