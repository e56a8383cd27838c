"""One point scored a request, over many connections and series, beside two references.

All series are in use, in turn; rate limits are looked at; every point is judged by a trained model
and committed before the answer, which is checked by what the database has afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from benchmarks.installation import Installation
from benchmarks.references import insert, serving
from benchmarks.service import load, seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.load import Load
from benchmarks.service.scene import Scene

CONNECTIONS = 32
WARM_SHARE = 0.5  # of the time, before it counts: both have been in use for a while
MODELS = (
    "SELECT count(*) FILTER (WHERE model_version = 0), count(*) FROM scores WHERE tenant_id = "
    "current_setting('app.tenant_id')::uuid AND timestamp >= to_timestamp(%s)"
)


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
    predicted = Reference("the article's app", article.per_s, article.p99_ms)
    yield Figure(name, ours.per_s, "/s", predicted, Reach(least=5), *times)
    yield Figure(
        "its p99",
        ours.p99_ms,
        "ms",
        Reference("the article's app", article.p99_ms),
        Reach(most=1),
    )
    stored = Reference("one-row INSERT", alone.per_s, alone.p99_ms)
    yield Figure("score one point", ours.per_s, "/s", stored, Reach(least=0.13))


def scored(
    scene: Scene,
    series: int,
    connections: int = CONNECTIONS,
    order: str = "in turn",
    seconds: float | None = None,
) -> Load:
    """Points after all that are stored, until the seconds are over."""
    installation = scene.installation
    start_s = after_all(installation)
    load_ = load.loaded(
        installation.url,
        "scoring",
        connections,
        seconds or scene.scale.seconds,
        key=installation.key,
        series=series,
        start_s=start_s,
        order=order,
    )
    _refuse_unsound(installation, load_, start_s, connections)
    return load_


def _refuse_unsound(installation: Installation, load_: Load, start_s: int, open_: int) -> None:
    """Every point that was answered for is stored, with a verdict of a trained model."""
    with installation.database() as connection:
        row = connection.execute(MODELS, [start_s]).fetchone()
    assert row
    by_rule, stored = row
    # wrk leaves without the last answers of its connections.
    if by_rule or not load_.requests <= stored <= load_.requests + open_:
        raise RuntimeError(
            f"{load_.requests} points were answered for; {stored} are stored, "
            f"{by_rule} of them without a trained model"
        )


def after_all(installation: Installation) -> int:
    """Epoch seconds of the first point behind the newest of any series."""
    newest = max(str(one["last_timestamp"] or "") for one in seeding.listed(installation))
    return int(datetime.fromisoformat(newest).timestamp()) + seeding.INTERVAL_S
