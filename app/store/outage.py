"""While the database is out of reach, one at a time tries whether it is back; the others know.

Without that each request would wait for its own timeout, and those behind it for all of theirs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError

from app.errors import Unavailable

PATIENCE_S = 0.3  # where the server is there and only a connection broke, a new one takes less
PAUSE_S = 0.2  # between two that try


class Outage:
    def __init__(self) -> None:
        self._is_lost = False
        self._try_again_at = 0.0
        self._trying = Lock()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Around all that asks the database: what breaks inside may be the beginning of one."""
        try:
            yield
        except Exception as error:
            self._is_lost = self._is_lost or _tells_of_no_server(error)
            raise

    @contextmanager
    def connecting(self) -> Iterator[None]:
        """Around what takes a connection; raises `Unavailable` where another one tries in vain."""
        if not self._is_lost:
            yield
            return
        is_too_soon = time.monotonic() < self._try_again_at
        if is_too_soon or not self._trying.acquire(timeout=PATIENCE_S):
            raise Unavailable("The database does not answer")
        try:
            yield
            self._is_lost = False
        except Exception:
            self._try_again_at = time.monotonic() + PAUSE_S
            raise
        finally:
            self._trying.release()


def _tells_of_no_server(error: Exception) -> bool:
    """No connection came about, or it broke; an error that the server sent has a code."""
    found: Any = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(found, psycopg.OperationalError) and found.sqlstate is None
