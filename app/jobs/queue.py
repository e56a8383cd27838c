"""Wake a worker for a job that Postgres holds. Where Redis is down, upkeep does it later."""

from collections.abc import Iterable
from enum import Enum
from uuid import UUID

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.executions import ExecutionRegistry

from app.jobs.entries import FUNCTIONS, ListedJob, SigningSerializer
from app.signing import Secret

QUEUE = "tocsin"
ENTRY_TTL_S = 3_600  # an entry that nobody took in this time is made anew from its row
JOB_TIMEOUT_S = 3_600
FAILURE_TTL_S = 60
CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 1.0

log = structlog.get_logger()


class Entry(Enum):
    """What the queue knows of a job: nothing, that it waits, or that a worker took it."""

    ABSENT = "absent"
    WAITING = "waiting"
    TAKEN = "taken"


class JobQueue:
    def __init__(self, url: str, secret: Secret) -> None:
        self.redis = Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=ANSWER_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )
        self.serializer = SigningSerializer(secret)
        self.queue = Queue(
            QUEUE, connection=self.redis, serializer=self.serializer, job_class=ListedJob
        )

    def wake(self, kind: str, tenant_id: UUID, job_id: UUID, attempt: int = 0) -> bool:
        """Whether a worker will hear of it now; the row is what counts."""
        try:
            self.queue.enqueue_call(
                FUNCTIONS[kind],
                args=(str(tenant_id), str(job_id)),
                timeout=JOB_TIMEOUT_S,
                result_ttl=0,
                failure_ttl=FAILURE_TTL_S,
                ttl=ENTRY_TTL_S,
                job_id=_entry_id(job_id, attempt),
                description=kind,
            )
        except RedisError as error:
            log.warning("queue does not answer", error=type(error).__name__, job=str(job_id))
            return False
        return True

    def entries(self, jobs: Iterable[tuple[UUID, int]]) -> list[Entry]:
        """For each (job, attempt) what the queue knows of it."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for job_id, attempt in jobs:
                entry_id = _entry_id(job_id, attempt)
                pipeline.hget(ListedJob.key_for(entry_id), "status")
                pipeline.exists(ExecutionRegistry.key_template.format(entry_id))
            answers = pipeline.execute(raise_on_error=False)
        return [_entry(*answers[i : i + 2]) for i in range(0, len(answers), 2)]

    def depth(self) -> int:
        return int(self.queue.count)

    def close(self) -> None:
        self.redis.close()


def _entry(status: object, is_executing: object) -> Entry:
    if not isinstance(status, bytes):
        return Entry.ABSENT
    return Entry.TAKEN if status == b"started" or is_executing == 1 else Entry.WAITING


def _entry_id(job_id: UUID, attempt: int) -> str:
    """With the attempt: RQ may still know the entry of the one before."""
    return f"{job_id}-{attempt}"
