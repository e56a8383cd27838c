"""Requests that a process took ahead from buckets with much room, to go on without asking Redis.

For a moment only: whatever changes a key or a limit waits for so long after Redis knows of it. What
is left of them by then goes back with the next request that is counted.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple
from weakref import WeakKeyDictionary

AHEAD_S = 0.02


@dataclass(slots=True)
class _Lot:
    """What was taken at once, in one edition of keys and limits.

    levels_us: of the buckets, once all of it is used. is_ordered: somebody asks for the next.
    """

    edition: bytes
    until_s: float = 0.0
    taken: int = 0
    left: int = 0
    levels_us: Sequence[float] = ()
    is_ordered: bool = False

    def wanted(self, now_s: float) -> int:
        """Twice as many where these did not last, as many as were used where they did, and none
        where nobody asked for a while."""
        if now_s > self.until_s + AHEAD_S:
            return 0
        return self.taken - self.left if self.left else 2 * self.taken + 1


class Order(NamedTuple):
    """How many to take ahead, and how many to give back."""

    ahead: int = 0
    back: int = 0
    begun_s: float = 0.0
    lot: _Lot | None = None


class One(NamedTuple):
    """A request that was taken ahead: how many are left behind it, the levels once these are used
    too, and for how long they have drained."""

    left: int
    levels_us: Sequence[float]
    since_s: float


class Ahead:
    """Of one process."""

    def __init__(self) -> None:
        self._lots: WeakKeyDictionary[object, _Lot] = WeakKeyDictionary()
        self._lock = Lock()

    def take(self, meter: object, edition: bytes) -> One | None:
        now_s = time.monotonic()
        with self._lock:
            lot = self._lots.get(meter)
            if lot is None or not lot.left or lot.edition != edition or now_s >= lot.until_s:
                return None
            lot.left -= 1
            return One(lot.left, lot.levels_us, now_s - lot.until_s + AHEAD_S)

    def order(self, meter: object, edition: bytes) -> Order:
        """What to ask Redis for beside the request itself; `arrived` has to follow."""
        now_s = time.monotonic()
        with self._lock:
            lot = self._lots.get(meter)
            if lot is None or lot.edition != edition:
                lot = self._lots[meter] = _Lot(edition)
            elif lot.is_ordered:
                return Order()
            lot.is_ordered = True
            order = Order(lot.wanted(now_s), lot.left, now_s, lot)
            lot.taken = lot.left = 0
            return order

    def arrived(self, order: Order, taken: int = 0, levels_us: Sequence[float] = ()) -> None:
        if order.lot is None:
            return
        with self._lock:
            lot = order.lot
            lot.taken = lot.left = taken
            lot.until_s, lot.levels_us = order.begun_s + AHEAD_S, levels_us
            lot.is_ordered = False
