"""Scores: the verdict on each point. One that was given stands; a replaced one is kept apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from sqlalchemy import Connection, Row, Select, and_, any_, literal, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.detection import Points, Verdicts
from app.store import digests, events, tables
from app.store.points import array_literals
from app.store.series import Series
from app.store.times import to_datetime, to_datetimes

SCORES, SERIES, TENANTS = tables.scores, tables.series, tables.tenants
READ: list[Any] = [column for column in SCORES.c if column.name != "scored_at"]

COLUMNS = (
    "value, score, is_anomaly, threshold, expected, lower, upper, contributions, reason, "
    "model_version, backfilled, alert, event"
)
# The join with points keeps a backfill from scoring what was erased while it computed.
INSERT = text(
    f"INSERT INTO scores (tenant_id, series_id, timestamp, {COLUMNS}) "  # noqa: S608  # nosec B608 - names of columns are ours
    "SELECT points.tenant_id, points.series_id, t, points.value, s, a, h, e::float8[], "
    "l::float8[], u::float8[], c::float8[], r, CASE WHEN m THEN :model_version ELSE 0 END, "
    ":backfilled, w, i "
    "FROM unnest(CAST(:times AS timestamptz[]), CAST(:scores AS float8[]), "
    "CAST(:anomalies AS boolean[]), CAST(:thresholds AS float8[]), CAST(:expected AS text[]), "
    "CAST(:lower AS text[]), CAST(:upper AS text[]), CAST(:contributions AS text[]), "
    "CAST(:reasons AS text[]), CAST(:model_based AS boolean[]), "
    "CAST(:alerts AS boolean[]), CAST(:events AS uuid[])) "
    "AS new (t, s, a, h, e, l, u, c, r, m, w, i) "
    "JOIN points ON points.tenant_id = :tenant_id AND points.series_id = :series_id "
    "AND points.timestamp = t "
    "ON CONFLICT DO NOTHING"
)
# Columns are named: the tables have them in another order.
MOVED = f"tenant_id, series_id, timestamp, {COLUMNS}, scored_at"
MOVE_GONE = (
    f"kept AS (INSERT INTO replaced_scores ({MOVED}, replaced_at) "  # noqa: S608  # nosec B608 - names of columns are ours
    f"SELECT {MOVED}, clock_timestamp() FROM gone) "
    "SELECT DISTINCT event FROM gone WHERE event IS NOT NULL"
)
KEEP_REPLACED = text(
    "WITH gone AS (DELETE FROM scores WHERE tenant_id = :tenant_id AND series_id = :series_id "  # noqa: S608  # nosec B608 - names of columns are ours
    f"AND timestamp = ANY(:times) RETURNING *), {MOVE_GONE}"
)


class Score(NamedTuple):
    """A verdict as it is stored, its columns in their order; missing numbers are NaN.

    A page has a thousand of them: a dataclass takes ten times as long to make.
    """

    tenant_id: UUID
    series_id: UUID
    timestamp: datetime
    value: list[float]
    score: float
    is_anomaly: bool
    threshold: float
    expected: list[float]
    lower: list[float]
    upper: list[float]
    contributions: list[float]
    reason: str
    model_version: int | None
    backfilled: bool
    alert: bool = False
    event: UUID | None = None
    series: str = ""
    fields: Sequence[str] = ()
    tenant: str = ""


@dataclass(frozen=True)
class Marks:
    """For each of n verdicts: whether it alerts, and the event that it belongs to."""

    alerts: list[bool]
    events: list[UUID | None]

    @classmethod
    def none(cls, n: int) -> "Marks":
        return cls([False] * n, [None] * n)


@dataclass(frozen=True)
class Wanted:
    """Which scores: `start` is included, `end` is not; `after` is where the last page ended."""

    start: datetime | None = None
    end: datetime | None = None
    min_score: float | None = None
    anomalies_only: bool = False
    newest_first: bool = False
    after: tuple[Any, ...] | None = None
    limit: int = 100


def add(
    connection: Connection,
    series: Series,
    points: Points,
    verdicts: Verdicts,
    model_version: int,
    backfilled: bool = False,
    marks: Marks | None = None,
) -> None:
    """Store verdicts on stored points; a point that has one already keeps it.

    The lock on the series is held.
    """
    marks = marks or Marks.none(len(points))
    if len(points):
        digests.reset(connection, series, to_datetime(int(points.times.min())))
    connection.execute(
        INSERT,
        {
            "tenant_id": series.tenant_id,
            "series_id": series.id,
            "model_version": model_version,
            "backfilled": backfilled,
            "times": to_datetimes(points.times),
            "scores": verdicts.score.tolist(),
            "anomalies": verdicts.is_anomaly.tolist(),
            "thresholds": verdicts.threshold.tolist(),
            "expected": array_literals(verdicts.expected),
            "lower": array_literals(verdicts.lower),
            "upper": array_literals(verdicts.upper),
            "contributions": array_literals(verdicts.contributions),
            "reasons": list(verdicts.reasons),
            "model_based": verdicts.model_based.tolist(),
            "alerts": marks.alerts,
            "events": marks.events,
        },
    )


def keep_replaced(connection: Connection, series: Series, points: Points) -> None:
    """Move the scores of these points to the replaced ones; their events lose those points."""
    moved = {
        "tenant_id": series.tenant_id,
        "series_id": series.id,
        "times": to_datetimes(points.times),
    }
    left = connection.scalars(KEEP_REPLACED, moved).all()
    events.count_anew(connection, series.tenant_id, left)


def at(connection: Connection, series: Series, times_ns: Any) -> list[Score]:
    """The stored scores of these times, in time order."""
    moments = to_datetimes(np.asarray(times_ns, np.int64))
    statement = select(*READ).where(
        SCORES.c.tenant_id == series.tenant_id,
        SCORES.c.series_id == series.id,
        SCORES.c.timestamp == any_(literal(moments, ARRAY(tables.Moment))),
    )
    rows = connection.execute(statement.order_by(SCORES.c.timestamp))
    return [_of_series(row, series) for row in rows]


def page(connection: Connection, series: Series, wanted: Wanted) -> list[Score]:
    statement: Select[Any] = select(*READ).where(
        SCORES.c.tenant_id == series.tenant_id, SCORES.c.series_id == series.id
    )
    statement = _narrowed(statement, wanted)
    time = SCORES.c.timestamp
    if wanted.after is not None:
        (seen,) = wanted.after
        statement = statement.where(time < seen if wanted.newest_first else time > seen)
    statement = statement.order_by(time.desc() if wanted.newest_first else time)
    rows = connection.execute(statement.limit(wanted.limit))
    return [_of_series(row, series) for row in rows]


def anomalies(
    connection: Connection, tenant_id: UUID, series: str | None, wanted: Wanted
) -> list[Score]:
    """A tenant's anomalous points over all its series, newest first."""
    statement: Select[Any] = (
        select(*READ, SERIES.c.name.label("series"), SERIES.c.fields)
        .join(SERIES, _same_series())
        .where(SCORES.c.tenant_id == tenant_id, SCORES.c.is_anomaly)
    )
    if series is not None:
        statement = statement.where(SERIES.c.name == series)
    statement = _narrowed(statement, wanted)
    place = (SCORES.c.timestamp, SCORES.c.series_id)
    if wanted.after is not None:
        statement = statement.where(_before(place, wanted.after))
    statement = statement.order_by(*(column.desc() for column in place)).limit(wanted.limit)
    return [Score(*row) for row in connection.execute(statement)]


def anomalies_of_all(
    connection: Connection, tenant: str | None, series: str | None, wanted: Wanted
) -> list[Score]:
    """Inside `Database.operator`: anomalous points of every tenant, newest first."""
    statement: Select[Any] = (
        select(
            *READ,
            SERIES.c.name.label("series"),
            SERIES.c.fields,
            TENANTS.c.slug.label("tenant"),
        )
        .join(SERIES, _same_series())
        .join(TENANTS, TENANTS.c.id == SCORES.c.tenant_id)
        .where(SCORES.c.is_anomaly)
    )
    if tenant is not None:
        statement = statement.where(TENANTS.c.slug == tenant)
    if series is not None:
        statement = statement.where(SERIES.c.name == series)
    statement = _narrowed(statement, wanted)
    place = (SCORES.c.timestamp, SCORES.c.tenant_id, SCORES.c.series_id)
    if wanted.after is not None:
        statement = statement.where(_before(place, wanted.after))
    statement = statement.order_by(*(column.desc() for column in place)).limit(wanted.limit)
    return [Score(*row) for row in connection.execute(statement)]


def _narrowed(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    if wanted.start is not None:
        statement = statement.where(SCORES.c.timestamp >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(SCORES.c.timestamp < wanted.end)
    if wanted.min_score is not None:
        statement = statement.where(SCORES.c.score >= wanted.min_score)
    if wanted.anomalies_only:
        statement = statement.where(SCORES.c.is_anomaly)
    return statement


def _same_series() -> Any:
    return and_(SERIES.c.tenant_id == SCORES.c.tenant_id, SERIES.c.id == SCORES.c.series_id)


def _before(place: tuple[Any, ...], seen: tuple[Any, ...]) -> Any:
    """Behind `seen` in descending order; the first column alone too, which an index can use."""
    return and_(place[0] <= seen[0], or_(place[0] < seen[0], tuple_(*place) < tuple_(*seen)))


def _of_series(row: Row[Any], series: Series) -> Score:
    return Score._make((*row, series.name, series.fields, ""))
