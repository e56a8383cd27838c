"""One training from request to ready, beside scikit-learn's; and many by two workers and by one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from benchmarks.installation import Installation
from benchmarks.references import forests
from benchmarks.service import seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.scene import Scene

POINTS = 10_000
NAME = "trained"
LOOK_EVERY_S = 0.02


def one(scene: Scene) -> Iterator[Figure]:
    installation, rounds = scene.installation, scene.scale.training_rounds
    seeding.judged(installation, NAME, POINTS)
    seeding.await_calm(installation)
    took = [_ready_s(installation) for _ in range(rounds)]
    alone = Reference("fit", median(forests.fit_s(POINTS) for _ in range(rounds)))
    name = f"train on {POINTS:,} points, request to ready"
    yield Figure(name, median(took), "s", alone, Reach(most=3))


def _ready_s(installation: Installation) -> float:
    """Until the new version judges, and then, uncounted, until its job is over."""
    before = _version(installation)
    begun = time.perf_counter()
    installation.http.post(f"/v1/series/{NAME}/train").raise_for_status()
    while _version(installation) == before:
        time.sleep(LOOK_EVERY_S)
    took = time.perf_counter() - begun
    seeding.await_calm(installation)
    return took


def _version(installation: Installation) -> object:
    found = installation.http.get(f"/v1/series/{NAME}").raise_for_status().json()
    return found["model_version"]


def many(scene: Scene) -> Iterator[Figure]:
    """The same series, trained once by each; all of the machine is theirs."""
    installation, trainings = scene.installation, scene.scale.trainings
    names = [f"s-{place}" for place in range(trainings)]
    seeding.made(installation, names)
    per_s = []
    for workers in (1, 2):
        installation.restart(worker_processes=workers)
        per_s.append(trainings / seeding.trained(installation, names))
    installation.restart(worker_processes=None)
    by_one = Reference("one worker", per_s[0])
    yield Figure(
        f"{trainings:,} trainings by two workers", per_s[1], "/s", by_one, Reach(least=1.8)
    )
