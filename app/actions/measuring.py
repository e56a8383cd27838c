"""What `/metrics` shows of the installation as a whole: the same, whichever process is asked.

Read when somebody asks, and then not for a while: anybody may.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from threading import Lock
from typing import TYPE_CHECKING

import structlog

from app import __version__, metrics
from app.cache.worked import BOUNDS_S, Worked
from app.errors import Unavailable
from app.jobs.entries import FUNCTIONS
from app.metrics import Family, numbers
from app.store import census
from app.store.census import QUOTAS, Census

if TYPE_CHECKING:
    from app.actions.parts import Parts

FRESH_S = 5.0
SHARE = 20  # a reading that takes long is kept for so many times as long
OF_A_TENANT = (
    ("series", "series", "Series of a tenant; of all that are not named, as `other`"),
    ("stored_points", "stored_points", "Points of a tenant"),
    ("points_today", "points_per_day", "Points that a tenant stored since midnight UTC"),
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Reading:
    """None for what was not answered."""

    is_database_up: bool
    census: Census | None
    worked: Worked | None
    queue_entries: int | None
    workers: int | None


class Readings:
    """The last one of a process; one thread at a time makes the next."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: Reading | None = None
        self._until_s = 0.0

    def read(self, parts: "Parts") -> Reading:
        last = self._last
        if last is not None and (time.monotonic() < self._until_s or self._lock.locked()):
            return last
        with self._lock:
            if self._last is None or time.monotonic() >= self._until_s:
                began_s = time.monotonic()
                self._last = _read(parts)
                took_s = time.monotonic() - began_s
                self._until_s = time.monotonic() + max(FRESH_S, SHARE * took_s)
            return self._last


def watch(parts: "Parts") -> None:
    """What a process of the server tells of its pool and its memory, from now on."""
    database, memory, settings = parts.database, parts.memory, parts.settings
    metrics.watch(numbers.CONNECTIONS.labels("in_use"), lambda: database.connections.in_use)
    metrics.watch(numbers.CONNECTIONS.labels("idle"), lambda: database.connections.idle)
    metrics.watch(numbers.MEMORY_BYTES, lambda: memory.held_bytes)
    metrics.watch(numbers.MEMORY_SERIES, lambda: memory.series)
    numbers.CONNECTIONS_MOST.set(settings.database_connections)
    numbers.MEMORY_MOST_BYTES.set(settings.model_memory_bytes)
    numbers.THREADS.set(settings.api_threads)


def families(parts: "Parts", names_tenants: bool = False) -> list[Family]:
    """names_tenants: only for who may list them."""
    reading = parts.readings.read(parts)
    up = {("postgres",): reading.is_database_up, ("redis",): reading.queue_entries is not None}
    return [
        metrics.gauge("build_info", "The version that answers", ["version"], {(__version__,): 1}),
        metrics.gauge("up", "Whether a part answered this server in time", ["part"], up),
        *(_counts(reading.census, names_tenants) if reading.census else ()),
        *(_work(reading.worked) if reading.worked else ()),
        *_queue(reading),
    ]


def _read(parts: "Parts") -> Reading:
    entries = workers = worked = None
    if parts.cache.answers():
        try:
            entries, workers = parts.queue.depth(), parts.queue.workers()
            worked = parts.work_numbers.read(list(FUNCTIONS))
        except Unavailable:
            entries = workers = None
    return Reading(*_census(parts), worked, entries, workers)


def _census(parts: "Parts") -> tuple[bool, Census | None]:
    """Whether the database answers, and what there is, if that can be counted in time."""
    settings = parts.settings
    limits = [getattr(settings, f"tenant_{quota}") for quota in QUOTAS]
    try:
        with parts.database.lent() as lent:
            return True, census.taken(lent, settings.metrics_tenants, limits)
    except Unavailable as error:
        log.warning("nothing counted", error=error.detail)
    try:
        parts.database.ping(census.WITHIN_S)
    except Unavailable:
        return False, None
    return True, None


def _counts(counted: Census, names_tenants: bool) -> Iterator[Family]:
    gauge, uses = metrics.gauge, counted.tenants
    yield _one("tenants", "Tenants", sum(one.tenants for one in uses))
    yield _one("series", "Series", sum(one.series for one in uses))
    yield _one("stored_points", "Points stored", sum(one.stored_points for one in uses))
    yield _one("open_events", "Events that go on", counted.open_events)
    near = {(quota,): sum(one.near[quota] for one in uses) for quota in QUOTAS}
    yield gauge("tenants_near_limit", "Tenants that use 90 % of a limit", ["limit"], near)
    active = {(one.kind, one.status): one.count for one in counted.jobs}
    none: dict[tuple[str, str], int] = dict.fromkeys(product(FUNCTIONS, ("queued", "running")), 0)
    yield gauge("jobs", "Jobs that wait or run", ["kind", "status"], none | active)
    oldest = {(one.kind,): one.oldest_s for one in counted.jobs if one.status == "queued"}
    queued = {(kind,): 0.0 for kind in FUNCTIONS} | oldest
    yield gauge("oldest_queued_job_seconds", "Since it was asked for", ["kind"], queued)
    overdue = sum(one.overdue for one in counted.jobs)
    yield _one("overdue_jobs", "Jobs whose worker gives no sign of life", overdue)
    waiting = counted.webhooks
    yield _one("webhook_messages_pending", "Messages that webhooks are to be told", waiting.count)
    yield _one("webhooks_late_seconds", "Since when such a message has been due", waiting.late_s)
    if names_tenants:
        for name, what, meaning in OF_A_TENANT:
            of = {(one.tenant,): getattr(one, what) for one in uses}
            yield gauge(f"tenant_{name}", meaning, ["tenant"], of)


def _work(worked: Worked) -> Iterator[Family]:
    ended = {
        (kind, outcome): count
        for kind, work in worked.of_kind.items()
        for outcome, count in work.ended.items()
    }
    yield metrics.counter("jobs_ended", "What became of jobs", ["kind", "outcome"], ended)
    yield metrics.histogram(
        "job_seconds",
        "Seconds that a worker had a job for",
        ["kind"],
        {
            (kind,): list(zip(BOUNDS_S, work.within, strict=True))
            for kind, work in worked.of_kind.items()
        },
        {(kind,): work.seconds for kind, work in worked.of_kind.items()},
    )
    first, again = worked.first_scores, worked.enqueued_again
    yield metrics.counter("first_scores", "Points of histories that got a score", [], {(): first})
    yield metrics.counter("jobs_enqueued_again", "Jobs no queue knew", [], {(): again})


def _queue(reading: Reading) -> Iterator[Family]:
    if reading.queue_entries is not None:
        yield _one("queue_entries", "Entries that no worker has taken", reading.queue_entries)
    if reading.workers is not None:
        yield _one("workers", "Workers that gave a sign of life", reading.workers)


def _one(name: str, meaning: str, value: float) -> Family:
    return metrics.gauge(name, meaning, [], {(): value})
