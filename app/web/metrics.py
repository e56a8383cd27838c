"""Numbers for Prometheus, added up over the processes of the server."""

from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import ValueClass

REQUESTS = Counter("tocsin_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "tocsin_http_request_seconds",
    "Seconds from a request's head to its answer",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)


# Clients may send any word: each label is a number kept for as long as the process lives.
METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
OTHER_METHOD = "other"


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    method = method if method in METHODS else OTHER_METHOD
    _requests(method, route, status).inc()
    _seconds(method, route).observe(seconds)


# Finding the one of these labels takes as long as counting: few of them are there.
_requests = cache(REQUESTS.labels)
_seconds = cache(SECONDS.labels)


def exposition() -> tuple[bytes, str]:
    """-> the numbers of all processes, and the media type."""
    if not getattr(ValueClass, "_multiprocess", False):
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
