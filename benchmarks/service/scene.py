"""Where the rows are measured: an installation, and how much there is of everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.installation import Installation
from benchmarks.memory import shared_mb
from benchmarks.service.scale import Scale

SERVER = "app.cli.served"


@dataclass
class Scene:
    """`tell` shows a line to whoever waits."""

    installation: Installation
    scale: Scale
    tell: Callable[[str], None]

    def server(self) -> list[int]:
        """All processes that answer requests, and their parent."""
        return self.installation.processes(SERVER)

    def server_memory_mb(self) -> float:
        return shared_mb(self.server())
