"""Requests of one process for the same series go one after the other.

So of each process one waits at the database for a series. There, a wait begins anew with each who
goes before, and many who wait for one series would wait without an end.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from app.store.judging import SeriesHeld


@dataclass(slots=True)
class _Turn:
    """users: who has it, and who waits for it."""

    lock: Lock = field(default_factory=Lock)
    users: int = 0


class Holding:
    """Of one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._turns: dict[tuple[int, str], _Turn] = {}

    @contextmanager
    def hold(self, tenant_id: UUID, names: Iterable[str], wait_s: float) -> Iterator[None]:
        """Raises SeriesHeld where one of them did not come in time."""
        until_s = time.monotonic() + wait_s
        with ExitStack() as held:
            for name in sorted(names):  # in one order, so that two never wait for each other
                held.enter_context(self._one((tenant_id.int, name), until_s))
            yield

    @contextmanager
    def _one(self, series: tuple[int, str], until_s: float) -> Iterator[None]:
        with self._lock:
            turn = self._turns.setdefault(series, _Turn())
            turn.users += 1
        try:
            if not turn.lock.acquire(timeout=max(0.0, until_s - time.monotonic())):
                raise SeriesHeld
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            with self._lock:
                turn.users -= 1
                if not turn.users:
                    del self._turns[series]
