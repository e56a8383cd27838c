"""What a chart draws of a span: every point where there are few, else the least and greatest of
each of so many equal parts, of very many points by a sample; anomalies stand beside them, so none
is lost between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import PoolProxiedConnection

from app.store.series import Series
from app.store.together import BEGIN, COMMIT, Ask, Rows, Statement, run_on

ANSWER_S = 130.0  # longer than the server lets a statement take
FINEST = timedelta(microseconds=1)
MOST_READ = 300_000
# Planning over all the years takes longer than drawing a year: planned once for a connection.
BECOME = Statement(
    "draw_as",
    "SELECT set_config('app.tenant_id', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)",
)
MINE = "tenant_id = $1 AND series_id = $2 AND timestamp >= $3 AND timestamp < $4"
COUNT = Statement(
    "draw_count",
    f"SELECT count(*) FROM (SELECT FROM points WHERE {MINE} LIMIT $5) AS counted",  # noqa: S608  # nosec B608 - the condition is ours
)
# NaN, which is missing, would be the greatest.
EACH = Statement(
    "draw_each",
    "SELECT points.timestamp, nullif(points.value[$5], 'NaN') AS least, "  # noqa: S608  # nosec B608 - the condition is ours
    "nullif(points.value[$5], 'NaN') AS greatest, nullif(expected[$5], 'NaN'), "
    "nullif(lower[$5], 'NaN'), nullif(upper[$5], 'NaN') "
    f"FROM (SELECT * FROM points WHERE {MINE}) AS points "
    f"LEFT JOIN (SELECT * FROM scores WHERE {MINE}) AS scores USING (timestamp) ORDER BY 1",
)
PARTS = Statement(
    "draw_parts",
    "SELECT part, least, greatest, expected, lower, upper FROM ("  # noqa: S608  # nosec B608 - the condition is ours
    "SELECT date_bin($6, timestamp, $3) AS part, min(value[$5]) AS least, "
    f"max(value[$5]) AS greatest FROM points WHERE {MINE} AND value[$5] <> 'NaN' GROUP BY 1"
    ") AS bounds LEFT JOIN ("
    "SELECT date_bin($6, timestamp, $3) AS part, avg(nullif(expected[$5], 'NaN')) AS expected, "
    "min(nullif(lower[$5], 'NaN')) AS lower, max(nullif(upper[$5], 'NaN')) AS upper "
    f"FROM scores WHERE {MINE} GROUP BY 1) AS judged USING (part) ORDER BY 1",
)
# Where reading all would take seconds: of each part some stretches, evenly apart, in which a day's
# course shows as well as a minute's.
STRETCHES, STRETCH_POINTS = 8, 25


def _sampled(table: str, columns: str) -> str:
    return (
        f"SELECT place / {STRETCHES} AS part, {columns} "  # noqa: S608  # nosec B608 - all of it is ours
        f"FROM generate_series(0, $7::bigint * {STRETCHES} - 1) AS place, LATERAL ("
        f"SELECT * FROM {table} WHERE tenant_id = $1 AND series_id = $2 "
        f"AND timestamp >= $3::timestamptz + place * $6::interval / {STRETCHES} "
        f"AND timestamp < least($4, $3::timestamptz + (place + 1) * $6::interval / {STRETCHES}) "
        f"ORDER BY timestamp LIMIT {STRETCH_POINTS}) AS stretch GROUP BY 1"
    )


SAMPLED = Statement(
    "draw_sampled",
    "SELECT $3::timestamptz + part * $6::interval, least, greatest, expected, lower, upper FROM ("  # noqa: S608  # nosec B608 - all of it is ours
    + _sampled(
        "points",
        "min(nullif(value[$5], 'NaN')) AS least, max(nullif(value[$5], 'NaN')) AS greatest",
    )
    + ") AS bounds LEFT JOIN ("
    + _sampled(
        "scores",
        "avg(nullif(expected[$5], 'NaN')) AS expected, min(nullif(lower[$5], 'NaN')) AS lower, "
        "max(nullif(upper[$5], 'NaN')) AS upper",
    )
    + ") AS judged USING (part) ORDER BY 1",
)
# The strongest of each part, and how many there are. The bounds name the tenant, so that only the
# index of its anomalies serves: by that of the series each score would be looked at.
ANOMALIES = Statement(
    "draw_anomalies",
    "SELECT DISTINCT ON (part) timestamp, value, score, alert, event, reason, "  # nosec B608 - the condition is ours
    "count(*) OVER (PARTITION BY part) FROM ("
    "SELECT date_bin($6, timestamp, $3) AS part, timestamp, "
    "nullif(value[$5], 'NaN') AS value, score, alert, event, reason "
    "FROM scores WHERE tenant_id = $1 AND series_id = $2 AND is_anomaly "
    "AND (tenant_id, timestamp) >= ($1, $3) AND (tenant_id, timestamp) < ($1, $4)"
    ") AS anomalous ORDER BY part, score DESC, timestamp",
)


@dataclass(frozen=True)
class Chart:
    """`rows`: time, least, greatest, expected, lower, upper; `width` is None where each row is one
    point; `anomalies`: time, value, score, alert, event, reason, and for how many it stands."""

    start: datetime
    end: datetime
    width: timedelta | None
    rows: Sequence[tuple[Any, ...]]
    anomalies: Sequence[tuple[Any, ...]]
    is_sampled: bool = False


def drawn(
    lent: PoolProxiedConnection,
    of: Series,
    field: int,
    start: datetime,
    end: datetime,
    parts: int,
    most_read: int = MOST_READ,
) -> Chart:
    """Of the field in that place, from 0; the span includes its start, not its end."""
    width = max((end - start) / parts, FINEST)
    given = (of.tenant_id, of.id, start.isoformat(), end.isoformat(), field + 1)
    span = tuple(str(one).encode() for one in given)
    by_width = (*span, f"{width / FINEST} microseconds".encode())
    most = str(most_read + 1).encode()
    ((count,),), anomalies = _asked(
        lent, span[0], [(COUNT, (*span[:4], most)), (ANOMALIES, by_width)]
    )
    if count <= 2 * parts:
        (rows,) = _asked(lent, span[0], [(EACH, span)])
        return Chart(start, end, None, rows, anomalies)
    is_sampled = count > most_read
    way = (SAMPLED, (*by_width, str(parts).encode())) if is_sampled else (PARTS, by_width)
    (rows,) = _asked(lent, span[0], [way])
    return Chart(start, end, width, rows, anomalies, is_sampled)


def _asked(lent: PoolProxiedConnection, tenant: bytes, asked: Sequence[Ask]) -> list[Rows]:
    _, _, *rows, _ = run_on(
        lent, [(BEGIN, ()), (BECOME, (tenant,)), *asked, (COMMIT, ())], ANSWER_S
    )
    return rows
