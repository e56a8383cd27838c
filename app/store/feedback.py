"""What the owner of a series says of its events and verdicts: the last word on each counts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from app.store import tables
from app.store.events import Event
from app.store.series import Series

FEEDBACK = tables.feedback
Label = Literal["anomaly", "normal"]


@dataclass(frozen=True)
class Feedback:
    """`timestamp` is that of the score, or where the event started; `event` is None of a score."""

    timestamp: datetime
    subject: str
    event: UUID | None
    label: str
    note: str
    given_by: str | None
    given_at: datetime


@dataclass(frozen=True)
class Said:
    """A label, or None to take back what was said."""

    label: Label | None
    note: str
    by: str | None


COLUMNS = [FEEDBACK.c[name] for name in Feedback.__dataclass_fields__]


def of_event(connection: Connection, event: Event, said: Said) -> None:
    """The event is locked, so that it is there."""
    place = (event.tenant_id, event.series_id, event.started_at, "event")
    _say(connection, place, said, event.id)


def of_score(connection: Connection, series: Series, at: datetime, said: Said) -> None:
    """The series is locked, so that the score is there."""
    _say(connection, (series.tenant_id, series.id, at, "score"), said, None)


def _say(
    connection: Connection, place: tuple[UUID, UUID, datetime, str], said: Said, event: UUID | None
) -> None:
    keys = FEEDBACK.primary_key.columns
    if said.label is None:
        connection.execute(delete(FEEDBACK).where(tuple_(*keys) == tuple_(*map(literal, place))))
        return
    words = {"label": said.label, "note": said.note, "given_by": said.by, "given_at": func.now()}
    identity = dict(zip((key.name for key in keys), place, strict=True))
    statement = insert(FEEDBACK).values(**identity, event=event, **words)
    connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=words))


def on_score(connection: Connection, series: Series, at: datetime) -> Feedback | None:
    statement = select(*COLUMNS).where(
        _mine(series), FEEDBACK.c.timestamp == at, FEEDBACK.c.subject == "score"
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else Feedback(**row._mapping)


def page(
    connection: Connection,
    series: Series,
    span: tuple[datetime | None, datetime | None],
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[Feedback]:
    """In time order; the span includes its start, not its end."""
    start, end = span
    place = (FEEDBACK.c.timestamp, FEEDBACK.c.subject)
    statement = select(*COLUMNS).where(_mine(series))
    if start is not None:
        statement = statement.where(FEEDBACK.c.timestamp >= start)
    if end is not None:
        statement = statement.where(FEEDBACK.c.timestamp < end)
    if after is not None:
        statement = statement.where(tuple_(*place) > tuple_(*map(literal, after)))
    rows = connection.execute(statement.order_by(*place).limit(limit))
    return [Feedback(**row._mapping) for row in rows]


def _mine(series: Series) -> ColumnElement[bool]:
    return and_(FEEDBACK.c.tenant_id == series.tenant_id, FEEDBACK.c.series_id == series.id)
