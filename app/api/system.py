"""Routes for those who run it: is it up, is it ready, its numbers, its description."""

from typing import Any

from app import metrics
from app.actions import health, measuring
from app.actions.parts import Parts
from app.metrics import Family
from app.web import openapi
from app.web.formats import Answer
from app.web.routes import route


@route("GET", "/healthz", scope="public")
def get_health() -> dict[str, str]:
    """The process is up."""
    return {"status": "up"}


@route("GET", "/readyz", scope="public", errors=(503,))
def get_readiness(parts: Parts) -> Answer:
    """Whether it can answer: database, migrations, cache, queue and workers, each asked."""
    readiness = health.readiness(parts)
    body = {"status": readiness.status, **readiness.parts}
    headers = {} if readiness.is_ready else {"Retry-After": "1"}
    return Answer(body, 200 if readiness.is_ready else 503, headers)


@route("GET", "/metrics", scope="public")
def get_metrics(parts: Parts) -> Answer:
    """Numbers for Prometheus; none of them names a tenant."""
    return _shown(measuring.families(parts))


@route("GET", "/v1/admin/metrics", scope="operator", text="text/plain")
def get_all_metrics(parts: Parts) -> Answer:
    """The same, and how much the largest tenants use, by their slugs."""
    return _shown(measuring.families(parts, names_tenants=True))


def _shown(read: list[Family]) -> Answer:
    text, media_type = metrics.exposition(read)
    return Answer(text, media_type=media_type)


@route("GET", "/openapi.json", scope="public")
def get_openapi() -> Any:
    """This description."""
    return openapi.document()
