"""The real thing for the tests: server, worker and upkeep as processes of their own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

START_TIMEOUT_S = 60.0


@dataclass
class Tenant:
    """A tenant and a client that holds its first key."""

    slug: str
    key: str
    http: httpx.Client

    def make_series(self, name: str = "rides", **settings: Any) -> dict[str, Any]:
        """Trained only when the test asks, unless it says otherwise."""
        body = {"name": name, "retrain": "manual", **settings}
        answer = self.http.post("/v1/series", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def upload(self, name: str, csv: str, **query: Any) -> httpx.Response:
        return self.http.post(
            f"/v1/series/{name}/points",
            content=csv.encode(),
            headers={"Content-Type": "text/csv"},
            params=query,
        )

    def train(self, name: str) -> dict[str, Any]:
        answer = self.http.post(f"/v1/series/{name}/train", params={"wait": 60}, timeout=90)
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        assert job["status"] == "succeeded", job
        return job


@dataclass
class Service:
    environment: dict[str, str]
    log_dir: Path
    url: str = ""
    operator_key: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def client(self, key: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def new_tenant(self) -> Tenant:
        slug = f"t-{secrets.token_hex(6)}"
        with self.client(self.operator_key) as operator:
            answer = operator.post("/v1/tenants", json={"slug": slug, "name": slug})
        assert answer.status_code == 201, answer.text
        key = answer.json()["api_key"]["secret"]
        return Tenant(slug, key, self.client(key))

    def start(self, name: str, *argv: str) -> subprocess.Popen[bytes]:
        log = (self.log_dir / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", *argv],
            env=self.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.processes[name] = process
        return process

    def start_worker(self, name: str = "worker") -> subprocess.Popen[bytes]:
        return self.start(name, "workers.main")

    def start_upkeep(self) -> subprocess.Popen[bytes]:
        return self.start("upkeep", "workers.upkeep")

    def start_delivery(self, name: str = "delivery") -> subprocess.Popen[bytes]:
        return self.start(name, "workers.delivery")

    def start_server(
        self, name: str = "server", application: str = "app.wsgi:application"
    ) -> subprocess.Popen[bytes]:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        process = self.start(
            name,
            "granian",
            "--interface=wsgi",
            f"--port={port}",
            "--workers=1",
            "--blocking-threads=8",
            "--no-ws",
            application,
        )
        wait_until(self._answers, "the server answers")
        return process

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, name: str, with_signal: int = signal.SIGTERM) -> None:
        process = self.processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, with_signal)
        process.wait(30)

    def stop_all(self) -> None:
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class NotWithin(AssertionError):
    """What was waited for did not come in time; it may come yet."""


def wait_until(holds: Callable[[], Any], what: str, timeout_s: float = START_TIMEOUT_S) -> Any:
    """Poll for what another process will do; fails with `what` when it does not."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.05)
    raise NotWithin(f"not within {timeout_s:g} s: {what}")


@contextmanager
def running(service: Service) -> Iterator[Service]:
    try:
        yield service
    finally:
        service.stop_all()
