"""Clients that are idle, slow, or gone before they are answered."""

import resource
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.chaos import needs
from tests.chaos.hanging_up import HangingUp
from tests.chaos.operations import Judge, MakeKey, Operation, Push
from tests.chaos.rows import Outcome, Row, Run
from tests.deploy.test_nginx import laid_out, start
from tests.service import wait_until

IDLE, SPARE_FILES = 10_000, 1_000
IDLE_P99_S, SLOW_P99_S = 0.05, 0.2
SLOW = 200
MEASURED = 300
HANG_UPS, FEW_HANG_UPS = 10_000, 300
BEGIN_S = 1_500_000_000


def idle(run: Run, told: Outcome) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    told.times = min(IDLE, most - SPARE_FILES)
    address = ("127.0.0.1", run.scene.ground.port)
    with run.scene.load.paused(), ExitStack() as opened:
        for _ in range(told.times):
            opened.enter_context(socket.create_connection(address, timeout=30))
        told.took(_p99_s(run, run.scene.ground.url), run.s(IDLE_P99_S))


def slow_bodies(run: Run, told: Outcome) -> None:
    """Through the proxy with the files that are deployed: it holds them until they are whole."""
    needs.program("nginx")
    head = (
        f"POST /v1/series/load-0/points HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        f"{run.scene.key}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    )
    with run.scene.load.paused(), _proxy(run) as url, ExitStack() as opened:
        address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        slow = [
            opened.enter_context(socket.create_connection(address, timeout=30)) for _ in range(SLOW)
        ]
        for each in slow:
            each.sendall(head.encode())
        told.times = len(slow)
        told.took(_p99_s(run, url, lambda: _drip(slow)), run.s(SLOW_P99_S))


def hang_ups(run: Run, told: Outcome) -> None:
    """Each request is sent by a client that is gone at once, then again until it is answered."""
    scene, numbers = run.scene, count()
    headers = {"Authorization": f"Bearer {scene.key}"}
    address = ("127.0.0.1", scene.ground.port)
    gone = httpx.Client(
        transport=HangingUp(address, run.rng), base_url=scene.ground.url, headers=headers
    )
    with httpx.Client(base_url=scene.ground.url, headers=headers, timeout=30) as stays:
        stays.post("/v1/series", json={"name": "hung-up", "retrain": "manual"})
        first = Push("hung-up", tuple((BEGIN_S + 60 * i, float(i)) for i in range(100)))
        first.note(scene.load.ledger)
        first.acknowledge(scene.load.ledger, first.send(stays).raise_for_status())
        for _ in range(HANG_UPS if run.is_long else FEW_HANG_UPS):
            _repeat(run, told, _operation(run, next(numbers)), gone, stays)


def _repeat(
    run: Run, told: Outcome, operation: Operation, gone: httpx.Client, stays: httpx.Client
) -> None:
    operation.note(run.scene.load.ledger)
    with suppress(httpx.ReadError):
        operation.send(gone)
    told.times += 1

    def answered() -> httpx.Response | None:
        answer = operation.send(stays)
        in_use = answer.status_code == 409 and "key_in_use" in answer.text
        return None if in_use or answer.status_code == 503 else answer

    answer = wait_until(answered, f"{operation} is answered")
    is_shown = answer.status_code == 409 and "secret_shown" in answer.text
    told.require(answer.is_success or is_shown, f"{operation}: {answer.text}")
    operation.acknowledge(run.scene.load.ledger, answer)


def _operation(run: Run, number: int) -> Operation:
    kind = run.rng.choice(("push", "judge", "key"))
    if kind == "key":
        return MakeKey(f"hung-up-{number}")
    points = ((BEGIN_S + 60 * (1000 + number), float(number % 97)),)
    return Push("hung-up", points) if kind == "push" else Judge("hung-up", points)


def _p99_s(run: Run, url: str, meanwhile: Any = lambda: None) -> float:
    """Of scoring a point and of reading, on one connection, unhurried."""
    headers = {"Authorization": f"Bearer {run.scene.key}"}
    took = []
    with httpx.Client(base_url=url, headers=headers, timeout=30) as http:
        http.get("/v1/me").raise_for_status()
        for _ in range(MEASURED):
            meanwhile()
            started = time.monotonic()
            http.get("/v1/series/load-0").raise_for_status()
            took.append(time.monotonic() - started)
            time.sleep(0.005)
    return sorted(took)[int(0.99 * len(took))]


def _drip(slow: list[socket.socket]) -> None:
    """A byte of each now and then, so that none is given up."""
    with suppress(OSError):
        slow[int(time.monotonic() * 1000) % len(slow)].sendall(b" ")


@contextmanager
def _proxy(run: Run) -> Iterator[str]:
    folder: Path = run.scene.ground.folder / "proxy"
    folder.mkdir()
    upstream: Any = SimpleNamespace(server_port=run.scene.ground.port)
    proxy = laid_out(folder, upstream)
    process: subprocess.Popen[str] = start(proxy, "off", "50000000")
    try:
        wait_until(proxy.answers, "nginx listens")
        yield f"http://127.0.0.1:{proxy.http_port}"
    finally:
        process.terminate()
        process.wait(30)
        proxy.http.close()


ROWS = [
    Row("10,000 idle connections", "p99 under 50 ms", idle),
    Row("200 slow bodies behind the proxy", "p99 under 200 ms", slow_bodies),
    Row("the client hangs up and repeats", "one effect each", hang_ups),
]
