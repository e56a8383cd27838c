"""One point scored a request, over many connections and series, beside two references.

All series are in use, in turn; rate limits are looked at; every point is judged by a trained model
and committed before the answer, which is checked by what the database has afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from benchmarks.installation import Installation
from benchmarks.references import insert, serving
from benchmarks.service import load, seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.load import Load
from benchmarks.service.scene import Scene

CONNECTIONS = 32
WARM_SHARE = 0.5  # of the time, before it counts: both have been in use for a while
# Row-level security leaves the tenant's own.
STORED = "SELECT sum(points) FROM series"
BY_RULE = """
    SELECT count(*) FROM series CROSS JOIN LATERAL (
        SELECT model_version FROM scores
        WHERE scores.tenant_id = series.tenant_id AND series_id = series.id
        ORDER BY timestamp DESC LIMIT 1) AS newest
    WHERE name = ANY(%s) AND newest.model_version = 0
"""


def figures(scene: Scene) -> Iterator[Figure]:
    scale, installation = scene.scale, scene.installation
    with serving.served("article") as url:
        load.loaded(url, "article", CONNECTIONS, scale.seconds * WARM_SHARE)
        article = load.loaded(url, "article", CONNECTIONS, scale.seconds)
    seeding.seeded(scene, scale.series)
    scored(scene, scale.series, seconds=scale.seconds * WARM_SHARE)
    alone = insert.inserted(installation.urls["owner"], CONNECTIONS, scale.seconds)
    ours = scored(scene, scale.series)
    name = f"score one point, {CONNECTIONS} connections, {scale.series:,} series"
    times = (ours.p50_ms, ours.p99_ms, scene.server_memory_mb())
    predicted = Reference("article's app", article.per_s, article.p99_ms)
    yield Figure(name, ours.per_s, "/s", predicted, Reach(least=5), *times)
    yield Figure(
        "p99 of a scored point",
        ours.p99_ms,
        "ms",
        Reference("article's app", article.p99_ms),
        Reach(most=1),
    )
    stored = Reference("INSERT", alone.per_s, alone.p99_ms)
    yield Figure("score one point, durably stored", ours.per_s, "/s", stored, Reach(least=0.13))


def scored(
    scene: Scene,
    series: int,
    connections: int = CONNECTIONS,
    order: str = "in turn",
    seconds: float | None = None,
) -> Load:
    """Points after all that are stored, until the seconds are over."""
    installation = scene.installation
    before = _counted(installation, STORED)
    with tempfile.NamedTemporaryFile("w") as starts:
        starts.writelines(f"{start}\n" for start in seeding.next_s(installation, series))
        starts.flush()
        found = load.loaded(
            installation.url,
            "scoring",
            connections,
            seconds or scene.scale.seconds,
            key=installation.key,
            starts=starts.name,
            order=order,
        )
    _refuse_unsound(found, _counted(installation, STORED) - before, connections)
    if _counted(installation, BY_RULE, [f"s-{place}" for place in range(series)]):
        raise RuntimeError("Points were judged without a trained model")
    return found


def _refuse_unsound(load_: Load, stored: int, connections: int) -> None:
    # wrk leaves without the last answers of its connections.
    if not load_.requests <= stored <= load_.requests + connections:
        raise RuntimeError(f"{load_.requests} points were answered for, {stored} are stored")


def _counted(installation: Installation, statement: str, *values: object) -> int:
    with installation.database() as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row
    return int(row[0])
