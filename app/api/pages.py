"""Lists in pages: `{"data": […], "next": cursor or null}`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from app.actions.parts import Parts
from app.errors import FieldError, Invalid
from app.ingest.timestamps import parse_timestamp
from app.store.scores import Wanted
from app.store.times import to_datetime
from app.web import cursors
from app.web.fields import Cursor, Limit, Query, Timestamp

Row = TypeVar("Row")


class Page(Query):
    limit: Limit = 100
    cursor: Cursor | None = None

    @property
    def rows(self) -> int:
        """How many to look for: one more than is shown tells whether another page follows."""
        return self.limit + 1


def page(
    parts: Parts,
    route: str,
    limit: int,
    rows: Sequence[Row],
    shown: Callable[[Row], dict[str, Any]],
    place: Callable[[Row], list[Any]],
) -> dict[str, Any]:
    """The first `limit` rows as the contract lists them, with a cursor where there are more."""
    listed = rows[:limit]
    has_more = len(rows) > limit
    following = cursors.encode(parts.secret, route, place(listed[-1])) if has_more else None
    return {"data": [shown(row) for row in listed], "next": following}


def after(parts: Parts, route: str, cursor: str | None) -> list[Any] | None:
    return cursors.decode(parts.secret, route, cursor)


def after_one(parts: Parts, route: str, cursor: str | None) -> Any:
    place = after(parts, route, cursor)
    return place[0] if place else None


def after_time(parts: Parts, route: str, cursor: str | None) -> tuple[Any, ...] | None:
    """A place that is a time and the ids that follow it."""
    seen = after(parts, route, cursor)
    return None if seen is None else (to_datetime(seen[0]), *map(UUID, seen[1:]))


def moment(time_ns: Timestamp | None) -> datetime | None:
    return None if time_ns is None else to_datetime(time_ns)


def time_in_path(text: str) -> int:
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise Invalid("The time is not valid", [FieldError("timestamp", str(error))]) from None


def wanted_anomalies(parts: Parts, route: str, query: Any) -> Wanted:
    """What a query over anomalies asks for."""
    return Wanted(
        start=moment(query.start),
        end=moment(query.end),
        min_score=query.min_score,
        after=after_time(parts, route, query.cursor),
        limit=query.rows,
    )
