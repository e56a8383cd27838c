"""The last points of a series and what stood out among them, as they were at one revision of it."""

from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.cache.entries import Cache
from app.detection import Points, State

INTEGER = np.dtype("<i8")
NUMBER = np.dtype("<f8")
HEAD = 6  # revision, points, fields, model version, and channels and points of the memory


def get(
    cache: Cache, tenant_id: UUID, series_id: UUID, revision: int, version: int
) -> State | Points | None:
    """The window of exactly this revision; any other is stale, and a miss.

    A state where it is that of the model's version, else only the points.
    """
    payload = cache.get(_key(tenant_id, series_id))
    if payload is None or len(payload) < 8 * HEAD or len(payload) % 8:
        return None
    stored_revision, n, fields, stored_version, channels, remembered = (
        int(x) for x in np.frombuffer(payload, INTEGER, HEAD)
    )
    words = len(payload) // 8 - HEAD - n * (1 + fields)
    if stored_revision != revision or words < 0 or words % 2:
        return None
    times = np.frombuffer(payload, INTEGER, n, 8 * HEAD).astype(np.int64)
    values = np.frombuffer(payload, NUMBER, n * fields, 8 * (HEAD + n)).astype(np.float64)
    points = Points(times, values.reshape(n, fields))
    if stored_version != version:
        return points
    memory = np.zeros(channels * remembered)
    end, half = 8 * (HEAD + n * (1 + fields)), words // 2
    memory[np.frombuffer(payload, INTEGER, half, end)] = np.frombuffer(
        payload, NUMBER, half, end + 8 * half
    )
    return State(points, memory.reshape(channels, remembered))


def put(
    cache: Cache, tenant_id: UUID, series_id: UUID, revision: int, version: int, state: State
) -> None:
    """Keep the state after a revision; of the memory, mostly zeros, only the others."""
    points, memory = state.recent, state.memory
    sizes = (revision, len(points), points.fields, version, *memory.shape)
    places = np.flatnonzero(memory)
    parts: list[NDArray[np.int64] | NDArray[np.float64]] = [
        np.array(sizes, INTEGER),
        points.times.astype(INTEGER),
        points.values.astype(NUMBER),
        places.astype(INTEGER),
        memory.ravel()[places].astype(NUMBER),
    ]
    cache.put(_key(tenant_id, series_id), b"".join(part.tobytes() for part in parts))


def drop(cache: Cache, tenant_id: UUID, series_id: UUID) -> None:
    cache.drop(_key(tenant_id, series_id))


def _key(tenant_id: UUID, series_id: UUID) -> str:
    return f"window:{tenant_id}:{series_id}"
