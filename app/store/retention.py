"""Points older than `retention_days` of their series, by the database's clock, and what goes along.

Two ways, and any number of upkeeps may go them at once. A year that every series may forget is
emptied as a whole, by the owner. The rest goes in batches, each with the lock on its series, as
somebody would erase the points; this also sets right what a series says of a year that was emptied.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from sqlalchemy import Connection, and_, func, select, text

from app.errors import Unavailable
from app.store import events, points, series, tables
from app.store.events import Event
from app.store.partitions import CONNECT_TIMEOUT_S, TABLES
from app.store.series import Series

POINTS = tables.points
# Emptying waits for whoever reads that year, and others wait behind it: not for long.
SESSION_OPTIONS = "-c timezone=UTC -c lock_timeout=500ms"
READ_ALL = "SELECT set_config('app.owner_reads', 'on', true)"
LONGEST = (
    "SELECT now() - make_interval(days => max(retention_days)) FROM series "
    "HAVING bool_and(retention_days IS NOT NULL)"
)
YEARS = (
    "SELECT DISTINCT substring(relname FROM '[0-9]{4}$')::int FROM pg_class "
    "WHERE relispartition AND relkind = 'r' AND relname ~ '^(points|scores)_[0-9]{4}$' ORDER BY 1"
)
OUTDATED = text(
    "SELECT tenant_id, id FROM series WHERE retention_days IS NOT NULL "
    "AND first_at < now() - make_interval(days => retention_days) ORDER BY first_at LIMIT :limit"
)


def outdated(connection: Connection, limit: int) -> list[tuple[UUID, UUID]]:
    """Inside `Database.operator`: tenant and id of series with points too old, oldest first."""
    rows = connection.execute(OUTDATED, {"limit": limit})
    return [(row.tenant_id, row.id) for row in rows]


def erase_oldest(connection: Connection, of: Series, most: int) -> list[Event]:
    """Erase points that are too old, the oldest first, with their scores and events; -> those that
    were open until now.

    The lock on the series is held.
    """
    if of.retention_days is None:
        return []
    kept_from = _kept_from(connection, of.retention_days)
    first = connection.scalar(select(func.min(POINTS.c.timestamp)).where(_mine(of)))
    end = _end_of_batch(connection, of, kept_from, most)
    removed = points.remove(connection, of, None, end)
    # A year that was emptied took the first point along: what is left has to be counted.
    left = None if first == of.first_at else points.count(connection, of)
    series.forget_oldest(connection, of, removed, left)
    return events.erase(connection, of, None, end)


def _kept_from(connection: Connection, days: int) -> datetime:
    moment: datetime = connection.scalars(
        text("SELECT now() - make_interval(days => :days)"), {"days": days}
    ).one()
    return moment


def _end_of_batch(connection: Connection, of: Series, kept_from: datetime, most: int) -> datetime:
    statement = (
        select(POINTS.c.timestamp)
        .where(_mine(of), POINTS.c.timestamp < kept_from)
        .order_by(POINTS.c.timestamp)
        .offset(most)
        .limit(1)
    )
    return connection.scalar(statement) or kept_from


def _mine(of: Series) -> Any:
    return and_(POINTS.c.tenant_id == of.tenant_id, POINTS.c.series_id == of.id)


def empty_years(owner_url: str) -> list[int]:
    """Empty the years that are older than every series keeps its points; -> those that had any."""
    try:
        with psycopg.connect(
            owner_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, options=SESSION_OPTIONS
        ) as connection:
            years = [row[0] for row in connection.execute(YEARS)]
            return [year for year in years if _empty(connection, year)]
    except psycopg.Error as error:
        raise Unavailable(f"Old years cannot be emptied now: {error}") from None


def _empty(connection: psycopg.Connection, year: int) -> bool:
    """Nobody adds to the year from here on, so that what is asked is true when it is emptied."""
    with connection.transaction():
        connection.execute(READ_ALL)
        if not _may_go(connection, year):
            return False
        names = [sql.Identifier(f"{table}_{year}") for table in TABLES]
        lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
        connection.execute(lock.format(sql.SQL(", ").join(names)))
        if not _may_go(connection, year):
            return False
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))
    return True


def _may_go(connection: psycopg.Connection, year: int) -> bool:
    """Whether there is anything, and no series is to keep it."""
    longest = connection.execute(LONGEST).fetchone()
    end = datetime.fromisoformat(f"{year + 1}-01-01T00:00:00+00:00")
    if longest is None or longest[0] is None or end > longest[0]:
        return False
    span = "timestamp >= make_timestamptz(%s, 1, 1, 0, 0, 0) AND timestamp < %s"
    found = connection.execute(
        f"SELECT EXISTS (SELECT FROM points WHERE {span})",  # noqa: S608  # nosec B608 - the span is written here
        [year, end],
    ).fetchone()
    return bool(found and found[0])
