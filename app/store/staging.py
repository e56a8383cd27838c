"""Bulk loading: COPY into a temporary table, then one statement into the real one.

COPY cannot write into a table under row-level security; into a temporary one it can. The table
belongs to the connection and is emptied at each end of a transaction, so the catalog is written
once for a connection and not for each upload. Rows go in Postgres's binary format: every row of an
upload is of the same length, so numpy lays out a whole chunk at once.

What was put aside is known here by its spans, so that Postgres need not look through it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from app.store import events
from app.store.scores import MOVE_GONE
from app.store.times import NS_PER_US, to_datetime

COPY_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no header extension
COPY_TRAILER = b"\xff\xff"
FLOAT8_OID = 701
EPOCH_US = 946_684_800_000_000  # 2000-01-01, where Postgres counts from

CREATE = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged ("
    "line bigint, series_id uuid, timestamp timestamptz, value float8[]) ON COMMIT DELETE ROWS"
)
# Of several rows for one time the first one holds, or, where points are replaced, the last one.
INSERT_FIRST, INSERT_LAST = (
    text(
        "WITH new AS (INSERT INTO points (tenant_id, series_id, timestamp, value) "  # noqa: S608  # nosec B608 - what is put in is written here
        "SELECT DISTINCT ON (series_id, timestamp) :tenant_id, series_id, timestamp, value "
        f"FROM staged ORDER BY series_id, timestamp, line {order} "
        "ON CONFLICT DO NOTHING RETURNING series_id) "
        "SELECT series_id, count(*) FROM new GROUP BY series_id"
    )
    for order in ("ASC", "DESC")
)
# Looking whether each row is there already takes more than twice as long as storing it.
IS_ANY_STORED = text(
    "SELECT EXISTS (SELECT FROM unnest(CAST(:ids AS uuid[]), CAST(:firsts AS timestamptz[]), "
    "CAST(:lasts AS timestamptz[])) AS span (series_id, first_at, last_at), "
    "LATERAL (SELECT FROM points WHERE tenant_id = :tenant_id "
    "AND points.series_id = span.series_id AND timestamp BETWEEN first_at AND last_at "
    "LIMIT 1) AS stored)"
)
INSERT_ALL = text(
    "INSERT INTO points (tenant_id, series_id, timestamp, value) "
    "SELECT :tenant_id, series_id, timestamp, value FROM staged"
)
# Scores of what is replaced keep their history.
REPLACE_SCORES = text(
    "WITH newest AS (SELECT DISTINCT ON (series_id, timestamp) series_id, timestamp, value "  # noqa: S608  # nosec B608 - what is put in is written here
    "FROM staged ORDER BY series_id, timestamp, line DESC), "
    "gone AS (DELETE FROM scores USING newest WHERE scores.tenant_id = :tenant_id "
    "AND scores.series_id = newest.series_id AND scores.timestamp = newest.timestamp "
    "AND scores.value IS DISTINCT FROM newest.value RETURNING scores.*), "
    f"{MOVE_GONE}"
)
REPLACE_POINTS = text(
    "UPDATE points SET value = newest.value FROM ("
    "SELECT DISTINCT ON (series_id, timestamp) series_id, timestamp, value "
    "FROM staged ORDER BY series_id, timestamp, line DESC) AS newest "
    "WHERE points.tenant_id = :tenant_id AND points.series_id = newest.series_id "
    "AND points.timestamp = newest.timestamp AND points.value IS DISTINCT FROM newest.value"
)
CONFLICTS = text(
    "SELECT line, count(*) OVER () AS total FROM staged JOIN points USING (series_id, timestamp) "
    "WHERE points.tenant_id = :tenant_id AND points.value IS DISTINCT FROM staged.value "
    "ORDER BY line LIMIT :limit"
)


@dataclass(frozen=True)
class Conflicts:
    """Rows whose point is stored with another value: how many, and the first lines."""

    total: int
    lines: list[int]


@dataclass
class Span:
    """What was put aside of one series: its times, and whether each was later than all before."""

    first_ns: int
    last_ns: int
    rows: int
    is_ascending: bool

    @classmethod
    def of(cls, times: NDArray[np.int64]) -> "Span":
        """times: int64 (n,), n at least 1."""
        is_ascending = bool((times[1:] > times[:-1]).all())
        return cls(int(times.min()), int(times.max()), len(times), is_ascending)

    def then(self, later: "Span") -> "Span":
        """This one and the one that was put aside after it, as one."""
        return Span(
            min(self.first_ns, later.first_ns),
            max(self.last_ns, later.last_ns),
            self.rows + later.rows,
            self.is_ascending and later.is_ascending and self.last_ns < later.first_ns,
        )


def begin(connection: Connection) -> None:
    connection.execute(CREATE)


def stage(
    connection: Connection,
    lines: NDArray[np.int64],
    series: NDArray[np.void] | UUID,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Put rows aside: lines (n,), one series or ids (n,), times (n,) ns, values (n, d)."""
    rows = _binary_rows(lines, series, times, values)
    cursor = connection.connection.cursor()
    with cursor.copy("COPY staged FROM STDIN (FORMAT binary)") as copy:
        copy.write(COPY_SIGNATURE)
        copy.write(rows.tobytes())
        copy.write(COPY_TRAILER)


def _binary_rows(
    lines: NDArray[np.int64],
    series: NDArray[np.void] | UUID,
    times: NDArray[np.int64],
    values: NDArray[np.float64],
) -> NDArray[np.void]:
    """Each field is a length and its bytes, big-endian; an array adds bounds before its items."""
    d = values.shape[1]
    item = np.dtype([("length", ">i4"), ("number", ">f8")])
    array = [("dimensions", ">i4"), ("has_null", ">i4"), ("oid", ">i4"), ("size", ">i4")]
    row = np.dtype(
        [
            ("fields", ">i2"),
            *[("line_length", ">i4"), ("line", ">i8")],
            *[("series_length", ">i4"), ("series", "V16")],
            *[("time_length", ">i4"), ("time", ">i8")],
            *[("value_length", ">i4"), *array, ("first", ">i4"), ("items", item, (d,))],
        ]
    )
    rows = np.zeros(len(lines), row)
    constants: dict[str, Any] = {
        "fields": 4,
        "line_length": 8,
        "series_length": 16,
        "time_length": 8,
        "value_length": 20 + 12 * d,
        "dimensions": 1,
        "oid": FLOAT8_OID,
        "size": d,
        "first": 1,
    }
    for name, constant in constants.items():
        rows[name] = constant
    rows["line"] = lines
    rows["series"] = np.void(series.bytes) if isinstance(series, UUID) else series
    rows["time"] = times // NS_PER_US - EPOCH_US
    rows["items"]["length"] = 8
    rows["items"]["number"] = values
    return rows


def replace(connection: Connection, tenant_id: UUID) -> int:
    """Give stored points the values put aside; -> how many were another's before."""
    left = connection.scalars(REPLACE_SCORES, {"tenant_id": tenant_id}).all()
    events.count_anew(connection, tenant_id, left)
    return connection.execute(REPLACE_POINTS, {"tenant_id": tenant_id}).rowcount


def insert(connection: Connection, tenant_id: UUID, last_wins: bool = False) -> dict[UUID, int]:
    """Store the points that are new; -> how many of each series."""
    statement = INSERT_LAST if last_wins else INSERT_FIRST
    rows = connection.execute(statement, {"tenant_id": tenant_id})
    return {series_id: int(count) for series_id, count in rows}


def is_new(connection: Connection, tenant_id: UUID, spans: Mapping[UUID, Span]) -> bool:
    """Whether these are all that was put aside, each time once, and nothing is stored within them.

    The locks on the series are held: it stays so.
    """
    if not all(span.is_ascending for span in spans.values()):
        return False
    asked = {
        "tenant_id": tenant_id,
        "ids": list(spans),
        "firsts": [to_datetime(span.first_ns) for span in spans.values()],
        "lasts": [to_datetime(span.last_ns) for span in spans.values()],
    }
    return not connection.scalar(IS_ANY_STORED, asked)


def insert_all(connection: Connection, tenant_id: UUID) -> None:
    """Store the points where all are new."""
    connection.execute(INSERT_ALL, {"tenant_id": tenant_id})


def conflicts(connection: Connection, tenant_id: UUID, limit: int) -> Conflicts:
    """After `insert`: the rows that say otherwise than what is stored."""
    rows = connection.execute(CONFLICTS, {"tenant_id": tenant_id, "limit": limit}).all()
    return Conflicts(rows[0].total if rows else 0, [row.line for row in rows])
