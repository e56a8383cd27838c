"""After a failure Redis is asked by nobody for a while, and then by one at a time.

A host without power says nothing, so who asks it waits in vain: once each second all threads of a
process would, were they not told that another one tries.
"""

import time
from threading import Lock

PAUSE_S = 1.0
TRIED_WITHIN_S = 3.0  # longer than a client waits for a connection and an answer, twice


class Pause:
    def __init__(self) -> None:
        self._lock = Lock()
        self._is_lost = False
        self._until = 0.0

    def holds(self) -> bool:
        """Whether Redis is not to be asked; who hears that it may be says what came of it."""
        if not self._is_lost:
            return False
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return True
            self._until = now + TRIED_WITHIN_S
            return False

    def begin(self) -> None:
        """It did not answer."""
        with self._lock:
            self._is_lost, self._until = True, time.monotonic() + PAUSE_S

    def end(self) -> None:
        """It did."""
        self._is_lost = False
