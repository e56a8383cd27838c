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
from datetime import datetime

from benchmarks.installation import Installation
from benchmarks.service.scene import Scene

HISTORY_POINTS = 320  # trees of 256 rows: forests as large as those of any series
UNJUDGED_POINTS = 12  # fewer say nothing
START_S = 1_735_689_600  # 2025: what is filled in by SQL lies before it
INTERVAL_S = 300
DAY_S = 86_400
ASKED_AT_ONCE = 4
LOOK_EVERY_S = 0.5
COUNT_JOBS = "SELECT count(*) FROM jobs WHERE status = ANY(%s)"  # row-level security: the tenant's


def seeded(scene: Scene, series: int) -> None:
    """Let there be so many series s-0, s-1, …, each with a model."""
    installation = scene.installation
    names = [f"s-{n}" for n in range(series)]
    ready = {one["name"] for one in listed(installation) if one["model_version"]}
    missing = [name for name in names if name not in ready]
    if missing:
        scene.tell(f"{len(missing):,} series are made and trained")
        made(installation, missing)
        installation.restart(worker_processes=2)
        trained(installation, missing)
        installation.analyse()
        installation.restart(worker_processes=None)


def made(installation: Installation, names: Sequence[str]) -> None:
    """Series with a short history."""
    with ThreadPoolExecutor(ASKED_AT_ONCE) as threads:
        list(threads.map(lambda name: judged(installation, name, HISTORY_POINTS), names))


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


def value(at_s: int, noise: random.Random) -> float:
    """A noisy daily sine."""
    return round(100 + 10 * math.sin(2 * math.pi * at_s / DAY_S) + noise.gauss(0, 1), 3)


def history(points: int, seed: object, start_s: int = START_S) -> list[dict[str, object]]:
    noise = random.Random(str(seed))  # noqa: S311 - nothing that is to be secret
    times = range(start_s, start_s + points * INTERVAL_S, INTERVAL_S)
    return [{"timestamp": at_s, "value": value(at_s, noise)} for at_s in times]


def next_s(installation: Installation, series: int) -> list[int]:
    """Epoch seconds of the point that comes next, of s-0, s-1, …"""
    last = {one["name"]: str(one["last_timestamp"]) for one in listed(installation)}
    ends = (datetime.fromisoformat(last[f"s-{place}"]) for place in range(series))
    return [int(end.timestamp()) + INTERVAL_S for end in ends]


def judged(installation: Installation, name: str, points: int) -> None:
    """A series with a history that is scored; safe to repeat, as all of it is."""
    answer = installation.http.post("/v1/series", json={"name": name, "retrain": "manual"})
    if answer.status_code != 409:
        answer.raise_for_status()
    past = history(points, name)
    _post(installation, f"{name}/points", {"points": past[:UNJUDGED_POINTS]})
    _post(installation, f"{name}/score", {"points": past[UNJUDGED_POINTS:]})


def _post(installation: Installation, path: str, body: object = None) -> None:
    installation.http.post(f"/v1/series/{path}", json=body).raise_for_status()
