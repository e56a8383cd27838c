"""Bring the database to this version's schema, and say whether it is there."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

import migrations
from app.errors import Misconfigured, Unavailable

SERVER_ROLE = "tocsin_server"
READING_ROLES = ("tocsin_operator", "tocsin_jobs")  # what the server may become for a transaction
ROLE_LOCK = 0x70C52
TRIES, PAUSE_S = 40, 1.0  # about a minute; what was done before is kept


class Blocked(Unavailable):
    """Somebody uses a table for longer than requests may be kept waiting."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def revisions() -> list[str]:
    """Those that this version's migrations lead through, the first one first."""
    scripts = ScriptDirectory.from_config(_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def upgrade(
    owner_url: str,
    server_url: str | None,
    revision: str = "head",
    tell: Callable[[str], None] = lambda _line: None,
) -> None:
    """Make the roles that are missing, then run the migrations. Safe to repeat, and at once.

    `tell` gets lines for people, while a table is in use and requests go before.
    """
    ensure_roles(owner_url, server_url)
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            _run(owner_url, lambda config: command.upgrade(config, revision))
        except Blocked as error:
            if not tries_left:
                raise
            tell(f"A table is in use, trying again ({tries_left} tries left): {error.detail}")
            time.sleep(PAUSE_S)
        else:
            return


def downgrade(owner_url: str, revision: str) -> None:
    _run(owner_url, lambda config: command.downgrade(config, revision))


def _run(owner_url: str, step: Callable[[Config], None]) -> None:
    engine = create_engine(
        f"postgresql+psycopg://{owner_url.split('://', 1)[1]}", poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            step(_config(connection))
    except OperationalError as error:
        if isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise Blocked(f"The migration did not get its lock in time: {error.orig}") from None
        raise Unavailable(f"The migration could not be run now: {error.orig}") from None
    finally:
        engine.dispose()


def current_revision(connection: Connection) -> str | None:
    """The revision of the database, or None where it was never migrated."""
    exists = connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    return connection.scalar(text("SELECT version_num FROM alembic_version")) if exists else None


def ensure_roles(owner_url: str, server_url: str | None) -> None:
    """The roles belong to the cluster: made where missing, so that a DBA may make them instead."""
    try:
        with psycopg.connect(owner_url) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [ROLE_LOCK])
            _refuse_superuser(connection)
            _make_roles(connection, server_url)
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        # The lock is the database's, the roles are the cluster's: another database made them now.
        ensure_roles(owner_url, server_url)
    except psycopg.errors.InsufficientPrivilege as error:
        raise Misconfigured(
            f"TOCSIN_OWNER_DATABASE_URL: its role may not make the roles {SERVER_ROLE}, "
            f"{', '.join(READING_ROLES)} ({error.diag.message_primary}). Give it CREATEROLE, or "
            "make them by hand: docs/operating.md has the statements."
        ) from None
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database does not answer its owner: {error}") from None


def _refuse_superuser(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row and row[0]:
        raise Misconfigured(
            "TOCSIN_OWNER_DATABASE_URL: its role is a superuser or bypasses row security. "
            "Use a role that only owns the database."
        )


def _make_roles(connection: psycopg.Connection, server_url: str | None) -> None:
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'tocsin%'")
    existing = {row[0] for row in rows}
    for role in READING_ROLES:
        if role not in existing:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    if SERVER_ROLE not in existing:
        password = _password(server_url)
        # NOINHERIT: the rights of the reading roles are there only after SET LOCAL ROLE.
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}").format(
                sql.Identifier(SERVER_ROLE), sql.Literal(password)
            )
        )
    if SERVER_ROLE not in existing or not set(READING_ROLES) <= existing:
        connection.execute(
            sql.SQL("GRANT {} TO {}").format(
                sql.SQL(", ").join(map(sql.Identifier, READING_ROLES)), sql.Identifier(SERVER_ROLE)
            )
        )


def _password(server_url: str | None) -> str | None:
    """The server's password stands in its URL, so that it need not be told twice."""
    if server_url is None:
        return None
    parts = urlsplit(server_url)
    if parts.username != SERVER_ROLE:
        raise Misconfigured(
            f"TOCSIN_DATABASE_URL: its user must be {SERVER_ROLE}, not {parts.username or 'nobody'}"
        )
    return unquote(parts.password) if parts.password else None
