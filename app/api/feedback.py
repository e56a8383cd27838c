"""What the owner of a series says of its events and verdicts."""

from typing import Any

from app.actions import feedback
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.bodies import FeedbackGiven
from app.api.queries import PointsQuery
from app.store.audit import Actor
from app.store.feedback import Said
from app.store.times import to_datetime, to_ns
from app.web.routes import route

LIST = "/v1/series/{series_name}/feedback"


@route(
    "PUT",
    "/v1/events/{event_id}/feedback",
    scope="write",
    body=(FeedbackGiven,),
    answer=answers.EventAnswer,
    errors=(404,),
)
def put_event_feedback(
    parts: Parts, caller: Caller, actor: Actor, event_id: str, body: FeedbackGiven
) -> dict[str, Any]:
    """Say whether an event was an anomaly or is normal; null takes it back."""
    said = Said(body.label, body.note, actor.key_id)
    return shown.event(feedback.on_event(parts, caller.tenant_id, event_id, said, by=actor))


@route(
    "PUT",
    "/v1/series/{series_name}/scores/{timestamp}/feedback",
    scope="write",
    body=(FeedbackGiven,),
    answer=answers.AnomalyAnswer,
    errors=(404, 409),
)
def put_score_feedback(
    parts: Parts,
    caller: Caller,
    actor: Actor,
    series_name: str,
    timestamp: str,
    body: FeedbackGiven,
) -> dict[str, Any]:
    """Say whether a point was an anomaly or is normal; null takes it back."""
    said, time_ns = Said(body.label, body.note, actor.key_id), pages.time_in_path(timestamp)
    judged = feedback.on_score(parts, caller.tenant_id, series_name, time_ns, said, by=actor)
    return shown.anomaly(*judged)


@route(
    "GET",
    LIST,
    scope="read",
    query=PointsQuery,
    answer=list[answers.PlacedFeedbackAnswer],
    errors=(404,),
)
def get_feedback(
    parts: Parts, caller: Caller, series_name: str, query: PointsQuery
) -> dict[str, Any]:
    """What was said of a series' events and points, in the order of their time."""
    span = pages.moment(query.start), pages.moment(query.end)
    seen = pages.after(parts, LIST, query.cursor)
    after = None if seen is None else (to_datetime(seen[0]), seen[1])
    rows = feedback.page(parts, caller.tenant_id, series_name, span, after, query.rows)
    return pages.page(
        parts,
        LIST,
        query.limit,
        rows,
        shown.placed_feedback,
        lambda row: [to_ns(row.timestamp), row.subject],
    )
