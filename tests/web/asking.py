"""How to ask each declared route correctly: what stands in the path, the query and the body."""

import importlib
import pkgutil
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

import app.api
from app.console.assets import ASSETS
from app.web import failures
from app.web.routes import DECLARED, Route

for _module in pkgutil.iter_modules(app.api.__path__):
    importlib.import_module(f"app.api.{_module.name}")
importlib.import_module("app.console.pages")

POINT = {"timestamp": "2024-01-06T00:00:00Z", "value": 100}
POINTS = {"points": [POINT]}
POINTS_OF_MANY = {"points": [{**POINT, "series": "rides"}]}

# The body of each route that takes one; a route that is missing here fails the tests.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/v1/detect"): POINTS,
    ("PUT", "/v1/events/{event_id}/feedback"): {"label": "normal"},
    ("PUT", "/v1/series/{series_name}/scores/{timestamp}/feedback"): {"label": "normal"},
    ("POST", "/v1/keys"): {"name": "k", "scopes": ["read"]},
    ("POST", "/v1/keys/{key_id}/rotate"): {},
    ("POST", "/v1/points"): POINTS_OF_MANY,
    ("POST", "/v1/score"): POINTS_OF_MANY,
    ("POST", "/v1/series"): {"name": "new"},
    ("PATCH", "/v1/series/{series_name}"): {"description": "changed"},
    ("POST", "/v1/series/{series_name}/points"): POINTS,
    ("POST", "/v1/series/{series_name}/score"): POINT,
    ("POST", "/v1/series/{series_name}/train"): {},
    ("POST", "/v1/tenants"): {"slug": "new", "name": "new"},
    ("PATCH", "/v1/tenants/{slug}"): {"name": "changed"},
    ("POST", "/v1/tenants/{slug}/keys"): {"name": "k", "scopes": ["read"]},
    ("POST", "/v1/webhooks"): {"url": "https://hook.invalid/hook"},
    ("PATCH", "/v1/webhooks/{webhook_id}"): {"description": "changed"},
    ("POST", "/v1/webhooks/{webhook_id}/replay"): {},
    ("POST", "/v1/webhooks/{webhook_id}/rotate"): {},
}
NAMES = {
    "series_name": "rides",
    "slug": "nobody",
    "key_id": "0123456789ABCDEF",
    "event_id": "01HKF0T8M0ABCDEFGHJKMNPQRS",
    "job_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "webhook_id": "01890a5d-ac96-774b-bcce-b302099a8059",
    "delivery_id": "msg_01HKF0T8M1ABCDEFGHJKMNPQRS",
    "version": "1",
    "timestamp": "2024-01-06T00:00:00Z",
    "asset": "page.css",
    "tag": ASSETS["page.css"].tag,
    "label_name": "series",
}


CHART = "/prometheus/api/v1"
CHART_QUERIES: dict[str, dict[str, Any]] = {
    "query": {"query": "tocsin_value"},
    "query_range": {"query": "tocsin_value", "start": 0, "end": 5_000, "step": 5},
    "series": {"match[]": "tocsin_value"},
}
QUERIES: dict[tuple[str, str], dict[str, Any]] = {
    ("DELETE", "/v1/series/{series_name}/points"): {"from": 0},
    **{("GET", f"{CHART}/{path}"): query for path, query in CHART_QUERIES.items()},
    **{("POST", f"{CHART}/{path}"): query for path, query in CHART_QUERIES.items()},
}


@dataclass
class Asking:
    """A request to a route, right in everything but what a test changes."""

    route: Route
    names: dict[str, str] = field(default_factory=lambda: dict(NAMES))
    query: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.route.method} {self.route.path}"

    @property
    def path(self) -> str:
        return re.sub(r"{(\w+)}", lambda match: self.names[match[1]], self.route.path)

    def send(self, client: httpx.Client, **other: Any) -> httpx.Response:
        body = BODIES.get((self.route.method, self.route.path))
        if self.route.body and body is None:
            raise AssertionError(f"{self} has no body in tests/web/asking.py")
        needed = QUERIES.get((self.route.method, self.route.path), {})
        given = {"params": needed | self.query, **({} if body is None else {"json": body}), **other}
        return client.request(self.route.method, self.path, **given)


ROUTES = sorted(DECLARED, key=lambda one: (one.path, one.method))
GUARDED = [one for one in ROUTES if one.scope != "public"]
PUBLIC = [one for one in ROUTES if one.scope == "public"]
# Of Prometheus's API: parameters that are not known are left alone, errors have its form.
CHARTS = [one for one in ROUTES if failures.is_asked(one.path)]
STRICT = [one for one in GUARDED if one not in CHARTS]
WITH_BODY = [one for one in GUARDED if one.body]


def name_of(route: object) -> str:
    """For pytest: which route a test is about."""
    return f"{route.method} {route.path}" if isinstance(route, Route) else str(route)
