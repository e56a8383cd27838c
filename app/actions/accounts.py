"""Tenants and their keys."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app import apikeys
from app.actions.parts import Parts
from app.apikeys import ApiKey
from app.errors import Conflict, FieldError, Invalid
from app.store import Connection, audit, jobs, keys, tenants, usage
from app.store.audit import SERVICE, Actor
from app.store.database import INSTALLATION, become_operator, become_server, become_tenant
from app.store.jobs import Job
from app.store.keys import StoredKey
from app.store.tenants import Tenant
from app.store.usage import Use

SCOPES = ("read", "write", "admin")


def add_tenant(
    parts: Parts, slug: str, name: str, limits: Mapping[str, float], *, by: Actor = SERVICE
) -> tuple[Tenant, StoredKey, ApiKey]:
    """A tenant and its first key, which may do everything within it."""
    with parts.database.plain() as connection:
        return begin_tenant(parts, connection, slug, name, limits, by)


def begin_tenant(
    parts: Parts,
    connection: Connection,
    slug: str,
    name: str,
    limits: Mapping[str, float],
    by: Actor,
) -> tuple[Tenant, StoredKey, ApiKey]:
    """The same in a transaction that goes on, as the new tenant."""
    become_operator(connection)
    tenant = tenants.add(connection, slug, name, limits)
    become_server(connection)
    become_tenant(connection, tenant.id)
    audit.add(connection, tenant.id, by, "tenant.created", tenant.id)
    key = apikeys.mint()
    stored = _add_key(parts, connection, tenant.id, key, by, "first key", ["admin"])
    return tenant, stored, key


def tenants_page(
    parts: Parts, after: str | None, limit: int, prefix: str | None = None
) -> list[tuple[Tenant, Use]]:
    with parts.database.operator() as connection:
        found = tenants.page(connection, after, limit, prefix)
        use = usage.of_tenants(connection, [one.id for one in found])
        return [(one, use[one.id]) for one in found]


def tenant_in_use(parts: Parts, slug: str) -> tuple[Tenant, Use]:
    with parts.database.operator() as connection:
        found = tenants.by_slug(connection, slug)
        return found, usage.of_tenant(connection, found.id)


def tenant_by_slug(parts: Parts, slug: str) -> Tenant:
    with parts.database.operator() as connection:
        return tenants.by_slug(connection, slug)


def tenant_by_id(parts: Parts, tenant_id: UUID) -> Tenant:
    with parts.database.tenant(tenant_id) as connection:
        return tenants.by_id(connection, tenant_id)


def change_tenant(
    parts: Parts, slug: str, changes: Mapping[str, Any], *, by: Actor = SERVICE
) -> Tenant:
    """Limits are merged: None is what the installation sets, of one limit or of all of them."""
    with parts.database.operator() as connection:
        before = tenants.by_slug(connection, slug, is_locked=True)
        if before.status == "erasing":
            raise Conflict(f"The tenant {slug} is being erased")
        if "limits" in changes:
            limits = _merged(before.limits, changes["limits"])
            changes = {k: v for k, v in changes.items() if k != "limits"}
            changes |= {} if limits == before.limits else {"limits": limits}
        tenant = tenants.change(connection, slug, changes)
        if changes:
            status = {"status": changes["status"]} if "status" in changes else {}
            become_server(connection)
            become_tenant(connection, tenant.id)
            details = {"changed": sorted(changes), **status}
            audit.add(connection, tenant.id, by, "tenant.changed", tenant.id, details)
    parts.rates.renew(str(tenant.id))
    return tenant


def _merged(own: Mapping[str, float], given: Mapping[str, float | None] | None) -> dict[str, float]:
    if given is None:
        return {}
    return {name: limit for name, limit in {**own, **given}.items() if limit is not None}


def erase_tenant(parts: Parts, slug: str, *, by: Actor = SERVICE) -> Job:
    """Shut at once; a job erases its rows, which may take a while. Asked again, it is one act."""
    with parts.database.operator() as connection:
        tenant = tenants.by_slug(connection, slug, is_locked=True)
        if tenant.status != "erasing":
            tenants.change(connection, slug, {"status": "erasing"})
            become_server(connection)
            become_tenant(connection, tenant.id)
            audit.add(connection, tenant.id, by, "tenant.erased", tenant.id)
        become_server(connection)
        become_tenant(connection, INSTALLATION)
        job = jobs.erasing(connection, tenant.id) or jobs.add(
            connection, INSTALLATION, "erase_tenant", slug, {"tenant_id": str(tenant.id)}
        )
    parts.rates.renew(str(tenant.id))
    parts.queue.wake("erase_tenant", INSTALLATION, job.id)
    return job


def add_key(
    parts: Parts,
    tenant_id: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
    *,
    by: Actor = SERVICE,
) -> tuple[StoredKey, ApiKey]:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        wrong = FieldError("expires_at", "must be later than now")
        raise Invalid("The key would have expired already", [wrong])
    key = apikeys.mint(is_operator=tenant_id == INSTALLATION)
    with parts.database.tenant(tenant_id) as connection:
        stored = _add_key(parts, connection, tenant_id, key, by, name, scopes, expires_at)
    return stored, key


def _add_key(
    parts: Parts,
    connection: Connection,
    tenant_id: UUID,
    key: ApiKey,
    by: Actor,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> StoredKey:
    expiry: dict[str, Any] = {} if expires_at is None else {"expires_at": expires_at}
    details = {"scopes": list(scopes), **expiry}
    audit.add(connection, tenant_id, by, "key.created", key.id, details)
    return keys.add(connection, tenant_id, key, parts.secret, name, scopes, expires_at)


def key_by_id(parts: Parts, tenant_id: UUID, key_id: str) -> StoredKey:
    with parts.database.tenant(tenant_id) as connection:
        return keys.by_id(connection, tenant_id, key_id)


def keys_page(parts: Parts, tenant_id: UUID, after: str | None, limit: int) -> list[StoredKey]:
    with parts.database.tenant(tenant_id) as connection:
        return keys.page(connection, tenant_id, after, limit)


def rotate_key(
    parts: Parts, tenant_id: UUID, key_id: str, grace_s: int = 0, *, by: Actor = SERVICE
) -> tuple[StoredKey, ApiKey]:
    """A new secret under the same id; the one before opens for the grace, and then never."""
    key = apikeys.mint(tenant_id == INSTALLATION, key_id)
    with parts.database.tenant(tenant_id) as connection:
        stored = keys.rotate(connection, tenant_id, key, parts.secret, grace_s)
        details = {"grace_seconds": grace_s}
        audit.add(connection, tenant_id, by, "key.rotated", key_id, details)
    parts.rates.renew(str(tenant_id))
    return stored, key


def revoke_key(parts: Parts, tenant_id: UUID, key_id: str, *, by: Actor = SERVICE) -> None:
    """From now on neither of its secrets opens anything."""
    with parts.database.tenant(tenant_id) as connection:
        if keys.revoke(connection, tenant_id, key_id):
            audit.add(connection, tenant_id, by, "key.revoked", key_id)
    parts.rates.renew(str(tenant_id))
