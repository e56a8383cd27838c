"""What a chart shows of series: for each of its steps one point, picked by an index, or a number
over those since the step before. What lies between them is never read into memory.

Where a series has few points in the span they are read as they are, which asks Postgres less.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import PoolProxiedConnection

from app.errors import Invalid
from app.store.database import Database
from app.store.times import to_datetime, to_ns_array
from app.store.together import (
    BEGIN,
    COMMIT,
    Ask,
    Rows,
    Statement,
    run_on,
    text_array,
)

ANSWER_S = 30.0
MOST_FIELDS = 64
INTERVALS = 100  # between the newest points, by which it is told how often they come
NS_PER_MS = 1_000_000
LEAST_MS = -(2**63) // NS_PER_MS + 1

# A plan for each value would cost more than the statement: years are left out as it runs.
BECOME = Statement(
    "chart_as",
    "SELECT set_config('app.tenant_id', $1, true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true), "
    "set_config('enable_sort', 'off', true), "
    f"set_config('statement_timeout', '{ANSWER_S * 1000:.0f}', true)",
)
COLUMNS = "id, name, fields, points, first_at, last_at"
ALL = Statement(
    "chart_all",
    f"SELECT {COLUMNS} FROM series WHERE tenant_id = $1 ORDER BY name LIMIT $2",  # noqa: S608  # nosec B608 - names of columns are ours
)
NAMED = Statement(
    "chart_named",
    f"SELECT {COLUMNS} FROM series WHERE tenant_id = $1 AND name = ANY($2::text[]) "  # noqa: S608  # nosec B608 - names of columns are ours
    "ORDER BY name",
)
# By metric: the table, and what stands in it for the fields of a point.
SOURCES = {
    "value": ("points", "value"),
    "expected": ("scores", "expected"),
    "lower": ("scores", "lower"),
    "upper": ("scores", "upper"),
    "score": ("scores", "ARRAY[score]"),
    "anomaly": ("scores", "ARRAY[is_anomaly::integer::float8]"),
}
OF_SERIES = "WHERE tenant_id = $1 AND series_id = s"
AT = "$3::timestamptz + i * $4::interval"
EACH_STEP = "generate_series(0, $5::integer - 1) AS steps (i)"
LAST = Statement(
    "chart_last",
    "SELECT place::integer, timestamp FROM unnest($2::uuid[]) WITH ORDINALITY AS of (s, place), "  # noqa: S608  # nosec B608 - ours
    f"LATERAL (SELECT timestamp FROM points {OF_SERIES} AND timestamp <= $3::timestamptz "
    f"ORDER BY timestamp DESC LIMIT {INTERVALS}) AS newest",
)


def _rows(metric: str) -> Statement:
    table, values = SOURCES[metric]
    return Statement(
        f"chart_{metric}",
        "SELECT place::integer, timestamp, v FROM unnest($2::uuid[], $3::timestamptz[]) "  # noqa: S608  # nosec B608 - ours
        "WITH ORDINALITY AS of (s, after, place), "
        f"LATERAL (SELECT timestamp, {values} AS v FROM {table} {OF_SERIES} "
        "AND timestamp > after AND timestamp <= $4::timestamptz "
        "ORDER BY timestamp LIMIT $5) AS found",
        is_binary=True,
    )


def _picks(metric: str) -> Statement:
    table, values = SOURCES[metric]
    return Statement(
        f"chart_{metric}_picks",
        "SELECT place::integer, i, v FROM unnest($2::uuid[], $6::text[]) "  # noqa: S608  # nosec B608 - ours
        f"WITH ORDINALITY AS of (s, lookback, place), {EACH_STEP}, "
        f"LATERAL (SELECT {values} AS v FROM {table} {OF_SERIES} AND timestamp <= {AT} "
        f"AND timestamp > {AT} - lookback::interval ORDER BY timestamp DESC LIMIT 1) AS newest",
        is_binary=True,
    )


def _over(metric: str, function: str) -> Statement:
    """$6: the range; $7: the field's number."""
    table, values = SOURCES[metric]
    value = f"({values})[$7::integer]"
    told = value if function == "last" else f"{function}({value})::float8"
    newest = "ORDER BY timestamp DESC LIMIT 1" if function == "last" else ""
    return Statement(
        f"chart_{metric}_{function}",
        "SELECT place::integer, i, v FROM unnest($2::uuid[]) WITH ORDINALITY AS of (s, place), "  # noqa: S608  # nosec B608 - ours
        f"{EACH_STEP}, LATERAL (SELECT {told} AS v FROM {table} {OF_SERIES} AND timestamp <= {AT} "
        f"AND timestamp > {AT} - $6::interval AND {value} <> 'NaN' {newest}) AS within "
        "WHERE v IS NOT NULL",
        is_binary=True,
    )


FUNCTIONS = ("min", "max", "avg", "sum", "count", "last")
ROWS = {metric: _rows(metric) for metric in SOURCES}
PICKS = {metric: _picks(metric) for metric in SOURCES}
OVER = {(metric, name): _over(metric, name) for metric in SOURCES for name in FUNCTIONS}


class Charted(NamedTuple):
    """A series, as far as a chart needs to know it."""

    id: UUID
    name: str
    fields: list[str]
    points: int
    first_at: datetime | None
    last_at: datetime | None


class Found(NamedTuple):
    """Points of one series in time order: times (n,) ns and values (n, d)."""

    times: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """The times of a chart: `steps` of them, from `start_ms` on."""

    start_ms: int
    step_ms: int
    steps: int

    @property
    def end_ms(self) -> int:
        return self.start_ms + (self.steps - 1) * self.step_ms

    def moved(self, by_ms: int) -> "Grid":
        """Raises `Invalid` where it would lead beyond all times."""
        if not LEAST_MS <= self.start_ms + by_ms <= self.end_ms + by_ms <= -LEAST_MS:
            raise Invalid("The offset leads beyond all times")
        return Grid(self.start_ms + by_ms, self.step_ms, self.steps)

    @property
    def times_ns(self) -> NDArray[np.int64]:
        offsets = np.arange(self.steps, dtype=np.int64) * self.step_ms
        return (self.start_ms + offsets) * NS_PER_MS

    def asked(self) -> list[bytes]:
        return [_time(self.start_ms), _duration(self.step_ms), str(self.steps).encode()]


class Charts:
    """What a tenant's charts ask, in one transaction."""

    def __init__(self, lent: PoolProxiedConnection, tenant_id: UUID) -> None:
        self._lent, self._tenant = lent, str(tenant_id).encode()

    def _ask(self, statement: Statement, *parameters: bytes) -> Rows:
        asked: list[Ask] = [(statement, (self._tenant, *parameters))]
        return run_on(self._lent, asked, ANSWER_S + 1)[0]

    def all(self, limit: int) -> list[Charted]:
        return [Charted(*row) for row in self._ask(ALL, str(limit).encode())]

    def named(self, names: Sequence[str]) -> list[Charted]:
        return [Charted(*row) for row in self._ask(NAMED, text_array(names))]

    def newest_times(self, ids: Sequence[UUID], end_ms: int) -> list[NDArray[np.int64]]:
        """Of each, of the last points up to then, in ns; newest first."""
        times = [list[datetime]() for _ in ids]
        for place, moment in self._ask(LAST, text_array(ids), _time(end_ms)):
            times[place - 1].append(moment)
        return [np.sort(to_ns_array(of))[::-1] for of in times]

    def rows(
        self, metric: str, ids: Sequence[UUID], after_ms: Sequence[int], end_ms: int, limit: int
    ) -> list[Found]:
        """Of each, the points after its time and up to the end, the first `limit` of them."""
        after = text_array([to_datetime(ms * NS_PER_MS) for ms in after_ms])
        end, most = _time(end_ms), str(limit).encode()
        times = [list[datetime]() for _ in ids]
        values = [list[list[float]]() for _ in ids]
        for place, moment, value in self._ask(ROWS[metric], text_array(ids), after, end, most):
            times[place - 1].append(moment)
            values[place - 1].append(value)
        return [_in_order(*of) for of in zip(times, values, strict=True)]

    def picks(
        self, metric: str, ids: Sequence[UUID], grid: Grid, lookback_ms: Sequence[int]
    ) -> list[NDArray[np.float64]]:
        """For each the newest values within the lookback, (steps, fields); NaN for none."""
        found: dict[int, NDArray[np.float64]] = {}
        lookback = text_array([_duration(ms).decode() for ms in lookback_ms])
        for place, step, value in self._ask(
            PICKS[metric], text_array(ids), *grid.asked(), lookback
        ):
            of = found.get(place)
            if of is None:
                of = found[place] = np.full((grid.steps, len(value)), np.nan)
            of[step] = value
        places = range(1, len(ids) + 1)
        none = np.full((grid.steps, MOST_FIELDS if len(found) < len(ids) else 0), np.nan)
        return [found.get(place, none) for place in places]

    def over(
        self, metric: str, function: str, ids: Sequence[UUID], grid: Grid, range_ms: int, field: int
    ) -> NDArray[np.float64]:
        """For each of them and step a number over one field's values in the range; NaN for none."""
        found = np.full((len(ids), grid.steps), np.nan)
        asked = (*grid.asked(), _duration(range_ms), str(field + 1).encode())
        for place, step, value in self._ask(OVER[metric, function], text_array(ids), *asked):
            if value or function != "count":
                found[place - 1, step] = value
        return found


@contextmanager
def of_tenant(database: Database, tenant_id: UUID) -> Iterator[Charts]:
    with database.lent() as lent:
        run_on(lent, [(BEGIN, ()), (BECOME, (str(tenant_id).encode(),))])
        yield Charts(lent, tenant_id)
        run_on(lent, [(COMMIT, ())])


def _in_order(moments: list[datetime], values: list[list[float]]) -> Found:
    times = to_ns_array(moments)
    if not len(times):
        return Found(times, np.zeros((0, 0)))
    order = np.argsort(times)
    return Found(times[order], np.array(values, np.float64)[order])


def _time(ms: int) -> bytes:
    return to_datetime(ms * NS_PER_MS).isoformat().encode()


def _duration(ms: int) -> bytes:
    return f"{ms} milliseconds".encode()
