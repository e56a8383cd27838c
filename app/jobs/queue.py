"""Wake a worker for a job that Postgres holds. Where Redis is down, upkeep does it later."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, worker_registration
from rq.exceptions import DeserializationError, NoSuchJobError

from app import tracing
from app.errors import Unavailable
from app.jobs.entries import FUNCTIONS, ListedJob, SigningSerializer
from app.signing import Secret

QUEUE = "tocsin"
ENTRY_TTL_S = 3_600  # an entry that nobody took in this time is made anew from its row
JOB_TIMEOUT_S = 3_600
FAILURE_TTL_S = 60
CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 1.0

log = structlog.get_logger()


Attempt = tuple[UUID, int]  # a job, and how often it was claimed before


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
        told = {"tocsin.tenant_id": str(tenant_id), "tocsin.job_id": str(job_id)}
        with tracing.span(f"queue {kind}", told, "producer"):
            return self._enqueue(kind, tenant_id, job_id, attempt)

    def _enqueue(self, kind: str, tenant_id: UUID, job_id: UUID, attempt: int) -> bool:
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
                meta=tracing.carried(),
            )
        except RedisError as error:
            log.warning("queue does not answer", error=type(error).__name__, job_id=str(job_id))
            return False
        log.info("job queued", kind=kind, job_id=str(job_id))
        return True

    def unknown(self, attempts: Sequence[Attempt]) -> set[Attempt]:
        """Those for which the queue has no entry."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for attempt in attempts:
                pipeline.hget(ListedJob.key_for(_entry_id(*attempt)), "status")
            statuses = pipeline.execute(raise_on_error=False)
        return {
            attempt
            for attempt, status in zip(attempts, statuses, strict=True)
            if not isinstance(status, bytes)
        }

    def unlisted(self, attempts: Sequence[Attempt]) -> set[Attempt]:
        """Those that no worker will take: one took the entry already, or it was lost."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for attempt in attempts:
                pipeline.lpos(self.queue.key, _entry_id(*attempt))
            places = pipeline.execute()
        return {a for a, place in zip(attempts, places, strict=True) if place is None}

    def forget(self, tenant_id: UUID) -> None:
        """Take a tenant's entries out of the queue; those that run end with their worker."""
        try:
            for entry_id in self.queue.get_job_ids():
                with suppress(NoSuchJobError, DeserializationError):
                    entry = ListedJob.fetch(entry_id, self.redis, self.serializer)
                    if entry.args[0] == str(tenant_id):
                        entry.delete()
        except RedisError as error:
            raise Unavailable(f"The queue does not answer: {type(error).__name__}") from error

    def depth(self) -> int:
        """How many entries no worker has taken yet."""
        try:
            return int(self.queue.count)
        except RedisError as error:
            raise Unavailable(f"The queue does not answer: {type(error).__name__}") from error

    def workers(self) -> int:
        """How many gave a sign of life; one that was killed counts until that runs out."""
        try:
            known = worker_registration.get_keys(self.queue)
            return int(self.redis.exists(*known)) if known else 0
        except RedisError as error:
            raise Unavailable(f"The queue does not answer: {type(error).__name__}") from error

    def close(self) -> None:
        self.redis.close()


def _entry_id(job_id: UUID, attempt: int) -> str:
    """With the attempt: RQ may still know the entry of the one before."""
    return f"{job_id}-{attempt}"
