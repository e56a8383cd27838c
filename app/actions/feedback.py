"""What the owner of a series says of an event or a verdict: stored with who said it, and when."""

from typing import Any
from uuid import UUID

from app.actions import history
from app.actions.history import Span
from app.actions.parts import Parts
from app.store import audit, events, feedback, series
from app.store.audit import Actor
from app.store.events import Event
from app.store.feedback import Feedback, Said
from app.store.scores import Score

Judged = tuple[Score, Feedback | None]


def on_event(parts: Parts, tenant_id: UUID, event_id: str, said: Said, *, by: Actor) -> Event:
    known = history.known_event(event_id)
    with parts.database.tenant(tenant_id) as connection:
        found = events.lock(connection, tenant_id, known)
        feedback.of_event(connection, found, said)
        details = {"label": said.label, "event": event_id}
        audit.add(connection, tenant_id, by, "feedback.given", found.series_id, details)
        return events.by_id(connection, tenant_id, known)


def on_score(
    parts: Parts, tenant_id: UUID, name: str, time_ns: int, said: Said, *, by: Actor
) -> Judged:
    """The series is locked, since its points might be erased meanwhile."""
    with parts.database.tenant(tenant_id) as connection:
        of = series.lock_one(connection, tenant_id, name)
        score = history.stored_score(connection, of, time_ns)
        feedback.of_score(connection, of, score.timestamp, said)
        details = {"label": said.label, "timestamp": score.timestamp}
        audit.add(connection, tenant_id, by, "feedback.given", of.id, details)
        return score, feedback.on_score(connection, of, score.timestamp)


def judged(parts: Parts, tenant_id: UUID, name: str, time_ns: int) -> Judged:
    """The verdict on one point, and what was said of it."""
    with parts.database.tenant(tenant_id) as connection:
        of = series.by_name(connection, tenant_id, name)
        score = history.stored_score(connection, of, time_ns)
        return score, feedback.on_score(connection, of, score.timestamp)


def page(
    parts: Parts,
    tenant_id: UUID,
    name: str,
    span: Span,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[Feedback]:
    with parts.database.tenant(tenant_id) as connection:
        of = series.by_name(connection, tenant_id, name)
        return feedback.page(connection, of, span, after, limit)
