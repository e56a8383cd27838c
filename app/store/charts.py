"""What a chart draws of a span: every point where there are few, else the least and greatest of
each of so many equal parts; anomalies stand beside them, so none is lost between two.

Parts of very many points are put together out of digests; only where these have yet to be made, a
sample of the points stands in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import PoolProxiedConnection

from app.store.digests import ORIGIN, ORIGIN_SQL, SUMMED, floor
from app.store.series import Series
from app.store.together import BEGIN, COMMIT, Ask, Rows, Statement, run_on

ANSWER_S = 130.0  # longer than the server lets a statement take
FINEST = timedelta(microseconds=1)
MOST_READ = 100_000
# Planning over all the years takes longer than drawing a year: planned once for a connection. Such
# a plan knows no span, so that it looks dear enough to be compiled, for longer than it runs.
BECOME = Statement(
    "draw_as",
    "SELECT set_config('app.tenant_id', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true)",
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
EXPECTED = SUMMED.format("expected[$5]")
OF_POINT = (
    "nullif(value[$5], 'NaN') AS least, nullif(value[$5], 'NaN') AS greatest, "
    "NULL::float8 AS expected, 0 AS judged, NULL::float8 AS lower, NULL::float8 AS upper"
)
OF_SCORE = (
    f"NULL, NULL, {EXPECTED}, ({EXPECTED} IS NOT NULL)::int, "
    "nullif(lower[$5], 'NaN'), nullif(upper[$5], 'NaN')"
)
OF_DIGEST = "least[$5], greatest[$5], expected_sum[$5], judged[$5], lower[$5], upper[$5]"
SUMS = "min(least), max(greatest), sum(expected), sum(judged)::float8, min(lower), max(upper)"


def _piece(table: str, columns: str, time: str, condition: str) -> str:
    return (
        f"SELECT date_bin($6, {time}, $7) AS part, {columns} FROM {table} "  # noqa: S608  # nosec B608 - all of it is ours
        f"WHERE tenant_id = $1 AND series_id = $2 AND {condition}"
    )


# Out of digests what they hold of the span, the rest point by point. A year that was emptied takes
# its first points along, but not their digests.
BEFORE = "timestamp >= $3 AND timestamp < (SELECT first FROM digested)"
BEHIND = "timestamp >= (SELECT until FROM digested) AND timestamp < $4"
PIECES = (
    _piece("points", OF_POINT, "timestamp", BEFORE),
    _piece("points", OF_POINT, "timestamp", BEHIND),
    _piece("scores", OF_SCORE, "timestamp", BEFORE),
    _piece("scores", OF_SCORE, "timestamp", BEHIND),
    _piece(
        "digests",
        OF_DIGEST,
        "from_at",
        "from_at >= (SELECT first FROM digested) AND from_at < (SELECT until FROM digested)",
    ),
)
PARTS = Statement(
    "draw_parts",
    "WITH made AS (SELECT "  # noqa: S608  # nosec B608 - all of it is ours
    f"date_bin($8, oldest.timestamp - interval '1 us', {ORIGIN_SQL}) + $8 AS first, "
    f"date_bin($8, least(digested_until, $4), {ORIGIN_SQL}) AS until FROM series, "
    f"LATERAL (SELECT timestamp FROM points WHERE {MINE} ORDER BY timestamp LIMIT 1) AS oldest "
    "WHERE tenant_id = $1 AND id = $2 AND digest_width = $8 AND digested_until > $3"
    "), digested AS MATERIALIZED (SELECT coalesce(min(first), $4) AS first, "
    "coalesce(max(greatest(first, until)), $4) AS until FROM made) "
    f"SELECT greatest(part, $3), {SUMS} FROM ({' UNION ALL '.join(PIECES)}) AS pieces "
    "GROUP BY part HAVING min(least) IS NOT NULL ORDER BY 1",
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
        f"ORDER BY timestamp LIMIT {STRETCH_POINTS}) AS stretch"
    )


SAMPLED = Statement(
    "draw_sampled",
    f"SELECT $3::timestamptz + part * $6::interval, {SUMS} FROM ("  # noqa: S608  # nosec B608 - all of it is ours
    f"{_sampled('points', OF_POINT)} UNION ALL {_sampled('scores', OF_SCORE)}) AS pieces "
    "GROUP BY part HAVING min(least) IS NOT NULL ORDER BY 1",
)
# The strongest of each part, and how many there are. The bounds name the tenant, so that only the
# index of its anomalies serves: by that of the series each score would be looked at.
ANOMALIES = Statement(
    "draw_anomalies",
    "SELECT DISTINCT ON (part) timestamp, value, score, alert, event, reason, "  # nosec B608 - the condition is ours
    "count(*) OVER (PARTITION BY part) FROM ("
    "SELECT date_bin($6, timestamp, $7) AS part, timestamp, "
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
    """Of the field in that place, from 0; the span includes its start, not its end.

    most_read: points that are read one by one, at most.
    """
    width = max((end - start) / parts, FINEST)
    is_fine = of.digest_width is not None and of.digest_width <= width
    given = of.tenant_id, of.id, start, end
    rest = of.tenant_id, of.id, max(start, of.digested_until or start), end
    most = 2 * parts if is_fine else max(most_read, 2 * parts)
    ((count,),), ((undigested,),) = _asked(
        lent, of, [(COUNT, (*given, most + 1)), (COUNT, (*rest, most_read + 1))]
    )
    span, cut = (*given, field + 1), (width, start)
    if count <= 2 * parts:
        rows, anomalies = _asked(lent, of, [(EACH, span), (ANOMALIES, span + cut)])
        return Chart(start, end, None, rows, anomalies)
    is_sampled = undigested > most_read
    way: tuple[Statement, tuple[Any, ...]] = PARTS, (*span, *cut, FINEST)
    if is_sampled:
        way = SAMPLED, (*span, width, parts)
    elif of.digest_width is not None and (is_fine or count > most_read):
        cut = _whole(of.digest_width, start, end, parts), ORIGIN
        way = PARTS, (*span, *cut, of.digest_width)
    sums, anomalies = _asked(lent, of, [way, (ANOMALIES, span + cut)])
    rows = [_averaged(row) for row in sums]
    return Chart(start, end, cut[0], rows, anomalies, is_sampled)


def _whole(stretch: timedelta, start: datetime, end: datetime, parts: int) -> timedelta:
    """So many stretches that the span has no more parts of this width, counted from the origin."""
    width = max(1, -((start - end) / parts // stretch)) * stretch
    while floor(start, width) + parts * width < end:
        width += stretch
    return width


def _averaged(row: tuple[Any, ...]) -> tuple[Any, ...]:
    time, least, greatest, expected, judged, lower, upper = row
    return time, least, greatest, expected / judged if judged else None, lower, upper


def _asked(
    lent: PoolProxiedConnection, of: Series, asked: Sequence[tuple[Statement, tuple[Any, ...]]]
) -> list[Rows]:
    become = BECOME, (of.tenant_id,)
    whole: list[Ask] = [
        (statement, tuple(map(_written, values))) for statement, values in (become, *asked)
    ]
    return run_on(lent, [(BEGIN, ()), *whole, (COMMIT, ())], ANSWER_S)[2:-1]


def _written(value: object) -> bytes:
    if isinstance(value, datetime):
        return value.isoformat().encode()
    if isinstance(value, timedelta):
        return f"{value // FINEST} microseconds".encode()
    return str(value).encode()
