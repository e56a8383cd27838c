"""How long the commands take that somebody waits for: `tocsin up` again, and `tocsin --help`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from statistics import median

from benchmarks.installation import PROGRAM
from benchmarks.service.figures import Figure, Reach
from benchmarks.service.scene import Scene
from benchmarks.service.timing import seconds

ROUNDS = 3


def figures(scene: Scene) -> Iterator[Figure]:
    starts = [scene.installation.restart() for _ in range(ROUNDS)]
    up = median(starts)
    yield Figure("tocsin up, existing folder, to ready", up, "s", reach=Reach(most=3, unit="s"))
    shown = median(seconds(_help) for _ in range(ROUNDS))
    yield Figure("tocsin --help", shown, "s", reach=Reach(most=0.4, unit="s"))


def _help() -> None:
    subprocess.run([PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL)
