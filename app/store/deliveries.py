"""What webhooks were told and are to be told, for whoever asks: each delivery and how it went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, text

from app.errors import NotFound
from app.store import tables
from app.store.ids import from_ulid, ulid

DELIVERIES = tables.webhook_deliveries
PREFIX = "msg_"

ANEW = (
    "UPDATE webhook_deliveries SET status = 'pending', ended_at = NULL, due_at = now(), tries = 0, "
    "at_once = true"
)
REPLAY = text(
    f"{ANEW} WHERE tenant_id = :tenant_id AND webhook_id = :webhook_id AND message_id = :message_id"
)
REPLAY_FAILED = text(
    f"{ANEW} WHERE tenant_id = :tenant_id AND webhook_id = :webhook_id AND status = 'failed' "
    "AND type <> 'webhook.test' AND created_at >= coalesce(:since, '-infinity'::timestamptz)"
)
OLD = text(
    "SELECT DISTINCT tenant_id FROM webhook_deliveries WHERE ended_at < now() - interval '30 days'"
)
FORGET_SERIES = text(
    "DELETE FROM webhook_deliveries "
    "WHERE tenant_id = :tenant_id AND series_id = :series_id AND status <> 'pending'"
)
FORGET = text(
    "DELETE FROM webhook_deliveries "
    "WHERE tenant_id = :tenant_id AND ended_at < now() - interval '30 days'"
)


@dataclass(frozen=True)
class Delivery:
    """`attempts`: how the last of them went; `attempt`: how many there were; `at_once`: somebody
    asked for it, and no quiet hours hold it up."""

    tenant_id: UUID
    webhook_id: UUID
    message_id: UUID
    type: str
    series_id: UUID | None
    data: dict[str, Any]
    status: str
    attempt: int
    tries: int
    due_at: datetime
    at_once: bool
    attempts: list[dict[str, Any]]
    created_at: datetime
    ended_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.status != "pending"


def shown_id(message_id: UUID) -> str:
    """As receivers have it, in the header `webhook-id`."""
    return PREFIX + ulid(message_id)


def from_shown(shown: str) -> UUID:
    found = from_ulid(shown.removeprefix(PREFIX)) if shown.startswith(PREFIX) else None
    if found is None:
        raise NotFound(f"There is no delivery {shown}")
    return found


def by_id(connection: Connection, tenant_id: UUID, webhook_id: UUID, message_id: UUID) -> Delivery:
    statement = select(DELIVERIES).where(
        *_of(tenant_id, webhook_id), DELIVERIES.c.message_id == message_id
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no delivery {shown_id(message_id)}")
    return _delivery(row)


def page(
    connection: Connection,
    tenant_id: UUID,
    webhook_id: UUID,
    before: UUID | None,
    limit: int,
    status: str | None = None,
) -> list[Delivery]:
    """Newest first: the ids sort by time."""
    statement = (
        select(DELIVERIES)
        .where(*_of(tenant_id, webhook_id))
        .order_by(DELIVERIES.c.message_id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(DELIVERIES.c.message_id < before)
    if status is not None:
        statement = statement.where(DELIVERIES.c.status == status)
    return [_delivery(row) for row in connection.execute(statement)]


def replay(connection: Connection, tenant_id: UUID, webhook_id: UUID, message_id: UUID) -> None:
    """Due at once, whatever came of it before; its schedule begins anew."""
    values = {"tenant_id": tenant_id, "webhook_id": webhook_id, "message_id": message_id}
    connection.execute(REPLAY, values)


def replay_failed(
    connection: Connection, tenant_id: UUID, webhook_id: UUID, since: datetime | None
) -> int:
    """The same of all that failed, but for tests; -> how many."""
    values = {"tenant_id": tenant_id, "webhook_id": webhook_id, "since": since}
    return connection.execute(REPLAY_FAILED, values).rowcount


def forget_series(connection: Connection, tenant_id: UUID, series_id: UUID) -> None:
    """What was told of it; what is still to be told goes once it was (`outbox.note_…`)."""
    connection.execute(FORGET_SERIES, {"tenant_id": tenant_id, "series_id": series_id})


def tenants_with_old(connection: Connection) -> list[UUID]:
    """Inside `Database.job_scan`: who has deliveries that ended 30 days ago."""
    return list(connection.scalars(OLD))


def forget_old(connection: Connection, tenant_id: UUID) -> int:
    """-> how many were deleted."""
    return connection.execute(FORGET, {"tenant_id": tenant_id}).rowcount


def _of(tenant_id: UUID, webhook_id: UUID) -> tuple[Any, ...]:
    return DELIVERIES.c.tenant_id == tenant_id, DELIVERIES.c.webhook_id == webhook_id


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(**row._mapping)
