"""Webhooks: where a tenant is told of what happens, and by which secret.

Of a secret only what it follows from is here (`app.outbound.signatures`). A webhook is enabled
until `disabled_at`; what it failed at counts from `failing_since`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, text, update

from app.errors import NotFound
from app.store import tables

WEBHOOKS = tables.webhooks
# Of the claims of one tenant to make another one, one at a time counts what is there.
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant_id, 0))")
# What was the secret until now becomes the one before; the one before that is gone.
ROTATE = text(
    "UPDATE webhooks SET secret_number = :number, secret_salt = :salt, "
    "previous_number = secret_number, previous_salt = secret_salt, "
    "previous_until = now() + make_interval(secs => :grace_s), updated_at = now() "
    "WHERE tenant_id = :tenant_id AND id = :id"
)
NOTE_SUCCESS = text(
    "UPDATE webhooks SET failing_since = NULL "
    "WHERE tenant_id = :tenant_id AND id = :id AND failing_since IS NOT NULL"
)
NOTE_FAILURE = text(
    "UPDATE webhooks SET failing_since = coalesce(failing_since, now()) "
    "WHERE tenant_id = :tenant_id AND id = :id "
    "RETURNING failing_since <= now() - make_interval(secs => :most_s)"
)
DISABLE = text(
    "UPDATE webhooks SET disabled_at = now(), disabled_reason = :reason, updated_at = now() "
    "WHERE tenant_id = :tenant_id AND id = :id AND disabled_at IS NULL"
)
GIVE_UP = text(
    "UPDATE webhook_deliveries SET status = 'failed', ended_at = now() "
    "WHERE tenant_id = :tenant_id AND webhook_id = :id AND status = 'pending' "
    "AND type <> 'webhook.test'"
)


@dataclass(frozen=True)
class Webhook:
    tenant_id: UUID
    id: UUID
    url: str
    description: str
    types: list[str]
    secret_number: int
    secret_salt: bytes
    previous_number: int | None
    previous_salt: bytes | None
    previous_until: datetime | None
    sealed: bytes | None
    quiet_hours: dict[str, str] | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    @property
    def is_notice(self) -> bool:
        return self.sealed is not None

    @property
    def is_told_in_order(self) -> bool:
        """One after the other, as it matters where people read it, or much has waited."""
        return self.is_notice or self.quiet_hours is not None


def add(connection: Connection, tenant_id: UUID, webhook_id: UUID, **settings: Any) -> Webhook:
    statement = (
        insert(WEBHOOKS)
        .values(tenant_id=tenant_id, id=webhook_id, **settings)
        .returning(*WEBHOOKS.c)
    )
    return _webhook(connection.execute(statement).one())


def count(connection: Connection, tenant_id: UUID) -> int:
    """To the end of the transaction nobody else of the tenant comes past here."""
    connection.execute(ONE_AT_A_TIME, {"tenant_id": f"webhooks {tenant_id}"})
    statement = select(func.count()).where(WEBHOOKS.c.tenant_id == tenant_id)
    return int(connection.scalar(statement) or 0)


def by_id(connection: Connection, tenant_id: UUID, webhook_id: UUID) -> Webhook:
    return _found(connection, _one(tenant_id, webhook_id), webhook_id)


def lock(connection: Connection, tenant_id: UUID, webhook_id: UUID) -> Webhook:
    """Hold it to the end of the transaction; who adds a delivery for it need not wait."""
    statement = _one(tenant_id, webhook_id).with_for_update(key_share=True)
    return _found(connection, statement, webhook_id)


def _one(tenant_id: UUID, webhook_id: UUID) -> Select[Any]:
    return select(WEBHOOKS).where(WEBHOOKS.c.tenant_id == tenant_id, WEBHOOKS.c.id == webhook_id)


def _found(connection: Connection, statement: Select[Any], webhook_id: UUID) -> Webhook:
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}")
    return _webhook(row)


def page(connection: Connection, tenant_id: UUID, after: UUID | None, limit: int) -> list[Webhook]:
    """The oldest first: the ids sort by time."""
    statement = (
        select(WEBHOOKS)
        .where(WEBHOOKS.c.tenant_id == tenant_id)
        .order_by(WEBHOOKS.c.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(WEBHOOKS.c.id > after)
    return [_webhook(row) for row in connection.execute(statement)]


def change(
    connection: Connection, tenant_id: UUID, webhook_id: UUID, changes: Mapping[str, Any]
) -> None:
    connection.execute(
        update(WEBHOOKS)
        .where(WEBHOOKS.c.tenant_id == tenant_id, WEBHOOKS.c.id == webhook_id)
        .values(updated_at=text("now()"), **changes)
    )


def remove(connection: Connection, tenant_id: UUID, webhook_id: UUID) -> bool:
    """Whether it was there; its deliveries go along."""
    statement = delete(WEBHOOKS).where(
        WEBHOOKS.c.tenant_id == tenant_id, WEBHOOKS.c.id == webhook_id
    )
    return connection.execute(statement).rowcount == 1


def rotate(
    connection: Connection,
    tenant_id: UUID,
    webhook_id: UUID,
    number: int,
    salt: bytes,
    grace_s: int,
) -> None:
    """From now on this is its secret; the one before signs too for the grace."""
    values = {"number": number, "salt": salt, "grace_s": grace_s}
    connection.execute(ROTATE, {"tenant_id": tenant_id, "id": webhook_id, **values})


def now(connection: Connection) -> datetime:
    """By the database's clock, which all deliveries go by."""
    found = connection.scalar(select(func.now()))
    assert isinstance(found, datetime)
    return found


def note_success(connection: Connection, tenant_id: UUID, webhook_id: UUID) -> None:
    connection.execute(NOTE_SUCCESS, {"tenant_id": tenant_id, "id": webhook_id})


def note_failure(connection: Connection, tenant_id: UUID, webhook_id: UUID, most_s: float) -> bool:
    """Whether nothing was delivered for longer than that."""
    values = {"tenant_id": tenant_id, "id": webhook_id, "most_s": most_s}
    return bool(connection.scalar(NOTE_FAILURE, values))


def disable(connection: Connection, tenant_id: UUID, webhook_id: UUID, reason: str) -> bool:
    """Whether it was enabled until now; what waits is not delivered any more."""
    identity = {"tenant_id": tenant_id, "id": webhook_id}
    is_news = connection.execute(DISABLE, {**identity, "reason": reason}).rowcount == 1
    if is_news:
        connection.execute(GIVE_UP, identity)
    return is_news


def enable(connection: Connection, tenant_id: UUID, webhook_id: UUID) -> None:
    """As if it had never failed."""
    fresh = dict.fromkeys(("failing_since", "disabled_at", "disabled_reason"))
    change(connection, tenant_id, webhook_id, fresh)


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**row._mapping)
