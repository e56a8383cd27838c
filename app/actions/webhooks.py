"""Where a tenant is told of what happens: webhooks, made, changed, given other secrets, removed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.actions.parts import Parts
from app.errors import FieldError, Invalid, NotFound, QuotaExceeded
from app.outbound import addresses, signatures
from app.outbound.addresses import NotAllowed
from app.store import Connection, audit, webhooks
from app.store.audit import SERVICE, Actor
from app.store.ids import new_id
from app.store.webhooks import Webhook

MOST_WEBHOOKS = 20  # of a tenant: each fact is a row for each of them


def add(
    parts: Parts, tenant_id: UUID, url: str, *, by: Actor = SERVICE, **settings: Any
) -> tuple[Webhook, str]:
    """-> the webhook and its secret, which is shown this once."""
    _refuse_address(parts, url)
    webhook_id, salt = new_id(), signatures.fresh(parts.secret)
    secret = {"secret_number": salt.number, "secret_salt": salt.salt}
    with parts.database.tenant(tenant_id) as connection:
        _refuse_more(connection, tenant_id)
        made = webhooks.add(connection, tenant_id, webhook_id, url=url, **secret, **settings)
        audit.add(connection, tenant_id, by, "webhook.created", webhook_id)
    return made, _shown(parts, made)


def _refuse_address(parts: Parts, url: str) -> None:
    try:
        addresses.checked(url, parts.settings.allowed_networks)
    except NotAllowed as error:
        wrong = FieldError("url", str(error))
        raise Invalid("Webhooks cannot call that address", [wrong]) from None


def _refuse_more(connection: Connection, tenant_id: UUID) -> None:
    use = webhooks.count(connection, tenant_id)
    if use >= MOST_WEBHOOKS:
        raise QuotaExceeded(
            f"The tenant may have {MOST_WEBHOOKS} webhooks, and has {use}",
            quota="webhooks",
            limit=MOST_WEBHOOKS,
            use=use,
        )


def _shown(parts: Parts, of: Webhook) -> str:
    salt = signatures.Salt(of.secret_number, of.secret_salt)
    secret = signatures.secret(parts.secret, of.tenant_id, of.id, salt)
    assert secret is not None  # it was made under the one that signs now
    return secret


def by_id(parts: Parts, tenant_id: UUID, webhook_id: str) -> Webhook:
    known = identity(webhook_id)
    with parts.database.tenant(tenant_id) as connection:
        return webhooks.by_id(connection, tenant_id, known)


def identity(webhook_id: str) -> UUID:
    """Of what stands in a path."""
    try:
        return UUID(webhook_id)
    except ValueError:
        raise NotFound(f"There is no webhook {webhook_id}") from None


def page(parts: Parts, tenant_id: UUID, after: UUID | None, limit: int) -> list[Webhook]:
    with parts.database.tenant(tenant_id) as connection:
        return webhooks.page(connection, tenant_id, after, limit)


def change(
    parts: Parts,
    tenant_id: UUID,
    webhook_id: str,
    changes: Mapping[str, Any],
    *,
    by: Actor = SERVICE,
) -> Webhook:
    """`status` says whether it is called. Disabled, what waits for it is given up; enabled, it
    counts as one that never failed."""
    known = identity(webhook_id)
    if "url" in changes:
        _refuse_address(parts, changes["url"])
    columns = {name: value for name, value in changes.items() if name != "status"}
    with parts.database.tenant(tenant_id) as connection:
        webhooks.lock(connection, tenant_id, known)
        if columns:
            webhooks.change(connection, tenant_id, known, columns)
        if changes.get("status") == "disabled":
            webhooks.disable(connection, tenant_id, known, "by_request")
        elif "status" in changes:
            webhooks.enable(connection, tenant_id, known)
        if changes:
            details = {"changed": sorted(changes)}
            audit.add(connection, tenant_id, by, "webhook.changed", known, details)
        return webhooks.by_id(connection, tenant_id, known)


def remove(parts: Parts, tenant_id: UUID, webhook_id: str, *, by: Actor = SERVICE) -> None:
    """With what was delivered and what waits; a call that is under way may still arrive."""
    known = identity(webhook_id)
    with parts.database.tenant(tenant_id) as connection:
        webhooks.by_id(connection, tenant_id, known)
        webhooks.remove(connection, tenant_id, known)
        audit.add(connection, tenant_id, by, "webhook.deleted", known)


def rotate(
    parts: Parts, tenant_id: UUID, webhook_id: str, grace_s: int, *, by: Actor = SERVICE
) -> tuple[Webhook, str]:
    """Another secret, shown this once; for the grace both sign."""
    known = identity(webhook_id)
    salt = signatures.fresh(parts.secret)
    with parts.database.tenant(tenant_id) as connection:
        webhooks.rotate(connection, tenant_id, known, salt.number, salt.salt, grace_s)
        rotated = webhooks.by_id(connection, tenant_id, known)
        details = {"grace_seconds": grace_s}
        audit.add(connection, tenant_id, by, "webhook.rotated", known, details)
    return rotated, _shown(parts, rotated)
