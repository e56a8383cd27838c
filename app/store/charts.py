"""What a chart draws of a span: every point where there are few, else the least and greatest of
each of so many equal parts; anomalies stand beside them, so none is lost between two."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from app.store.series import Series

MINE = (
    "tenant_id = :tenant_id AND series_id = :series_id AND timestamp >= :start AND timestamp < :end"
)
# NaN, which is missing, would be the greatest.
COUNT = text(f"SELECT count(*) FROM (SELECT FROM points WHERE {MINE} LIMIT :most) AS some")  # noqa: S608  # nosec B608
EACH = text(
    "SELECT points.timestamp, nullif(points.value[:field], 'NaN'), nullif(points.value[:field], 'NaN'), "  # noqa: S608  # nosec B608
    "nullif(expected[:field], 'NaN'), nullif(lower[:field], 'NaN'), nullif(upper[:field], 'NaN') "
    f"FROM (SELECT * FROM points WHERE {MINE}) AS points LEFT JOIN scores "
    "USING (tenant_id, series_id, timestamp) ORDER BY 1"
)
PARTS = text(
    "SELECT part, least, greatest, expected, lower, upper FROM ("  # noqa: S608  # nosec B608
    "SELECT date_bin(:width, timestamp, :start) AS part, min(value[:field]) AS least, "
    f"max(value[:field]) AS greatest FROM points WHERE {MINE} AND value[:field] <> 'NaN' GROUP BY 1"
    ") AS values LEFT JOIN ("
    "SELECT date_bin(:width, timestamp, :start) AS part, avg(nullif(expected[:field], 'NaN')) AS expected, "
    "min(nullif(lower[:field], 'NaN')) AS lower, max(nullif(upper[:field], 'NaN')) AS upper "
    f"FROM scores WHERE {MINE} GROUP BY 1) AS judged USING (part) ORDER BY 1"
)
# The strongest of each part, and how many there are.
ANOMALIES = text(
    "SELECT DISTINCT ON (part) timestamp, value, score, alert, event, reason, "  # noqa: S608  # nosec B608
    "count(*) OVER (PARTITION BY part) AS points FROM ("
    "SELECT date_bin(:width, timestamp, :start) AS part, timestamp, "
    "nullif(value[:field], 'NaN') AS value, score, alert, event, reason "
    f"FROM scores WHERE {MINE} AND is_anomaly) AS anomalous ORDER BY part, score DESC, timestamp"
)
FINEST = timedelta(microseconds=1)


@dataclass(frozen=True)
class Chart:
    """`rows`: time, least, greatest, expected, lower, upper; `width` is None where each row is one
    point; `anomalies`: time, value, score, alert, event, reason, and for how many it stands."""

    start: datetime
    end: datetime
    width: timedelta | None
    rows: list[Any]
    anomalies: list[Any]


def drawn(
    connection: Connection, of: Series, field: int, start: datetime, end: datetime, parts: int
) -> Chart:
    """Of the field in that place, from 0; the span includes its start, not its end."""
    width = max((end - start) / parts, FINEST)
    asked = {
        "tenant_id": of.tenant_id,
        "series_id": of.id,
        "start": start,
        "end": end,
        "field": field + 1,
        "width": width,
        "most": 2 * parts + 1,
    }
    is_little = (connection.scalar(COUNT, asked) or 0) <= 2 * parts
    rows = connection.execute(EACH if is_little else PARTS, asked).tuples().all()
    anomalies = connection.execute(ANOMALIES, asked).all()
    return Chart(start, end, None if is_little else width, list(rows), list(anomalies))
