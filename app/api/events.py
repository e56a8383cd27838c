"""Anomalies as events: what woke somebody, how long it went on, and how bad it was."""

from typing import Any

from app.actions import history
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.queries import EventsQuery
from app.store.events import WantedEvents
from app.store.times import to_ns
from app.web.routes import route

EVENTS = "/v1/events"


@route(
    "GET",
    EVENTS,
    scope="read",
    query=EventsQuery,
    answer=list[answers.EventAnswer],
    errors=(404,),
)
def get_events(parts: Parts, caller: Caller, query: EventsQuery) -> dict[str, Any]:
    """Events of all the tenant's series, newest first."""
    wanted = _wanted(parts, query)
    rows = history.events_page(parts, caller.tenant_id, query.series, wanted)
    return pages.page(
        parts,
        EVENTS,
        query.limit,
        rows,
        shown.event,
        lambda row: [to_ns(row.started_at), str(row.id)],
    )


@route("GET", "/v1/events/{event_id}", scope="read", answer=answers.EventAnswer, errors=(404,))
def get_event(parts: Parts, caller: Caller, event_id: str) -> dict[str, Any]:
    """One event."""
    return shown.event(history.event(parts, caller.tenant_id, event_id))


def _wanted(parts: Parts, query: EventsQuery) -> WantedEvents:
    return WantedEvents(
        start=pages.moment(query.start),
        end=pages.moment(query.end),
        is_open=query.is_open,
        after=pages.after_time(parts, EVENTS, query.cursor),
        limit=query.rows,
    )
