"""How long the commands take that somebody waits for: `tocsin up` again, and `tocsin --help`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from statistics import median

from benchmarks.installation import PROGRAM
from benchmarks.service.figures import Figure, Reach
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms, seconds

ROUNDS = 5


def figures(scene: Scene) -> Iterator[Figure]:
    starts = [scene.installation.restart() for _ in range(ROUNDS)]
    yield _figure("tocsin up, existing folder, to ready", starts, Reach(most=3, unit="s"))
    helps = [seconds(_help) for _ in range(ROUNDS)]
    yield _figure("tocsin --help", helps, Reach(most=0.4, unit="s"))


def _figure(name: str, took: list[float], reach: Reach) -> Figure:
    p50, p99 = (quantile_ms(took, share) for share in (0.5, 0.99))
    return Figure(name, median(took), "s", None, reach, p50, p99)


def _help() -> None:
    subprocess.run([PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL)
