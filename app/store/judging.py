"""What judging the newest points asks of Postgres: one round trip before, and one after.

The first becomes the tenant, locks the series, and reads what came since this process judged the
last one; the second stores points and verdicts of all the series of a request, and commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg.errors import LockNotAvailable

from app.detection import Points, Verdicts
from app.store import tables
from app.store.points import as_points
from app.store.scores import Marks, Score
from app.store.series import Series
from app.store.times import to_aware, to_datetime
from app.store.together import (
    BEGIN,
    COMMIT,
    Ask,
    Statement,
    number_array,
    row_array,
    text_array,
)
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
    "set_config('lock_timeout', $2, true)",
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
# Digests hold up to the first change.
GROW = Statement(
    "grow",
    "UPDATE series SET points = points + a, first_at = least(first_at, f), "
    "last_at = greatest(last_at, l), "
    "revision = revision + CASE WHEN last_at >= f THEN 1 ELSE 0 END, "
    "counted_points = a + CASE WHEN counted_on = current_date THEN counted_points ELSE 0 END, "
    "counted_on = current_date, watch = coalesce(w::jsonb, watch), "
    "digested_until = CASE WHEN digested_until > f THEN f ELSE digested_until END "
    "FROM unnest($2::uuid[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::text[]) "
    "AS new (s, a, f, l, w) WHERE tenant_id = $1 AND id = s AND id = ANY($2::uuid[])",
)


class SeriesHeld(Exception):
    """Somebody else held the series for longer than was to be waited."""


class Known(NamedTuple):
    """Up to which time this process knows the points of a series."""

    series_id: UUID
    last_at: datetime


class Begun(NamedTuple):
    """By name the series that are locked, and the points of the known ones since then, where
    there are any, at most `MOST_SINCE` of each."""

    locked: dict[str, Series]
    since: dict[str, Points]


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
        ids, times = zip(*known, strict=True)
        earliest = min(times).isoformat().encode()
        asked.append((SINCE, (tenant, text_array(ids), text_array(times), earliest, MOST_SINCE)))
    try:
        rows = transaction.run(asked, wait_s + BEGUN_WITHIN_S)
    except LockNotAvailable:
        raise SeriesHeld from None
    locked = {one.name: one for one in (Series(*row) for row in rows[2])}
    since = _since(rows[3], locked) if known else {}
    return Begun(locked, since)


def _since(rows: Sequence[Any], locked: Mapping[str, Series]) -> dict[str, Points]:
    if not rows:
        return {}
    later: dict[UUID, list[Any]] = {}
    for series_id, moment, values in reversed(rows):
        later.setdefault(series_id, []).append((moment, values))
    return {
        name: as_points(later[of.id], len(of.fields))
        for name, of in locked.items()
        if of.id in later
    }


class _Growth(NamedTuple):
    """Of one series, in one transaction."""

    series_id: UUID
    added: int
    first_at: datetime
    last_at: datetime
    watch: str | None


@dataclass
class Writes:
    """What a request is to store; nothing is sent before `flush`. The series' locks are held."""

    tenant_id: UUID
    added: int = 0
    scores: list[Score] = field(default_factory=list)
    _growth: list[_Growth] = field(default_factory=list)

    def judged(
        self, of: Series, points: Points, verdicts: Verdicts, marks: Marks
    ) -> dict[int, Score]:
        """Points that are not stored yet, with their verdicts; -> by time in ns the scores, as
        they will be read."""
        times = points.times.tolist()
        scores = _as_read(of, to_aware(times), points, verdicts, marks)
        self.scores += scores
        return dict(zip(times, scores, strict=True))

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
        first = to_datetime(first_ns)
        last = first if last_ns == first_ns else to_datetime(last_ns)
        self._growth.append(_Growth(of.id, added, first, last, remembered))

    def flush(self, transaction: Transaction, commits: bool = False) -> None:
        """Send it all; where it `commits`, the transaction is over."""
        tenant = str(self.tenant_id).encode()
        asked: list[Ask] = []
        if self.scores:
            columns = _score_columns(self.scores)
            asked.append((ADD_POINTS, (tenant, *columns[:3])))
            asked.append((ADD_SCORES, (tenant, *columns)))
        if self._growth:
            asked.append((GROW, (tenant, *_growth_columns(self._growth))))
        if commits:
            asked.append((COMMIT, ()))
        if asked:
            transaction.run(asked)


def _as_read(
    of: Series,
    moments: Sequence[datetime],
    points: Points,
    verdicts: Verdicts,
    marks: Marks,
) -> list[Score]:
    version, n = of.model_version or 0, len(moments)
    columns = (
        moments,
        points.values.tolist(),
        verdicts.score.tolist(),
        verdicts.is_anomaly.tolist(),
        verdicts.threshold.tolist(),
        verdicts.expected.tolist(),
        verdicts.lower.tolist(),
        verdicts.upper.tolist(),
        verdicts.contributions.tolist(),
        verdicts.reasons,
        [version if is_model else 0 for is_model in verdicts.model_based.tolist()],
        [False] * n,
        marks.alerts,
        marks.events,
    )
    tenant_id, series_id, name, fields = of.tenant_id, of.id, of.name, of.fields
    return [
        Score._make((tenant_id, series_id, *row, name, fields, ""))
        for row in zip(*columns, strict=True)
    ]


def _score_columns(scores: Sequence[Score]) -> list[bytes]:
    """As parameters, from the ids of the series on."""
    of = dict(zip(Score._fields, zip(*scores, strict=True), strict=True))
    return [
        text_array(of["series_id"]),
        text_array(of["timestamp"]),
        row_array(of["value"]),
        number_array(of["score"]),
        number_array(of["is_anomaly"]),
        number_array(of["threshold"]),
        row_array(of["expected"]),
        row_array(of["lower"]),
        row_array(of["upper"]),
        row_array(of["contributions"]),
        text_array(of["reason"]),
        number_array(of["model_version"]),
        number_array(of["alert"]),
        text_array(of["event"]),
    ]


def _growth_columns(growth: Sequence[_Growth]) -> list[bytes]:
    ids, added, firsts, lasts, watches = zip(*growth, strict=True)
    return [text_array(ids), number_array(added), *map(text_array, (firsts, lasts, watches))]
