"""One worker: takes jobs from the queue, each in a forked process of its own.

`python -m workers.main`; `tocsin worker` keeps as many of them as the settings say.
"""

import ctypes
import os
import signal
import sys
import time
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker, worker_registration

from app import logs, settings, tracing
from app.detection import prepare
from app.jobs.entries import FUNCTIONS, ListedJob
from app.jobs.queue import QUEUE
from app.settings import Settings
from workers import claiming

PR_SET_PDEATHSIG = 1
WORKER_TTL_S = 20
MAINTENANCE_S = 10
SIGN_OF_LIFE_S = 20  # what a worker says of itself holds for so long; it says it every few seconds
MONITORING_S = 5
PAUSE_S = 0.5
LONGEST_PAUSE_S = 2.0

log = structlog.get_logger()


class TiedWorker(Worker):  # type: ignore[misc,unused-ignore]
    """An RQ worker whose work horse dies with it: an orphan would run on beside its own retry."""

    max_connection_wait_time = LONGEST_PAUSE_S
    is_asked_to_stop = False

    def main_work_horse(self, *args: Any, **kwargs: Any) -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self.pid:  # it died before the kernel knew of the tie
                os._exit(1)
        super().main_work_horse(*args, **kwargs)

    def heartbeat(self, _: int | None = None, pipeline: Any = None) -> None:
        """RQ's own would have a dead worker counted for a minute and a half, and one whose Redis
        was emptied never again, since it enters itself in the list of workers only once."""
        super().heartbeat(SIGN_OF_LIFE_S, pipeline)
        worker_registration.register(self, pipeline)

    def request_stop(self, *args: Any) -> None:
        self.is_asked_to_stop = True
        super().request_stop(*args)  # type: ignore[no-untyped-call]


def main() -> None:
    configured = settings.read()
    logs.configure(configured)
    tracing.load(configured)
    prepare()  # loops are compiled once, not by each horse
    parts = claiming.parts()  # before the fork: imported once, connected in each horse
    while not _worked_until_stop(configured, parts.queue.serializer):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing to finish in the pause
        time.sleep(PAUSE_S)


def _worked_until_stop(configured: Settings, serializer: Any) -> bool:
    """Whether the worker ended because it was asked to; RQ's also ends on troubles that pass."""
    # Blocking reads need more patience than the server's client has.
    redis = Redis.from_url(configured.required("redis_url"), socket_connect_timeout=2)
    try:
        worker = _worker(redis, serializer)
        worker.work(logging_level="WARNING")
    except RedisError as error:
        log.warning("queue does not answer", error=type(error).__name__)
        return False
    return worker.is_asked_to_stop


def _worker(redis: "Redis", serializer: Any) -> TiedWorker:
    queue = Queue(QUEUE, connection=redis, serializer=serializer, job_class=ListedJob)
    return TiedWorker(
        [queue],
        connection=redis,
        serializer=serializer,
        job_class=ListedJob,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_S,
        job_monitoring_interval=MONITORING_S,
        log_job_description=False,
        work_horse_killed_handler=_note_death,
    )


def _note_death(job: Any, *_: object) -> None:
    kinds = {function: kind for kind, function in FUNCTIONS.items()}
    claiming.parts().work_numbers.note_job(kinds.get(job.func_name or "", "other"), "died")


if __name__ == "__main__":
    main()
