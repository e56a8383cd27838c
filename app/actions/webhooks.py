"""Where a tenant is told of what happens: webhooks, made, changed, given other secrets, removed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.actions.parts import Parts
from app.errors import Conflict, FieldError, Invalid, NotFound, QuotaExceeded
from app.outbound import addresses, notices, sealing, signatures
from app.outbound.addresses import NotAllowed
from app.store import Connection, audit, webhooks
from app.store.audit import SERVICE, Actor
from app.store.ids import new_id
from app.store.webhooks import Webhook

MOST_WEBHOOKS = 20  # of a tenant: each fact is a row for each of them


def add(
    parts: Parts, tenant_id: UUID, url: str, *, by: Actor = SERVICE, **settings: Any
) -> tuple[Webhook, str]:
    """-> the webhook and its secret, which is shown this once; empty of a notice."""
    webhook_id = new_id()
    place = _place(parts, tenant_id, webhook_id, url)
    with parts.database.tenant(tenant_id) as connection:
        _refuse_more(connection, tenant_id)
        made = webhooks.add(connection, tenant_id, webhook_id, **place, **settings)
        audit.add(connection, tenant_id, by, "webhook.created", webhook_id)
    return made, "" if made.is_notice else _shown(parts, made)


def _place(parts: Parts, tenant_id: UUID, webhook_id: UUID, url: str) -> dict[str, Any]:
    """The columns of an address: of a notice it is sealed, and `url` is what may be seen of it."""
    _refuse_address(parts, url)
    salt = signatures.fresh(parts.secret)
    secret = {"secret_number": salt.number, "secret_salt": salt.salt}
    if not notices.is_notice(url):
        return {"url": url, **secret}
    sealed = sealing.seal(parts.secret, tenant_id, webhook_id, salt, url)
    return {"url": notices.shown(url), "sealed": sealed, **secret}


def _refuse_address(parts: Parts, url: str) -> None:
    try:
        if notices.is_notice(url):
            notices.refuse(url, notices.channels(parts.settings))
        else:
            addresses.checked(url, parts.settings.allowed_networks)
    except NotAllowed as error:
        raise _wrong_address(str(error)) from None


def _wrong_address(why: str) -> Invalid:
    return Invalid("Webhooks cannot call that address", [FieldError("url", why)])


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
    columns = {name: value for name, value in changes.items() if name != "status"}
    if "url" in changes:
        columns |= _place(parts, tenant_id, known, changes["url"])
    with parts.database.tenant(tenant_id) as connection:
        before = webhooks.lock(connection, tenant_id, known)
        if "url" in columns:
            _refuse_another_kind(before, columns)
        if not before.is_notice:  # its secret stays
            columns = {n: v for n, v in columns.items() if not n.startswith("secret_")}
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


def _refuse_another_kind(before: Webhook, columns: Mapping[str, Any]) -> None:
    if before.is_notice != ("sealed" in columns):
        raise _wrong_address("a webhook cannot become a notice, nor the other way round: make one")


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
        if webhooks.lock(connection, tenant_id, known).is_notice:
            raise Conflict("It is a notice, which is not signed: it has no secret")
        webhooks.rotate(connection, tenant_id, known, salt.number, salt.salt, grace_s)
        rotated = webhooks.by_id(connection, tenant_id, known)
        details = {"grace_seconds": grace_s}
        audit.add(connection, tenant_id, by, "webhook.rotated", known, details)
    return rotated, _shown(parts, rotated)
