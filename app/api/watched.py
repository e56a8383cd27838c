"""What a console or a dashboard shows: all series at a glance, and a chart of one."""

from typing import Any

from app.actions import watched
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import console_answers, console_shown, pages
from app.api.queries import ChartQuery, SeriesQuery
from app.web.routes import route

OVERVIEW = "/v1/overview"


@route("GET", OVERVIEW, scope="read", query=SeriesQuery, answer=list[console_answers.WatchedAnswer])
def get_watched(parts: Parts, caller: Caller, query: SeriesQuery) -> dict[str, Any]:
    """The series, by name, each with its newest values and its open event."""
    after = pages.after_one(parts, OVERVIEW, query.cursor)
    found = watched.overview(parts, caller.tenant_id, after, query.rows, query.prefix, query.tag)
    return pages.page(
        parts,
        OVERVIEW,
        query.limit,
        found,
        lambda one: console_shown.watched(*one),
        lambda one: [one[0].name],
    )


@route(
    "GET",
    "/v1/series/{series_name}/chart",
    scope="read",
    query=ChartQuery,
    answer=console_answers.ChartAnswer,
    errors=(404,),
)
def get_chart(parts: Parts, caller: Caller, series_name: str, query: ChartQuery) -> dict[str, Any]:
    """A span of a series as few enough numbers to draw, with every anomaly."""
    span = pages.moment(query.start), pages.moment(query.end)
    of, drawn = watched.chart(
        parts, caller.tenant_id, series_name, query.field, span, query.buckets
    )
    return console_shown.chart(of, query.field, drawn)
