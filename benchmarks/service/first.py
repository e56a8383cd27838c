"""The first score of a series in a process that has not seen it, beside the next ones.

The processes are new, but not idle: they judged other series before. Redis knows what it knew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks.installation import Installation
from benchmarks.service import seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms

SERIES = 50
WARM_SCORES = 5
SETTLED_S = 3.0  # what a process does by itself after its start is over


def figures(scene: Scene) -> Iterator[Figure]:
    installation = scene.installation
    series = min(SERIES, scene.scale.series)
    seeding.seeded(scene, series)
    seeding.await_calm(installation)
    installation.restart()
    time.sleep(SETTLED_S)
    took = _took(installation, series)
    firsts = [of_one[0] for of_one in took[1:]]  # the very first is of the process too
    warm = [one for of_one in took[1:] for one in of_one[1:]]
    yield Figure(
        "first score of a series in a process",
        quantile_ms(firsts, 0.5),
        "ms",
        Reference("a warm one", median(warm) * 1e3, quantile_ms(warm, 0.99)),
        Reach(most=15),
        quantile_ms(firsts, 0.5),
        quantile_ms(firsts, 0.99),
    )


def _took(installation: Installation, series: int) -> list[list[float]]:
    """Seconds of scores, by series; one connection, hence one process."""
    starts = seeding.next_s(installation, series)
    return [
        [_score_s(installation, place, starts[place], nth) for nth in range(1 + WARM_SCORES)]
        for place in range(series)
    ]


def _score_s(installation: Installation, place: int, start_s: int, nth: int) -> float:
    (point,) = seeding.history(1, (place, nth), start_s + nth * seeding.INTERVAL_S)
    begun = time.perf_counter()
    answer = installation.http.post(f"/v1/series/s-{place}/score", json=point)
    took = time.perf_counter() - begun
    answer.raise_for_status()
    return took
