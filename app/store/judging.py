"""What judging the newest points asks of Postgres: one round trip before, and one after.

The first becomes the tenant, locks the series, and reads what came since this process judged the
last one; the second stores points and verdicts of all the series of a request, and commits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg.errors import LockNotAvailable

from app.detection import Points, Verdicts
from app.store import tables
from app.store.points import as_points, literals
from app.store.scores import Marks, Score
from app.store.series import Series
from app.store.times import to_aware, to_datetime
from app.store.together import BEGIN, COMMIT, Ask, Statement, number_array, text_array
from app.store.transaction import Transaction

MOST_SINCE = b"64"
LOCK_WAIT_S = 15.0
TABLE_WAIT_S = 1.0  # a migration may hold a whole table
BEGUN_WITHIN_S = 5.0  # and what is waited for a lock

# A plan for each value would cost more than the statement: partitions are left out as it runs.
BECOME = Statement(
    "become",
    "SELECT set_config('app.tenant_id', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true), "
    "set_config('lock_timeout', $2, true), now()",
)
# In the order of their ids, so that two requests never wait for each other.
LOCK = Statement(
    "lock",
    f"SELECT {', '.join(column.name for column in tables.series.c)} FROM series "  # noqa: S608  # nosec B608 - the columns are ours
    "WHERE tenant_id = $1 AND name = ANY($2::text[]) ORDER BY id FOR UPDATE",
    is_binary=True,
)
LOCK_FREE = Statement("lock_free", f"{LOCK.sql} SKIP LOCKED", is_binary=True)
# By the earliest of the times, years before it are left out as the statement begins.
SINCE = Statement(
    "since",
    "SELECT s, timestamp, value FROM unnest($2::uuid[], $3::timestamptz[]) AS known (s, t), "
    "LATERAL (SELECT timestamp, value FROM points WHERE tenant_id = $1 AND series_id = s "
    "AND timestamp > t AND timestamp > $4::timestamptz "
    "ORDER BY timestamp DESC LIMIT $5) AS later",
    is_binary=True,
)
ADD_POINTS = Statement(
    "add_points",
    "INSERT INTO points (tenant_id, series_id, timestamp, value) SELECT $1, s, t, v::float8[] "
    "FROM unnest($2::uuid[], $3::timestamptz[], $4::text[]) AS new (s, t, v)",
)
ADD_SCORES = Statement(
    "add_scores",
    "INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold, "
    "expected, lower, upper, contributions, reason, model_version, backfilled, alert, event) "
    "SELECT $1, s, t, v::float8[], p, a, h, e::float8[], l::float8[], u::float8[], c::float8[], "
    "r, m, false, w, i FROM unnest($2::uuid[], $3::timestamptz[], $4::text[], $5::float8[], "
    "$6::boolean[], $7::float8[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], "
    "$13::integer[], $14::boolean[], $15::uuid[]) "
    "AS new (s, t, v, p, a, h, e, l, u, c, r, m, w, i)",
)
# The revision stays where points follow all that there were: what was known of these still holds.
GROW = Statement(
    "grow",
    "UPDATE series SET points = points + a, first_at = least(first_at, f), "
    "last_at = greatest(last_at, l), "
    "revision = revision + CASE WHEN last_at >= f THEN 1 ELSE 0 END, "
    "counted_points = a + CASE WHEN counted_on = current_date THEN counted_points ELSE 0 END, "
    "counted_on = current_date, watch = coalesce(w::jsonb, watch) "
    "FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[]) "
    "AS new (s, a, f, l, w) WHERE tenant_id = $1 AND id = s AND id = ANY($2::uuid[])",
)


class SeriesHeld(Exception):
    """Somebody else held the series for longer than was to be waited."""


@dataclass(frozen=True)
class Known:
    """Up to which time this process knows the points of a series."""

    series_id: UUID
    last_at: datetime


@dataclass(frozen=True)
class Begun:
    """The series that are locked, by name; by id the points of the known ones since then, where
    there are any, at most `MOST_SINCE` of each; the time of the transaction."""

    locked: dict[str, Series]
    since: dict[UUID, Points]
    now: datetime


def begin(
    transaction: Transaction,
    tenant_id: UUID,
    names: Sequence[str],
    known: Sequence[Known] = (),
    wait_s: float = LOCK_WAIT_S,
) -> Begun:
    """Begin the transaction (nothing was asked in it yet), and hold these series to its end.

    Names that are absent are left out. wait_s: how long to wait for a series that somebody else
    holds, before `SeriesHeld` is raised; with 0 they are left out too.
    """
    tenant = str(tenant_id).encode()
    lock = LOCK if wait_s else LOCK_FREE
    asked: list[Ask] = [
        (BEGIN, ()),
        (BECOME, (tenant, f"{(wait_s or TABLE_WAIT_S) * 1000:.0f}".encode())),
        (lock, (tenant, text_array(names))),
    ]
    if known:
        ids = number_array([one.series_id for one in known])
        times = number_array([one.last_at.isoformat() for one in known])
        earliest = _time(min(one.last_at for one in known))
        asked.append((SINCE, (tenant, ids, times, earliest, MOST_SINCE)))
    try:
        rows = transaction.run(asked, wait_s + BEGUN_WITHIN_S)
    except LockNotAvailable:
        raise SeriesHeld from None
    locked = {one.name: one for one in (Series(*row) for row in rows[2])}
    since = _since(rows[3], locked) if known else {}
    return Begun(locked, since, rows[1][0][3])


def _since(rows: Sequence[Any], locked: Mapping[str, Series]) -> dict[UUID, Points]:
    later: dict[UUID, list[Any]] = {}
    for series_id, *row in reversed(rows):
        later.setdefault(series_id, []).append(row)
    return {
        of.id: as_points(later[of.id], len(of.fields)) for of in locked.values() if of.id in later
    }


@dataclass
class Writes:
    """What a request is to store; nothing is sent before `flush`. The series' locks are held."""

    tenant_id: UUID
    added: int = 0
    _points: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(3)])
    _scores: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(14)])
    _growth: list[list[Any]] = field(default_factory=lambda: [[] for _ in range(5)])

    def judged(
        self, of: Series, points: Points, verdicts: Verdicts, marks: Marks, now: datetime
    ) -> dict[int, Score]:
        """Points that are not stored yet, with their verdicts; -> by time in ns the scores, as
        they will be read. now: the time of the transaction."""
        moments = to_aware(points.times)
        times, ids = [str(moment) for moment in moments], [str(of.id)] * len(points)
        version = of.model_version or 0
        versions = [version if is_model else 0 for is_model in verdicts.model_based.tolist()]
        numbers = [x.tolist() for x in (verdicts.score, verdicts.is_anomaly, verdicts.threshold)]
        wide = (verdicts.expected, verdicts.lower, verdicts.upper, verdicts.contributions)
        values, *rest = [x.tolist() for x in (points.values, *wide)]
        texts = literals(values)
        _extend(self._points, (ids, times, texts))
        reasons, events = verdicts.reasons, [event or "NULL" for event in marks.events]
        said = (*numbers, *map(literals, rest), reasons, versions, marks.alerts, events)
        _extend(self._scores, (ids, times, texts, *said))
        judged = (moments, values, *numbers, *rest, reasons, versions)
        return dict(zip(points.times.tolist(), _as_read(of, judged, marks, now), strict=True))

    def grown(
        self,
        of: Series,
        added: int,
        first_ns: int,
        last_ns: int,
        watch: dict[str, Any] | None = None,
    ) -> None:
        """Points between these times were added or replaced.

        watch: what the event layer remembers from now on, where it saw points.
        """
        self.added += added
        remembered = None if watch is None else orjson.dumps(watch).decode()
        first = last = to_datetime(first_ns).isoformat()
        if last_ns != first_ns:
            last = to_datetime(last_ns).isoformat()
        _extend(self._growth, ([str(of.id)], [added], [first], [last], [remembered]))

    def flush(self, transaction: Transaction, commits: bool = False) -> None:
        """Send it all; where it `commits`, the transaction is over."""
        tenant = str(self.tenant_id).encode()
        asked: list[Ask] = []
        if self._points[0]:
            asked.append((ADD_POINTS, (tenant, *_arrays(self._points, (2,)))))
            asked.append((ADD_SCORES, (tenant, *_arrays(self._scores, (2, 6, 7, 8, 9, 10)))))
        if self._growth[0]:
            asked.append((GROW, (tenant, *_arrays(self._growth, (4,)))))
        if commits:
            asked.append((COMMIT, ()))
        if asked:
            transaction.run(asked)


def _as_read(
    of: Series, judged: Sequence[Sequence[Any]], marks: Marks, now: datetime
) -> Iterator[Score]:
    """judged: the columns of a score from its time to the version of the model."""
    n = len(judged[0])
    by_database = ([False] * n, [now] * n)
    columns = (*judged, *by_database, marks.alerts, marks.events, [of.name] * n, [of.fields] * n)
    for row in zip(*columns, strict=True):
        yield Score(of.tenant_id, of.id, *row)


def _extend(columns: list[list[Any]], more: Sequence[Sequence[Any]]) -> None:
    for column, values in zip(columns, more, strict=True):
        column.extend(values)


def _arrays(columns: list[list[Any]], texts: Sequence[int]) -> list[bytes]:
    """As parameters; the columns at these places are text, whose elements are quoted."""
    return [
        text_array(column) if place in texts else number_array(column)
        for place, column in enumerate(columns)
    ]


def _time(moment: datetime) -> bytes:
    return moment.isoformat().encode()
