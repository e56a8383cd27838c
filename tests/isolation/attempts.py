"""What a stranger may try at each route: another's ids in every place where an id can stand.

Made from the declared routes, so a new one is tried without being added here; one with a new kind
of id in its path has to be given that name in `owners`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.web.routes import Route
from tests.isolation.owners import SHARED, Owner, idempotency_key
from tests.web.asking import BODIES, CHARTS, NAMES, QUERIES

# By no query and no body of a tenant's route.
NEVER_NAMED = ("tenant_id", "tenant", *NAMES)
DONE = frozenset({200, 201, 202, 204})
ANSWERED = DONE | {404, 409, 422}  # what is one's own may be there, or not, or be in the way


@dataclass(frozen=True)
class Attempt:
    """A request, and the statuses that are right: with others it went wrong, or through."""

    place: str
    method: str
    path: str
    right: frozenset[int]
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, client: httpx.Client) -> httpx.Response:
        body = {} if self.body is None else {"json": self.body}
        return client.request(
            self.method, self.path, params=self.query, headers=self.headers, **body
        )

    def sent(self) -> str:
        return f"{self.path} {self.query} {self.body} {self.headers}"


@dataclass(frozen=True)
class Trespassing:
    """What `mine` tries at what is `theirs`, by one route."""

    route: Route
    mine: Owner
    theirs: Owner

    def in_path(self) -> Iterator[Attempt]:
        """Theirs in each place, and in all of them; with the series that both have by that name."""
        given = re.findall(r"{(\w+)}", self.route.path)
        if not given:
            return
        mine, theirs = self.mine.names, self.theirs.names
        yield self._asked("path", theirs, {404})
        if "series_name" in given:
            for name in set(given) - {"series_name"}:
                yield self._asked(f"path {name}", {**theirs, name: mine[name]}, {404})
                yield self._asked(
                    f"path {name}", {**mine, "series_name": SHARED, name: theirs[name]}, {404}
                )
        if self.route.method == "GET":
            yield self._asked("path", {**theirs, "series_name": SHARED}, ANSWERED)

    def in_query(self) -> Iterator[Attempt]:
        theirs = self.theirs.names
        for name in NEVER_NAMED:
            declared = (
                self.route.query.model_json_schema()["properties"] if self.route.query else {}
            )
            value = theirs.get(name, self.theirs.id)
            if name not in declared:
                yield self._asked(f"query {name}", self._safe, {422}, query={name: value})
        if self.route.query is not None and self.route.method == "GET":
            for name in self.route.query.model_json_schema(by_alias=True)["properties"]:
                for value in (theirs["series_name"], self.theirs.marks[1], theirs["event_id"]):
                    yield self._asked(f"query {name}", self._safe, ANSWERED, query={name: value})

    def in_cursor(self) -> Iterator[Attempt]:
        cursor = self.theirs.cursors.get(self.route.path)
        if cursor is not None and self.route.method == "GET":
            for names in (self.mine.names, {**self.mine.names, "series_name": SHARED}):
                yield self._asked("cursor", names, {200}, query={"cursor": cursor})

    def in_body(self) -> Iterator[Attempt]:
        body = BODIES.get((self.route.method, self.route.path))
        if body is None:
            return
        theirs = self.theirs.names
        for name in set(NEVER_NAMED) - body.keys():
            more = {**body, name: theirs.get(name, self.theirs.id)}
            yield self._asked(f"body {name}", self._safe, {404, 422}, body=more)
        for place, changed in _with_each_text_as(body, theirs["series_name"]):
            yield self._asked(f"body {place}", self._spare, ANSWERED, body=changed)

    def in_headers(self) -> Iterator[Attempt]:
        if self.route.makes:
            header = {"Idempotency-Key": idempotency_key(self.theirs.tenant, self.route.path)}
            right = {404} if "{" in self.route.path else {201, 409}  # one's own may be there
            yield self._asked("header idempotency", self.theirs.names, right, headers=header)
        headers = {
            "X-Tenant-Id": self.theirs.id,
            "X-Tenant": self.theirs.tenant.slug,
            "X-API-Key": self.theirs.names["key_id"],
        }
        is_led = "{" in self.route.path and self.route.method != "GET"
        bare = {415} if self.route.uploads and not self.route.body else set()
        yield self._asked(
            "header", self._safe, {404} if is_led else ANSWERED | bare, headers=headers
        )

    @property
    def _safe(self) -> dict[str, str]:
        """Names for the path that let reading go on, and stop what would change something."""
        return self.mine.names if self.route.method == "GET" else self.theirs.names

    @property
    def _spare(self) -> dict[str, str]:
        """Names of one's own: what is changed there does not matter."""
        return {**self.mine.names, "series_name": SHARED}

    def _asked(
        self,
        place: str,
        names: dict[str, str],
        right: set[int] | frozenset[int],
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Attempt:
        key = (self.route.method, self.route.path)
        path = self.route.path.format(**names)
        if self.route.scope == "operator":
            right = {403, 422}
        if self.route in CHARTS:  # these name series in their query, and leave alone what is new
            right = {200, 400}
        return Attempt(
            place,
            self.route.method,
            path,
            frozenset(right),
            QUERIES.get(key, {}) | (query or {}),
            BODIES.get(key) if body is None else body,
            headers or {},
        )


PLACES = (
    Trespassing.in_path,
    Trespassing.in_query,
    Trespassing.in_cursor,
    Trespassing.in_headers,
    Trespassing.in_body,  # last: it makes a series of one's own by the name of theirs
)


def attempts(routes: Iterable[Route], mine: Owner, theirs: Owner) -> Iterator[Attempt]:
    trespassing = [Trespassing(route, mine, theirs) for route in routes]
    for place in PLACES:
        for one in trespassing:
            yield from place(one)


def _with_each_text_as(body: Any, text: str) -> Iterator[tuple[str, Any]]:
    """The body again and again, each time with another of its texts replaced."""
    if isinstance(body, str):
        yield "", text
    if not isinstance(body, dict | list):
        return
    for name, part in body.items() if isinstance(body, dict) else enumerate(body):
        for place, changed in _with_each_text_as(part, text):
            copy = body.copy()
            copy[name] = changed
            yield f"{name} {place}".strip(), copy
