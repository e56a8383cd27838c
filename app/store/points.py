"""Points: one row for each (series, timestamp), the identity of a point."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, any_, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.detection import Points
from app.store import digests, tables
from app.store.series import Series
from app.store.times import to_datetime, to_datetimes, to_ns_array

POINTS = tables.points
PAGE_POINTS = 20_000

# Arrays of one field travel as themselves; of several, as one array literal a row.
INSERT_ONE_FIELD = text(
    "INSERT INTO points (tenant_id, series_id, timestamp, value) "
    "SELECT :tenant_id, :series_id, t, ARRAY[v] "
    "FROM unnest(CAST(:times AS timestamptz[]), CAST(:values AS float8[])) AS new (t, v)"
)
INSERT_MANY_FIELDS = text(
    "INSERT INTO points (tenant_id, series_id, timestamp, value) "
    "SELECT :tenant_id, :series_id, t, v::float8[] "
    "FROM unnest(CAST(:times AS timestamptz[]), CAST(:values AS text[])) AS new (t, v)"
)
REPLACE = text(
    "UPDATE points SET value = v::float8[] "
    "FROM unnest(CAST(:times AS timestamptz[]), CAST(:values AS text[])) AS new (t, v) "
    "WHERE tenant_id = :tenant_id AND series_id = :series_id AND timestamp = t"
)
VALUED = text(
    "SELECT count(*) FROM (SELECT FROM points WHERE tenant_id = :tenant_id "
    "AND series_id = :series_id AND EXISTS (SELECT FROM unnest(value) AS v WHERE v <> 'NaN') "
    "LIMIT :limit) AS found"
)
# Of tables whose sizes nobody has told the planner yet, a join would be one point after the other,
# each with all scores; of two sets it takes the difference whatever it believes.
UNSCORED = text(
    "SELECT timestamp FROM points WHERE tenant_id = :tenant_id AND series_id = :series_id "
    "AND timestamp BETWEEN :first AND :last EXCEPT "
    "SELECT timestamp FROM scores WHERE tenant_id = :tenant_id AND series_id = :series_id "
    "AND timestamp BETWEEN :first AND :last"
)


def add(connection: Connection, series: Series, points: Points) -> None:
    """Points that are not stored yet; the lock on the series is held."""
    one_field = points.values.shape[1] == 1
    values = points.values[:, 0].tolist() if one_field else array_literals(points.values)
    connection.execute(
        INSERT_ONE_FIELD if one_field else INSERT_MANY_FIELDS,
        {**_identity(series), "times": to_datetimes(points.times), "values": values},
    )


def replace(connection: Connection, series: Series, points: Points) -> None:
    """Give stored points other values."""
    connection.execute(
        REPLACE,
        {
            **_identity(series),
            "times": to_datetimes(points.times),
            "values": array_literals(points.values),
        },
    )


def array_literals(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[str]:
    """Each row as Postgres writes an array; repr keeps every digit of a double."""
    return ["{" + ",".join(map(repr, row)) + "}" for row in values.tolist()]


def newest(
    connection: Connection, series: Series, limit: int, before_ns: int | None = None
) -> Points:
    """The last points (before a time, where given), in time order."""
    statement = (
        select(POINTS.c.timestamp, POINTS.c.value)
        .where(POINTS.c.tenant_id == series.tenant_id, POINTS.c.series_id == series.id)
        .order_by(POINTS.c.timestamp.desc())
        .limit(limit)
    )
    if before_ns is not None:
        statement = statement.where(POINTS.c.timestamp < to_datetime(before_ns))
    rows = connection.execute(statement).all()
    return as_points(list(reversed(rows)), len(series.fields))


def between(
    connection: Connection, series: Series, first_ns: int, last_ns: int, limit: int
) -> Points:
    """Points from the first time to the last, both included, in time order."""
    statement = (
        select(POINTS.c.timestamp, POINTS.c.value)
        .where(
            POINTS.c.tenant_id == series.tenant_id,
            POINTS.c.series_id == series.id,
            POINTS.c.timestamp.between(to_datetime(first_ns), to_datetime(last_ns)),
        )
        .order_by(POINTS.c.timestamp)
        .limit(limit)
    )
    return as_points(connection.execute(statement).all(), len(series.fields))


def at(connection: Connection, series: Series, times_ns: NDArray[np.int64]) -> Points:
    """The points of these times that are stored, in time order."""
    moments = literal(to_datetimes(times_ns), ARRAY(tables.Moment))
    statement = (
        select(POINTS.c.timestamp, POINTS.c.value)
        .where(
            POINTS.c.tenant_id == series.tenant_id,
            POINTS.c.series_id == series.id,
            POINTS.c.timestamp == any_(moments),
        )
        .order_by(POINTS.c.timestamp)
    )
    return as_points(connection.execute(statement).all(), len(series.fields))


def valued(connection: Connection, series: Series, limit: int) -> int:
    """How many points have a value, counted no further than the limit."""
    return int(connection.scalar(VALUED, {**_identity(series), "limit": limit}) or 0)


def count(connection: Connection, series: Series) -> int:
    """How many there are, counted one by one."""
    mine = POINTS.c.tenant_id == series.tenant_id, POINTS.c.series_id == series.id
    return int(connection.scalar(select(func.count()).select_from(POINTS).where(*mine)) or 0)


def unscored(
    connection: Connection, series: Series, first_ns: int, last_ns: int
) -> NDArray[np.int64]:
    """Times of the points from the first to the last that have no score, in no order."""
    span = {"first": to_datetime(first_ns), "last": to_datetime(last_ns)}
    return to_ns_array(connection.execute(UNSCORED, {**_identity(series), **span}).scalars().all())


def page(
    connection: Connection,
    tenant_id: UUID,
    series_id: UUID,
    limit: int,
    after: datetime | None = None,
    span: tuple[datetime | None, datetime | None] = (None, None),
) -> list[tuple[datetime, list[float]]]:
    """In time order, beginning behind `after`; the span includes its start, not its end."""
    statement = (
        select(POINTS.c.timestamp, POINTS.c.value)
        .where(POINTS.c.tenant_id == tenant_id, POINTS.c.series_id == series_id)
        .order_by(POINTS.c.timestamp)
        .limit(limit)
    )
    start, end = span
    if after is not None:
        statement = statement.where(POINTS.c.timestamp > after)
    if start is not None:
        statement = statement.where(POINTS.c.timestamp >= start)
    if end is not None:
        statement = statement.where(POINTS.c.timestamp < end)
    return [(row.timestamp, row.value) for row in connection.execute(statement)]


def remove(
    connection: Connection,
    series: Series,
    start: datetime | None,
    end: datetime | None,
) -> int:
    """Erase points, their scores and what was said of these in the span; -> how many points."""
    removed = 0
    for table in (tables.feedback, tables.scores, tables.replaced_scores, tables.points):
        statement = delete(table).where(
            table.c.tenant_id == series.tenant_id, table.c.series_id == series.id
        )
        if start is not None:
            statement = statement.where(table.c.timestamp >= start)
        if end is not None:
            statement = statement.where(table.c.timestamp < end)
        removed = connection.execute(statement).rowcount
    digests.take_out(connection, series, start, end)
    return removed


def erase_batch(connection: Connection, tenant_id: UUID, series_id: UUID | None, size: int) -> int:
    """Erase some points and scores of a series that is gone, or of a whole tenant; 0: none left."""
    erased = 0
    for name in ("replaced_scores", "scores", "points"):
        one_series = "" if series_id is None else "AND series_id = :series_id"
        statement = text(
            f"DELETE FROM {name} WHERE (tenant_id, series_id, timestamp) IN ("  # noqa: S608  # nosec B608 - names of tables are ours
            f"SELECT tenant_id, series_id, timestamp FROM {name} "
            f"WHERE tenant_id = :tenant_id {one_series} LIMIT :size)"
        )
        values = {"tenant_id": tenant_id, "size": size}
        if series_id is not None:
            values["series_id"] = series_id
        erased += connection.execute(statement, values).rowcount
    return erased


def in_pages(connection: Connection, series: Series, limit: int) -> Iterator[Points]:
    """The newest `limit` points in time order, read a page at a time within one snapshot."""
    skipped = max(0, series.points - limit)
    statement = (
        select(POINTS.c.timestamp, POINTS.c.value)
        .where(POINTS.c.tenant_id == series.tenant_id, POINTS.c.series_id == series.id)
        .order_by(POINTS.c.timestamp)
        .offset(skipped)
        .execution_options(yield_per=PAGE_POINTS)
    )
    for rows in connection.execute(statement).partitions():
        yield as_points(list(rows), len(series.fields))


def _identity(series: Series) -> dict[str, UUID]:
    return {"tenant_id": series.tenant_id, "series_id": series.id}


def as_points(rows: Any, fields: int) -> Points:
    """From rows of time and values."""
    if not rows:
        return Points.empty(fields)
    moments, values = zip(*rows, strict=True)
    return Points(to_ns_array(moments), np.array(values, np.float64) + 0.0)
