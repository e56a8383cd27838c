"""Erase what a removed series or tenant left, in batches that hold no lock for long."""

from collections.abc import Callable
from uuid import UUID

from app.actions.parts import Parts
from app.store import deliveries, jobs, points, tenants
from app.store.database import INSTALLATION, Database, become_operator
from app.store.erasure import erase_rest, erase_trainings, shut
from app.store.jobs import Job

BATCH_ROWS = 20_000


def erase_series(parts: Parts, job: Job) -> None:
    _in_batches(parts.database, job.tenant_id, job.series_id, lambda: _renew(parts, job))
    assert job.series_id is not None
    parts.cache.erase(f"{job.tenant_id}:{job.series_id}")
    with parts.database.tenant(job.tenant_id) as connection:
        erase_trainings(connection, job.tenant_id, job.series_id)
        deliveries.forget_series(connection, job.tenant_id, job.series_id)
        jobs.finish(connection, job)


def erase_tenant(parts: Parts, job: Job) -> None:
    """All rows of the tenant, then the tenant itself, and what Redis knows of it.

    The job belongs to the installation.
    """
    tenant_id = UUID(job.settings["tenant_id"])
    _in_batches(parts.database, tenant_id, None, lambda: _renew(parts, job))
    with parts.database.tenant(tenant_id) as connection:
        shut(connection, tenant_id)
        # What came in since the batches: of requests that were under way when the tenant was shut.
        while points.erase_batch(connection, tenant_id, None, BATCH_ROWS):
            pass
        erase_rest(connection, tenant_id)
        become_operator(connection)
        tenants.erase(connection, tenant_id)
    parts.cache.erase(f"{tenant_id}")
    parts.queue.forget(tenant_id)
    with parts.database.tenant(INSTALLATION) as connection:
        jobs.finish(connection, job)


def _in_batches(
    database: Database, tenant_id: UUID, series_id: UUID | None, renew: Callable[[], None]
) -> None:
    erased = 1
    while erased:
        with database.tenant(tenant_id) as connection:
            erased = points.erase_batch(connection, tenant_id, series_id, BATCH_ROWS)
        renew()


def _renew(parts: Parts, job: Job) -> None:
    with parts.database.tenant(job.tenant_id) as connection:
        jobs.renew(connection, job, 0.0, parts.settings.job_lease_s)
