"""What a chart draws of a span: every point where there are few, else the least and greatest of
each of so many equal parts; anomalies stand beside them, so none is lost between two."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import PoolProxiedConnection

from app.store.series import Series
from app.store.together import BEGIN, COMMIT, Ask, Rows, Statement, run_on

ANSWER_S = 130.0  # longer than the server lets a statement take
FINEST = timedelta(microseconds=1)
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
# The strongest of each part, and how many there are.
ANOMALIES = Statement(
    "draw_anomalies",
    "SELECT DISTINCT ON (part) timestamp, value, score, alert, event, reason, "  # noqa: S608  # nosec B608 - the condition is ours
    "count(*) OVER (PARTITION BY part) FROM ("
    "SELECT date_bin($6, timestamp, $3) AS part, timestamp, "
    "nullif(value[$5], 'NaN') AS value, score, alert, event, reason "
    f"FROM scores WHERE {MINE} AND is_anomaly) AS anomalous ORDER BY part, score DESC, timestamp",
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


def drawn(
    lent: PoolProxiedConnection, of: Series, field: int, start: datetime, end: datetime, parts: int
) -> Chart:
    """Of the field in that place, from 0; the span includes its start, not its end."""
    width = max((end - start) / parts, FINEST)
    given = (of.tenant_id, of.id, start.isoformat(), end.isoformat(), field + 1)
    span = tuple(str(one).encode() for one in given)
    by_width = (*span, f"{width / FINEST} microseconds".encode())
    most = str(2 * parts + 1).encode()
    ((count,),), anomalies = _asked(
        lent, span[0], [(COUNT, (*span[:4], most)), (ANOMALIES, by_width)]
    )
    is_little = count <= 2 * parts
    (rows,) = _asked(lent, span[0], [(EACH, span) if is_little else (PARTS, by_width)])
    return Chart(start, end, None if is_little else width, rows, anomalies)


def _asked(lent: PoolProxiedConnection, tenant: bytes, asked: Sequence[Ask]) -> list[Rows]:
    _, _, *rows, _ = run_on(
        lent, [(BEGIN, ()), (BECOME, (tenant,)), *asked, (COMMIT, ())], ANSWER_S
    )
    return rows
