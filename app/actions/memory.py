"""What a process keeps of the series it judges, the most recently used ones."""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar
from uuid import UUID

from app.actions.caller import Known
from app.cache.windows import Window
from app.detection import Model

Identity = tuple[UUID, UUID, int]  # tenant, series, version: what is under it never changes
Key = TypeVar("Key")
Value = TypeVar("Value")


class RecentlyUsed(Generic[Key, Value]):
    """A dictionary of so many entries; the one that was not asked for longest goes first."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> Value | None:
        with self._lock:
            value = self._kept.get(key)
            if value is not None:
                self._kept.move_to_end(key)
            return value

    def put(self, key: Key, value: Value) -> None:
        with self._lock:
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)

    def drop(self, key: Key) -> None:
        with self._lock:
            self._kept.pop(key, None)


ModelMemory = RecentlyUsed[Identity, Model]
WindowMemory = RecentlyUsed[tuple[UUID, UUID], Window]
SeriesIds = RecentlyUsed[tuple[UUID, str], UUID]
"""Of a name, the id that it had last; the lock on the series shows whether it still is."""
KeyMemory = RecentlyUsed[str, Known]
