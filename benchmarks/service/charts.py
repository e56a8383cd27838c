"""The chart of millions of points beside that of a hundred thousand, and how soon it is exact.

Points and scores are filled in by SQL, as an upload and its trainings would take hours; the digests
are made by the service's own upkeep, as always.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.history import asking, by_turns
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms

FEW = 100_000
END = datetime(2025, 1, 1, tzinfo=UTC)
LOOK_EVERY_S = 0.5
WHOLE, MONTH, DAY = None, timedelta(days=30), timedelta(days=1)
FILL = """
    WITH of AS (SELECT tenant_id, id FROM series WHERE name = %(name)s), new AS (
        INSERT INTO points SELECT tenant_id, id, %(end)s - n * interval '1 minute',
            ARRAY[10 * sin(n * pi() / 720) + random()]
        FROM of, generate_series(%(n)s, 1, -1) AS n RETURNING *)
    INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold,
        expected, lower, upper, contributions, reason, model_version, backfilled)
    SELECT *, 0.5, random() < 0.001, 0.99, ARRAY[value[1] - 0.1], ARRAY[value[1] - 1],
        ARRAY[value[1] + 1], ARRAY[1.0], '2.5 times the usual value for Sunday 01:00', 1, true
    FROM new
"""
NOTE = """
    UPDATE series SET points = %(n)s, first_at = %(end)s - %(n)s * interval '1 minute',
        last_at = %(end)s - interval '1 minute' WHERE name = %(name)s
"""
# As long as upkeep lets them be behind.
DIGESTED = "SELECT digested_until > last_at - 8 * digest_width FROM series WHERE name = %s"


def figures(scene: Scene) -> Iterator[Figure]:
    many = scene.scale.charted_points
    for n in (FEW, many):
        _filled(scene, n)
    took_s = _digested_s(scene, many)
    yield Figure(f"digests of {many:,} points", many / took_s, "points/s")
    few = _path(FEW, WHOLE)
    for what, span in (("", WHOLE), (", zoomed to a month", MONTH), (", to a day", DAY)):
        ours, theirs = by_turns(
            asking(scene.installation, _path(many, span)), asking(scene.installation, few)
        )
        p50, p99 = (quantile_ms(ours, at) for at in (0.5, 0.99))
        beside = Reference(f"{FEW:,}", quantile_ms(theirs, 0.5), quantile_ms(theirs, 0.99))
        yield Figure(f"chart of {many:,} points{what}", p50, "ms", beside, Reach(most=2), p50, p99)


def _filled(scene: Scene, n: int) -> None:
    """Once for all runs on the folder."""
    made = scene.installation.http.post("/v1/series", json={"name": _name(n), "retrain": "manual"})
    if made.status_code == 409:
        return
    made.raise_for_status()
    scene.tell(f"{n:,} points are filled in")
    with scene.installation.database() as connection:
        given = {"name": _name(n), "n": n, "end": END}
        connection.execute(FILL, given)
        connection.execute(NOTE, given)
    scene.installation.analyse()


def _digested_s(scene: Scene, n: int) -> float:
    """From when upkeep may know of the points until it is done with them."""
    begun = time.monotonic()
    while True:
        with scene.installation.database() as connection:
            row = connection.execute(DIGESTED, [_name(n)]).fetchone()
        if row and row[0]:
            return time.monotonic() - begun
        time.sleep(LOOK_EVERY_S)


def _name(n: int) -> str:
    return f"charted-{n}"


def _path(n: int, span: timedelta | None) -> str:
    start = "" if span is None else f"&from={END - span:%Y-%m-%dT%H:%M:%SZ}"
    return f"/v1/series/{_name(n)}/chart?buckets=800{start}"
