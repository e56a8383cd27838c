"""Events: anomalous points of a series that belong together, of which one alerted.

An event is written only while the lock on its series is held. Its points are the scores that carry
its id: when some of them are replaced or erased, it is counted anew from those that are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, Select, and_, delete, insert, or_, select, text, tuple_

from app.errors import NotFound
from app.store import tables
from app.store.ids import ulid
from app.store.series import Series
from app.store.times import to_datetime

EVENTS, FEEDBACK, SERIES = tables.events, tables.feedback, tables.series
SAID = (FEEDBACK.c.label, FEEDBACK.c.note, FEEDBACK.c.given_by, FEEDBACK.c.given_at)

# What joins an event that has no points left, since all were replaced, is its peak.
JOIN = text(
    "UPDATE events SET points = points + :points, ended_at = greatest(ended_at, :ended_at) "
    "WHERE tenant_id = :tenant_id AND id = :id"
)
RISE = text(
    "UPDATE events SET peak_score = :peak_score, peak_at = :peak_at, reason = :reason, "
    "model_version = :model_version WHERE tenant_id = :tenant_id AND id = :id "
    "AND (points = 0 OR :peak_score > peak_score)"
)
# And whether a webhook may want to hear of it, or of the one that begins: no statement of its own.
CLOSE = text(
    "WITH closed AS (UPDATE events SET closed_at = now() "  # noqa: S608  # nosec B608 - the columns are ours
    "WHERE tenant_id = :tenant_id AND series_id = :series_id AND closed_at IS NULL "
    f"RETURNING {', '.join(column.name for column in EVENTS.c)}) "
    "SELECT is_listened_to, closed.* FROM (SELECT EXISTS (SELECT FROM webhooks "
    "WHERE tenant_id = :tenant_id AND disabled_at IS NULL) AS is_listened_to) AS listened "
    "LEFT JOIN closed ON true"
)
LEAVE_NONE = text("UPDATE events SET points = 0 WHERE tenant_id = :tenant_id AND id = ANY(:ids)")
COUNT_LEFT = text(
    "UPDATE events SET points = rest.points, peak_score = rest.score, peak_at = rest.timestamp, "
    "reason = rest.reason, model_version = rest.model_version, "
    "ended_at = CASE WHEN :shrinks THEN rest.last_at ELSE events.ended_at END "
    "FROM (SELECT DISTINCT ON (own.event) own.*, count(*) OVER together AS points, "
    "max(own.timestamp) OVER together AS last_at FROM events JOIN scores AS own "
    "ON own.tenant_id = events.tenant_id AND own.series_id = events.series_id "
    "AND own.timestamp BETWEEN started_at AND ended_at AND own.event = events.id "
    "WHERE events.tenant_id = :tenant_id AND events.id = ANY(:ids) "
    "WINDOW together AS (PARTITION BY own.event) "
    "ORDER BY own.event, own.score DESC, own.timestamp) AS rest "
    "WHERE events.tenant_id = :tenant_id AND events.id = rest.event"
)
# Points behind the span, of an event that began in it.
LET_GO = text(
    "UPDATE scores SET event = NULL WHERE tenant_id = :tenant_id AND series_id = :series_id "
    "AND timestamp >= :end AND event = ANY(:ids)"
)


@dataclass(frozen=True)
class Event:
    """`ended_at` is its last anomalous point so far; `closed_at` is None while more may join. The
    last four are its feedback."""

    tenant_id: UUID
    id: UUID
    series_id: UUID
    started_at: datetime
    ended_at: datetime
    closed_at: datetime | None
    peak_score: float
    peak_at: datetime
    points: int
    reason: str
    model_version: int
    series: str = ""
    label: str | None = None
    note: str | None = None
    given_by: str | None = None
    given_at: datetime | None = None


@dataclass(frozen=True)
class Stretch:
    """Anomalous points of one event that came together; reason and version are of the peak."""

    started_at: datetime
    ended_at: datetime
    points: int
    peak_score: float
    peak_at: datetime
    reason: str
    model_version: int


class Closing(NamedTuple):
    """The event that was open, if one was, and whether any webhook listens."""

    closed: list[Event]
    is_listened_to: bool


@dataclass(frozen=True)
class WantedEvents:
    """Which events, by their start: `start` is included, `end` is not; `after` ended a page."""

    series_id: UUID | None = None
    start: datetime | None = None
    end: datetime | None = None
    is_open: bool | None = None
    after: tuple[Any, ...] | None = None
    limit: int = 100


def open_id(connection: Connection, series: Series) -> UUID | None:
    """The event of the series that further points join, if there is one."""
    statement = select(EVENTS.c.id).where(_mine(series), EVENTS.c.closed_at.is_(None))
    found: UUID | None = connection.scalar(statement)
    return found


def begin(connection: Connection, series: Series, event_id: UUID, stretch: Stretch) -> None:
    connection.execute(
        insert(EVENTS).values(
            tenant_id=series.tenant_id, series_id=series.id, id=event_id, **vars(stretch)
        )
    )


def join(connection: Connection, series: Series, event_id: UUID, stretch: Stretch) -> None:
    """Add points to an event, whichever side of its peak they are."""
    values = {"tenant_id": series.tenant_id, "id": event_id, **vars(stretch)}
    connection.execute(RISE, values)
    connection.execute(JOIN, values)


def close(connection: Connection, series: Series) -> Closing:
    """Nothing joins the open event any more."""
    values = {"tenant_id": series.tenant_id, "series_id": series.id}
    found = dict(connection.execute(CLOSE, values).mappings().one())
    is_listened_to = found.pop("is_listened_to")
    closed = [Event(**found, series=series.name)] if found["id"] else []
    return Closing(closed, is_listened_to)


def spanning(connection: Connection, series: Series, first_ns: int, last_ns: int) -> list[Event]:
    """Events of which a part is between these times."""
    statement = _named().where(
        _mine(series),
        EVENTS.c.started_at <= to_datetime(last_ns),
        EVENTS.c.ended_at >= to_datetime(first_ns),
    )
    return [_event(row) for row in connection.execute(statement.order_by(EVENTS.c.started_at))]


def count_anew(
    connection: Connection, tenant_id: UUID, ids: Sequence[UUID], shrinks: bool = False
) -> None:
    """From the scores that are left; `shrinks`: an event then ends with the last of them.

    One that has none left stays as it was told, but for their number.
    """
    if ids:
        values = {"tenant_id": tenant_id, "ids": list(ids), "shrinks": shrinks}
        connection.execute(LEAVE_NONE, values)
        connection.execute(COUNT_LEFT, values)


def erase(
    connection: Connection, series: Series, start: datetime | None, end: datetime | None
) -> list[Event]:
    """Scores of this span were erased: events that began in it go, others lose those points.

    series: as it was before. Where its newest point went, nothing joins the open event any more.
    -> those that were open until now.
    """
    began = [_mine(series)]
    if start is not None:
        before = (EVENTS.c.started_at < start, EVENTS.c.ended_at >= start)
        cut = connection.scalars(select(EVENTS.c.id).where(_mine(series), *before)).all()
        count_anew(connection, series.tenant_id, cut, shrinks=True)
        began.append(EVENTS.c.started_at >= start)
    if end is not None:
        began.append(EVENTS.c.started_at < end)
    gone = _deleted(connection, series, began)
    if gone and end is not None:
        values = {"tenant_id": series.tenant_id, "series_id": series.id, "end": end}
        connection.execute(LET_GO, {**values, "ids": [event.id for event in gone]})
    open_until_now = [event for event in gone if event.closed_at is None]
    if _has_newest(series, start, end):
        open_until_now += close(connection, series).closed
    return open_until_now


def _deleted(connection: Connection, series: Series, which: Sequence[Any]) -> list[Event]:
    rows = connection.execute(delete(EVENTS).where(*which).returning(*EVENTS.c))
    return [Event(**row._mapping, series=series.name) for row in rows]


def _has_newest(series: Series, start: datetime | None, end: datetime | None) -> bool:
    newest = series.last_at
    return (
        newest is not None and (start is None or start <= newest) and (end is None or newest < end)
    )


def by_id(connection: Connection, tenant_id: UUID, event_id: UUID) -> Event:
    statement = _named().where(EVENTS.c.tenant_id == tenant_id, EVENTS.c.id == event_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no event {ulid(event_id)}")
    return _event(row)


def lock(connection: Connection, tenant_id: UUID, event_id: UUID) -> Event:
    """The event stays until the end of the transaction."""
    mine = (EVENTS.c.tenant_id == tenant_id, EVENTS.c.id == event_id)
    connection.execute(select(EVENTS.c.id).where(*mine).with_for_update(key_share=True))
    return by_id(connection, tenant_id, event_id)


def page(connection: Connection, tenant_id: UUID, wanted: WantedEvents) -> list[Event]:
    """A tenant's events, newest first."""
    statement = _narrowed(_named().where(EVENTS.c.tenant_id == tenant_id), wanted)
    place = (EVENTS.c.started_at, EVENTS.c.id)
    if wanted.after is not None:
        begins_at, _ = wanted.after
        behind = or_(place[0] < begins_at, tuple_(*place) < tuple_(*wanted.after))
        statement = statement.where(place[0] <= begins_at, behind)
    statement = statement.order_by(*(column.desc() for column in place)).limit(wanted.limit)
    return [_event(row) for row in connection.execute(statement)]


def _narrowed(statement: Select[Any], wanted: WantedEvents) -> Select[Any]:
    if wanted.series_id is not None:
        statement = statement.where(EVENTS.c.series_id == wanted.series_id)
    if wanted.start is not None:
        statement = statement.where(EVENTS.c.started_at >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(EVENTS.c.started_at < wanted.end)
    if wanted.is_open is not None:
        is_open = EVENTS.c.closed_at.is_(None)
        statement = statement.where(is_open if wanted.is_open else ~is_open)
    return statement


def _named() -> Select[Any]:
    same = and_(SERIES.c.tenant_id == EVENTS.c.tenant_id, SERIES.c.id == EVENTS.c.series_id)
    is_said = and_(FEEDBACK.c.tenant_id == EVENTS.c.tenant_id, FEEDBACK.c.event == EVENTS.c.id)
    statement = select(EVENTS, SERIES.c.name.label("series"), *SAID)
    return statement.join(SERIES, same).outerjoin(FEEDBACK, is_said)


def _mine(series: Series) -> Any:
    return and_(EVENTS.c.tenant_id == series.tenant_id, EVENTS.c.series_id == series.id)


def _event(row: Row[Any]) -> Event:
    return Event(**row._mapping)
