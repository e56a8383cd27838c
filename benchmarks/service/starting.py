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
    rounds = [_stopped_and_started(scene) for _ in range(ROUNDS)]
    up, shown = (median(column) for column in zip(*rounds, strict=True))
    yield Figure("tocsin up, existing folder, to ready", up, "s", reach=Reach(most=3, unit="s"))
    yield Figure("tocsin --help", shown, "s", reach=Reach(most=0.4, unit="s"))


def _stopped_and_started(scene: Scene) -> tuple[float, float]:
    """Help is asked for in between: workers go on loading after the service is ready."""
    scene.installation.stop()
    shown = seconds(_help)
    return scene.installation.start(), shown


def _help() -> None:
    subprocess.run([PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL)
