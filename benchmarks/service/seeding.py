"""Series with models, made as a user makes them: points by the API, trained by workers.

The points are scored as they come, by the rule of thumb that there is before a model, so that a
training has no first scores to work out; of each series it fits all of its forests. Series are
trained when told (`retrain` manual), so that no training falls into what is measured.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.installation import Installation
from benchmarks.service.scene import Scene

HISTORY_POINTS = 320  # trees of 256 rows: forests as large as those of any series
UNJUDGED_POINTS = 12  # fewer say nothing
START_S = 1_672_531_200  # 2023
INTERVAL_S = 300
DAY_POINTS = 288
ASKED_AT_ONCE = 4
LOOK_EVERY_S = 0.5
COUNT_JOBS = (
    "SELECT count(*) FROM jobs WHERE tenant_id = current_setting('app.tenant_id')::uuid "
    "AND status = ANY(%s)"
)


def seeded(scene: Scene, series: int) -> None:
    """Let there be so many series s-0, s-1, …, each with a model."""
    installation = scene.installation
    names = [f"s-{n}" for n in range(series)]
    ready = {one["name"] for one in listed(installation) if one["model_version"]}
    missing = [name for name in names if name not in ready]
    if missing:
        scene.tell(f"{len(missing):,} series are made and trained")
        made(installation, missing)
        trained(installation, missing)
        installation.analyse()


def made(installation: Installation, names: Sequence[str]) -> None:
    """Series with a history; those that are there already stay as they are."""
    with ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
        list(threads.map(lambda name: _made(installation, name), names))


def trained(installation: Installation, names: Sequence[str]) -> float:
    """The seconds from the first request to the last model, first scores included."""
    begun = time.monotonic()
    with ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
        list(threads.map(lambda name: _post(installation, f"{name}/train"), names))
    await_calm(installation)
    return time.monotonic() - begun


def await_calm(installation: Installation) -> None:
    """Until no job waits or runs; RuntimeError if one failed."""
    while _jobs(installation, "queued", "running"):
        time.sleep(LOOK_EVERY_S)
    if failed := _jobs(installation, "failed"):
        raise RuntimeError(f"{failed} jobs failed")


def _jobs(installation: Installation, *statuses: str) -> int:
    with installation.database() as connection:
        row = connection.execute(COUNT_JOBS, [list(statuses)]).fetchone()
    assert row
    return int(row[0])


def listed(installation: Installation) -> Iterator[dict[str, object]]:
    """All series of the tenant."""
    query = {"limit": "1000"}
    while True:
        page = installation.http.get("/v1/series", params=query).raise_for_status().json()
        yield from page["data"]
        if page["next"] is None:
            return
        query["cursor"] = page["next"]


def value(place: int, noise: random.Random) -> float:
    """Of the point at this place of a series: a noisy daily sine."""
    return round(100 + 10 * math.sin(2 * math.pi * place / DAY_POINTS) + noise.gauss(0, 1), 3)


def history(points: int, seed: object) -> list[dict[str, object]]:
    noise = random.Random(str(seed))  # noqa: S311 - nothing that is to be secret
    return [
        {"timestamp": START_S + place * INTERVAL_S, "value": value(place, noise)}
        for place in range(points)
    ]


def _made(installation: Installation, name: str) -> None:
    """Safe to repeat, as all of it is."""
    answer = installation.http.post("/v1/series", json={"name": name, "retrain": "manual"})
    if answer.status_code != 409:
        answer.raise_for_status()
    points = history(HISTORY_POINTS, name)
    _post(installation, f"{name}/points", {"points": points[:UNJUDGED_POINTS]})
    _post(installation, f"{name}/score", {"points": points[UNJUDGED_POINTS:]})


def _post(installation: Installation, path: str, body: object = None) -> None:
    installation.http.post(f"/v1/series/{path}", json=body).raise_for_status()
