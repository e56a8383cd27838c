"""What webhooks were told: each delivery and how it went, told again, and told to try them."""

from datetime import datetime
from uuid import UUID

from app.actions import waiting
from app.actions.parts import Parts
from app.actions.webhooks import identity
from app.cache.rates import Bucket, Meter
from app.errors import Conflict, RateLimited
from app.store import Connection, audit, deliveries, outbox, webhooks
from app.store.audit import SERVICE, Actor
from app.store.deliveries import Delivery

ASKED_PER_S = 2.0  # calls that a tenant asks for, to one webhook: the receiver may be another's
GREETING = "Tocsin can reach this webhook"


def page(
    parts: Parts,
    tenant_id: UUID,
    webhook_id: str,
    before: UUID | None,
    limit: int,
    status: str | None = None,
) -> list[Delivery]:
    known = identity(webhook_id)
    with parts.database.tenant(tenant_id) as connection:
        webhooks.by_id(connection, tenant_id, known)
        return deliveries.page(connection, tenant_id, known, before, limit, status)


def by_id(parts: Parts, tenant_id: UUID, webhook_id: str, delivery_id: str) -> Delivery:
    known, message_id = identity(webhook_id), deliveries.from_shown(delivery_id)
    with parts.database.tenant(tenant_id) as connection:
        return deliveries.by_id(connection, tenant_id, known, message_id)


def try_out(parts: Parts, tenant_id: UUID, webhook_id: str, *, by: Actor = SERVICE) -> Delivery:
    """A call of its own, tried once; of a disabled webhook too."""
    known = identity(webhook_id)
    with parts.database.tenant(tenant_id) as connection:
        webhooks.by_id(connection, tenant_id, known)
        _refuse_many(parts, known)
        links = {"webhook": f"/v1/webhooks/{known}"}
        data = {"message": GREETING, "links": links}
        message_id = outbox.add_test(connection, tenant_id, known, data)
        audit.add(connection, tenant_id, by, "webhook.tested", known)
        return deliveries.by_id(connection, tenant_id, known, message_id)


def replay(
    parts: Parts, tenant_id: UUID, webhook_id: str, delivery_id: str, *, by: Actor = SERVICE
) -> Delivery:
    """Due at once, under the same id, and by a new schedule."""
    known, message_id = identity(webhook_id), deliveries.from_shown(delivery_id)
    with parts.database.tenant(tenant_id) as connection:
        _refuse_disabled(connection, tenant_id, known)
        deliveries.by_id(connection, tenant_id, known, message_id)
        _refuse_many(parts, known)
        deliveries.replay(connection, tenant_id, known, message_id)
        details = {"delivery": delivery_id}
        audit.add(connection, tenant_id, by, "webhook.replayed", known, details)
        return deliveries.by_id(connection, tenant_id, known, message_id)


def replay_failed(
    parts: Parts,
    tenant_id: UUID,
    webhook_id: str,
    since: datetime | None,
    *,
    by: Actor = SERVICE,
) -> int:
    """The same of all that failed, as while the receiver was away; -> how many."""
    known = identity(webhook_id)
    with parts.database.tenant(tenant_id) as connection:
        _refuse_disabled(connection, tenant_id, known)
        _refuse_many(parts, known)
        replayed = deliveries.replay_failed(connection, tenant_id, known, since)
        details = {"deliveries": replayed}
        audit.add(connection, tenant_id, by, "webhook.replayed", known, details)
    return replayed


def _refuse_disabled(connection: Connection, tenant_id: UUID, webhook_id: UUID) -> None:
    """It stays enabled to the end of the transaction: what is disabled leaves nothing waiting."""
    if not webhooks.lock(connection, tenant_id, webhook_id).is_enabled:
        raise Conflict("The webhook is disabled, and called for tests only: enable it first")


def _refuse_many(parts: Parts, webhook_id: UUID) -> None:
    taken = parts.rates.take(Meter((Bucket("webhook", f"webhook:{webhook_id}", ASKED_PER_S),)))
    if not taken.is_allowed:
        raise RateLimited(
            f"Of one webhook {ASKED_PER_S:g} tests and replays a second are taken", retry_after_s=1
        )


def wait(parts: Parts, delivery: Delivery, wait_s: float) -> Delivery:
    of = delivery.tenant_id, delivery.webhook_id, delivery.message_id

    def again() -> Delivery:
        with parts.database.tenant(delivery.tenant_id) as connection:
            return deliveries.by_id(connection, *of)

    return waiting.until_over(parts, delivery, again, wait_s)
