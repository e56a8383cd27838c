"""Judging points, and the history of verdicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.actions import feedback, history, scoring
from app.actions.asked import Answer, Asked
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, exports, pages, plain, shown, tables
from app.api.bodies import Point, PointsOfManySeries, ScoreList
from app.api.queries import AnomaliesQuery, ConflictQuery, ScoresQuery
from app.errors import Conflict, Invalid, TocsinError
from app.store.scores import Wanted
from app.store.times import to_datetime, to_ns
from app.web.framework import Request
from app.web.routes import route

SCORES = "/v1/series/{series_name}/scores"
ANOMALIES = "/v1/anomalies"


@route(
    "POST",
    "/v1/series/{series_name}/score",
    scope="write",
    query=ConflictQuery,
    body=(Point, ScoreList),
    plain_body=plain.point,
    answer=answers.ScoreAnswer | answers.ScoresAnswer,
    errors=(404, 409),
)
def post_score(
    parts: Parts,
    caller: Caller,
    series_name: str,
    query: ConflictQuery,
    body: Point | ScoreList,
) -> dict[str, Any]:
    """Judge a point, or up to 10,000; they are stored with their scores before the answer."""
    if isinstance(body, Point):
        return _score_one(parts, caller, series_name, query, body)
    asked = {series_name: _asked(body.points, range(len(body.points)))}
    is_replacing = query.on_conflict == "replace"
    answer = scoring.score(parts, caller.tenant_id, asked, is_replacing=is_replacing)
    _refuse_all(answer, is_single=False)
    return {
        "data": [shown.score(answer.scores[place]) for place in sorted(answer.scores)],
        "errors": _errors(answer.errors),
    }


@route(
    "POST",
    "/v1/score",
    scope="write",
    query=ConflictQuery,
    body=(PointsOfManySeries,),
    answer=answers.SeriesScoresAnswer,
)
def post_score_of_many(
    parts: Parts, caller: Caller, query: ConflictQuery, body: PointsOfManySeries
) -> dict[str, Any]:
    """Judge points of many series; a point with an error does not keep the others back."""
    places: dict[str, list[int]] = {}
    for place, point in enumerate(body.points):
        places.setdefault(point.series, []).append(place)
    asked = {name: _asked(body.points, mine) for name, mine in places.items()}
    is_replacing = query.on_conflict == "replace"
    answer = scoring.score(parts, caller.tenant_id, asked, is_replacing=is_replacing)
    return {
        "data": [shown.score_of_series(answer.scores[place]) for place in sorted(answer.scores)],
        "errors": _errors(answer.errors),
    }


def _score_one(
    parts: Parts, caller: Caller, name: str, query: ConflictQuery, point: Point
) -> dict[str, Any]:
    asked = _asked([point], [0])
    if query.on_conflict == "replace":
        answer = scoring.score(parts, caller.tenant_id, {name: asked}, is_replacing=True)
    else:
        answer = scoring.score_one(parts, caller.tenant_id, name, asked)
    _refuse_all(answer, is_single=True)
    return shown.score(answer.scores[0])


def _asked(points: Sequence[Point], places: Sequence[int]) -> Asked:
    """The points at these places of the request."""
    table = tables.table([points[place] for place in places])
    return Asked(table.times, table.values, np.array(places), table.columns)


def _refuse_all(answer: Answer, is_single: bool) -> None:
    """What is wrong with a series is wrong with each of its points; a conflict is one point's."""
    error = next(iter(answer.errors.values()), None)
    if error is not None and (is_single or not isinstance(error, Conflict)):
        raise error


def _errors(errors: dict[int, TocsinError]) -> list[dict[str, Any]]:
    return [
        {"field": f"points[{place}]", "code": error.code, "message": _message(error)}
        for place, error in sorted(errors.items())
    ]


def _message(error: TocsinError) -> str:
    """With what is wrong in particular, since an error of a point has no list of its own."""
    particular = [one.message for one in error.errors] if isinstance(error, Invalid) else []
    return ": ".join([error.detail, "; ".join(particular)] if particular else [error.detail])


@route(
    "GET",
    SCORES,
    scope="read",
    query=ScoresQuery,
    answer=list[answers.ScoreAnswer],
    exports_csv=True,
    errors=(404,),
)
def get_scores(
    parts: Parts, caller: Caller, series_name: str, query: ScoresQuery, request: Request
) -> Any:
    """Score history of a series; `Accept: text/csv` exports the span."""
    seen = pages.after_one(parts, SCORES, query.cursor)
    wanted = Wanted(
        start=pages.moment(query.start),
        end=pages.moment(query.end),
        min_score=query.min_score,
        anomalies_only=query.anomalies_only,
        newest_first=query.order == "desc",
        after=None if seen is None else (to_datetime(seen),),
        limit=query.rows,
    )
    if exports.is_wanted(request):
        of, found = history.all_scores(parts, caller.tenant_id, series_name, wanted)
        return exports.scores(of.fields, exports.limited(found, query))
    rows = history.scores_page(parts, caller.tenant_id, series_name, wanted)
    return pages.page(
        parts, SCORES, query.limit, rows, shown.score, lambda row: [to_ns(row.timestamp)]
    )


@route(
    "GET",
    "/v1/series/{series_name}/anomalies/{timestamp}",
    scope="read",
    answer=answers.AnomalyAnswer,
    errors=(404, 409),
)
def get_anomaly(parts: Parts, caller: Caller, series_name: str, timestamp: str) -> dict[str, Any]:
    """Whether the point of this time is an anomaly, and its score."""
    time_ns = pages.time_in_path(timestamp)
    return shown.anomaly(*feedback.judged(parts, caller.tenant_id, series_name, time_ns))


@route(
    "GET",
    ANOMALIES,
    scope="read",
    query=AnomaliesQuery,
    answer=list[answers.SeriesScoreAnswer],
    errors=(404,),
)
def get_anomalies(parts: Parts, caller: Caller, query: AnomaliesQuery) -> dict[str, Any]:
    """Anomalous points of all the tenant's series, newest first."""
    wanted = pages.wanted_anomalies(parts, ANOMALIES, query)
    rows = history.anomalies(parts, caller.tenant_id, query.series, wanted)
    return pages.page(
        parts,
        ANOMALIES,
        query.limit,
        rows,
        shown.score_of_series,
        lambda row: [to_ns(row.timestamp), str(row.series_id)],
    )
