"""The recent points of a series, as they were at one revision of it."""

from uuid import UUID

import numpy as np

from app.cache.entries import Cache
from app.detection import Points

INTEGER = np.dtype("<i8")
NUMBER = np.dtype("<f8")


def get(
    cache: Cache, tenant_id: UUID, series_id: UUID, revision: int, fields: int
) -> Points | None:
    """The window of exactly this revision; any other is stale, and a miss."""
    payload = cache.get(_key(tenant_id, series_id))
    if payload is None:
        return None
    stored_revision, n = (int(x) for x in np.frombuffer(payload, INTEGER, 2))
    if stored_revision != revision or len(payload) != 16 + 8 * n * (1 + fields):
        return None
    times = np.frombuffer(payload, INTEGER, n, 16).astype(np.int64)
    values = np.frombuffer(payload, NUMBER, n * fields, 16 + 8 * n).astype(np.float64)
    return Points(times, values.reshape(n, fields))


def put(cache: Cache, tenant_id: UUID, series_id: UUID, revision: int, points: Points) -> None:
    head = np.array([revision, len(points)], INTEGER).tobytes()
    times, values = points.times.astype(INTEGER), points.values.astype(NUMBER)
    cache.put(_key(tenant_id, series_id), head + times.tobytes() + values.tobytes())


def drop(cache: Cache, tenant_id: UUID, series_id: UUID) -> None:
    cache.drop(_key(tenant_id, series_id))


def _key(tenant_id: UUID, series_id: UUID) -> str:
    return f"window:{tenant_id}:{series_id}"
