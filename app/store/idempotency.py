"""Idempotency keys: a claim while the request is under way, its answer for a day afterwards.

A claim has an id of its own, so that a request whose lease ran out cannot write over the one that
took the key over (fencing). Times are the database's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, Row, text

from app.store.ids import new_id

# A key that is taken keeps its row locked to the end of the transaction, whatever the WHERE says,
# so that it is still there to be looked at.
CLAIM = text(
    "INSERT INTO idempotency_keys AS of (tenant_id, key_hash, fingerprint, claim_id, lease_until) "
    "VALUES (:tenant_id, :key_hash, :fingerprint, :id, now() + make_interval(secs => :lease_s)) "
    "ON CONFLICT (tenant_id, key_hash) DO UPDATE SET fingerprint = excluded.fingerprint, "
    "claim_id = excluded.claim_id, lease_until = excluded.lease_until, created_at = now(), "
    "status = NULL, media_type = NULL, headers = NULL, body = NULL, shown_key = NULL "
    "WHERE of.created_at < now() - interval '24 hours' OR (of.status IS NULL "
    "AND of.lease_until < now() AND of.fingerprint = excluded.fingerprint) RETURNING claim_id"
)
FIND = text(
    "SELECT fingerprint, status, media_type, headers, body, shown_key FROM idempotency_keys "
    "WHERE tenant_id = :tenant_id AND key_hash = :key_hash"
)
KEEP = text(
    "UPDATE idempotency_keys SET status = :status, media_type = :media_type, headers = :headers, "
    "body = :body, shown_key = :shown_key "
    "WHERE tenant_id = :tenant_id AND key_hash = :key_hash AND claim_id = :id AND status IS NULL"
)
RELEASE = text(
    "DELETE FROM idempotency_keys "
    "WHERE tenant_id = :tenant_id AND key_hash = :key_hash AND claim_id = :id AND status IS NULL"
)
COUNT = text(
    "SELECT count(*) FROM (SELECT FROM idempotency_keys WHERE tenant_id = :tenant_id LIMIT :most) "
    "AS known"
)
OLD = text(
    "SELECT DISTINCT tenant_id FROM idempotency_keys WHERE created_at < now() - interval '24 hours'"
)
FORGET = text(
    "DELETE FROM idempotency_keys "
    "WHERE tenant_id = :tenant_id AND created_at < now() - interval '24 hours'"
)


@dataclass(frozen=True)
class Claim:
    tenant_id: UUID
    key_hash: bytes
    id: UUID


@dataclass(frozen=True)
class Kept:
    """An answer. One that showed the secret of a key or a webhook is kept as the id of that."""

    status: int
    media_type: str
    headers: Mapping[str, str]
    body: bytes
    shown_key: str | None = None


def claim(
    connection: Connection, tenant_id: UUID, key_hash: bytes, fingerprint: bytes, lease_s: float
) -> Claim | None:
    """None where the key is taken; one whose request died, or that is a day old, is free."""
    mine = Claim(tenant_id, key_hash, new_id())
    given = {**asdict(mine), "fingerprint": fingerprint, "lease_s": lease_s}
    return mine if connection.execute(CLAIM, given).one_or_none() else None


def find(
    connection: Connection, tenant_id: UUID, key_hash: bytes
) -> tuple[bytes, Kept | None] | None:
    """-> the fingerprint of the request that has the key, and its answer once it has one."""
    asked = {"tenant_id": tenant_id, "key_hash": key_hash}
    row = connection.execute(FIND, asked).one_or_none()
    return None if row is None else (row.fingerprint, _kept(row))


def keep(connection: Connection, mine: Claim, kept: Kept) -> bool:
    """Whether the claim was still ours."""
    given = {**asdict(mine), **asdict(kept), "headers": Jsonb(dict(kept.headers))}
    return connection.execute(KEEP, given).rowcount == 1


def release(connection: Connection, mine: Claim) -> None:
    """As if the request had never come."""
    connection.execute(RELEASE, asdict(mine))


def count(connection: Connection, tenant_id: UUID, most: int) -> int:
    """How many keys a tenant has, counted no further than that."""
    return int(connection.scalar(COUNT, {"tenant_id": tenant_id, "most": most}) or 0)


def tenants_with_old(connection: Connection) -> list[UUID]:
    """Inside `Database.job_scan`."""
    return list(connection.scalars(OLD))


def forget_old(connection: Connection, tenant_id: UUID) -> int:
    """-> how many were deleted."""
    return connection.execute(FORGET, {"tenant_id": tenant_id}).rowcount


def _kept(row: Row[Any]) -> Kept | None:
    if row.status is None:
        return None
    return Kept(row.status, row.media_type, row.headers, row.body, row.shown_key)
