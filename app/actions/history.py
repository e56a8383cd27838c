"""What is stored, for whoever asks later: points, scores and anomalies, a page at a time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.actions.parts import Parts
from app.detection import TRAINING_POINTS
from app.errors import NotFound, NotScored
from app.ingest.timestamps import format_timestamp
from app.store import Connection, audit, events, listing, points, scores, series, tenants
from app.store.audit import SERVICE, Actor
from app.store.database import INSTALLATION, become_server, become_tenant
from app.store.events import Event, WantedEvents
from app.store.ids import from_ulid
from app.store.scores import Score, Wanted
from app.store.series import Series

EXPORT_ROWS = 5_000
Span = tuple[datetime | None, datetime | None]
StoredPoint = tuple[datetime, list[float]]


def points_page(
    parts: Parts, tenant_id: UUID, name: str, limit: int, after: datetime | None, span: Span
) -> tuple[Series, list[StoredPoint]]:
    with parts.database.tenant(tenant_id) as connection:
        found = series.by_name(connection, tenant_id, name)
        return found, points.page(connection, tenant_id, found.id, limit, after, span)


def scores_page(parts: Parts, tenant_id: UUID, name: str, wanted: Wanted) -> list[Score]:
    with parts.database.lent() as lent:
        return listing.page(lent, tenant_id, name, wanted)


def scores_of(parts: Parts, of: Series, wanted: Wanted) -> list[Score]:
    with parts.database.tenant(of.tenant_id) as connection:
        return scores.page(connection, of, wanted)


def all_points(
    parts: Parts, tenant_id: UUID, name: str, span: Span
) -> tuple[Series, Iterator[list[StoredPoint]]]:
    """Everything in the span, in pages that each have a transaction of their own."""
    found, first = points_page(parts, tenant_id, name, EXPORT_ROWS, None, span)

    def pages() -> Iterator[list[StoredPoint]]:
        page = first
        while page:
            yield page
            _, page = points_page(parts, tenant_id, name, EXPORT_ROWS, page[-1][0], span)

    return found, pages()


def all_scores(
    parts: Parts, tenant_id: UUID, name: str, wanted: Wanted
) -> tuple[Series, Iterator[list[Score]]]:
    with parts.database.tenant(tenant_id) as connection:
        found = series.by_name(connection, tenant_id, name)

    def pages() -> Iterator[list[Score]]:
        asked = replace(wanted, limit=EXPORT_ROWS)
        while page := scores_of(parts, found, asked):
            yield page
            asked = replace(asked, after=(page[-1].timestamp,))

    return found, pages()


def stored_score(connection: Connection, of: Series, time_ns: int) -> Score:
    """The verdict on one point."""
    stored = scores.at(connection, of, [time_ns])
    if stored:
        return stored[0]
    if len(points.between(connection, of, time_ns, time_ns, 1)):
        raise NotScored(
            "The point is stored and has no score: it comes with a training, "
            f"for the newest {TRAINING_POINTS:,} points, or when it is sent to be scored"
        )
    raise NotFound(f"{of.name} has no point at {format_timestamp(time_ns)}")


def anomalies(
    parts: Parts, tenant_id: UUID, series_name: str | None, wanted: Wanted
) -> list[Score]:
    """Of all series, or of one, which has to be there: a mistyped name must not look healthy."""
    if series_name is None:
        return _anomalies_of_all_series(parts, tenant_id, wanted)
    with parts.database.tenant(tenant_id) as connection:
        series.by_name(connection, tenant_id, series_name)
        return scores.anomalies(connection, tenant_id, series_name, wanted)


def _anomalies_of_all_series(parts: Parts, tenant_id: UUID, wanted: Wanted) -> list[Score]:
    """The newest ones are looked for no farther back than they were found before, as long as these
    are enough: to look into the index of each year takes as long as to read them."""
    are_newest = wanted.start is None and wanted.end is None and wanted.after is None
    reached = parts.newest_anomalies.get(tenant_id.int) if are_newest else None
    with parts.database.lent() as lent:
        found = listing.anomalies(lent, tenant_id, replace(wanted, start=reached or wanted.start))
        if reached is not None and len(found) < wanted.limit:
            found = listing.anomalies(lent, tenant_id, wanted)
    if are_newest and len(found) == wanted.limit:
        reaches = found[-1].timestamp
        parts.newest_anomalies.put(tenant_id.int, min(reached or reaches, reaches))
    return found


def anomalies_of_all(
    parts: Parts,
    tenant: str | None,
    series_name: str | None,
    wanted: Wanted,
    *,
    by: Actor = SERVICE,
) -> list[Score]:
    """Each page is an act of the operator's, in the log of the tenant that it is narrowed to."""
    with parts.database.operator() as connection:
        of = INSTALLATION if tenant is None else tenants.by_slug(connection, tenant).id
        found = scores.anomalies_of_all(connection, tenant, series_name, wanted)
        subject = series_name and series.id_of(connection, of, series_name)
        become_server(connection)
        become_tenant(connection, of)
        audit.add(connection, of, by, "anomalies.read", subject, _narrowing(series_name, wanted))
    return found


def _narrowing(series_name: str | None, wanted: Wanted) -> dict[str, Any]:
    """What was asked for, without the name: the log holds none."""
    asked = {"from": wanted.start, "to": wanted.end, "min_score": wanted.min_score}
    by_name = {} if series_name is None else {"by_series_name": True}
    return {name: value for name, value in asked.items() if value is not None} | by_name


def events_page(
    parts: Parts, tenant_id: UUID, series_name: str | None, wanted: WantedEvents
) -> list[Event]:
    """Of all series, or of one, which has to be there."""
    with parts.database.tenant(tenant_id) as connection:
        if series_name is not None:
            of = series.by_name(connection, tenant_id, series_name)
            wanted = replace(wanted, series_id=of.id)
        return events.page(connection, tenant_id, wanted)


def event(parts: Parts, tenant_id: UUID, event_id: str) -> Event:
    known = known_event(event_id)
    with parts.database.tenant(tenant_id) as connection:
        return events.by_id(connection, tenant_id, known)


def known_event(event_id: str) -> UUID:
    known = from_ulid(event_id)
    if known is None:
        raise NotFound(f"There is no event {event_id}")
    return known
