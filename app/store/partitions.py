"""Partitions for the years to come, made by the owner before points of those years arrive."""

from datetime import UTC, datetime

import psycopg
from psycopg import sql

from app.errors import Unavailable

TABLES = ("points", "scores")
YEARS_AHEAD = 2
LOCK_TIMEOUT = "2s"  # attaching waits for running statements; requests must not wait for it


def add_coming_years(owner_url: str) -> list[str]:
    """-> the names of the partitions made."""
    this_year = datetime.now(UTC).year
    wanted = [
        (table, year) for table in TABLES for year in range(this_year, this_year + YEARS_AHEAD + 1)
    ]
    try:
        with psycopg.connect(owner_url, options="-c timezone=UTC") as connection:
            return [
                f"{table}_{year}" for table, year in wanted if _add_year(connection, table, year)
            ]
    except psycopg.OperationalError as error:
        raise Unavailable(f"Partitions cannot be made now: {error}") from None


def _add_year(connection: psycopg.Connection, table: str, year: int) -> bool:
    """Rows of that year that lie in the default partition move into the new one."""
    exists = connection.execute("SELECT to_regclass(%s)", [f"{table}_{year}"]).fetchone()
    if exists and exists[0]:
        return False
    names = {
        "parent": sql.Identifier(table),
        "new": sql.Identifier(f"{table}_{year}"),
        "rest": sql.Identifier(f"{table}_default"),
        "start": sql.Literal(f"{year}-01-01Z"),
        "end": sql.Literal(f"{year + 1}-01-01Z"),
        "timeout": sql.Literal(LOCK_TIMEOUT),
    }
    with connection.transaction():
        # The owner too is under the forced policy of the default partition, which denies all.
        for statement in (
            "SET LOCAL lock_timeout = {timeout}",
            "CREATE TABLE {new} (LIKE {parent} INCLUDING ALL)",
            "ALTER TABLE {rest} DISABLE ROW LEVEL SECURITY",
            "WITH moved AS (DELETE FROM {rest} WHERE timestamp >= {start} AND timestamp < {end} "
            "RETURNING *) INSERT INTO {new} SELECT * FROM moved",
            "ALTER TABLE {rest} ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE {new} ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE {new} FORCE ROW LEVEL SECURITY",
            "ALTER TABLE {parent} ATTACH PARTITION {new} FOR VALUES FROM ({start}) TO ({end})",
        ):
            connection.execute(sql.SQL(statement).format(**names))
    return True
