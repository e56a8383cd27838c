"""A whole installation into one file, as it was at one moment, while it goes on.

One transaction sees all tables as they are when it begins (REPEATABLE READ), so a score is never
without its point. The owner reads across tenants because it says so (`app.owner_reads`, migration
0007); a superuser may do it as well. Rows are streamed, whatever their number.
"""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import psycopg
from psycopg import sql

from app.errors import Misconfigured, Unavailable
from app.signing import Secret
from app.store import archive
from app.store.archive import Manifest, Part, Progress

CONNECT_TIMEOUT_S = 3
# What is written must not depend on the server's settings.
SESSION_OPTIONS = (
    "-c timezone=UTC -c datestyle=ISO -c extra_float_digits=1 -c bytea_output=hex "
    "-c client_encoding=UTF8 -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
)
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
READ_ALL = "SELECT set_config('app.owner_reads', 'on', true)"
POWER = (
    "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_policies "
    "WHERE tablename = 'tenants' AND policyname = 'owner_reads' AND current_user = ANY (roles)) "
    "FROM pg_roles WHERE rolname = current_user"
)
TABLES = (
    "SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "AND a.attgenerated = '' WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
    "AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version' "
    "GROUP BY c.relname ORDER BY c.relname"
)
YEARS = (
    "SELECT DISTINCT substring(relname FROM '[0-9]{4}$')::int FROM pg_class "
    "WHERE relispartition AND relkind = 'r' AND relname ~ '^(points|scores)_[0-9]{4}$' ORDER BY 1"
)
REVISION = "SELECT version_num FROM alembic_version"


def take(owner_url: str, path: Path, secret: Secret, progress: Progress) -> Manifest:
    """Write the file; it is there only when it is whole. Raises Unavailable, Misconfigured."""
    try:
        with (
            archive.made(path) as zipped,
            psycopg.connect(
                owner_url, connect_timeout=CONNECT_TIMEOUT_S, options=SESSION_OPTIONS
            ) as connection,
        ):
            _refuse_blind(connection)
            there = tables(connection)
            connection.rollback()
            return _written(connection, zipped, secret, progress, there)
    except psycopg.OperationalError as error:
        raise Unavailable(f"The backup could not be taken: {error}") from None


def _written(
    connection: psycopg.Connection,
    zipped: ZipFile,
    secret: Secret,
    progress: Progress,
    there: dict[str, list[str]],
) -> Manifest:
    connection.execute(SNAPSHOT)
    _hold(connection, list(there))
    connection.execute(READ_ALL)
    written = Manifest(
        format=archive.FORMAT,
        tocsin=version("tocsin"),
        revision=_one(connection, REVISION),
        taken_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        postgres=_one(connection, "SHOW server_version"),
        secrets=secret.fingerprints(),
        years=[row[0] for row in connection.execute(YEARS)],
        parts=[
            _part(connection, zipped, table, columns, progress) for table, columns in there.items()
        ],
    )
    archive.add_manifest(zipped, written, secret)
    return written


def _refuse_blind(connection: psycopg.Connection) -> None:
    """A role that the walls hold would write a backup of nothing, and call it done."""
    if not _one(connection, "SELECT to_regclass('alembic_version') IS NOT NULL"):
        raise Misconfigured("There is nothing to back up: the database was never migrated.")
    if not _one(connection, POWER):
        raise Misconfigured(
            "TOCSIN_OWNER_DATABASE_URL: its role sees no rows here. Run `tocsin migrate`, and use "
            "the role that owns the tables."
        )


def _hold(connection: psycopg.Connection, names: list[str]) -> None:
    """Before the moment is chosen: a table that is emptied or changed would not be as it was."""
    named = sql.SQL(", ").join(map(sql.Identifier, names))
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(named))


def tables(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Every table that has rows of ours, with its columns: partitions count as their parent."""
    return {table: list(columns) for table, columns in connection.execute(TABLES).fetchall()}


def _part(
    connection: psycopg.Connection,
    zipped: ZipFile,
    table: str,
    columns: list[str],
    progress: Progress,
) -> Part:
    statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(
        sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
    )
    with connection.cursor() as cursor:
        with cursor.copy(statement) as rows:
            size_bytes, digest = archive.add_part(zipped, table, rows, progress)
        return Part(table, columns, cursor.rowcount, size_bytes, digest)


def _one(connection: psycopg.Connection, statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else ""
