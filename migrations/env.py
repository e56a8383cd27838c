"""Runs migrations as the owner: one at a time in the installation, each in its own transaction."""

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app import settings
from app.store.tables import metadata

ADVISORY_LOCK = 0x70C51  # any number, the same in every process that migrates
# Requests wait behind a migration that waits for its lock: it gives up, and is tried again. Sooner
# than the server looks for deadlocks (1 s), so that it is never a request that is ended.
LOCK_TIMEOUT_MS = 500
STATEMENT_TIMEOUT_MS = 600_000


def run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": ADVISORY_LOCK})
    connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
    connection.execute(text(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}"))
    connection.commit()
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    url = settings.read().required("owner_database_url").split("://", 1)[1]
    engine = create_engine(f"postgresql+psycopg://{url}", poolclass=NullPool)
    with engine.connect() as connection:
        run(connection)


main()
