"""What may be written down now and then, however often it happens."""

import time
from collections.abc import Callable, Hashable
from threading import Lock

PERIOD_S = 60.0
MOST_IN_A_PERIOD = 100


class Throttle:
    """Lets each thing through once a minute, and so many things in all; of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._period = -1
        self._seen: set[tuple[Hashable, ...]] = set()

    def admits(self, *thing: Hashable) -> bool:
        period = int(self._clock() / PERIOD_S)
        with self._lock:
            if period != self._period:
                self._period, self._seen = period, set()
            if thing in self._seen or len(self._seen) >= MOST_IN_A_PERIOD:
                return False
            self._seen.add(thing)
            return True
