"""When a request is sent again, and after which pause.

`attempts` says what to do next and is told what came of it; it neither sends nor sleeps nor looks
at a clock, so both clients share it, and tests need no time.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol, TypeVar

from app.client.errors import NotReachable
from app.client.requests import Answer, Request, Unanswered

T = TypeVar("T")
OF_PROXIES = (502, 504)
IS_TEMPORARY = (429, 503, *OF_PROXIES)


@dataclass(frozen=True)
class Attempt:
    """Send this once."""

    request: Request[Any]


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Do this, which may take a while: read, pack, compress."""

    do: Callable[[], Any]


Step = Attempt | Pause | Work
Flow = Generator[Step, Any, T]


class Ask(Protocol):
    """`yield from ask(request)`: what the request answers, after as many tries as it takes."""

    def __call__(self, request: Request[T], /) -> Flow[T]: ...


@dataclass(frozen=True)
class Retries:
    """How often and how long.

    tries: of a request, the first one counted.
    connect_tries: the same, where nobody takes the connection.
    total_s: no pause ends later than this, tries counted.
    first_pause_s, longest_pause_s: doubled from one try to the next; a random half of it is left
        out, so that clients that were refused together do not come back together. Pauses that the
        service asks for (`Retry-After`) come on top.
    """

    tries: int = 10
    connect_tries: int = 10
    total_s: float = 120.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 10.0

    def pause_s(self, outcome: Answer | Unanswered, tried: int, spent_s: float) -> float | None:
        """Before the next try; None where there is none."""
        is_unheard = isinstance(outcome, Unanswered) and not outcome.is_sent
        most = self.connect_tries if is_unheard else self.tries
        if tried >= most or not _is_temporary(outcome):
            return None
        full = min(self.first_pause_s * 2.0 ** min(tried - 1, 60), self.longest_pause_s)
        asked_s = (outcome.retry_after_s or 0.0) if isinstance(outcome, Answer) else 0.0
        pause = asked_s + random.uniform(full / 2, full)  # noqa: S311  # nosec B311 - no secret
        return pause if spent_s + pause <= self.total_s else None


def attempts(retries: Retries, request: Request[T]) -> Flow[T]:
    """What the request answers, or the error of its last try."""
    spent_s, is_lost = 0.0, False
    for tried in count(1):
        outcome: Answer | Unanswered = yield Attempt(request)
        spent_s += outcome.took_s
        pause_s = retries.pause_s(outcome, tried, spent_s)
        if pause_s is None:
            break
        is_lost = is_lost or _may_be_done(outcome)
        spent_s += pause_s
        yield Pause(pause_s)
    if isinstance(outcome, Unanswered):
        times = f", tried {tried} times in {spent_s:.1f} s" if tried > 1 else ""
        raise NotReachable(f"{outcome.reason}{times}")
    error = outcome.error()
    if error is None or (request.is_gone_done and is_lost and error.status == 404):
        return request.read(outcome)
    raise error


def _is_temporary(outcome: Answer | Unanswered) -> bool:
    """Too many requests, a part that is down, or the first try is still under way."""
    if isinstance(outcome, Unanswered):
        return not outcome.is_final
    is_under_way = outcome.status == 409 and "Retry-After" in outcome.headers
    return outcome.status in IS_TEMPORARY or is_under_way


def _may_be_done(outcome: Answer | Unanswered) -> bool:
    if isinstance(outcome, Unanswered):
        return outcome.is_sent
    return outcome.status != 429
