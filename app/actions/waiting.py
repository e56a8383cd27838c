"""Wait within a request for what somebody else does: in few places, for it takes a thread."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from uuid import UUID

from app.actions.parts import Parts

POLL_S = 0.05


class Ending(Protocol):
    @property
    def tenant_id(self) -> UUID: ...
    @property
    def is_over(self) -> bool: ...


Awaited = TypeVar("Awaited", bound=Ending)


def until_over(
    parts: Parts, found: Awaited, again: Callable[[], Awaited], wait_s: float
) -> Awaited:
    """It once it is over, or as it stands when the time is up or no place is free to wait."""
    if wait_s <= 0:
        return found
    with parts.waiting.held(found.tenant_id) as may_wait:
        until = time.monotonic() + (wait_s if may_wait else 0)
        while not found.is_over and time.monotonic() < until:
            time.sleep(POLL_S)
            found = again()
        return found
