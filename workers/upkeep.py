"""What nobody asks for and somebody must do: forgotten jobs, partitions for years to come.

`python -m workers.upkeep`; any number may run, since each step holds by itself.
"""

import signal
import time
from threading import Event

import structlog
from redis.exceptions import RedisError

from app import logs, settings
from app.actions.parts import Parts
from app.errors import TocsinError
from app.settings import Settings
from app.store import jobs, partitions
from workers import claiming

PERIOD_S = 1.0
PARTITIONS_PERIOD_S = 3_600.0
BATCH_JOBS = 500

log = structlog.get_logger()


def wake_waiting(parts: Parts) -> int:
    """Tell the queue of each job that waits in Postgres and has no entry; -> how many."""
    with parts.database.job_scan() as connection:
        waiting = jobs.waiting(connection, BATCH_JOBS)
    if not waiting:
        return 0
    is_unknown = parts.queue.unknown([(job.id, job.attempt) for job in waiting])
    forgotten = [job for job, unknown in zip(waiting, is_unknown, strict=True) if unknown]
    for job in forgotten:
        parts.queue.wake(job.kind, job.tenant_id, job.id, job.attempt)
    if forgotten:
        log.info("jobs enqueued again", jobs=len(forgotten))
    return len(forgotten)


def main() -> None:
    configured = settings.read()
    logs.configure(configured)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    partitions_due = 0.0
    while not stop.wait(PERIOD_S):
        try:
            wake_waiting(claiming.parts())
            if time.monotonic() >= partitions_due:
                add_partitions(configured)
                partitions_due = time.monotonic() + PARTITIONS_PERIOD_S
        except (TocsinError, RedisError) as error:
            log.warning("upkeep put off", error=str(error))


def add_partitions(configured: Settings) -> None:
    """Only where the owner's URL is given; without it the default partitions take what comes."""
    if configured.owner_database_url is not None:
        partitions.add_coming_years(configured.required("owner_database_url"))


if __name__ == "__main__":
    main()
