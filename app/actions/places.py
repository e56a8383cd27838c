"""How many requests of a process may wait at a time: each takes a thread from all others.

No tenant has more than a half of the places, so one that waits a lot keeps nobody from waiting.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from uuid import UUID


class Places:
    def __init__(self, most: int) -> None:
        self._most, self._share = most, max(1, most // 2)
        self._lock = Lock()
        self._taken: Counter[UUID] = Counter()

    @contextmanager
    def held(self, tenant_id: UUID) -> Iterator[bool]:
        """Whether there was one."""
        is_held = self._take(tenant_id)
        try:
            yield is_held
        finally:
            if is_held:
                self._give_back(tenant_id)

    def taken(self) -> int:
        with self._lock:
            return self._taken.total()

    def _take(self, tenant_id: UUID) -> bool:
        with self._lock:
            if self._taken.total() >= self._most or self._taken[tenant_id] >= self._share:
                return False
            self._taken[tenant_id] += 1
            return True

    def _give_back(self, tenant_id: UUID) -> None:
        with self._lock:
            self._taken[tenant_id] -= 1
            if not self._taken[tenant_id]:
                del self._taken[tenant_id]
