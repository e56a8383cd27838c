"""Trainings, their jobs, and the models that come of them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from app.client.answers import Job, Model
from app.client.calls.series import Detector
from app.client.errors import JobFailed, JobUnfinished
from app.client.requests import Listing, Request, get, listing, make, send
from app.client.retries import Ask, Flow, Pause

FIRST_POLL_S, LONGEST_POLL_S = 0.1, 1.0

Status = Literal["queued", "running", "succeeded", "failed"]
OnJob = Callable[[Job], None]


def train(
    ask: Ask,
    series: str,
    *,
    detector: Detector | Mapping[str, Any] | None = None,
    wait_s: float | None = None,
    on_progress: OnJob | None = None,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """Train a model on the stored history.

    Without `wait_s` the job comes back at once. With it, it comes back when it has succeeded;
    `JobFailed` and `JobUnfinished` say that it has not.
    """
    body = {} if detector is None else {"detector": detector}
    route = "/v1/series/{series_name}/train"
    job = yield from ask(make(Job, route, body, idempotency_key, series_name=series))
    if wait_s is None:
        return job
    return (yield from wait_for(ask, job, timeout_s=wait_s, on_progress=on_progress))


def wait_for(
    ask: Ask, job: Job | str, *, timeout_s: float = 600.0, on_progress: OnJob | None = None
) -> Flow[Job]:
    """The job once it has succeeded; `on_progress` is told how it goes meanwhile."""
    now = job if isinstance(job, Job) else (yield from ask(get_job(job)))
    waited_s, pause_s = 0.0, FIRST_POLL_S
    while not now.is_over:
        if on_progress:
            on_progress(now)
        if waited_s >= timeout_s:
            raise JobUnfinished(now, waited_s)
        pause_s = min(pause_s, timeout_s - waited_s)
        yield Pause(pause_s)
        waited_s += pause_s
        pause_s = min(pause_s * 1.5, LONGEST_POLL_S)
        now = yield from ask(get_job(now.id))
    if now.status == "failed":
        raise JobFailed(now)
    return now


def get_job(job_id: str) -> Request[Job]:
    """A job and its progress."""
    return get(Job, "/v1/jobs/{job_id}", job_id=job_id)


def list_jobs(series: str, *, limit: int | None = None) -> Listing[Job]:
    """Jobs of a series, newest first."""
    return listing(Job, "/v1/series/{series_name}/jobs", limit, series_name=series)


def list_all_jobs(*, status: Status | None = None, limit: int | None = None) -> Listing[Job]:
    """Jobs of all series, newest first."""
    return listing(Job, "/v1/jobs", limit, {"status": status})


def list_models(series: str, *, limit: int | None = None) -> Listing[Model]:
    """Model versions of a series, newest first."""
    return listing(Model, "/v1/series/{series_name}/models", limit, series_name=series)


def activate_model(series: str, version: int) -> Request[Model]:
    """Let this version judge from now on: roll back, or forth."""
    route = "/v1/series/{series_name}/models/{version}/activate"
    return send("POST", Model, route, series_name=series, version=str(version))
