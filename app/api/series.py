"""`/v1/series`: what a tenant watches."""

from typing import Any

from app.actions import series
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.bodies import NewSeries, SeriesChanges
from app.api.queries import SeriesQuery
from app.store.audit import Actor
from app.web.formats import Answer
from app.web.routes import route

LIST = "/v1/series"
ONE = "/v1/series/{series_name}"


@route(
    "POST",
    LIST,
    scope="admin",
    body=(NewSeries,),
    status=201,
    answer=answers.SeriesAnswer,
    errors=(409,),
    makes=True,
)
def post_series(parts: Parts, caller: Caller, actor: Actor, body: NewSeries) -> Answer:
    """Make a series."""
    settings = body.model_dump(exclude={"name", "detector"})
    settings["detector"] = body.detector.given()
    made = series.add(parts, caller.tenant_id, body.name, by=actor, **settings)
    return Answer(shown.series(made), 201, {"Location": f"{LIST}/{made.name}"})


@route("GET", LIST, scope="read", query=SeriesQuery, answer=list[answers.SeriesAnswer])
def get_series_list(parts: Parts, caller: Caller, query: SeriesQuery) -> dict[str, Any]:
    """List the series, by name."""
    after = pages.after_one(parts, LIST, query.cursor)
    found = series.page(parts, caller.tenant_id, after, query.rows, query.prefix, query.tag)
    return pages.page(parts, LIST, query.limit, found, shown.series, lambda one: [one.name])


@route("GET", ONE, scope="read", answer=answers.SeriesAnswer, errors=(404,))
def get_series(parts: Parts, caller: Caller, series_name: str) -> dict[str, Any]:
    """One series and its state."""
    return shown.series(series.by_name(parts, caller.tenant_id, series_name))


@route(
    "PATCH", ONE, scope="admin", body=(SeriesChanges,), answer=answers.SeriesAnswer, errors=(404,)
)
def patch_series(
    parts: Parts, caller: Caller, actor: Actor, series_name: str, body: SeriesChanges
) -> dict[str, Any]:
    """Change settings of a series; those of the detector hold from the next training on."""
    changes = body.model_dump(exclude_unset=True)
    return shown.series(series.change(parts, caller.tenant_id, series_name, changes, by=actor))


@route("DELETE", ONE, scope="admin", status=204, errors=(404,))
def delete_series(parts: Parts, caller: Caller, actor: Actor, series_name: str) -> Answer:
    """Remove a series with its points, scores and models."""
    series.remove(parts, caller.tenant_id, series_name, by=actor)
    return Answer(status=204)
