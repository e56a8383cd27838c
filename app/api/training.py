"""Training, its jobs, and the model versions that come of it."""

from typing import Any
from uuid import UUID

from app.actions import models, training
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.bodies import TrainRequest
from app.api.pages import Page
from app.api.queries import JobsQuery, WaitQuery
from app.errors import NotFound
from app.store.audit import Actor
from app.web.formats import Answer
from app.web.routes import route

ALL_JOBS = "/v1/jobs"
JOBS = "/v1/series/{series_name}/jobs"
MODELS = "/v1/series/{series_name}/models"


@route(
    "POST",
    "/v1/series/{series_name}/train",
    scope="write",
    query=WaitQuery,
    body=(TrainRequest,),
    is_body_optional=True,
    status=202,
    answer=answers.JobAnswer,
    other_answers=(200,),
    errors=(404,),
    makes=True,
)
def post_train(
    parts: Parts,
    caller: Caller,
    actor: Actor,
    series_name: str,
    query: WaitQuery,
    body: TrainRequest,
) -> Answer:
    """Train a model on the stored history; 200 if it ended within `wait`."""
    detector = None if body.detector is None else body.detector.given()
    job = training.request(parts, caller.tenant_id, series_name, detector, by=actor)
    job = training.wait(parts, job, query.wait)
    status = 200 if job.is_over else 202
    return Answer(shown.job(job), status, {"Location": f"/v1/jobs/{job.id}"})


@route(
    "GET",
    "/v1/jobs/{job_id}",
    scope="read",
    answer=answers.JobAnswer,
    errors=(404,),
    takes_operator=True,
)
def get_job(parts: Parts, caller: Caller, job_id: str) -> dict[str, Any]:
    """A job and its progress."""
    return shown.job(training.job_by_id(parts, caller.tenant_id, _uuid(job_id)))


@route("GET", ALL_JOBS, scope="read", query=JobsQuery, answer=list[answers.JobAnswer])
def get_all_jobs(parts: Parts, caller: Caller, query: JobsQuery) -> dict[str, Any]:
    """Jobs of all series, newest first."""
    seen = pages.after_one(parts, ALL_JOBS, query.cursor)
    before = None if seen is None else UUID(seen)
    found = training.all_jobs_page(parts, caller.tenant_id, query.status, before, query.rows)
    return pages.page(parts, ALL_JOBS, query.limit, found, shown.job, lambda job: [str(job.id)])


@route("GET", JOBS, scope="read", query=Page, answer=list[answers.JobAnswer], errors=(404,))
def get_jobs(parts: Parts, caller: Caller, series_name: str, query: Page) -> dict[str, Any]:
    """Jobs of a series, newest first."""
    seen = pages.after_one(parts, JOBS, query.cursor)
    before = None if seen is None else UUID(seen)
    found = training.jobs_page(parts, caller.tenant_id, series_name, before, query.rows)
    return pages.page(parts, JOBS, query.limit, found, shown.job, lambda job: [str(job.id)])


@route("GET", MODELS, scope="read", query=Page, answer=list[answers.ModelAnswer], errors=(404,))
def get_models(parts: Parts, caller: Caller, series_name: str, query: Page) -> dict[str, Any]:
    """Model versions of a series, newest first."""
    before = pages.after_one(parts, MODELS, query.cursor)
    of, found = models.versions(parts, caller.tenant_id, series_name, before, query.rows)
    return pages.page(
        parts,
        MODELS,
        query.limit,
        found,
        lambda model: shown.model(model, of.model_version),
        lambda model: [model.version],
    )


@route(
    "POST",
    "/v1/series/{series_name}/models/{version}/activate",
    scope="write",
    answer=answers.ModelAnswer,
    errors=(404, 409),
)
def post_activate(
    parts: Parts, caller: Caller, actor: Actor, series_name: str, version: str
) -> dict[str, Any]:
    """Let this version judge from now on: roll back, or forth."""
    if not version.isdecimal() or len(version) > 9:
        raise NotFound(f"There is no model version {version}")
    of, model = models.activate(parts, caller.tenant_id, series_name, int(version), by=actor)
    return shown.model(model, of.model_version)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"There is no job {text}") from None
