"""Where the rows are measured: an installation, and how much of everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.installation import Installation
from benchmarks.processes import memory_mb

SERVER = "app.cli.served"


@dataclass(frozen=True)
class Scale:
    """How much of everything; a user may give some of it by options."""

    series: int = 1_000
    seconds: float = 20.0
    upload_rows: int = 1_000_000
    trainings: int = 1_000
    scores: int = 10_000_000
    many_series: int = 10_000


SHORT = Scale(
    series=20, seconds=3.0, upload_rows=100_000, trainings=20, scores=100_000, many_series=40
)


@dataclass
class Scene:
    """`tell` shows a line to whoever waits."""

    installation: Installation
    scale: Scale
    tell: Callable[[str], None]

    def server_memory_mb(self) -> float:
        """Of all processes that answer requests, and their parent."""
        return memory_mb(self.installation.processes(SERVER))
