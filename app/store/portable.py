"""The rows that a tenant takes along: out as they stand, and into another tenant in bulk.

Row-level security does not allow COPY into the tables themselves, so rows come in by way of
temporary ones, some thousands at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.exc import DataError, IntegrityError

from app.errors import Invalid
from app.store import tables
from app.store.cells import TABLES
from app.store.series import Series, by_id

BLOCK_ROWS = 5_000
ORDER = {"events": "started_at"}
SETTINGS = ("name", "description", "fields", "tags", "detector", "retrain", "retention_days")
# A replaced score is of a value that was; and its point may be older than what is kept.
STRAY = text(
    "SELECT s.timestamp FROM arriving_scores s LEFT JOIN points p "
    "USING (tenant_id, series_id, timestamp) "
    "WHERE p.value IS DISTINCT FROM s.value ORDER BY 1 LIMIT 1"
)


def rows(connection: Connection, table: str, of: Series) -> Iterator[Sequence[Any]]:
    """In time order, read a block at a time within one snapshot."""
    stored = tables.metadata.tables[table]
    place = stored.c[ORDER.get(table, "timestamp")]
    statement = (
        select(*(stored.c[name] for name in TABLES[table]))
        .where(stored.c.tenant_id == of.tenant_id, stored.c.series_id == of.id)
        .order_by(place)
        .execution_options(yield_per=BLOCK_ROWS)
    )
    for block in connection.execute(statement).partitions():
        yield from block


class OfNoPoint(Exception):
    """A score whose time and value are those of no point of the series."""

    def __init__(self, timestamp: datetime) -> None:
        super().__init__(timestamp)
        self.timestamp = timestamp


def add(connection: Connection, table: str, of: Series, block: Iterable[Sequence[Any]]) -> int:
    """Store rows of the series; -> how many. Scores come after their points, else OfNoPoint.

    Raises Invalid for what the table does not take.
    """
    try:
        return _added(connection, table, of, block)
    except (IntegrityError, DataError, psycopg.DataError) as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise Invalid(f"cannot be stored: {cause}") from None


def _added(connection: Connection, table: str, of: Series, block: Iterable[Sequence[Any]]) -> int:
    names = ", ".join(TABLES[table])
    arriving = f"arriving_{table}"
    connection.execute(
        text(f"CREATE TEMPORARY TABLE IF NOT EXISTS {arriving} (LIKE {table}) ON COMMIT DROP")
    )
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {arriving} (tenant_id, series_id, {names}) FROM STDIN") as copy:
        for row in block:
            copy.write_row((of.tenant_id, of.id, *row))
    if table == "scores" and (found := connection.scalar(STRAY)) is not None:
        raise OfNoPoint(found)
    insert = (
        f"INSERT INTO {table} (tenant_id, series_id, {names}) "  # noqa: S608  # nosec B608 - names of tables and columns are ours
        f"SELECT tenant_id, series_id, {names} FROM {arriving}"
    )
    added = connection.execute(text(insert)).rowcount
    connection.execute(text(f"TRUNCATE {arriving}"))
    return int(added)


def settle(connection: Connection, of: Series) -> Series:
    """After the last row: the series' row says what there is; growth counts from here."""
    points, series = tables.points, tables.series
    mine = (points.c.tenant_id == of.tenant_id) & (points.c.series_id == of.id)
    facts = select(func.count(), func.min(points.c.timestamp), func.max(points.c.timestamp))
    count, first, last = connection.execute(facts.where(mine)).one()
    connection.execute(
        update(series)
        .where(series.c.tenant_id == of.tenant_id, series.c.id == of.id)
        .values(points=count, first_at=first, last_at=last, tried_points=0, revision=1)
    )
    return by_id(connection, of.tenant_id, of.id)
