import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.metrics import folder


@dataclass
class Shared:
    """A folder of numbers, as the processes of one server share it."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self.folder)}

    def value(self, name: str) -> float | None:
        """Summed over the processes; None where nobody counted it."""
        samples = [s for family in folder.collected(self.folder) for s in family.samples]
        found = [s.value for s in samples if s.name == name]
        return sum(found) if found else None

    def start(self, program: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(tmp_path)
