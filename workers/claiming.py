"""From a queue entry to a claimed job, and from what happened to the job's end."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import UUID

import structlog
from rq import get_current_job
from structlog.contextvars import bound_contextvars

from app import settings, tracing
from app.actions import training
from app.actions.parts import Parts, assemble
from app.errors import Unavailable
from app.store.jobs import Job

log = structlog.get_logger()


@cache
def parts() -> Parts:
    """Of this process; assembled before the fork, connected after it."""
    return assemble(settings.read())


def run(action: Callable[[Parts, Job], Any], tenant_id: str, job_id: str) -> None:
    """Do the job, if it is still to be done. The row in Postgres says so, not the entry."""
    tracing.begin(parts().settings, "worker", ends_by_itself=False)
    told = {"tocsin.tenant_id": tenant_id, "tocsin.job_id": job_id}
    with (
        bound_contextvars(tenant_id=tenant_id, job_id=job_id),
        tracing.span(action.__name__, told, "consumer", of=_traceparent()),
    ):
        _run(action, tenant_id, job_id)
    tracing.end()


def _traceparent() -> str | None:
    """Of the request that the entry came from; one that upkeep made comes from none."""
    entry = get_current_job()
    found = entry.meta.get(tracing.TRACEPARENT) if entry else None
    return found if isinstance(found, str) else None


def _run(action: Callable[[Parts, Job], Any], tenant_id: str, job_id: str) -> None:
    try:
        job = training.claim(parts(), UUID(tenant_id), UUID(job_id))
    except Unavailable as error:  # it still waits in its row, and upkeep will see it there
        log.warning("job not claimed", error=error.detail)
        return
    if job is None:
        log.info("job skipped: over, or another's")
        return
    started = time.perf_counter()
    outcome = _outcome(action, job)
    seconds = round(time.perf_counter() - started, 3)
    parts().work_numbers.note_job(job.kind, outcome, seconds)
    tracing.note({"tocsin.attempt": job.attempt, "tocsin.outcome": outcome})
    log.info("job ended", kind=job.kind, attempt=job.attempt, outcome=outcome, seconds=seconds)


def _outcome(action: Callable[[Parts, Job], Any], job: Job) -> str:
    try:
        is_mine = action(parts(), job)
        return "discarded" if is_mine is False else _ended(job)
    except Unavailable as error:
        log.warning("job left to its lease", error=error.detail)
        return "left"
    except Exception:
        log.exception("job failed")
        return _failed(job)


def _ended(job: Job) -> str:
    """`succeeded`, or `failed` where what was asked for cannot be: the row says."""
    return training.job_by_id(parts(), job.tenant_id, job.id).status


def _failed(job: Job) -> str:
    try:
        training.fail(parts(), job, "Something went wrong; the log names this job")
    except Unavailable as error:
        log.warning("job left to its lease", error=error.detail)
        return "left"
    return "failed"
