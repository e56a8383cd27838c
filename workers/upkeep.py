"""What nobody asks for and somebody must do: jobs that no queue knows, partitions of coming years,
erasing what is too old, and digests of long series.

`python -m workers.upkeep`; any number may run, since each step holds by itself.
"""

import signal
import time
from collections.abc import Callable
from threading import Event

import structlog
from redis.exceptions import RedisError

from app import logs, settings
from app.actions import digesting, forgetting, retention
from app.actions.forgetting import forget_old
from app.actions.parts import Parts
from app.cache.worked import ENQUEUED_AGAIN
from app.errors import TocsinError
from app.jobs.queue import Attempt
from app.settings import Settings
from app.store import jobs, partitions
from app.store import retention as stored_retention
from workers import claiming

PERIOD_S = 1.0
LONG_PERIOD_S = 3_600.0  # of what is not about the next second
RETRY_S = 60.0
DIGESTING_S = 0.5  # of each second at most, so that jobs are woken in time, and Postgres has others
LOOK_EVERY_S = 10.0  # where all digests are made
BATCH_JOBS = 500

log = structlog.get_logger()


class Waker:
    """Tells the queue of each job that waits in Postgres and that no worker will come for."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen_at: dict[Attempt, float] = {}

    def wake(self) -> int:
        """-> how many jobs were enqueued again."""
        queue = self._parts.queue
        with self._parts.database.job_scan() as connection:
            waiting = {(job.id, job.attempt): job for job in jobs.waiting(connection, BATCH_JOBS)}
        unknown = queue.unknown(list(waiting))
        lost = queue.unlisted(self._overdue([each for each in waiting if each not in unknown]))
        forgotten = [job for each, job in waiting.items() if each in unknown | lost]
        for job in forgotten:
            queue.wake(job.kind, job.tenant_id, job.id, job.attempt)
        if forgotten:
            self._parts.work_numbers.note(ENQUEUED_AGAIN, len(forgotten))
            log.info("jobs enqueued again", jobs=len(forgotten))
        return len(forgotten)

    def _overdue(self, known: list[Attempt]) -> list[Attempt]:
        """Those whose entry should have led to a claim by now: a worker may have died over it."""
        now = time.monotonic()
        self._seen_at = {each: self._seen_at.get(each, now) for each in known}
        lease_s = self._parts.settings.job_lease_s
        overdue = [each for each, seen_at in self._seen_at.items() if now - seen_at > lease_s]
        self._seen_at.update(dict.fromkeys(overdue, now))
        return overdue


class Eraser:
    """Erases what is too old: some at a turn while there is any, then nothing for an hour."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._due_at = 0.0

    def turn(self) -> int:
        """-> how many series lost points."""
        if time.monotonic() < self._due_at:
            return 0
        erased = retention.erase_some(self._parts)
        if not erased:
            self._due_at = time.monotonic() + LONG_PERIOD_S
        return erased


class Digester:
    """Makes digests: for a while at a turn where they are behind, else looks now and then."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._due_at = 0.0

    def turn(self) -> int:
        """-> how many chunks were made."""
        begun = time.monotonic()
        if begun < self._due_at:
            return 0
        found, made = digesting.behind(self._parts), 0
        if not found:
            self._due_at = begun + LOOK_EVERY_S
        while found and time.monotonic() - begun < DIGESTING_S:
            one = found.pop(0)
            if digesting.make_some(self._parts, *one):
                made += 1
                found.append(one)
        return made


def main() -> None:
    configured = settings.read()
    logs.configure(configured)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parts = claiming.parts()
    waker, eraser, digester = Waker(parts), Eraser(parts), Digester(parts)
    seldom: dict[str, Callable[[], object]] = {
        "partitions": lambda: add_partitions(configured),
        "years": lambda: empty_years(configured),
        "idempotency keys": lambda: forget_old(parts, forgetting.IDEMPOTENCY_KEYS),
        "sessions": lambda: forget_old(parts, forgetting.SESSIONS),
        "deliveries": lambda: forget_old(parts, forgetting.DELIVERIES),
    }
    due = dict.fromkeys(seldom, 0.0)
    while not stop.wait(PERIOD_S):
        attempt("jobs", waker.wake)
        for what, step in seldom.items():
            if time.monotonic() >= due[what]:
                is_done = attempt(what, step)
                due[what] = time.monotonic() + (LONG_PERIOD_S if is_done else RETRY_S)
        attempt("retention", eraser.turn)
        attempt("digests", digester.turn)


def attempt(what: str, step: Callable[[], object]) -> bool:
    """Whether the step was done; where not, its next turn will do it, and the others go on."""
    try:
        step()
    except (TocsinError, RedisError) as error:
        log.warning("upkeep put off", what=what, error=str(error))
        return False
    return True


def add_partitions(configured: Settings) -> None:
    """Only where the owner's URL is given; without it the default partitions take what comes."""
    if configured.owner_database_url is not None:
        partitions.add_coming_years(configured.required("owner_database_url"))


def empty_years(configured: Settings) -> None:
    """Likewise; without the owner what is too old goes in batches."""
    if configured.owner_database_url is not None:
        emptied = stored_retention.empty_years(configured.required("owner_database_url"))
        if emptied:
            log.info("years emptied, which no series keeps", years=emptied)


if __name__ == "__main__":
    main()
