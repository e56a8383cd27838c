"""Sessions of the console: over after 12 hours of quiet, or 7 days. Times are the database's.

The cookie's text is nowhere, only its hash.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, text

from app.store import tables
from app.store.ids import new_id

SESSIONS = tables.sessions

FIND = text(
    "SELECT tenant_id, id, key_id, key_hash, token_hash, "
    "CASE WHEN previous_until > now() THEN previous_hash END AS previous_hash, "
    "renewed_at < now() - interval '1 hour' AS is_renewal_due, "
    "used_at < now() - interval '1 minute' AS is_use_stale, "
    "least(used_at + interval '12 hours', created_at + interval '7 days') AS ends_at "
    "FROM sessions WHERE id = :id AND used_at >= now() - interval '12 hours' "
    "AND created_at >= now() - interval '7 days'"
)
NAME = text("SELECT set_config('app.session_id', :id, true)")
NOTE_USE = text("UPDATE sessions SET used_at = now() WHERE tenant_id = :tenant_id AND id = :id")
# Requests that are under way still bring the text before.
RENEW = text(
    "UPDATE sessions SET token_hash = :token_hash, previous_hash = token_hash, "
    "previous_until = now() + interval '1 minute', renewed_at = now() "
    "WHERE tenant_id = :tenant_id AND id = :id AND renewed_at < now() - interval '1 hour'"
)
OVER = text(
    "SELECT DISTINCT tenant_id FROM sessions WHERE used_at < now() - interval '12 hours' "
    "OR created_at < now() - interval '7 days'"
)
FORGET = text(
    "DELETE FROM sessions WHERE tenant_id = :tenant_id AND (used_at < now() - interval '12 hours' "
    "OR created_at < now() - interval '7 days')"
)


@dataclass(frozen=True)
class Session:
    """One that is not over, and the hashes that its cookie and its key are compared with."""

    tenant_id: UUID
    id: UUID
    key_id: str
    key_hash: bytes
    token_hash: bytes
    previous_hash: bytes | None
    is_renewal_due: bool
    is_use_stale: bool
    ends_at: datetime


def add(
    connection: Connection, tenant_id: UUID, key_id: str, key_hash: bytes, token_hash: bytes
) -> UUID:
    session_id = new_id()
    connection.execute(
        insert(SESSIONS).values(
            tenant_id=tenant_id,
            id=session_id,
            key_id=key_id,
            key_hash=key_hash,
            token_hash=token_hash,
        )
    )
    return session_id


def presented(connection: Connection, session_id: UUID) -> Session | None:
    """Inside `Database.plain`: whosever it is."""
    connection.execute(NAME, {"id": str(session_id)})
    row = connection.execute(FIND, {"id": session_id}).one_or_none()
    return None if row is None else Session(**row._mapping)


def note_use(connection: Connection, session: Session) -> None:
    connection.execute(NOTE_USE, {"tenant_id": session.tenant_id, "id": session.id})


def renew(connection: Connection, session: Session, token_hash: bytes) -> bool:
    """Whether it was due, and nobody else did it meanwhile."""
    given = {"tenant_id": session.tenant_id, "id": session.id, "token_hash": token_hash}
    return connection.execute(RENEW, given).rowcount == 1


def remove(connection: Connection, session: Session) -> None:
    mine = (SESSIONS.c.tenant_id == session.tenant_id, SESSIONS.c.id == session.id)
    connection.execute(delete(SESSIONS).where(*mine))


def tenants_with_old(connection: Connection) -> list[UUID]:
    """Inside `Database.job_scan`."""
    return list(connection.scalars(OVER))


def forget_old(connection: Connection, tenant_id: UUID) -> int:
    """-> how many were deleted."""
    return connection.execute(FORGET, {"tenant_id": tenant_id}).rowcount
