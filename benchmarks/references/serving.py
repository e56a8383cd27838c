"""A WSGI application of the references on granian, in two processes.

With a thread each: with more, scikit-learn 1.9 warns at each call that a thread does not know its
configuration, and the answers are no quicker.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from benchmarks.provenance import ROOT

PROCESSES = 2
STARTS_WITHIN_S = 60.0
QUICK_S = 0.05


@contextmanager
def served(module: str) -> Iterator[str]:
    """Its address, as long as it runs. `module` is that of a reference, such as `article`."""
    port = _free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)),
            *("--workers", str(PROCESSES), "--blocking-threads", "1"),
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
