"""How series look right now: their newest values, and the event that is open."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

SPARK_POINTS = 60

NEWEST = text(
    "SELECT one.id AS series_id, "
    "(SELECT array_agg(nullif(value[1], 'NaN') ORDER BY timestamp) "
    "FROM (SELECT timestamp, value FROM points "
    "WHERE tenant_id = :tenant_id AND series_id = one.id "
    "ORDER BY timestamp DESC LIMIT :most) AS newest) "
    "AS recent, "
    "(SELECT value FROM points WHERE tenant_id = :tenant_id AND series_id = one.id "
    "ORDER BY timestamp DESC LIMIT 1) AS last_value, "
    "(SELECT id FROM events WHERE tenant_id = :tenant_id AND series_id = one.id "
    "AND closed_at IS NULL) AS open_event "
    "FROM unnest(CAST(:ids AS uuid[])) AS one (id)"
)


def of_series(connection: Connection, tenant_id: UUID, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """By the series' id: `recent`, of the first field, `last_value` and `open_event`."""
    given = {"tenant_id": tenant_id, "ids": [str(one) for one in ids], "most": SPARK_POINTS}
    return {row.series_id: row for row in connection.execute(NEWEST, given)}
