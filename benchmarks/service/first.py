"""The first score of a series in a process that has not seen it, beside the next ones.

The processes are new, but not idle: they judged other series before. Redis knows what it knew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.installation import Installation
from benchmarks.service import seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms

SERIES = 50
WARM_SCORES = 5
IN_USE_SCORES = 200


def figures(scene: Scene) -> Iterator[Figure]:
    installation = scene.installation
    series = min(SERIES, scene.scale.series - 1)
    seeding.seeded(scene, series + 1)
    seeding.await_calm(installation)
    installation.restart()
    _took(installation, [series], IN_USE_SCORES)
    took = _took(installation, range(series), 1 + WARM_SCORES)
    firsts = [of_one[0] for of_one in took]
    warm = [one for of_one in took for one in of_one[1:]]
    yield Figure(
        "first score of a series in a process",
        quantile_ms(firsts, 0.5),
        "ms",
        Reference("a warm one", median(warm) * 1e3, quantile_ms(warm, 0.99)),
        Reach(most=15),
        quantile_ms(firsts, 0.5),
        quantile_ms(firsts, 0.99),
    )


def _took(
    installation: Installation, places: Sequence[int], scores_of_each: int
) -> list[list[float]]:
    """Seconds of scores, by series; one connection, hence one process."""
    starts = seeding.next_s(installation, max(places) + 1)
    return [
        [_score_s(installation, place, starts[place], nth) for nth in range(scores_of_each)]
        for place in places
    ]


def _score_s(installation: Installation, place: int, start_s: int, nth: int) -> float:
    (point,) = seeding.history(1, (place, nth), start_s + nth * seeding.INTERVAL_S)
    begun = time.perf_counter()
    answer = installation.http.post(f"/v1/series/s-{place}/score", json=point)
    took = time.perf_counter() - begun
    answer.raise_for_status()
    return took
