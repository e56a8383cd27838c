"""What a backup holds, into an installation that has no tenants yet: all of it, or nothing.

The file is read twice: once to see that it is whole, and once into the tables, as they were at the
backup's revision, in one transaction. Migrations bring them to this version's afterwards.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from zipfile import ZipFile

import psycopg
from psycopg import sql

from app.errors import Conflict, Unavailable
from app.store import archive, migrations, partitions
from app.store.archive import BadBackup, Manifest, Part, Progress
from app.store.backup import CONNECT_TIMEOUT_S, REVISION, SESSION_OPTIONS, tables
from app.store.database import INSTALLATION

FOREIGN_KEYS = (
    "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint "
    "WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
)
# Every server, worker or upkeep holds one of these.
AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = 'tocsin_server'"
)
OTHERS = "SELECT EXISTS (SELECT FROM {} WHERE {} <> {})"
# A window in Redis counts by its revision. One from after the backup must never have the number
# that this life of the series comes to: numbers go on from the time of the restore.
NEW_REVISIONS = "UPDATE series SET revision = greatest(revision + 1, %s)"
REVISIONS_PER_S = 1 << 20


@contextmanager
def _connected(owner_url: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(
            owner_url, connect_timeout=CONNECT_TIMEOUT_S, options=SESSION_OPTIONS
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise Unavailable(f"The backup could not be restored: {error}") from None


def refuse_unknown(manifest: Manifest) -> None:
    if manifest.revision not in migrations.revisions():
        raise BadBackup(
            f"The backup was taken by Tocsin {manifest.tocsin} (revision {manifest.revision}), "
            "which is newer than this one: update first."
        )


def refuse_used(owner_url: str) -> None:
    """Raises Conflict where there are rows of tenants, or somebody is at work."""
    with _connected(owner_url) as connection:
        at_work = connection.execute(AT_WORK).fetchone()
        if at_work and at_work[0]:
            raise Conflict(
                "A server or a worker is connected to this database: stop them all, restore, and "
                "start them again."
            )
        with _walls_lifted(connection, list(tables(connection))):
            _refuse_rows(connection)


def prepare(owner_url: str, server_url: str | None, manifest: Manifest) -> None:
    """Bring the empty tables to the backup's revision, backwards too: rows are migrated later."""
    with _connected(owner_url) as connection:
        has_been = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        now = has_been and has_been[0] and connection.execute(REVISION).fetchone()
    if now and now[0] not in migrations.revisions():
        raise Conflict(f"The database is at revision {now[0]}, which is newer than this program's.")
    if now and now[0] != manifest.revision:
        migrations.downgrade(owner_url, "base")
    migrations.upgrade(owner_url, server_url, manifest.revision)


def load(owner_url: str, zipped: ZipFile, manifest: Manifest, progress: Progress) -> None:
    """All rows in one transaction, which nobody sees before it is over."""
    with _connected(owner_url) as connection:
        there = tables(connection)
        _refuse_other_tables(there, manifest)
        with _walls_lifted(connection, list(there)):
            _refuse_rows(connection)
            _clear(connection, _in_order(connection, there))
            _add_years(connection, manifest.years)
            parts = {part.table: part for part in manifest.parts}
            for table in _in_order(connection, there):
                _copy(connection, zipped, parts[table], progress)
            connection.execute(NEW_REVISIONS, [int(time.time()) * REVISIONS_PER_S])


@contextmanager
def _walls_lifted(connection: psycopg.Connection, names: list[str]) -> Iterator[None]:
    """The owner passes row-level security for as long as this transaction holds all tables."""
    for name in names:
        lift = sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY")
        connection.execute(lift.format(sql.Identifier(name)))
    yield
    for name in names:
        force = sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY")
        connection.execute(force.format(sql.Identifier(name)))


def _refuse_rows(connection: psycopg.Connection) -> None:
    """Rows of the installation itself, such as operator keys, make way for those of the backup."""
    for table, columns in tables(connection).items():
        owner = "tenant_id" if "tenant_id" in columns else "id"
        question = sql.SQL(OTHERS).format(
            sql.Identifier(table), sql.Identifier(owner), sql.Literal(INSTALLATION)
        )
        row = connection.execute(question).fetchone()
        if row and row[0]:
            raise Conflict(
                f"This installation has rows in {table} already: a backup is restored into a new "
                "one only. Give it an empty database or data folder."
            )


def _refuse_other_tables(there: dict[str, list[str]], manifest: Manifest) -> None:
    named = {part.table: sorted(part.columns) for part in manifest.parts}
    if named != {table: sorted(columns) for table, columns in there.items()}:
        raise BadBackup(
            f"The backup's tables are not those of revision {manifest.revision}, which it names."
        )


def _in_order(connection: psycopg.Connection, names: dict[str, list[str]]) -> list[str]:
    """Every table after those that it refers to."""
    before: dict[str, set[str]] = {name: set() for name in names}
    for table, referred in connection.execute(FOREIGN_KEYS).fetchall():
        before[table].add(referred)
    return list(TopologicalSorter(before).static_order())


def _clear(connection: psycopg.Connection, names: list[str]) -> None:
    for name in reversed(names):
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))


def _add_years(connection: psycopg.Connection, years: list[int]) -> None:
    for table in partitions.TABLES:
        for year in years:
            partitions.add_year(connection, table, year)


def _copy(connection: psycopg.Connection, zipped: ZipFile, part: Part, progress: Progress) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(part.table), sql.SQL(", ").join(map(sql.Identifier, part.columns))
    )
    done = 0
    with connection.cursor() as cursor:
        try:
            with cursor.copy(statement) as copy:
                for block in archive.blocks(zipped, part):
                    copy.write(block)
                    done += len(block)
                    progress(part.table, done)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise BadBackup(f"The backup's {part.name} cannot be read: {error}") from None
        if cursor.rowcount != part.rows:
            raise BadBackup(
                f"The backup's {part.name} has {cursor.rowcount} rows, not {part.rows}."
            )
