"""Results on disk, so that a run of hours can be taken up again where it stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.detectors import Judged


@dataclass(frozen=True)
class Cache:
    """A folder of files by key; a file is written whole or not at all."""

    folder: Path

    def judged(self, key: str) -> Judged | None:
        """What a detector answered, or None."""
        path = self.folder / f"{key}.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return Judged(arrays["score"], arrays["alarm"], arrays["inside"])

    def keep_judged(self, key: str, judged: Judged) -> None:
        path = self._parent(f"{key}.npz")
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, score=judged.score, alarm=judged.alarm, inside=judged.inside)
        partial.replace(path)

    def figures(self, key: str) -> dict[str, float] | None:
        """Figures by name, or None."""
        path = self.folder / f"{key}.json"
        if not path.exists():
            return None
        found: dict[str, float] = json.loads(path.read_text())
        return found

    def keep_figures(self, key: str, figures: dict[str, Any]) -> None:
        path = self._parent(f"{key}.json")
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(figures))
        partial.replace(path)

    def _parent(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
