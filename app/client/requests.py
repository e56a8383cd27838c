"""What is asked, and what an answer says, without a word of how it is sent.

Sync and async clients send the same requests and read the same answers; each has only its own way
to wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

import orjson

from app.client import times
from app.client.bodies import Body
from app.client.errors import NotUnderstood, ServiceError, refused
from app.client.reading import R, read, read_all

T = TypeVar("T")
LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Answer:
    """An HTTP response, read to its end."""

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes
    took_s: float = 0.0

    @property
    def retry_after_s(self) -> float | None:
        """Seconds, or until a date by the clock of whoever answered."""
        given = self.headers.get("Retry-After", "").strip()
        if not given:
            return None
        if given.isdecimal():
            return float(given)
        until = _date(given)
        since = _date(self.headers.get("Date", "")) or datetime.now(UTC)
        return None if until is None else max(0.0, (until - since).total_seconds())

    def error(self) -> ServiceError | None:
        if 200 <= self.status < 300:
            return None
        return refused(self.status, self._problem(), self.retry_after_s)

    def json(self) -> Any:
        try:
            return orjson.loads(self.content)
        except ValueError as error:
            raise NotUnderstood(f"What {self.url} answers is no JSON: {error}") from None

    def _problem(self) -> Mapping[str, Any]:
        try:
            problem = orjson.loads(self.content)
        except ValueError:
            problem = None
        if isinstance(problem, dict) and "detail" in problem:
            return problem
        to = self.headers.get("Location")
        where = f", and points to {to}" if to else ""
        return {"detail": f"{self.url} answered {self.status}{where}, and nothing of Tocsin's"}


def _date(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Unanswered:
    """A try that no answer came of; nobody knows what was done if `is_sent`."""

    reason: str
    is_sent: bool
    took_s: float = 0.0
    is_final: bool = False  # the next try would end in the same


@dataclass(frozen=True)
class Request(Generic[T]):
    """One call of a route; any of them may be sent again, and does what it does once."""

    method: str
    route: str
    read: Callable[[Answer], T]
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_gone_done: bool = False  # absent, when it is sent again: the try before removed it

    @property
    def path(self) -> str:
        quoted = {name: quote(text, safe="") for name, text in self.names.items()}
        return self.route.format(**quoted)

    @property
    def params(self) -> dict[str, str]:
        """The query without what is not given."""
        return {name: _text(value) for name, value in self.query.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else str(value)


def get(
    kind: type[R], route: str, query: Mapping[str, Any] | None = None, **names: str
) -> Request[R]:
    return Request("GET", route, reading(kind), names, query or {})


def send(
    method: str,
    kind: type[R],
    route: str,
    content: Any = None,
    query: Mapping[str, Any] | None = None,
    **names: str,
) -> Request[R]:
    """A change that may be repeated as it is."""
    return Request(method, route, reading(kind), names, query or {}, json=content)


def make(
    kind: type[R], route: str, content: Any, idempotency_key: str | None = None, **names: str
) -> Request[R]:
    """A POST of which a repeat would make another one, but for its key."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    return Request("POST", route, reading(kind), names, json=content, headers=headers)


def remove(route: str, **names: str) -> Request[None]:
    return Request("DELETE", route, lambda _: None, names, is_gone_done=True)


def reading(kind: type[R]) -> Callable[[Answer], R]:
    return lambda answer: read(kind, answer.json())


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows as they came, and the request for those that follow."""

    kind: type[R]
    raws: list[Any]
    following: "Request[Page[R]] | None"

    @property
    def rows(self) -> tuple[R, ...]:
        return read_all(self.kind, self.raws)


@dataclass(frozen=True)
class Listing(Generic[R]):
    """All rows of a list, or the first `most`."""

    kind: type[R]
    route: str
    names: Mapping[str, str]
    query: Mapping[str, Any]
    most: int | None

    def first(self) -> Request[Page[R]]:
        return self._page(None, 0)

    def _page(self, cursor: str | None, seen: int) -> Request[Page[R]]:
        limit = LARGEST_PAGE if self.most is None else min(self.most - seen, LARGEST_PAGE)

        def page(answer: Answer) -> Page[R]:
            listed = answer.json()
            try:
                raws, following = listed["data"], listed["next"]
            except (KeyError, TypeError):
                raise NotUnderstood(f"What {answer.url} answers is no list") from None
            total = seen + len(raws)
            is_last = following is None or (self.most is not None and total >= self.most)
            return Page(self.kind, raws, None if is_last else self._page(following, total))

        query = {**self.query, "limit": limit, "cursor": cursor}
        return Request("GET", self.route, page, self.names, query)


def listing(
    kind: type[R],
    route: str,
    limit: int | None,
    query: Mapping[str, Any] | None = None,
    **names: str,
) -> Listing[R]:
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be 1 at least, not {limit}")
    return Listing(kind, route, names, query or {}, limit)


def span(start: times.Time | None, end: times.Time | None) -> dict[str, Any]:
    """The times between which rows are asked for; `start` is included, `end` is not."""
    return {"from": times.shown(start, "start"), "to": times.shown(end, "end")}


def plain(
    method: str, path: str, content: Any = None, *, query: Mapping[str, Any] | None = None
) -> Request[Any]:
    """Any route, also one that has no method here: JSON in, JSON out."""
    headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
    route = path.replace("{", "{{").replace("}", "}}")
    return Request(method, route, _json, query=query or {}, json=content, headers=headers)


def _json(answer: Answer) -> Any:
    return answer.json() if answer.content else None
