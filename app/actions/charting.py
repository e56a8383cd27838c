"""A tenant's series as Prometheus would show them: each metric of each, at the steps of a chart.

A step shows the newest point that is not too old for it. Too old is what came longer ago than
Prometheus's five minutes, or, of a series whose points come more seldom, than one and a half times
as long as it usually takes until the next.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.actions.drawing import Line, Wanted, drawn
from app.actions.parts import Parts
from app.errors import FieldError, Invalid
from app.promql import Comparison, Matcher, Query, Selector, compiled, names_of, parsed
from app.store import picks
from app.store.picks import NS_PER_MS, SOURCES, Charted, Charts, Found, Grid
from app.store.times import to_ns

PREFIX = "tocsin_"
OF_FIELDS = ("value", "expected", "lower", "upper")  # the others have one number for a point
NAME, SERIES, FIELD = "__name__", "series", "field"
MOST_STEPS = 11_000  # as Prometheus has it
MOST_SAMPLES = 200_000  # of an answer
MOST_LOOKED_AT = 50_000  # series whose names are compared with a pattern
LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]{0,199}")
COMPARE = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}

Labels = Mapping[str, str]
Span = tuple[int | None, int | None]  # ms, both included
Numbers = NDArray[np.float64]


class Curve(NamedTuple):
    """A line at the steps of a grid; NaN where it has none."""

    labels: Labels
    values: Numbers


def grid(start_ms: int, end_ms: int, step_ms: int) -> Grid:
    """Raises `Invalid` for what no chart has."""
    if end_ms < start_ms:
        raise Invalid("No time", [FieldError("end", "must not be before start")])
    steps = (end_ms - start_ms) // step_ms + 1
    if steps > MOST_STEPS:
        raise Invalid(
            f"exceeded maximum resolution of {MOST_STEPS} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    return Grid(start_ms, step_ms, steps)


def labels(parts: Parts, tenant_id: UUID, selectors: Sequence[str], span: Span) -> Iterator[Labels]:
    """Of all that one of the selectors means, or, without any, of all there is, if it has points
    within the span."""
    asked = [_matchers(one) for one in selectors] or [[Matcher(NAME, "!=", "")]]
    seen = set[tuple[str, ...]]()
    with picks.of_tenant(parts.database, tenant_id) as charts:
        for line in chain.from_iterable(_lines(charts, one) for one in asked):
            if _is_within(line.of, span) and (key := tuple(line.labels.values())) not in seen:
                seen.add(key)
                yield line.labels


def refuse_label(name: str) -> None:
    if not LABEL.fullmatch(name):
        raise Invalid("No label", [FieldError("name", "must be the name of a label")])


def _matchers(selector: str) -> Sequence[Matcher]:
    asked = parsed(selector)
    if isinstance(asked, float) or asked != Query(Selector(asked.selector.matchers)):
        wrong = FieldError("match[]", "must be a selector, without a range or a function")
        raise Invalid("No selector", [wrong])
    return asked.selector.matchers


def _is_within(of: Charted, span: Span) -> bool:
    if of.first_at is None or of.last_at is None:
        return False
    start_ms, end_ms = span
    first_ms, last_ms = (to_ns(moment) // NS_PER_MS for moment in (of.first_at, of.last_at))
    return (start_ms is None or last_ms >= start_ms) and (end_ms is None or first_ms <= end_ms)


def constant(number: float, at: Grid) -> Curve:
    return Curve({}, np.full(at.steps, number))


def curves(parts: Parts, tenant_id: UUID, wanted: Wanted) -> Iterator[Curve]:
    """The lines of a query that have a number at any of the steps."""
    query, grid = wanted.query, wanted.grid
    if query.function is None and query.selector.range_ms is not None:
        raise Invalid("A range has many values at a time: take one of the functions over it")
    moved = grid.moved(-query.selector.offset_ms)
    with picks.of_tenant(parts.database, tenant_id) as charts:
        found = list(_lines(charts, query.selector.matchers))
        _refuse_more(len(found), grid.steps)
        for line, values in drawn(charts, found, wanted._replace(grid=moved)):
            left = _compared(values, query.comparisons)
            if not np.isnan(left).all():
                yield Curve(line.labels if query.function is None else _nameless(line), left)


def raw(parts: Parts, tenant_id: UUID, query: Query, at_ms: int) -> Iterator[tuple[Labels, Found]]:
    """The points of a range as they are; one value of each."""
    if query.comparisons:
        raise Invalid("The points of a range are not compared: ask for steps")
    selector = query.selector
    end_ms, samples = at_ms - selector.offset_ms, 0
    begin_ms = end_ms - (selector.range_ms or 0)
    with picks.of_tenant(parts.database, tenant_id) as charts:
        found = list(_lines(charts, selector.matchers))
        _refuse_more(len(found), 1)
        for line in found:
            [points] = charts.rows(
                line.metric, [line.of.id], [begin_ms], end_ms, limit=MOST_STEPS + 1
            )
            samples += len(points.times)
            if len(points.times) > MOST_STEPS or samples > MOST_SAMPLES:
                raise Invalid(
                    f"The range has more than {MOST_STEPS} points of a series, or {MOST_SAMPLES} "
                    "in all: ask for a shorter one, or for steps"
                )
            if len(points.times):
                values = points.values[:, line.field]
                is_there = ~np.isnan(values)
                yield line.labels, Found(points.times[is_there], values[is_there])


def _refuse_more(count: int, steps: int) -> None:
    if count * steps > MOST_SAMPLES:
        raise Invalid(
            f"{count} lines of {steps} steps are more than {MOST_SAMPLES} samples: "
            "name fewer series, or take larger steps"
        )


def _lines(charts: Charts, matchers: Sequence[Matcher]) -> Iterator[Line]:
    is_meant = compiled(matchers)
    metrics = names_of(NAME, matchers)
    wanted = [m for m in SOURCES if metrics is None or f"{PREFIX}{m}" in metrics]
    series = _series(charts, names_of(SERIES, matchers)) if wanted else []
    for metric in wanted:
        for of in series:
            are_several = metric in OF_FIELDS and len(of.fields) > 1
            for number, field in enumerate(of.fields if are_several else [""]):
                labels = {NAME: f"{PREFIX}{metric}", SERIES: of.name}
                labels |= {FIELD: field} if are_several else {}
                if is_meant(labels):
                    yield Line(labels, metric, of, number)


def _series(charts: Charts, names: Sequence[str] | None) -> list[Charted]:
    if names is not None:
        return charts.named([name for name in names if "\0" not in name])
    found = charts.all(MOST_LOOKED_AT + 1)
    if len(found) > MOST_LOOKED_AT:
        raise Invalid(f'There are more than {MOST_LOOKED_AT} series: name those meant, series="…"')
    return found


def _nameless(line: Line) -> Labels:
    """A function makes another thing of a metric, which has no name."""
    return {label: text for label, text in line.labels.items() if label != NAME}


def _compared(values: Numbers, comparisons: Sequence[Comparison]) -> Numbers:
    for one in comparisons:
        values = np.where(COMPARE[one.op](values, one.number), values, np.nan)
    return values
