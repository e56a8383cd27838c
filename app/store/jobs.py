"""Jobs. A job is a row here first; the queue only wakes a worker.

A worker claims a job for a lease and counts the attempt. What it did counts only if, at the end,
the attempt is still its own: one whose lease ran out finds that another has the job (fencing).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Uuid, any_, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert

from app.errors import NotFound
from app.store import tables
from app.store.database import INSTALLATION
from app.store.ids import new_id

JOBS = tables.jobs
ACTIVE = text("status IN ('queued', 'running')")
ERASING = ("erase_series", "erase_tenant")
# Whether a job took its worker down, or whatever goes on around both, cannot be known. The first
# attempts follow at once; then it is given time, in which other troubles pass, and a job that is
# the trouble itself takes few workers; and after the last one it is given up.
QUICK_ATTEMPTS, MOST_ATTEMPTS = 5, 10
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10, 60
PAUSE = (
    f"make_interval(secs => CASE WHEN attempt BETWEEN {QUICK_ATTEMPTS} AND {MOST_ATTEMPTS - 1} "
    f"THEN least({LONGEST_PAUSE_S}, {FIRST_PAUSE_S} * 2 ^ (attempt - {QUICK_ATTEMPTS})) ELSE 0 END)"
)
IS_FREE = f"(status = 'queued' OR (status = 'running' AND lease_until < now() - {PAUSE}))"

CLAIM = text(
    "UPDATE jobs SET status = 'running', attempt = attempt + 1, progress = 0, "  # noqa: S608  # nosec B608 - the columns are ours
    "lease_until = now() + make_interval(secs => :lease_s), "
    "started_at = coalesce(started_at, now()) "
    "WHERE tenant_id = :tenant_id AND id = :id AND attempt < :most AND "
    f"{IS_FREE} AND "
    "(kind <> 'train' OR (SELECT count(*) FROM jobs AS other WHERE other.tenant_id = :tenant_id "
    "AND other.kind = 'train' AND other.status = 'running' AND other.lease_until >= now()) "
    # Named: a statement that is prepared breaks where a migration adds to what it returns.
    f"< :trainings) RETURNING {', '.join(column.name for column in JOBS.c)}"
)
# Of one tenant's claims one at a time counts what runs.
ONE_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant_id, 0))")
GIVE_UP = text(
    "UPDATE jobs SET status = 'failed', finished_at = now(), lease_until = NULL, "  # noqa: S608  # nosec B608 - ours
    "error = 'Every worker that tried it died or lost its connection' "
    "WHERE tenant_id = :tenant_id AND id = :id AND attempt >= :most AND "
    "status = 'running' AND lease_until < now() "
    f"RETURNING {', '.join(column.name for column in JOBS.c)}"
)
RENEW = text(
    "UPDATE jobs SET progress = greatest(progress, :progress), "
    "lease_until = now() + make_interval(secs => :lease_s) "
    "WHERE tenant_id = :tenant_id AND id = :id AND attempt = :attempt AND status = 'running'"
)
FINISH = text(
    "UPDATE jobs SET status = :status, error = :error, "
    "progress = CASE WHEN :status = 'succeeded' THEN 1 ELSE progress END, "
    "subject = CASE WHEN :is_erased THEN '' ELSE subject END, "
    "settings = CASE WHEN :is_erased THEN '{}' ELSE settings END, "
    "finished_at = now(), lease_until = NULL "
    "WHERE tenant_id = :tenant_id AND id = :id AND attempt = :attempt AND status = 'running'"
)
NOTE_MODEL = text(
    "UPDATE jobs SET model_version = :model_version "
    "WHERE tenant_id = :tenant_id AND id = :id AND attempt = :attempt AND status = 'running'"
)
WAITING = text(
    f"SELECT tenant_id, id, kind, attempt FROM jobs WHERE {IS_FREE} "  # noqa: S608  # nosec B608 - ours
    "ORDER BY created_at LIMIT :limit"
)


@dataclass(frozen=True)
class Job:
    tenant_id: UUID
    id: UUID
    kind: str
    series_id: UUID | None
    subject: str
    settings: dict[str, Any]
    status: str
    progress: float
    attempt: int
    lease_until: datetime | None
    error: str | None
    model_version: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.status in ("succeeded", "failed")


def add_or_join(
    connection: Connection,
    tenant_id: UUID,
    kind: str,
    series_id: UUID,
    subject: str,
    settings: dict[str, Any],
) -> tuple[Job, bool]:
    """A new job, or the one of its kind that is already under way; and whether it is new."""
    statement = (
        pg_insert(JOBS)
        .values(
            tenant_id=tenant_id,
            id=new_id(),
            kind=kind,
            series_id=series_id,
            subject=subject,
            settings=settings,
        )
        .on_conflict_do_nothing(
            index_elements=["tenant_id", "series_id", "kind"], index_where=ACTIVE
        )
        .returning(*JOBS.c)
    )
    row = connection.execute(statement).one_or_none()
    if row is not None:
        return _job(row), True
    active = select(JOBS).where(
        JOBS.c.tenant_id == tenant_id, JOBS.c.series_id == series_id, JOBS.c.kind == kind, ACTIVE
    )
    row = connection.execute(active).one_or_none()
    if row is None:  # it ended just now
        return add_or_join(connection, tenant_id, kind, series_id, subject, settings)
    return _job(row), False


def under_way(
    connection: Connection, tenant_id: UUID, kind: str, series_ids: Sequence[UUID], limit: int
) -> list[UUID]:
    """Jobs of these series that wait or run."""
    statement = (
        select(JOBS.c.id)
        .where(
            JOBS.c.tenant_id == tenant_id,
            JOBS.c.series_id == any_(literal(list(series_ids), ARRAY(Uuid))),
            JOBS.c.kind == kind,
            ACTIVE,
        )
        .limit(limit)
    )
    return list(connection.scalars(statement))


def add(
    connection: Connection, tenant_id: UUID, kind: str, subject: str, settings: dict[str, Any]
) -> Job:
    statement = (
        insert(JOBS)
        .values(tenant_id=tenant_id, id=new_id(), kind=kind, subject=subject, settings=settings)
        .returning(*JOBS.c)
    )
    return _job(connection.execute(statement).one())


def erasing(connection: Connection, tenant_id: UUID) -> Job | None:
    """The installation's job that erases a tenant, while it waits or runs."""
    statement = select(JOBS).where(
        JOBS.c.tenant_id == INSTALLATION,
        JOBS.c.kind == "erase_tenant",
        JOBS.c.settings["tenant_id"].astext == str(tenant_id),
        ACTIVE,
    )
    row = connection.execute(statement).first()
    return None if row is None else _job(row)


def by_id(connection: Connection, tenant_id: UUID, job_id: UUID) -> Job:
    statement = select(JOBS).where(JOBS.c.tenant_id == tenant_id, JOBS.c.id == job_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no job {job_id}")
    return _job(row)


def page(
    connection: Connection,
    tenant_id: UUID,
    series_id: UUID | None,
    before: UUID | None,
    limit: int,
    status: str | None = None,
) -> list[Job]:
    """Of one series, or of all; newest first: the ids sort by time."""
    statement = (
        select(JOBS).where(JOBS.c.tenant_id == tenant_id).order_by(JOBS.c.id.desc()).limit(limit)
    )
    if series_id is not None:
        statement = statement.where(JOBS.c.series_id == series_id)
    if status is not None:
        statement = statement.where(JOBS.c.status == status)
    if before is not None:
        statement = statement.where(JOBS.c.id < before)
    return [_job(row) for row in connection.execute(statement)]


def claim(
    connection: Connection, tenant_id: UUID, job_id: UUID, lease_s: float, trainings: int
) -> Job | None:
    """The job, now ours for the lease; None where another has it, it is over, or so many trainings
    of the tenant run already."""
    connection.execute(ONE_CLAIM, {"tenant_id": f"claim {tenant_id}"})
    asked = {**_limited(tenant_id, job_id), "lease_s": lease_s, "trainings": trainings}
    row = connection.execute(CLAIM, asked).one_or_none()
    return None if row is None else _job(row)


def give_up(connection: Connection, tenant_id: UUID, job_id: UUID) -> Job | None:
    """The job, failed, if it was tried as often as it may be and nobody alive has it."""
    row = connection.execute(GIVE_UP, _limited(tenant_id, job_id)).one_or_none()
    return None if row is None else _job(row)


def _limited(tenant_id: UUID, job_id: UUID) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "id": job_id, "most": MOST_ATTEMPTS}


def running(connection: Connection, tenant_id: UUID, kind: str) -> int:
    """How many of a kind run, their worker alive."""
    statement = select(func.count()).where(
        JOBS.c.tenant_id == tenant_id,
        JOBS.c.kind == kind,
        JOBS.c.status == "running",
        JOBS.c.lease_until >= func.now(),
    )
    return int(connection.scalar(statement) or 0)


def oldest_queued(connection: Connection, tenant_id: UUID, kind: str) -> list[Job]:
    """The one of a kind that has waited longest, if any waits."""
    statement = (
        select(JOBS)
        .where(JOBS.c.tenant_id == tenant_id, JOBS.c.kind == kind, JOBS.c.status == "queued")
        .order_by(JOBS.c.created_at)
        .limit(1)
    )
    return [_job(row) for row in connection.execute(statement)]


def renew(connection: Connection, job: Job, progress: float, lease_s: float) -> bool:
    """Whether the job is still ours; then the lease begins anew."""
    values = {**_fence(job), "progress": progress, "lease_s": lease_s}
    return connection.execute(RENEW, values).rowcount == 1


def note_model(connection: Connection, job: Job, version: int) -> bool:
    """Whether the job is still ours: then it has made this version, and whoever resumes it knows.

    Where it is not, the caller undoes what it did.
    """
    values = {**_fence(job), "model_version": version}
    return connection.execute(NOTE_MODEL, values).rowcount == 1


def finish(connection: Connection, job: Job, error: str | None = None) -> bool:
    """Whether the job was still ours to finish; where not, the caller undoes what it did.

    What was erased is not named any more by the job that did it.
    """
    is_erased = error is None and job.kind in ERASING
    values = {**_fence(job), "status": "failed" if error else "succeeded", "error": error}
    return connection.execute(FINISH, {**values, "is_erased": is_erased}).rowcount == 1


def waiting(connection: Connection, limit: int) -> list[Row[Any]]:
    """Inside `Database.job_scan`: jobs of all tenants that no living worker has, and that are not
    given time."""
    return list(connection.execute(WAITING, {"limit": limit}))


def _fence(job: Job) -> dict[str, Any]:
    return {"tenant_id": job.tenant_id, "id": job.id, "attempt": job.attempt}


def _job(row: Row[Any]) -> Job:
    return Job(**row._mapping)
