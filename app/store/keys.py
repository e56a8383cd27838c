"""API keys: the public id and a hash. The secret itself is nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, update

from app.apikeys import ApiKey
from app.errors import Conflict, NotFound
from app.signing import Secret
from app.store import tables

KEYS = tables.api_keys
SHOWN = [column for column in KEYS.c if column.name not in ("secret_hash", "previous_hash")]

# One row by the policy on app.key_id, with the state of its tenant; times by the database's clock.
RECOGNISE = text(
    "SELECT tenant_id, id, scopes, secret_hash, previous_hash, "
    "coalesce(previous_until > now(), false) AS is_previous_valid, "
    "revoked_at IS NOT NULL AS is_revoked, "
    "coalesce(expires_at <= now(), false) AS is_expired, "
    "(last_used_at IS NULL OR last_used_at < now() - interval '1 minute') AS is_use_stale "
    "FROM api_keys WHERE id = :id"
)
# What was the hash until now becomes the one before; the one before that is gone.
ROTATE = text(
    "UPDATE api_keys SET secret_hash = :secret_hash, previous_hash = secret_hash, "
    "previous_until = now() + make_interval(secs => :grace_s) "
    "WHERE tenant_id = :tenant_id AND id = :id "
    "AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
)


@dataclass(frozen=True)
class StoredKey:
    tenant_id: UUID
    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    previous_until: datetime | None


def add(
    connection: Connection,
    tenant_id: UUID,
    key: ApiKey,
    secret: Secret,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None = None,
) -> StoredKey:
    statement = (
        insert(KEYS)
        .values(
            tenant_id=tenant_id,
            id=key.id,
            name=name,
            scopes=list(scopes),
            secret_hash=key.hashed(secret),
            expires_at=expires_at,
        )
        .returning(*SHOWN)
    )
    return _key(connection.execute(statement).one())


def recognise(connection: Connection, key_id: str) -> Row[Any] | None:
    """Inside `Database.key`: whose key it is, whether it is valid, and the hash to compare."""
    return connection.execute(RECOGNISE, {"id": key_id}).one_or_none()


def by_id(connection: Connection, tenant_id: UUID, key_id: str) -> StoredKey:
    statement = select(*SHOWN).where(KEYS.c.tenant_id == tenant_id, KEYS.c.id == key_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no key {key_id}")
    return _key(row)


def page(connection: Connection, tenant_id: UUID, after: str | None, limit: int) -> list[StoredKey]:
    statement = select(*SHOWN).where(KEYS.c.tenant_id == tenant_id).order_by(KEYS.c.id).limit(limit)
    if after is not None:
        statement = statement.where(KEYS.c.id > after)
    return [_key(row) for row in connection.execute(statement)]


def rotate(
    connection: Connection, tenant_id: UUID, key: ApiKey, secret: Secret, grace_s: int
) -> StoredKey:
    """From now on the key with this id is `key`; the one before opens for the grace."""
    values = {"secret_hash": key.hashed(secret), "grace_s": grace_s}
    identity = {"tenant_id": tenant_id, "id": key.id}
    is_rotated = connection.execute(ROTATE, identity | values).rowcount == 1
    found = by_id(connection, tenant_id, key.id)
    if not is_rotated:
        state = "has expired" if found.revoked_at is None else "is revoked"
        raise Conflict(f"The key {key.id} {state}: it opens nothing any more. Make another key")
    return found


def revoke(connection: Connection, tenant_id: UUID, key_id: str) -> bool:
    """Whether it was not revoked before."""
    by_id(connection, tenant_id, key_id)
    revoked = connection.execute(
        update(KEYS)
        .where(KEYS.c.tenant_id == tenant_id, KEYS.c.id == key_id, KEYS.c.revoked_at.is_(None))
        .values(revoked_at=text("now()"))
    )
    return revoked.rowcount == 1


def note_use(connection: Connection, tenant_id: UUID, key_id: str) -> None:
    connection.execute(
        update(KEYS)
        .where(KEYS.c.tenant_id == tenant_id, KEYS.c.id == key_id)
        .values(last_used_at=text("now()"))
    )


def _key(row: Row[Any]) -> StoredKey:
    return StoredKey(**row._mapping)
