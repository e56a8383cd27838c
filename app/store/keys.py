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
from app.store.database import Database
from app.store.together import BEGIN, COMMIT, Statement, run_on

KEYS = tables.api_keys
SHOWN = [column for column in KEYS.c if column.name not in ("secret_hash", "previous_hash")]

# One row by the policy on app.key_id, then the tenant whose it is; times by the database's clock.
ANSWER_S = 5.0

KEY = Statement("key", "SELECT set_config('app.key_id', $1, true)")
RECOGNISE = Statement(
    "recognise",
    "SELECT tenant_id, scopes, secret_hash, previous_hash, "
    "coalesce(previous_until > now(), false), revoked_at IS NOT NULL, "
    "coalesce(expires_at <= now(), false), "
    "last_used_at IS NULL OR last_used_at < now() - interval '1 minute', "
    "extract(epoch FROM least(expires_at, CASE WHEN previous_until > now() THEN previous_until END)"
    " - now())::float8 "
    "FROM api_keys WHERE id = $1",
)
OWNER = Statement(
    "owner", "SELECT set_config('app.tenant_id', tenant_id::text, true) FROM api_keys WHERE id = $1"
)
OWN_TENANT = Statement(
    "own_tenant",
    "SELECT status, limits FROM tenants WHERE id = "
    "nullif(current_setting('app.tenant_id', true), '')::uuid",
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


@dataclass(frozen=True)
class PresentedKey:
    """The stored state of a key that somebody shows, and of the tenant whose it is.

    holds_s: after so many seconds it, or its secret before, will have expired.
    """

    tenant_id: UUID
    scopes: list[str]
    secret_hash: bytes
    previous_hash: bytes | None
    is_previous_valid: bool
    is_revoked: bool
    is_expired: bool
    is_use_stale: bool
    holds_s: float | None
    tenant_status: str
    tenant_limits: dict[str, float]


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


def presented(database: Database, key_id: str) -> PresentedKey | None:
    """Whose key it is, whether it is valid, and the hashes to compare; one round trip."""
    given = (key_id.encode(),)
    asked = (
        (BEGIN, ()),
        (KEY, given),
        (RECOGNISE, given),
        (OWNER, given),
        (OWN_TENANT, ()),
        (COMMIT, ()),
    )
    with database.lent() as lent:
        _, _, keys, _, tenants, _ = run_on(lent, asked, ANSWER_S)
    return PresentedKey(*keys[0], *tenants[0]) if keys and tenants else None


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
