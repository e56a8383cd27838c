"""Partitions for the years to come, made by the owner before points of those years arrive."""

from datetime import UTC, datetime

import psycopg
from psycopg import sql

from app.errors import Unavailable

TABLES = ("points", "scores")
YEARS_AHEAD = 2
CONNECT_TIMEOUT_S = 3
# Attaching waits for running statements; requests must not wait for it.
SESSION_OPTIONS = "-c timezone=UTC -c lock_timeout=2s"
PARTITION_LOCK = 0x70C53
# The owner too is under the forced policy of the default partition, which denies all.
STEPS = (
    "CREATE TABLE {new} (LIKE {parent} INCLUDING ALL)",
    "ALTER TABLE {rest} DISABLE ROW LEVEL SECURITY",
    "WITH moved AS (DELETE FROM {rest} WHERE timestamp >= {start} AND timestamp < {end} "
    "RETURNING *) INSERT INTO {new} SELECT * FROM moved",
    "ALTER TABLE {rest} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {new} ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE {new} FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {parent} ATTACH PARTITION {new} FOR VALUES FROM ({start}) TO ({end})",
)


def add_coming_years(owner_url: str) -> list[str]:
    """-> the names of the partitions made. Each is a transaction, so that locks are short."""
    this_year = datetime.now(UTC).year
    years = range(this_year, this_year + YEARS_AHEAD + 1)
    made = []
    try:
        with psycopg.connect(
            owner_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, options=SESSION_OPTIONS
        ) as connection:
            for table in TABLES:
                made += [f"{table}_{year}" for year in years if add_year(connection, table, year)]
    except psycopg.Error as error:
        raise Unavailable(f"Partitions cannot be made now: {error}") from None
    return made


def add_year(connection: psycopg.Connection, table: str, year: int) -> bool:
    """Make the partition; rows of its year leave the default one. False: it is there already."""
    with connection.transaction():
        # Of two upkeeps one makes it; the other sees it afterwards.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [PARTITION_LOCK])
        exists = connection.execute("SELECT to_regclass(%s)", [f"{table}_{year}"]).fetchone()
        if exists and exists[0]:
            return False
        names = {
            "parent": sql.Identifier(table),
            "new": sql.Identifier(f"{table}_{year}"),
            "rest": sql.Identifier(f"{table}_default"),
            "start": sql.Literal(f"{year}-01-01Z"),
            "end": sql.Literal(f"{year + 1}-01-01Z"),
        }
        for statement in STEPS:
            connection.execute(sql.SQL(statement).format(**names))
    return True
