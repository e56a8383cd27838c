"""What is to be known of a database before it is relied on; `inspect` asks as any role, unlike
`Database`.
"""

from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, text

from app.errors import Unavailable

CONNECT_TIMEOUT_S = 3
FACTS = (
    "SELECT current_setting('server_version_num')::int, current_user, rolsuper OR rolbypassrls, "
    "to_regclass('alembic_version') IS NOT NULL FROM pg_roles WHERE rolname = current_user"
)


@dataclass(frozen=True)
class DatabaseFacts:
    """`version` is major and minor; `revision` None where it was never migrated."""

    version: tuple[int, int]
    role: str
    is_powerful: bool
    revision: str | None


def inspect(url: str) -> DatabaseFacts:
    """Raises Unavailable, with the server's words, where it does not let this role in."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            version, role, is_powerful, is_migrated = connection.execute(FACTS).fetchall()[0]
            revision = _revision(connection) if is_migrated else None
    except psycopg.Error as error:
        raise Unavailable(f"The database does not answer: {error}") from None
    return DatabaseFacts(divmod(version, 10_000), role, is_powerful, revision)


def is_read_only(connection: Connection) -> bool:
    """Whether the server refuses what this transaction would write."""
    return bool(connection.scalar(text("SELECT current_setting('transaction_read_only')::boolean")))


def _revision(connection: psycopg.Connection) -> str | None:
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None
