"""The audit log: who did what, when, and from where. The server's role may add rows, nothing else.

Rows hold ids and no names: what they speak of may be erased, and they stay. Names are looked up
when the log is read, as long as there are any.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Connection,
    Select,
    Uuid,
    and_,
    case,
    cast,
    insert,
    or_,
    select,
    tuple_,
)

from app.store import tables
from app.store.ids import new_id

AUDIT, SERIES, TENANTS = tables.audit, tables.series, tables.tenants

Action = Literal[
    "anomalies.read",
    "feedback.given",
    "key.created",
    "key.refused",
    "key.revoked",
    "key.rotated",
    "model.activated",
    "points.erased",
    "scope.refused",
    "series.changed",
    "series.created",
    "series.deleted",
    "session.begun",
    "session.ended",
    "tenant.changed",
    "tenant.created",
    "tenant.erased",
    "webhook.changed",
    "webhook.created",
    "webhook.deleted",
    "webhook.disabled",
    "webhook.replayed",
    "webhook.rotated",
    "webhook.tested",
]
ActorKind = Literal["key", "operator", "cli", "service", "nobody"]
OF_SERIES = (
    "anomalies.read",
    "feedback.given",
    "model.activated",
    "points.erased",
    "series.changed",
    "series.created",
)


class Actor(NamedTuple):
    """Who acts: by a tenant's or an operator's key, on the command line, or by no valid key."""

    kind: ActorKind
    key_id: str | None = None
    from_address: str | None = None
    request_id: str | None = None


SERVICE = Actor("service")  # nobody asked for it over HTTP or on the command line
COMMAND_LINE = Actor("cli")


@dataclass(frozen=True)
class Entry:
    """`tenant` and `series` are what these are called now; None where they are gone."""

    tenant_id: UUID
    id: UUID
    at: datetime
    action: str
    actor_kind: str
    actor: str | None
    subject: str | None
    from_address: str | None
    request_id: str | None
    details: dict[str, Any]
    tenant: str | None
    series: str | None


@dataclass(frozen=True)
class WantedEntries:
    """Which entries: `start` is included, `end` is not; `after` ended a page."""

    tenant_id: UUID | None = None
    action: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    after: tuple[Any, ...] | None = None
    limit: int = 100


def add(
    connection: Connection,
    tenant_id: UUID,
    by: Actor,
    action: Action,
    subject: str | UUID | None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """In the transaction of the act itself, as its tenant. No names, secrets or values."""
    connection.execute(
        insert(AUDIT)
        .inline()  # asks for nothing back: the server may not read here
        .values(
            tenant_id=tenant_id,
            id=new_id(),
            action=action,
            actor_kind=by.kind,
            actor=by.key_id,
            subject=None if subject is None else str(subject),
            from_address=by.from_address,
            request_id=by.request_id,
            details={name: _plain(value) for name, value in (details or {}).items()},
        )
    )


def _plain(value: Any) -> Any:
    """As JSON: times as answers have them."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def page(connection: Connection, wanted: WantedEntries) -> list[Entry]:
    """Inside `Database.operator`: newest first."""
    statement = _narrowed(_named(), wanted)
    place = (AUDIT.c.at, AUDIT.c.id)
    if wanted.after is not None:
        seen = wanted.after
        behind = or_(place[0] < seen[0], tuple_(*place) < tuple_(*seen))
        statement = statement.where(place[0] <= seen[0], behind)
    statement = statement.order_by(*(column.desc() for column in place)).limit(wanted.limit)
    return [Entry(**row._mapping) for row in connection.execute(statement)]


def _named() -> Select[Any]:
    series_id = case((AUDIT.c.action.in_(OF_SERIES), cast(AUDIT.c.subject, Uuid)))
    is_series = and_(SERIES.c.tenant_id == AUDIT.c.tenant_id, SERIES.c.id == series_id)
    return (
        select(AUDIT, TENANTS.c.slug.label("tenant"), SERIES.c.name.label("series"))
        .outerjoin(TENANTS, TENANTS.c.id == AUDIT.c.tenant_id)
        .outerjoin(SERIES, is_series)
    )


def _narrowed(statement: Select[Any], wanted: WantedEntries) -> Select[Any]:
    if wanted.tenant_id is not None:
        statement = statement.where(AUDIT.c.tenant_id == wanted.tenant_id)
    if wanted.action is not None:
        statement = statement.where(AUDIT.c.action == wanted.action)
    if wanted.start is not None:
        statement = statement.where(AUDIT.c.at >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(AUDIT.c.at < wanted.end)
    return statement
