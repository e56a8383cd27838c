"""`/prometheus/api/v1`: what Grafana's data source for Prometheus asks, of a tenant's series."""

from typing import Any

from app import __version__
from app.actions import charting
from app.actions.caller import Caller
from app.actions.drawing import Wanted
from app.actions.parts import Parts
from app.api import charted
from app.api.charted import (
    METADATA,
    InstantQuery,
    LabelsQuery,
    MetadataQuery,
    PrometheusAnswer,
    RangeQuery,
    SeriesLabelsQuery,
)
from app.promql import Query, parsed
from app.web.parameters import Parameters
from app.web.routes import route

API = "/prometheus/api/v1"
# What these routes are like in it: clients look at it for what they may ask.
LIKE_PROMETHEUS = "2.42.0"


@route("GET", f"{API}/query", scope="read", query=InstantQuery, answer=PrometheusAnswer)
def get_query(parts: Parts, caller: Caller, query: InstantQuery) -> dict[str, Any]:
    """Metrics of series at one time; with a range, their points as they are."""
    asked = parsed(query.query)
    if not isinstance(asked, Query):
        return charted.scalar(asked, query.time)
    if asked.function is None and asked.selector.range_ms is not None:
        return charted.points(charting.raw(parts, caller.tenant_id, asked, query.time))
    wanted = Wanted(asked, charting.grid(query.time, query.time, 1), query.lookback_delta)
    return charted.vector(charting.curves(parts, caller.tenant_id, wanted), query.time)


@route(
    "POST",
    f"{API}/query",
    scope="read",
    query=InstantQuery,
    takes_form=True,
    answer=PrometheusAnswer,
)
def post_query(parts: Parts, caller: Caller, query: InstantQuery) -> dict[str, Any]:
    """The same, asked by a form."""
    return get_query(parts, caller, query)


@route("GET", f"{API}/query_range", scope="read", query=RangeQuery, answer=PrometheusAnswer)
def get_query_range(parts: Parts, caller: Caller, query: RangeQuery) -> dict[str, Any]:
    """Metrics of series at each step of a span."""
    asked, grid = parsed(query.query), charting.grid(query.start, query.end, query.step)
    if not isinstance(asked, Query):
        return charted.matrix([charting.constant(asked, grid)], grid)
    wanted = Wanted(asked, grid, query.lookback_delta)
    return charted.matrix(charting.curves(parts, caller.tenant_id, wanted), grid)


@route(
    "POST",
    f"{API}/query_range",
    scope="read",
    query=RangeQuery,
    takes_form=True,
    answer=PrometheusAnswer,
)
def post_query_range(parts: Parts, caller: Caller, query: RangeQuery) -> dict[str, Any]:
    """The same, asked by a form."""
    return get_query_range(parts, caller, query)


@route("GET", f"{API}/series", scope="read", query=SeriesLabelsQuery, answer=PrometheusAnswer)
def get_series_labels(parts: Parts, caller: Caller, query: SeriesLabelsQuery) -> dict[str, Any]:
    """Labels of each metric that the selectors mean."""
    span = query.start, query.end
    found = charting.labels(parts, caller.tenant_id, query.matches, span)
    return charted.some(found, query.limit)


@route(
    "POST",
    f"{API}/series",
    scope="read",
    query=SeriesLabelsQuery,
    takes_form=True,
    answer=PrometheusAnswer,
)
def post_series_labels(parts: Parts, caller: Caller, query: SeriesLabelsQuery) -> dict[str, Any]:
    """The same, asked by a form."""
    return get_series_labels(parts, caller, query)


@route("GET", f"{API}/labels", scope="read", query=LabelsQuery, answer=PrometheusAnswer)
def get_labels(parts: Parts, caller: Caller, query: LabelsQuery) -> dict[str, Any]:
    """Names of labels."""
    span = query.start, query.end
    found = charting.labels(parts, caller.tenant_id, query.matches, span)
    return charted.some(sorted({name for labels in found for name in labels}), query.limit)


@route(
    "POST",
    f"{API}/labels",
    scope="read",
    query=LabelsQuery,
    takes_form=True,
    answer=PrometheusAnswer,
)
def post_labels(parts: Parts, caller: Caller, query: LabelsQuery) -> dict[str, Any]:
    """The same, asked by a form."""
    return get_labels(parts, caller, query)


@route(
    "GET",
    f"{API}/label/{{label_name}}/values",
    scope="read",
    query=LabelsQuery,
    answer=PrometheusAnswer,
)
def get_label_values(
    parts: Parts, caller: Caller, label_name: str, query: LabelsQuery
) -> dict[str, Any]:
    """Values of one label."""
    charting.refuse_label(label_name)
    span = query.start, query.end
    found = charting.labels(parts, caller.tenant_id, query.matches, span)
    values = {labels[label_name] for labels in found if label_name in labels}
    return charted.some(sorted(values), query.limit)


@route("GET", f"{API}/metadata", scope="read", query=MetadataQuery, answer=PrometheusAnswer)
def get_metadata(query: MetadataQuery) -> dict[str, Any]:
    """What each metric is."""
    asked = [name for name in METADATA if query.metric in (None, name)]
    some = asked if query.limit < 0 else asked[: query.limit]
    return charted.success(
        {name: [{"type": "gauge", "help": METADATA[name], "unit": ""}] for name in some}
    )


@route("GET", f"{API}/status/buildinfo", scope="read", query=Parameters, answer=PrometheusAnswer)
def get_buildinfo() -> dict[str, Any]:
    """Which version of Prometheus's API this is like."""
    return charted.success({"version": LIKE_PROMETHEUS, "revision": __version__})
