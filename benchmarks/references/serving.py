"""A WSGI application of the references on granian, in as many processes as asked for."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from benchmarks.provenance import ROOT

STARTS_WITHIN_S = 60.0
QUICK_S = 0.05


@contextmanager
def served(module: str, processes: int = 2, threads: int = 1) -> Iterator[str]:
    """Its address, as long as it runs. `module` is that of a reference, such as `article`."""
    port = _free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)),
            *("--workers", str(processes), "--blocking-threads", str(threads)),
            *("--log-level", "warning", f"benchmarks.references.{module}:application"),
        ],
        cwd=ROOT,
    )
    try:
        _await(process, port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        # Connections are taken before there is a process that answers.
        with suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/", timeout=STARTS_WITHIN_S)
            return
        time.sleep(QUICK_S)
    raise SystemExit("The reference's server did not start")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
