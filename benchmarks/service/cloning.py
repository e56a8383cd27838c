"""Copies of series that were really trained, by SQL: ten thousand trainings would take hours.

Each copy has its own rows: points, model and state. Scores and events of the past are not copied;
judging does not look at them.
"""

from __future__ import annotations

from uuid import uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from benchmarks.service import seeding
from benchmarks.service.scene import Scene

BLOCK = 100  # series in a transaction
SERIES = """
    INSERT INTO series SELECT copy.*
    FROM series AS original, jsonb_populate_record(original, %(changed)s) AS copy
    WHERE original.name = %(name)s
"""
# By the id of the original: to find it by its name, the planner would look through all points.
ORIGINAL = "SELECT tenant_id, id, model_version FROM series WHERE name = %(name)s"
POINTS = """
    INSERT INTO points (tenant_id, series_id, timestamp, value)
    SELECT tenant_id, %(made)s, timestamp, value
    FROM points WHERE tenant_id = %(tenant)s AND series_id = %(original)s
"""
MODEL = """
    INSERT INTO models SELECT copy.*
    FROM models AS original, jsonb_populate_record(original, %(changed)s) AS copy
    WHERE original.tenant_id = %(tenant)s AND original.series_id = %(original)s
        AND original.version = %(version)s
"""


def cloned(scene: Scene, originals: int, series: int) -> None:
    """Let there be so many series s-0, s-1, …, the first of which are originals."""
    there = {str(one["name"]) for one in seeding.listed(scene.installation)}
    missing = [place for place in range(series) if f"s-{place}" not in there]
    scene.tell(f"{len(missing):,} series are copied")
    for start in range(0, len(missing), BLOCK):
        with scene.installation.database() as connection:
            for place in missing[start : start + BLOCK]:
                _copy(connection, f"s-{place % originals}", f"s-{place}")
    scene.installation.analyse()


def _copy(connection: Connection, original: str, name: str) -> None:
    made = str(uuid4())
    row = connection.execute(ORIGINAL, {"name": original}).fetchone()
    assert row
    known = dict(zip(("tenant", "original", "version"), row, strict=True)) | {"made": made}
    # What the event layer remembers may name an event, and that is the original's.
    changed = Jsonb({"id": made, "name": name, "watch": None})
    connection.execute(SERIES, {"name": original, "changed": changed})
    connection.execute(POINTS, known)
    connection.execute(MODEL, known | {"changed": Jsonb({"series_id": made})})
