"""Lines of a chart at its steps: out of rows where a series has few, else picked by Postgres."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.actions import steps
from app.errors import Invalid
from app.promql import Query
from app.store.picks import NS_PER_MS, Charted, Charts, Grid
from app.store.times import to_ns

Numbers = NDArray[np.float64]

LOOKBACK_MS = 300_000  # as Prometheus has it
LONGEST_LOOKBACK_MS = 62 * 86_400_000  # of points that come once a month
IN_INTERVALS = 1.5
TOGETHER = 20_000  # steps of lines that one question to Postgres is about
DENSER = 2  # rows for a step; from there on points are picked
SPARE_ROWS = 100
MOST_READ = 10_000_000  # rows that Postgres looks at for them


class Line(NamedTuple):
    """One metric of one series, and, where it has several, of one field."""

    labels: dict[str, str]
    metric: str
    of: Charted
    field: int


class Wanted(NamedTuple):
    """lookback_ms: given by who asks; None for what fits the series."""

    query: Query
    grid: Grid
    lookback_ms: int | None = None


def drawn(charts: Charts, lines: Sequence[Line], wanted: Wanted) -> Iterator[tuple[Line, Numbers]]:
    """Each with its number at each step; NaN for none. Lines of a metric and of a series stand
    together."""
    for _, of_metric in groupby(lines, lambda line: line.metric):
        whole = [list(same) for _, same in groupby(of_metric, lambda line: line.of.id)]
        at_once = max(1, TOGETHER // (wanted.grid.steps * max(map(len, whole))))
        for first in range(0, len(whole), at_once):
            yield from _drawn_together(charts, whole[first : first + at_once], wanted)


def _drawn_together(
    charts: Charts, series: Sequence[list[Line]], wanted: Wanted
) -> Iterator[tuple[Line, Numbers]]:
    """Of one metric; of each series its lines."""
    windows_ms = _windows_ms(charts, [lines[0].of for lines in series], wanted)
    most = DENSER * wanted.grid.steps + SPARE_ROWS
    sparse = [
        (lines, ms)
        for lines, ms in zip(series, windows_ms, strict=True)
        if _rows(lines[0].of, wanted.grid, ms) <= most
    ]
    found = _out_of_rows(charts, sparse, wanted, most)
    dense = [
        (lines, ms)
        for lines, ms in zip(series, windows_ms, strict=True)
        if lines[0].of.id not in found
    ]
    found |= _picked(charts, dense, wanted)
    for lines in series:
        yield from zip(lines, found[lines[0].of.id], strict=True)


def _windows_ms(charts: Charts, series: Sequence[Charted], wanted: Wanted) -> list[int]:
    """How far back from a step a point of each of them counts."""
    given = wanted.query.selector.range_ms or wanted.lookback_ms
    if given is not None:
        return [given] * len(series)
    seldom = [one for one in series if _mean_interval_ms(one) * 2 * IN_INTERVALS > LOOKBACK_MS]
    times = charts.newest_times([one.id for one in seldom], wanted.grid.end_ms) if seldom else []
    usual = {of.id: _lookback_ms(mine) for of, mine in zip(seldom, times, strict=True)}
    return [usual.get(one.id, LOOKBACK_MS) for one in series]


def _mean_interval_ms(of: Charted) -> float:
    """Half of the median at least."""
    return _span_ms(of) / max(1, of.points - 1)


def _span_ms(of: Charted) -> float:
    if of.first_at is None or of.last_at is None:
        return 0.0
    return (of.last_at - of.first_at).total_seconds() * 1000


def _lookback_ms(times: NDArray[np.int64]) -> int:
    if len(times) < 2:
        return LOOKBACK_MS
    interval_ms = float(np.median(-np.diff(times))) / NS_PER_MS
    return int(np.clip(IN_INTERVALS * interval_ms, LOOKBACK_MS, LONGEST_LOOKBACK_MS))


def _rows(of: Charted, grid: Grid, window_ms: int) -> float:
    """About how many rows there are between a window before the first step and the last."""
    if of.first_at is None or of.last_at is None:
        return 0.0
    begin_ms = max(grid.start_ms - window_ms, to_ns(of.first_at) // NS_PER_MS)
    end_ms = min(grid.end_ms, to_ns(of.last_at) // NS_PER_MS)
    share = (end_ms - begin_ms) / max(1.0, _span_ms(of))
    return of.points * min(1.0, max(0.0, share))


def _out_of_rows(
    charts: Charts, series: Sequence[tuple[list[Line], int]], wanted: Wanted, most: int
) -> dict[object, list[Numbers]]:
    """By series the numbers of its lines; without those that have more rows than was thought."""
    if not series:
        return {}
    grid, function = wanted.grid, wanted.query.function
    ids = [lines[0].of.id for lines, _ in series]
    after_ms = [grid.start_ms - ms for _, ms in series]
    read = charts.rows(series[0][0][0].metric, ids, after_ms, grid.end_ms, most + 1)
    return {
        lines[0].of.id: [
            steps.newest(found, line.field, grid, ms)
            if function is None
            else steps.over(found, line.field, grid, ms, function)
            for line in lines
        ]
        for (lines, ms), found in zip(series, read, strict=True)
        if len(found.times) <= most
    }


def _picked(
    charts: Charts, series: Sequence[tuple[list[Line], int]], wanted: Wanted
) -> dict[object, list[Numbers]]:
    if not series:
        return {}
    grid, function = wanted.grid, wanted.query.function
    metric = series[0][0][0].metric
    ids = [lines[0].of.id for lines, _ in series]
    if function is None:
        windows_ms = [ms for _, ms in series]
        picked = charts.picks(metric, ids, grid, windows_ms)
        return {
            lines[0].of.id: [picked[place][:, line.field] for line in lines]
            for place, (lines, _) in enumerate(series)
        }
    fields = sorted({line.field for lines, _ in series for line in lines})
    range_ms = series[0][1]
    _refuse_long([lines[0].of for lines, _ in series], grid, range_ms)
    over = {f: charts.over(metric, function, ids, grid, range_ms, f) for f in fields}
    return {
        lines[0].of.id: [over[line.field][place] for line in lines]
        for place, (lines, _) in enumerate(series)
    }


def _refuse_long(series: Sequence[Charted], grid: Grid, range_ms: int) -> None:
    """Ranges that are longer than a step are read again for each step."""
    shares = ((of.points, min(1.0, range_ms / max(1.0, _span_ms(of)))) for of in series)
    if sum(points * share for points, share in shares) * grid.steps > MOST_READ:
        raise Invalid("The ranges hold too many points: make them as long as a step, or shorter")
