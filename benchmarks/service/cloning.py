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
    WHERE original.name = %(original)s
"""
POINTS = """
    INSERT INTO points (tenant_id, series_id, timestamp, value)
    SELECT points.tenant_id, %(id)s, timestamp, value
    FROM points JOIN series ON series.id = series_id WHERE name = %(original)s
"""
MODEL = """
    INSERT INTO models SELECT copy.*
    FROM models AS original
    JOIN series ON series.id = original.series_id AND series.model_version = original.version,
        jsonb_populate_record(original, %(changed)s) AS copy
    WHERE name = %(original)s
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
    # What the event layer remembers may name an event, and that is the original's.
    changed = Jsonb({"id": made, "name": name, "watch": None})
    connection.execute(SERIES, {"original": original, "changed": changed})
    connection.execute(POINTS, {"original": original, "id": made})
    connection.execute(MODEL, {"original": original, "changed": Jsonb({"series_id": made})})
