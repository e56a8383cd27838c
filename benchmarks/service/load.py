"""Load by wrk: many connections, each of which asks again as soon as it has its answer."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SCRIPTS = Path(__file__).with_name("lua")
THREADS = 2
MARK = "MEASURED "
WAITS_S = 60

Script = Literal["article", "scoring"]


@dataclass(frozen=True)
class Load:
    """refused: answers with a status of 400 and more; lost: connections that failed."""

    requests: int
    seconds: float
    refused: int
    lost: int
    p50_ms: float
    p99_ms: float

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds


def loaded(url: str, script: Script, connections: int, seconds: float, **variables: object) -> Load:
    """`variables` are what the script reads from the environment, such as key and series.

    RuntimeError where not every request was answered well: its figures would say nothing.
    """
    own = {"lua": SCRIPTS, "threads": THREADS, **variables}
    answer = subprocess.run(
        [
            *("wrk", "--threads", str(THREADS), "--connections", str(connections)),
            *("--duration", f"{max(1, round(seconds))}s", "--timeout", f"{WAITS_S}s"),
            *("--script", str(SCRIPTS / f"{script}.lua"), url),
        ],
        env=os.environ | {f"BENCH_{name.upper()}": str(given) for name, given in own.items()},
        capture_output=True,
        text=True,
        check=True,
    )
    return sound(measured(answer.stdout))


def measured(printed: str) -> Load:
    """What the script printed at the end, among wrk's own lines."""
    lines = [line for line in printed.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        raise ValueError(f"wrk printed {len(lines)} lines that begin with {MARK}, not one")
    return Load(**json.loads(lines[0].removeprefix(MARK)))


def sound(load: Load) -> Load:
    """The load, if all of it was answered well."""
    if load.refused or load.lost or not load.requests:
        raise RuntimeError(
            f"Of {load.requests} requests {load.refused} were refused and {load.lost} lost"
        )
    return load
