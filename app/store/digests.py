"""Digests of long series, for charts: what a chart needs of each stretch of some hundred points.

A stretch is as wide as `digest_width` of its series says, and begins at a multiple of it. Those
that end by `digested_until` have a right digest, or no points. Whoever changes points or scores
before that moment moves it back, in the same transaction and with the lock on the series. Digests
are made with that lock too, a chunk at a time: a writer is seen, or moves the moment afterwards.
"""

from datetime import UTC, datetime, timedelta
from math import log
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, select, text, update

from app.store import tables
from app.store.series import Series

DIGESTS, SERIES, POINTS = tables.digests, tables.series, tables.points

LEAST_POINTS = 100_000  # of a series that has digests: fewer are read as quickly as they are
POINTS_OF_DIGEST = 300
LEAST_OF_DIGEST, MOST_OF_DIGEST = 10, 3_000  # on average; of one
BEHIND = 8  # stretches: digests are made of several at once, rather than of each as it ends
# A tenth of a second, in which others wait for the series.
CHUNK_VALUES, CHUNK_POINTS = 20_000, 4 * POINTS_OF_DIGEST
# To share a chunk among processes takes longer than the chunk, and so does compiling it.
ALONE = text(
    "SELECT set_config('max_parallel_workers_per_gather', '0', true), "
    "set_config('jit', 'off', true)"
)
ORIGIN = datetime(1600, 1, 3, tzinfo=UTC)  # a Monday before all times
ORIGIN_SQL = f"timestamptz '{ORIGIN.isoformat()}'"
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
WIDTHS = tuple(
    timedelta(seconds=count * unit_s)
    for unit_s, counts in (
        (1, (1, 2, 5, 10, 15, 30)),
        (MINUTE_S, (1, 2, 5, 10, 15, 30)),
        (HOUR_S, (1, 2, 3, 6, 12)),
        (DAY_S, (1, 2, 7)),
    )
    for count in counts
)
# A sum of the largest numbers would be none: they are as missing. NaN is greater than all of them.
SUMMED = "CASE WHEN abs({0}) < 1e300 THEN {0} END"
SPAN = (
    "WHERE tenant_id = :tenant_id AND series_id = :series_id "
    "AND timestamp >= :start AND timestamp < :end GROUP BY 1, 2"
)
STRETCH = f"date_bin(:width, timestamp, {ORIGIN_SQL}) AS from_at, place"
# NaN, which is missing, would be the greatest.
MAKE = text(
    "INSERT INTO digests "  # noqa: S608  # nosec B608 - all of it is ours
    "(tenant_id, series_id, from_at, least, greatest, expected_sum, judged, lower, upper) "
    "SELECT :tenant_id, :series_id, from_at, least, greatest, expected, judged, lower, upper "
    "FROM (SELECT from_at, array_agg(least ORDER BY place) AS least, "
    "array_agg(greatest ORDER BY place) AS greatest FROM ("
    f"SELECT {STRETCH}, min(nullif(v, 'NaN')) AS least, max(nullif(v, 'NaN')) AS greatest "
    f"FROM points, unnest(value) WITH ORDINALITY AS field (v, place) {SPAN}"
    ") AS fields GROUP BY 1) AS bounds LEFT JOIN ("
    "SELECT from_at, array_agg(expected ORDER BY place) AS expected, "
    "array_agg(judged ORDER BY place) AS judged, array_agg(lower ORDER BY place) AS lower, "
    "array_agg(upper ORDER BY place) AS upper FROM ("
    f"SELECT {STRETCH}, sum({SUMMED.format('e')}) AS expected, "
    f"count({SUMMED.format('e')}) AS judged, "
    "min(nullif(l, 'NaN')) AS lower, max(nullif(u, 'NaN')) AS upper FROM scores, "
    f"unnest(expected, lower, upper) WITH ORDINALITY AS field (e, l, u, place) {SPAN}"
    ") AS fields GROUP BY 1) AS bands USING (from_at)"
)
BEHIND_ONES = text(
    "SELECT tenant_id, id FROM series WHERE points >= :points AND (digested_until IS NULL "
    "OR last_at >= digested_until + :stretches * digest_width) "
    "ORDER BY digested_until NULLS FIRST LIMIT :limit"
)


def behind(
    connection: Connection, limit: int, points: int = LEAST_POINTS
) -> list[tuple[UUID, UUID]]:
    """Inside `Database.operator`: tenant and id of series with so many points whose digests are
    behind."""
    asked = {"points": points, "stretches": BEHIND, "limit": limit}
    return [(row.tenant_id, row.id) for row in connection.execute(BEHIND_ONES, asked)]


def make_some(connection: Connection, of: Series, most_values: int = CHUNK_VALUES) -> bool:
    """Go on from where digests end, up to the stretch of the newest point, which is not over;
    -> False where there is nothing to do.

    The lock on the series is held.
    """
    if of.first_at is None or of.last_at is None:
        return False
    width = of.digest_width or width_for(of.points, of.last_at - of.first_at)
    start, over = floor(of.digested_until or of.first_at, width), floor(of.last_at, width)
    if start >= over and of.digested_until is not None:
        return False
    narrower = _narrower(of, width)
    if narrower and _floor_of(connection, of, width, start, MOST_OF_DIGEST) == start:
        _begin_anew(connection, of, narrower)
        return True
    most = max(most_values // len(of.fields), CHUNK_POINTS)
    end = _floor_of(connection, of, width, start, most) or over
    end = min(max(end, start + width), over)  # all may lie in the last stretch, for now
    connection.execute(ALONE)
    _make(connection, of, width, start, end)
    _note(connection, of, width, end)
    return True


def width_for(points: int, span: timedelta) -> timedelta:
    """That in which about `POINTS_OF_DIGEST` of so many points come."""
    wanted = max(span / points * POINTS_OF_DIGEST, WIDTHS[0])
    return min(WIDTHS, key=lambda width: abs(log(width / wanted)))


def floor(moment: datetime, width: timedelta) -> datetime:
    """Where the stretch of this moment begins."""
    return moment - (moment - ORIGIN) % width


def reset(connection: Connection, of: Series, since: datetime) -> None:
    """Points or scores change from this moment on; the lock on the series is held."""
    if of.digested_until is not None and since < of.digested_until:
        statement = update(SERIES).where(*_row(of), SERIES.c.digested_until > since)
        connection.execute(statement.values(digested_until=since))


def take_out(
    connection: Connection, of: Series, start: datetime | None, end: datetime | None
) -> None:
    """The points of the span were erased: its digests go, those that it cut are made anew.

    So a series that forgets its oldest points day by day keeps the digests of all others.
    """
    if of.digest_width is None:
        return
    width, gone = of.digest_width, delete(DIGESTS).where(*_mine(of))
    if start is not None:
        gone = gone.where(DIGESTS.c.from_at >= floor(start, width))
    if end is not None:
        gone = gone.where(DIGESTS.c.from_at < end)
    connection.execute(gone)
    for cut in {floor(bound, width) for bound in (start, end) if bound is not None}:
        _make(connection, of, width, cut, cut + width)


def _make(
    connection: Connection, of: Series, width: timedelta, start: datetime, end: datetime
) -> None:
    """Of whole stretches, in place of those that are there."""
    within = DIGESTS.c.from_at >= start, DIGESTS.c.from_at < end
    connection.execute(delete(DIGESTS).where(*_mine(of), *within))
    span = {"width": width, "start": start, "end": end}
    connection.execute(MAKE, {"tenant_id": of.tenant_id, "series_id": of.id, **span})


def _floor_of(
    connection: Connection, of: Series, width: timedelta, start: datetime, n: int
) -> datetime | None:
    """Where the stretch begins of the point that so many come before, counted from the start."""
    mine = POINTS.c.tenant_id == of.tenant_id, POINTS.c.series_id == of.id
    later = select(POINTS.c.timestamp).where(*mine, POINTS.c.timestamp >= start)
    found = connection.scalar(later.order_by(POINTS.c.timestamp).offset(n).limit(1))
    return None if found is None else floor(found, width)


def _narrower(of: Series, width: timedelta) -> timedelta | None:
    """A tenth or less, unless nearly every point would then have a stretch of its own."""
    assert of.first_at is not None
    assert of.last_at is not None
    found = next((one for one in reversed(WIDTHS) if 10 * one <= width), None)
    if found is None or (of.last_at - of.first_at) / found * LEAST_OF_DIGEST > of.points:
        return None
    return found


def _begin_anew(connection: Connection, of: Series, width: timedelta) -> None:
    """Points come so much closer by now that a digest would hold thousands."""
    connection.execute(delete(DIGESTS).where(*_mine(of)))
    _note(connection, of, width, None)


def _note(connection: Connection, of: Series, width: timedelta, until: datetime | None) -> None:
    values = {"digest_width": width, "digested_until": until}
    connection.execute(update(SERIES).where(*_row(of)).values(**values))


def _mine(of: Series) -> tuple[Any, ...]:
    return DIGESTS.c.tenant_id == of.tenant_id, DIGESTS.c.series_id == of.id


def _row(of: Series) -> tuple[Any, ...]:
    return SERIES.c.tenant_id == of.tenant_id, SERIES.c.id == of.id
