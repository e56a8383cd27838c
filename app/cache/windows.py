"""The last points of a series and what stood out among them."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.cache.entries import Cache
from app.detection import Points, State

INTEGER = np.dtype("<i8")
NUMBER = np.dtype("<f8")
FORMAT = -2
# Format, revision, points of the series, model version; points here, fields; channels and points of
# the memory.
HEAD = 8
PUT_AT_ONCE = 64  # each takes some 20 kB


class Window(NamedTuple):
    """A state, as it was when the series had a revision and so many points, by a model version."""

    revision: int
    points: int
    version: int
    state: State


def get(cache: Cache, tenant_id: UUID, series_id: UUID) -> Window | None:
    payload = cache.get(_key(tenant_id, series_id))
    if payload is None or len(payload) < 8 * HEAD or len(payload) % 8:
        return None
    head = (int(x) for x in np.frombuffer(payload, INTEGER, HEAD))
    layout, revision, points, version, n, fields, channels, remembered = head
    words = len(payload) // 8 - HEAD - n * (1 + fields)
    if layout != FORMAT or words < 0 or words % 2:
        return None
    times = np.frombuffer(payload, INTEGER, n, 8 * HEAD).astype(np.int64)
    values = np.frombuffer(payload, NUMBER, n * fields, 8 * (HEAD + n)).astype(np.float64)
    memory = np.zeros(channels * remembered)
    end, half = 8 * (HEAD + n * (1 + fields)), words // 2
    memory[np.frombuffer(payload, INTEGER, half, end)] = np.frombuffer(
        payload, NUMBER, half, end + 8 * half
    )
    state = State(Points(times, values.reshape(n, fields)), memory.reshape(channels, remembered))
    return Window(revision, points, version, state)


def put(cache: Cache, of: Mapping[tuple[UUID, UUID], Window]) -> None:
    """Of each tenant and series."""
    series = list(of)
    for first in range(0, len(series), PUT_AT_ONCE):
        some = series[first : first + PUT_AT_ONCE]
        cache.put_all({_key(*one): _packed(of[one]) for one in some})


def _packed(window: Window) -> bytes:
    """Of the memory, mostly zeros, only the others."""
    points, memory = window.state.recent, window.state.memory
    kept = (FORMAT, window.revision, window.points, window.version)
    places = np.flatnonzero(memory)
    parts: list[NDArray[np.int64] | NDArray[np.float64]] = [
        np.array((*kept, len(points), points.fields, *memory.shape), INTEGER),
        points.times.astype(INTEGER),
        points.values.astype(NUMBER),
        places.astype(INTEGER),
        memory.ravel()[places].astype(NUMBER),
    ]
    return b"".join(part.tobytes() for part in parts)


def drop(cache: Cache, tenant_id: UUID, series_id: UUID) -> None:
    cache.drop(_key(tenant_id, series_id))


def _key(tenant_id: UUID, series_id: UUID) -> str:
    return f"window:{tenant_id}:{series_id}"
