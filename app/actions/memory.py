"""What a process keeps of the series it judges, the most recently used ones."""

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from app.actions.caller import Known
from app.cache.windows import Window
from app.detection import Model, held_bytes

OBJECTS_BYTES = 16_000  # of a series, around its arrays; as measured

Series = tuple[UUID, UUID]  # its tenant, and its id
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


KeyMemory = RecentlyUsed[str, Known]
SeriesIds = RecentlyUsed[tuple[UUID, str], UUID]
"""Of a name, the id that it had last; the lock on the series shows whether it still is."""


class Kept(NamedTuple):
    """Of one series: a model version and the last window.

    A trail that another model made is left out of the window, so that no model lives on unseen.
    """

    version: int = 0
    model: Model | None = None
    model_bytes: int = 0
    window: Window | None = None
    window_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return OBJECTS_BYTES + self.model_bytes + self.window_bytes

    @property
    def is_at_hand(self) -> bool:
        """Whether the series was judged before, and the model that did is still there."""
        of = self.window
        return of is not None and (not of.version or self.version == of.version)

    def with_model(self, version: int, model: Model) -> "Kept":
        changed = self._replace(version=version, model=model, model_bytes=held_bytes(model))
        if self.window is None or not self.window.state.trail:
            return changed
        state = replace(self.window.state, trail=None)
        return changed.with_window(replace(self.window, state=state))

    def with_window(self, window: Window) -> "Kept":
        if self.window is not None and window.state.goes_on_from(self.window.state):
            return self._replace(window=window)
        changed = self._replace(window=window, window_bytes=held_bytes(window.state))
        trail = window.state.trail
        if trail is None or trail.model is self.model:
            return changed
        model_bytes = held_bytes(trail.model)
        return changed._replace(version=window.version, model=trail.model, model_bytes=model_bytes)


NOTHING = Kept()


class SeriesMemory:
    """So many bytes of the series that were asked for last; one that takes more is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._kept: OrderedDict[Series, Kept] = OrderedDict()
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    def get(self, series: Series) -> Kept:
        """Nothing of it, where it is not kept."""
        with self._lock:
            kept = self._kept.get(series, NOTHING)
            if kept is not NOTHING:
                self._kept.move_to_end(series)
            return kept

    def put_model(self, series: Series, version: int, model: Model) -> None:
        with self._lock:
            self._put(series, self._taken(series).with_model(version, model))

    def put_window(self, series: Series, window: Window) -> None:
        with self._lock:
            self._put(series, self._taken(series).with_window(window))

    def drop(self, series: Series) -> None:
        with self._lock:
            self._taken(series)

    def _put(self, series: Series, kept: Kept) -> None:
        if kept.size_bytes > self._most_bytes:
            return
        self._kept[series] = kept
        self._held_bytes += kept.size_bytes
        while self._held_bytes > self._most_bytes:
            self._taken(next(iter(self._kept)))

    def _taken(self, series: Series) -> Kept:
        """What was kept of it, and now is no more."""
        kept = self._kept.pop(series, NOTHING)
        if kept is not NOTHING:
            self._held_bytes -= kept.size_bytes
        return kept
