"""What a process keeps of the series it judges, the most recently used ones."""

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from app.actions.caller import Known
from app.cache.windows import Window
from app.detection import Model, State, held_bytes

OBJECTS_BYTES = 16_000  # of a series, around its arrays; as measured

Series = tuple[UUID, UUID]  # its tenant, and its id
Numbers = tuple[int, int]  # of these two: the hash of a UUID is worked out in Python, each time
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
SeriesIds = RecentlyUsed[tuple[int, str], UUID]
"""Of a tenant (its number) and a name, the id that it had last; the lock on the series shows
whether it still is."""
NewestAnomalies = RecentlyUsed[int, datetime]
"""Of a tenant (its number), how far back a page of its newest anomalies reached."""


class Kept(NamedTuple):
    """Of one series: a model version, the last window, and a state a little before it, where points
    come late.

    A trail that another model made is left out of the window, so that no model lives on unseen.
    """

    version: int = 0
    model: Model | None = None
    model_bytes: int = 0
    window: Window | None = None
    window_bytes: int = 0
    earlier: State | None = None
    earlier_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return OBJECTS_BYTES + self.model_bytes + self.window_bytes + self.earlier_bytes

    @property
    def is_at_hand(self) -> bool:
        """Whether the series was judged before, and the model that did is still there."""
        of = self.window
        return of is not None and (not of.version or self.version == of.version)

    def with_model(self, version: int, model: Model) -> "Kept":
        changed = Kept(version, model, held_bytes(model), self.window, self.window_bytes)
        if self.window is None or not self.window.state.trail:
            return changed
        state = replace(self.window.state, trail=None)
        return changed.with_window(self.window._replace(state=state))

    def with_window(self, window: Window) -> "Kept":
        version, model, model_bytes, before, window_bytes, earlier, earlier_bytes = self
        if before is not None and window.state.goes_on_from(before.state):
            window_bytes += _memory_bytes(window.state) - _memory_bytes(before.state)
        else:
            window_bytes, trail = held_bytes(window.state), window.state.trail
            if trail is not None and trail.model is not model:
                model, model_bytes = trail.model, held_bytes(trail.model)
                return Kept(window.version, model, model_bytes, window, window_bytes)
        return Kept(version, model, model_bytes, window, window_bytes, earlier, earlier_bytes)

    def with_earlier(self, state: State) -> "Kept":
        if state.trail is None or state.trail.model is not self.model:
            return self
        return self._replace(earlier=state, earlier_bytes=held_bytes(state))


NOTHING = Kept()


def _memory_bytes(of: State) -> int:
    """Of what may grow from one state to the next of a room: it is made anew each time."""
    memory = of.memory
    return memory.nbytes if memory.base is None else memory.base.nbytes


class SeriesMemory:
    """So many bytes of the series that were asked for last; one that takes more is not kept."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._kept: OrderedDict[Numbers, Kept] = OrderedDict()
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        return self._held_bytes

    @property
    def series(self) -> int:
        return len(self._kept)

    def get(self, series: Series) -> Kept:
        """Nothing of it, where it is not kept."""
        numbers = _numbers(series)
        with self._lock:
            kept = self._kept.get(numbers, NOTHING)
            if kept is not NOTHING:
                self._kept.move_to_end(numbers)
            return kept

    def put_model(self, series: Series, version: int, model: Model) -> None:
        numbers = _numbers(series)
        with self._lock:
            self._put(numbers, self._taken(numbers).with_model(version, model))

    def put_window(self, series: Series, window: Window) -> None:
        numbers = _numbers(series)
        with self._lock:
            self._put(numbers, self._taken(numbers).with_window(window))

    def put_earlier(self, series: Series, state: State) -> None:
        numbers = _numbers(series)
        with self._lock:
            self._put(numbers, self._taken(numbers).with_earlier(state))

    def drop(self, series: Series) -> None:
        with self._lock:
            self._taken(_numbers(series))

    def _put(self, series: Numbers, kept: Kept) -> None:
        size_bytes = kept.size_bytes
        if size_bytes > self._most_bytes:
            return
        self._kept[series] = kept
        self._held_bytes += size_bytes
        while self._held_bytes > self._most_bytes:
            self._taken(next(iter(self._kept)))

    def _taken(self, series: Numbers) -> Kept:
        """What was kept of it, and now is no more."""
        kept = self._kept.pop(series, NOTHING)
        if kept is not NOTHING:
            self._held_bytes -= kept.size_bytes
        return kept


def _numbers(series: Series) -> Numbers:
    return series[0].int, series[1].int
