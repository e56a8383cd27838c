"""Tenants and their keys."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app import apikeys
from app.actions.parts import Parts
from app.apikeys import ApiKey
from app.errors import Conflict, FieldError, Invalid, TenantSuspended
from app.store import jobs, keys, tenants
from app.store.database import INSTALLATION, become_operator, become_server, become_tenant
from app.store.jobs import Job
from app.store.keys import StoredKey
from app.store.tenants import Tenant

SCOPES = ("read", "write", "admin")


@dataclass(frozen=True)
class Caller:
    """Who asks: recognised by a key, and what that key may do."""

    tenant_id: UUID
    key_id: str
    scopes: frozenset[str]
    is_operator: bool

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


def recognise(parts: Parts, key: ApiKey) -> Caller | None:
    """The owner of a key; None where no such key is valid."""
    with parts.database.key(key.id) as connection:
        row = keys.recognise(connection, key.id)
        if row is None or not row.is_valid or not key.matches(row.secret_hash, parts.secret):
            return None
        is_operator = row.tenant_id == INSTALLATION
        if is_operator != key.is_operator:
            return None
        become_tenant(connection, row.tenant_id)
        status = tenants.by_id(connection, row.tenant_id).status
        if status == "erasing":
            return None
        if row.is_use_stale:
            keys.note_use(connection, row.tenant_id, key.id)
    if status == "suspended":
        raise TenantSuspended("The operator has suspended this tenant; its data are kept")
    return Caller(row.tenant_id, key.id, frozenset(row.scopes), is_operator)


def add_tenant(
    parts: Parts, slug: str, name: str, limits: Mapping[str, float]
) -> tuple[Tenant, StoredKey, ApiKey]:
    """A tenant and its first key, which may do everything within it."""
    with parts.database.plain() as connection:
        become_operator(connection)
        tenant = tenants.add(connection, slug, name, limits)
        become_server(connection)
        become_tenant(connection, tenant.id)
        key = apikeys.mint()
        stored = keys.add(connection, tenant.id, key, parts.secret, "first key", ["admin"])
    return tenant, stored, key


def tenants_page(parts: Parts, after: str | None, limit: int) -> list[Tenant]:
    with parts.database.operator() as connection:
        return tenants.page(connection, after, limit)


def tenant_by_slug(parts: Parts, slug: str) -> Tenant:
    with parts.database.operator() as connection:
        return tenants.by_slug(connection, slug)


def tenant_by_id(parts: Parts, tenant_id: UUID) -> Tenant:
    with parts.database.tenant(tenant_id) as connection:
        return tenants.by_id(connection, tenant_id)


def change_tenant(parts: Parts, slug: str, changes: Mapping[str, Any]) -> Tenant:
    with parts.database.operator() as connection:
        if tenants.by_slug(connection, slug).status == "erasing":
            raise Conflict(f"The tenant {slug} is being erased")
        return tenants.change(connection, slug, changes)


def erase_tenant(parts: Parts, slug: str) -> Job:
    """Shut at once; a job erases its rows, which may take a while."""
    with parts.database.plain() as connection:
        become_operator(connection)
        tenant = tenants.change(connection, slug, {"status": "erasing"})
        become_server(connection)
        become_tenant(connection, INSTALLATION)
        job = jobs.add(
            connection, INSTALLATION, "erase_tenant", slug, {"tenant_id": str(tenant.id)}
        )
    parts.queue.wake("erase_tenant", INSTALLATION, job.id)
    return job


def add_key(
    parts: Parts,
    tenant_id: UUID,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> tuple[StoredKey, ApiKey]:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        wrong = FieldError("expires_at", "must be later than now")
        raise Invalid("The key would have expired already", [wrong])
    key = apikeys.mint(is_operator=tenant_id == INSTALLATION)
    with parts.database.tenant(tenant_id) as connection:
        stored = keys.add(connection, tenant_id, key, parts.secret, name, scopes, expires_at)
    return stored, key


def key_by_id(parts: Parts, tenant_id: UUID, key_id: str) -> StoredKey:
    with parts.database.tenant(tenant_id) as connection:
        return keys.by_id(connection, tenant_id, key_id)


def keys_page(parts: Parts, tenant_id: UUID, after: str | None, limit: int) -> list[StoredKey]:
    with parts.database.tenant(tenant_id) as connection:
        return keys.page(connection, tenant_id, after, limit)


def revoke_key(parts: Parts, tenant_id: UUID, key_id: str) -> None:
    with parts.database.tenant(tenant_id) as connection:
        keys.revoke(connection, tenant_id, key_id)
