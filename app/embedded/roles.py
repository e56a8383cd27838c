"""The owner's role and the database, made by the superuser; the rest is the migrations' part."""

from typing import LiteralString

import psycopg
from psycopg import sql

from app.embedded.postgres import DATABASE, OWNER

# Code points in their order: the same on every host, and the same after an upgrade of its libc.
CREATE_DATABASE = sql.SQL(
    "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
    " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
)


def make_owner_and_database(superuser_url: str, owner_password: str) -> None:
    """Make both unless they are there; may be repeated, and sets the owner's password each time."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        # Hashed here, so that the password is in no statement that a log could show.
        verifier = connection.pgconn.encrypt_password(
            owner_password.encode(), OWNER.encode(), b"scram-sha-256"
        ).decode()
        exists = _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", OWNER)
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN CREATEROLE NOSUPERUSER PASSWORD {}").format(
                sql.SQL("ALTER" if exists else "CREATE"), sql.Identifier(OWNER), verifier
            )
        )
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            names = sql.Identifier(DATABASE), sql.Identifier(OWNER)
            connection.execute(CREATE_DATABASE.format(*names))


def _exists(
    connection: psycopg.Connection[tuple[object, ...]], query: LiteralString, name: str
) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
