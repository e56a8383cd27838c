"""Train the model of a series: asked for here, done by a worker.

The model takes over as soon as it is fitted; the first scores of the history come after that.
"""

import time
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from typing import Any
from uuid import UUID

import numpy as np
import structlog

from app import tracing
from app.actions import announcing, backfill, quotas, retraining, waiting
from app.actions.limits import TenantLimits
from app.actions.parts import Parts
from app.cache import models as cached_models
from app.detection import FOREST_POINTS, TRAINING_POINTS, Model, Points, Settings, fit
from app.errors import Invalid, NotFound, TocsinError, Unavailable
from app.store import Connection, audit, jobs, models, points, series, tenants
from app.store.audit import SERVICE, Actor
from app.store.jobs import Job
from app.store.series import Series
from app.store.times import to_datetime, to_ns

FIT_SHARE = 0.3  # of the progress; the rest is the first scores of the history

log = structlog.get_logger()


def request(
    parts: Parts,
    tenant_id: UUID,
    name: str,
    detector: dict[str, Any] | None,
    *,
    by: Actor = SERVICE,
) -> Job:
    """A new training, or the one that waits already; the series keeps given settings."""
    with parts.database.tenant(tenant_id) as connection:
        of = series.lock_one(connection, tenant_id, name)
        if of.points < FOREST_POINTS:
            raise Invalid(
                f"{name} has {of.points} points; a model needs {FOREST_POINTS} at least",
                have=of.points,
                need=FOREST_POINTS,
            )
        settings = of.detector if detector is None else detector
        if detector is not None:
            series.change(connection, tenant_id, name, {"detector": detector})
            details = {"changed": ["detector"]}
            audit.add(connection, tenant_id, by, "series.changed", of.id, details)
        job, is_new = jobs.add_or_join(connection, tenant_id, "train", of.id, name, settings)
    if is_new:
        parts.queue.wake("train", tenant_id, job.id)
    return job


def job_by_id(parts: Parts, tenant_id: UUID, job_id: UUID) -> Job:
    with parts.database.tenant(tenant_id) as connection:
        return jobs.by_id(connection, tenant_id, job_id)


def jobs_page(
    parts: Parts, tenant_id: UUID, name: str, before: UUID | None, limit: int
) -> list[Job]:
    with parts.database.tenant(tenant_id) as connection:
        of = series.by_name(connection, tenant_id, name)
        return jobs.page(connection, tenant_id, of.id, before, limit)


def all_jobs_page(
    parts: Parts, tenant_id: UUID, status: str | None, before: UUID | None, limit: int
) -> list[Job]:
    """Of all series of the tenant."""
    with parts.database.tenant(tenant_id) as connection:
        return jobs.page(connection, tenant_id, None, before, limit, status)


def wait(parts: Parts, job: Job, wait_s: float) -> Job:
    again = partial(job_by_id, parts, job.tenant_id, job.id)
    return waiting.until_over(parts, job, again, wait_s)


def claim(parts: Parts, tenant_id: UUID, job_id: UUID) -> Job | None:
    """In a worker: the job, if it is still to be done and nobody alive has it."""
    with parts.database.tenant(tenant_id) as connection:
        try:
            own = tenants.by_id(connection, tenant_id).limits
        except NotFound:  # erased
            return None
        most = TenantLimits.of(parts.settings, own).concurrent_trainings
        job = jobs.claim(connection, tenant_id, job_id, parts.settings.job_lease_s, most)
        if job is None and (given_up := jobs.give_up(connection, tenant_id, job_id)):
            announcing.training_failed(connection, given_up)
        return job


def running(parts: Parts, tenant_id: UUID) -> int:
    """How many trainings of a tenant run now."""
    with parts.database.tenant(tenant_id) as connection:
        return jobs.running(connection, tenant_id, "train")


def fail(parts: Parts, job: Job, error: str) -> None:
    _end(parts, job, error)


def _end(parts: Parts, job: Job, error: str | None = None) -> bool:
    """Whether the job was ours to end; a training that came due while it ran follows it."""
    asked: list[Job] = []
    with parts.database.tenant(job.tenant_id) as connection:
        of = _trained(connection, job)
        is_mine = jobs.finish(connection, job, error=error)
        if is_mine and error is not None and of is not None:
            announcing.training_failed(connection, replace(job, error=error))
        if is_mine and of is not None:
            asked = retraining.ask_again(connection, of, job)
        # One that was put off, since the tenant had as many trainings as it may have.
        asked += jobs.oldest_queued(connection, job.tenant_id, "train")
    retraining.wake(parts, asked)
    return is_mine


def _trained(connection: Connection, job: Job) -> Series | None:
    """The locked series of a training; None where it was removed, or the job is of another kind."""
    if job.kind != "train" or job.series_id is None:
        return None
    try:
        return series.lock_by_id(connection, job.tenant_id, job.series_id)
    except NotFound:
        return None


def train(parts: Parts, job: Job) -> bool:
    """Fit and take over, then give the history its first scores; False where another has the job.

    A job that has its model already, from a worker that died since, goes on with the scores.
    """
    with _SignOfLife(parts, job) as sign:
        try:
            of, history = _history(parts, job)
            with tracing.span("fit", {"tocsin.points": len(history)}):
                version = job.model_version or _take_over(parts, job, of, history, sign)
            with tracing.span("first scores", {}):
                return version is not None and _score_history(
                    parts, job, of, history, version, sign
                )
        except TocsinError as error:
            if isinstance(error, Unavailable):
                raise  # the lease runs out, and the job is tried again
            fail(parts, job, error.detail)
            return True


def _history(parts: Parts, job: Job) -> tuple[Series, Points]:
    """What the job's model is trained on, or was."""
    assert job.series_id is not None
    if job.model_version is None:  # in a transaction of its own: it locks the series
        with parts.database.tenant(job.tenant_id) as connection:
            series.note_try(connection, job.tenant_id, job.series_id)
    with parts.database.tenant(job.tenant_id) as connection:
        of = series.by_id(connection, job.tenant_id, job.series_id)
        pages = list(points.in_pages(connection, of, TRAINING_POINTS))
        made = job.model_version and models.by_version(
            connection, job.tenant_id, of.id, job.model_version
        )
    history = Points.empty(len(of.fields))
    for page in pages:
        history = history.append(page)
    if made:  # what came after it waits for the next training
        history = history[: int(np.searchsorted(history.times, to_ns(made.to_at), "right"))]
    return of, history


def _take_over(
    parts: Parts, job: Job, of: Series, history: Points, sign: "_SignOfLife"
) -> int | None:
    """Fit; from the commit on the new version judges. None where another has the job by then."""
    started = time.perf_counter()
    settings = Settings.from_json(job.settings)
    model = fit(history, settings, lambda share: sign.show(share * FIT_SHARE))
    seconds = time.perf_counter() - started
    artifact = model.to_bytes()
    with parts.database.tenant(job.tenant_id) as connection:
        locked = series.lock_by_id(connection, job.tenant_id, of.id)
        version = locked.last_version + 1
        if not jobs.note_model(connection, job, version):
            log.warning("training discarded: another has the job")
            return None
        _keep(connection, locked, version, model, artifact, seconds)
        series.activate(connection, locked, version)
        kept = quotas.limits(parts, connection, job.tenant_id).model_versions
        models.prune(connection, job.tenant_id, of.id, kept, active=version)
    cached_models.put(parts.cache, job.tenant_id, of.id, version, artifact)
    return version


def _keep(
    connection: Connection, of: Series, version: int, model: Model, artifact: bytes, seconds: float
) -> None:
    models.add(
        connection,
        artifact,
        tenant_id=of.tenant_id,
        series_id=of.id,
        version=version,
        points=model.trained_points,
        from_at=to_datetime(model.trained_from_ns),
        to_at=to_datetime(model.trained_to_ns),
        settings=model.settings.to_json(),
        threshold=model.threshold,
        seconds=seconds,
    )


def _score_history(
    parts: Parts, job: Job, of: Series, history: Points, version: int, sign: "_SignOfLife"
) -> bool:
    """First scores, and the job's end."""

    def show(share: float) -> None:
        sign.show(FIT_SHARE + share * (1 - FIT_SHARE))

    if not backfill.run(parts, job, of, history, version, show):
        log.warning("first scores left to another, who has the job")
        return False
    return _end(parts, job)


class _SignOfLife:
    """Renews the lease of a job and shows its progress from a thread, while the work goes on."""

    def __init__(self, parts: Parts, job: Job) -> None:
        self._parts, self._job = parts, job
        self._progress = 0.0
        self._over = Event()
        self._thread = Thread(target=self._renew, daemon=True)

    def show(self, progress: float) -> None:
        self._progress = progress

    def __enter__(self) -> "_SignOfLife":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        lease_s = self._parts.settings.job_lease_s
        while not self._over.wait(min(1.0, lease_s / 5)):
            try:
                with self._parts.database.tenant(self._job.tenant_id) as connection:
                    jobs.renew(connection, self._job, self._progress, lease_s)
            except Unavailable:
                log.warning("lease not renewed: the database does not answer")
