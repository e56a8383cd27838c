"""One point scored a request, over many connections and series, beside two references.

All series are in use, in turn; rate limits are looked at; every point is judged by a trained model
and committed before the answer, which is checked by what the database has afterwards.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.installation import Installation
from benchmarks.references import serving
from benchmarks.references.insert import Inserted, inserted
from benchmarks.service import load, seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.load import Load
from benchmarks.service.scene import Scene

CONNECTIONS = 32
ROUNDS = 3  # ours and the references by turns: what else the machine does meets all of them
WARM_SHARE = 0.5  # of the time, before it counts: both have been in use for a while
QUIET_S = 1.0
# Row-level security leaves the tenant's own.
STORED = "SELECT sum(points) FROM series"
BY_RULE = """
    SELECT count(*) FROM unnest(%s::text[], %s::bigint[]) AS asked (name, start_s)
    JOIN series USING (name) JOIN scores
        ON scores.tenant_id = series.tenant_id AND series_id = series.id
        AND timestamp >= to_timestamp(start_s)
    WHERE scores.model_version = 0
"""


def figures(scene: Scene) -> Iterator[Figure]:
    series = scene.scale.series
    seeding.seeded(scene, series)
    ours, article, alone = _by_turns(scene)
    per_s, p99_ms = median(one.per_s for one in ours), median(one.p99_ms for one in ours)
    times = (median(one.p50_ms for one in ours), p99_ms, scene.server_memory_mb())
    predicted = Reference("article's app", median(one.per_s for one in article))
    name = f"score one point, {CONNECTIONS} connections, {series:,} series"
    yield Figure(name, per_s, "/s", predicted, Reach(least=5), *times)
    slowest = Reference("article's app", median(one.p99_ms for one in article))
    yield Figure("p99 of a scored point", p99_ms, "ms", slowest, Reach(most=1))
    stored = Reference("INSERT", median(one.per_s for one in alone))
    yield Figure("score one point, durably stored", per_s, "/s", stored, Reach(least=0.13))


def _by_turns(scene: Scene) -> tuple[list[Load], list[Load], list[Inserted]]:
    """Loads of ours and of the article's app, and INSERTs, as many of each."""
    series, each_s = scene.scale.series, scene.scale.seconds / ROUNDS
    found: tuple[list[Load], list[Load], list[Inserted]] = ([], [], [])
    with serving.served("article") as url:
        load.loaded(url, "article", CONNECTIONS, scene.scale.seconds * WARM_SHARE)
        in_use(scene, series, CONNECTIONS)
        for _ in range(ROUNDS):
            found[0].append(scored(scene, series, seconds=each_s))
            found[1].append(load.loaded(url, "article", CONNECTIONS, each_s))
            found[2].append(inserted(scene.installation.urls["owner"], CONNECTIONS, each_s))
    return found


def in_use(scene: Scene, series: int, connections: int, order: str = "in turn") -> None:
    """For a while, which does not count; from when the service has loaded what judging needs."""
    installation = scene.installation
    (start_s, *_) = seeding.next_s(installation, series)
    (point,) = seeding.history(1, "first", start_s)
    installation.http.post("/v1/series/s-0/score", json=point).raise_for_status()
    scored(scene, series, connections, order, scene.scale.seconds * WARM_SHARE)


def scored(
    scene: Scene,
    series: int,
    connections: int = CONNECTIONS,
    order: str = "in turn",
    seconds: float | None = None,
) -> Load:
    """Points after all that are stored, until the seconds are over."""
    installation = scene.installation
    before = _stored(installation)
    starts = seeding.next_s(installation, series)
    with tempfile.NamedTemporaryFile("w") as written:
        written.writelines(f"{start}\n" for start in starts)
        written.flush()
        found = load.loaded(
            installation.url,
            "scoring",
            connections,
            seconds or scene.scale.seconds,
            key=installation.key,
            starts=written.name,
            order=order,
        )
    _refuse_unsound(found, _stored(installation) - before, connections)
    if _counted(installation, BY_RULE, [f"s-{place}" for place in range(series)], starts):
        raise RuntimeError("Points were judged without a trained model")
    return found


def _refuse_unsound(load_: Load, stored: int, connections: int) -> None:
    # wrk leaves without the last answers of its connections.
    if not load_.requests <= stored <= load_.requests + connections:
        raise RuntimeError(f"{load_.requests} points were answered for, {stored} are stored")


def _stored(installation: Installation) -> int:
    """Points, once what wrk asked last and did not wait for is done too."""
    before, now = -1, _counted(installation, STORED)
    while now != before:
        time.sleep(QUIET_S)
        before, now = now, _counted(installation, STORED)
    return now


def _counted(installation: Installation, statement: str, *values: object) -> int:
    with installation.database() as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row
    return int(row[0])
