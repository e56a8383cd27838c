"""What a process of the server counts and measures; `/metrics` shows it summed over all of them.

What workers do, and how much there is in all, is read when somebody asks: see
`app.actions.measuring`.
"""

from bisect import bisect_left
from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # gauges beside each counter, which nobody looks at
REGISTRY = CollectorRegistry()

SECONDS_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)


class Durations(Histogram):
    """A histogram that takes many observations for the price of a few."""

    def observe_all(self, seconds: Sequence[float]) -> None:
        bounds = self._upper_bounds
        self._sum.inc(sum(seconds))
        for place, count in Tally(bisect_left(bounds, one) for one in seconds).items():
            self._buckets[place].inc(count)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"tocsin_{name}_total", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    """The sum over the processes that live."""
    return Gauge(f"tocsin_{name}", meaning, labels, registry=REGISTRY, multiprocess_mode="livesum")


REQUESTS = _counter("http_requests", "Requests answered", "method", "route", "status")
SECONDS = Durations(
    "tocsin_http_request_seconds",
    "Seconds from a request's head to its answer",
    ["method", "route"],
    buckets=SECONDS_BOUNDS,
    registry=REGISTRY,
)
IN_PROGRESS = _gauge("http_requests_in_progress", "Requests that threads work on now")
THREADS = _gauge("http_threads", "Threads that answer requests")
PROCESSES = _gauge("http_processes", "Processes that answer requests")
RESIDENT_BYTES = _gauge("resident_memory_bytes", "Memory of these processes, shared pages counted")

POINTS = _counter("points_stored", "Points stored", "way")
POINTS_SCORED, POINTS_UPLOADED = (POINTS.labels(way) for way in ("scored", "uploaded"))
SCORES = _counter("scores", "Points judged as they came")
ANOMALIES = _counter("anomalies", "Those of them that are anomalies")
ALERTS = _counter("alerts", "Those of them that opened an event")

LOOKUPS = _counter("cache_lookups", "Looks for what is remembered", "kind", "place", "result")
REFUSED = _counter("cache_entries_refused", "Entries in Redis whose signature does not hold")
UNANSWERED = _counter("redis_unanswered", "Commands that Redis did not answer")

CONNECTIONS = _gauge("database_connections", "Connections to Postgres", "state")
CONNECTIONS_MOST = _gauge("database_connections_most", "As many as the pools may have")
MEMORY_BYTES = _gauge("series_memory_bytes", "Held of series that are judged")
MEMORY_MOST_BYTES = _gauge("series_memory_most_bytes", "As much as may be held of series")
MEMORY_SERIES = _gauge("series_in_memory", "Series that are held, in each process that does")


class Lookups:
    """Looks for one kind of thing in one place."""

    def __init__(self, kind: str, place: str) -> None:
        self.hit = LOOKUPS.labels(kind, place, "hit")
        self.miss = LOOKUPS.labels(kind, place, "miss")


KEYS_HERE = Lookups("key", "memory")
MODELS_HERE, MODELS_IN_REDIS = Lookups("model", "memory"), Lookups("model", "redis")
WINDOWS_HERE, WINDOWS_IN_REDIS = Lookups("window", "memory"), Lookups("window", "redis")
