"""What digests should hold, worked out point by point, beside what they do."""

from collections import defaultdict
from datetime import datetime
from math import isnan
from typing import Any

from sqlalchemy import Connection, text

from app.store import digests, points, series
from app.store.series import Series

N = 6_000  # points of the series that tests have as a long one
# Of two points in three, with a band that the first field lacks now and then.
JUDGE = """
    INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold,
        expected, lower, upper, contributions, reason, model_version, backfilled)
    SELECT tenant_id, series_id, timestamp, value, 0.5, false, 0.9,
        CASE WHEN n::int % 5 = 0 THEN value ELSE ARRAY[n, n / 2] END,
        ARRAY[n - 3, 0], ARRAY[n + 3, 1], '{1,1}', '', 1, false
    FROM (SELECT *, row_number() OVER (ORDER BY timestamp)::float8 AS n FROM points
        WHERE series_id = :id) AS numbered WHERE n::int % 3 > 0
"""
LONG = "UPDATE series SET points = :n, first_at = :first, last_at = :last WHERE id = :id"
Digests = dict[datetime, tuple[Any, ...]]
STORED = "SELECT * FROM digests WHERE tenant_id = :tenant_id AND series_id = :id ORDER BY from_at"
BANDS = (
    "SELECT timestamp, expected, lower, upper FROM scores "
    "WHERE tenant_id = :tenant_id AND series_id = :id"
)


def note(connection: Connection, of: Series, n: int) -> Series:
    """As the transaction that stored the points would."""
    span = "SELECT min(timestamp), max(timestamp) FROM points WHERE series_id = :id"
    first, last = connection.execute(text(span), {"id": of.id}).one()
    connection.execute(text(LONG), {"n": n, "first": first, "last": last, "id": of.id})
    return series.by_id(connection, of.tenant_id, of.id)


def make_all(connection: Connection, of: Series, most_values: int = 0) -> Series:
    while digests.make_some(connection, of, most_values):
        of = series.by_id(connection, of.tenant_id, of.id)
    return of


def stored(connection: Connection, of: Series) -> Digests:
    """Those that are said to be right."""
    if of.digested_until is None or of.digest_width is None:
        return {}
    rows = connection.execute(text(STORED), {"tenant_id": of.tenant_id, "id": of.id})
    return {
        row.from_at: tuple(row[3:])
        for row in rows
        if row.from_at + of.digest_width <= of.digested_until
    }


def recomputed(connection: Connection, of: Series) -> Digests:
    """Of the same stretches."""
    if of.digested_until is None or of.digest_width is None:
        return {}
    end = digests.floor(of.digested_until, of.digest_width)
    values: dict[datetime, list[Any]] = defaultdict(list)
    bands: dict[datetime, list[Any]] = defaultdict(list)
    for at, row in points.page(connection, of.tenant_id, of.id, 1_000_000):
        if at < end:
            values[digests.floor(at, of.digest_width)].append(row)
    for at, *row in connection.execute(text(BANDS), {"tenant_id": of.tenant_id, "id": of.id}):
        bands[digests.floor(at, of.digest_width)].append(row)
    return {at: _bounds(rows) + _bands(bands.get(at, [])) for at, rows in values.items()}


def _bounds(rows: list[list[float]]) -> tuple[Any, ...]:
    columns = [_known(column) for column in zip(*rows, strict=True)]
    return tuple([take(one, default=None) for one in columns] for take in (min, max))


def _bands(rows: list[list[list[float]]]) -> tuple[Any, ...]:
    if not rows:
        return (None,) * 4
    expected, lower, upper = (
        [_known(column) for column in zip(*arrays, strict=True)]
        for arrays in zip(*rows, strict=True)
    )
    return (
        [sum(one) if one else None for one in expected],
        [len(one) for one in expected],
        [min(one, default=None) for one in lower],
        [max(one, default=None) for one in upper],
    )


def _known(numbers: Any) -> list[float]:
    return [one for one in numbers if not isnan(one)]


def differing(a: Digests, b: Digests) -> set[datetime]:
    """Stretches that only one of them has, or that they have otherwise."""
    return {at for at in a.keys() | b.keys() if not _same(a.get(at), b.get(at))}


def _same(a: tuple[Any, ...] | None, b: tuple[Any, ...] | None) -> bool:
    """Sums may be taken in any order."""
    if a is None or b is None:
        return False
    return all(_near(one, other) for one, other in zip(a, b, strict=True))


def _near(a: list[float | None] | None, b: list[float | None] | None) -> bool:
    if a is None or b is None:
        return a is b
    return all(
        x is y if x is None or y is None else abs(x - y) <= 1e-9 * (1 + abs(x))
        for x, y in zip(a, b, strict=True)
    )
