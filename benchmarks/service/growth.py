"""What a score takes as an installation grows: more series, more scores, more than memory holds.

Two connections, of which each has series of its own: so neither waits for the other's series, and
the points of a series come in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

from benchmarks.service import batches, history, seeding
from benchmarks.service.cloning import cloned
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.load import Load
from benchmarks.service.scene import Scene
from benchmarks.service.scoring import in_use, scored

CONNECTIONS = 2
FEW = 10
ROUND_S = 2.0


def by_series(scene: Scene) -> Iterator[Figure]:
    """From few series to many."""
    series = scene.scale.series
    seeding.seeded(scene, series)
    few, many = _scored(scene, FEW), _scored(scene, series)
    yield _figure(scene, f"p50 of a score, {series:,} series", many, f"{FEW} series", few, 1.3)


def by_scores(scene: Scene) -> Iterator[Figure]:
    """From a short history to a long one; run it before `history`, which fills the scores too."""
    seeding.seeded(scene, FEW)
    few = _scored(scene, FEW)
    history.filled(scene)
    many = _scored(scene, FEW)
    name = f"p50 of a score, {scene.scale.scores:,} scores stored"
    yield _figure(scene, name, many, "before", few, 1.3)


def beyond_memory(scene: Scene) -> Iterator[Figure]:
    """More series than a process's memory setting holds, at random.

    All have been scored before, as series in use have: those that are copied are scored once.
    """
    few, many = scene.scale.series, scene.scale.many_series
    seeding.seeded(scene, few)
    fewer = _scored(scene, few, "random")
    cloned(scene, few, many)
    batches.scored_once(scene.installation, range(few, many))
    more = _scored(scene, many, "random")
    name = f"p50 of a score, {many:,} series at random"
    yield _figure(scene, name, more, f"{few:,} series", fewer, 3)


def _scored(scene: Scene, series: int, order: str = "in turn") -> Load:
    """After a while that does not count, in rounds, each over connections of its own: of two that
    meet in one process each waits for the other, and chance has them meet in every other round."""
    in_use(scene, series, CONNECTIONS, order)
    count = max(1, int(scene.scale.seconds / ROUND_S))
    each_s = scene.scale.seconds / count
    rounds = [scored(scene, series, CONNECTIONS, order, each_s) for _ in range(count)]
    return Load(
        requests=sum(one.requests for one in rounds),
        seconds=sum(one.seconds for one in rounds),
        refused=0,
        lost=0,
        p50_ms=fmean(one.p50_ms for one in rounds),
        p99_ms=fmean(one.p99_ms for one in rounds),
    )


def _figure(
    scene: Scene, name: str, ours: Load, other: str, reference: Load, most: float
) -> Figure:
    beside = Reference(other, reference.p50_ms, reference.p99_ms)
    times = (ours.p50_ms, ours.p99_ms, scene.server_memory_mb())
    return Figure(name, ours.p50_ms, "ms", beside, Reach(most=most), *times)
