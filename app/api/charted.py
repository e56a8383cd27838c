"""Curves and labels in the form of Prometheus's HTTP API, and the parameters that ask for them."""

import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from app.actions.charting import Curve, Labels
from app.api import examples
from app.promql import parse_duration_ms, parse_time_ms
from app.store.picks import NS_PER_MS, Found, Grid
from app.web.fields import Answered
from app.web.parameters import Parameters

LAST_MS = (2**63 - 1) // NS_PER_MS  # no point is later, nor earlier by as much
MOST_LABELS = 10_000
TRUNCATED = "results truncated due to limit"


def _time(given: Any) -> int:
    return max(-LAST_MS, min(LAST_MS, parse_time_ms(str(given))))


def _duration(given: Any) -> int:
    duration_ms = parse_duration_ms(str(given))
    if duration_ms <= 0:
        raise ValueError("must be longer than nothing")
    return duration_ms


def _now() -> int:
    return int(time.time() * 1000)


Moment = Annotated[
    int,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "description": "Seconds since 1970, or RFC 3339"}),
]
Duration = Annotated[
    int,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "description": "As 15s or 1h30m, or seconds"}),
]
Promql = Annotated[str, Field(description="A selector, or what is told by the error of another")]
Lookback = Annotated[
    Duration | None,
    Field(description="How old a point may be for a step; default: what fits the series"),
]
Most = Annotated[int, Field(ge=0, description="Of labels, series or values; 0: all")]


class InstantQuery(Parameters):
    query: Promql
    time: Moment = Field(default_factory=_now)
    lookback_delta: Lookback = None


class RangeQuery(Parameters):
    query: Promql
    start: Moment
    end: Moment
    step: Duration
    lookback_delta: Lookback = None


class LabelsQuery(Parameters):
    matches: list[str] = Field(default_factory=list, alias="match[]", max_length=100)
    start: Moment | None = None
    end: Moment | None = None
    limit: Most = 0


class SeriesLabelsQuery(LabelsQuery):
    matches: list[str] = Field(alias="match[]", min_length=1, max_length=100)


class MetadataQuery(Parameters):
    metric: str | None = None
    limit: Annotated[int, Field(ge=-1)] = -1


class PrometheusAnswer(Answered):
    model_config = examples.shown_as(examples.PLOTTED)

    status: Literal["success"]
    data: Any = Field(description="What was asked for, in the form that Prometheus has for it")
    warnings: list[str] | None = None


def success(data: Any) -> dict[str, Any]:
    return {"status": "success", "data": data}


def some(found: Iterable[Any], limit: int) -> dict[str, Any]:
    """As many as were asked for, with a word where there are more."""
    data, most = list(found), min(limit or MOST_LABELS, MOST_LABELS)
    told = success(data[:most])
    return told if len(data) <= most else {**told, "warnings": [TRUNCATED]}


def matrix(curves: Iterable[Curve], grid: Grid) -> dict[str, Any]:
    seconds = _seconds(grid.times_ns)
    return _result(
        "matrix", [{"metric": of, "values": _pairs(seconds, values)} for of, values in curves]
    )


def vector(curves: Iterable[Curve], at_ms: int) -> dict[str, Any]:
    at_s = at_ms / 1000
    return _result(
        "vector",
        [{"metric": of, "value": [at_s, written(float(values[0]))]} for of, values in curves],
    )


def points(found: Iterable[tuple[Labels, Found]]) -> dict[str, Any]:
    return _result(
        "matrix",
        [{"metric": of, "values": _pairs(_seconds(its.times), its.values)} for of, its in found],
    )


def scalar(number: float, at_ms: int) -> dict[str, Any]:
    return _result("scalar", [at_ms / 1000, written(number)])


def written(number: float) -> str:
    """As Prometheus writes a number in JSON."""
    if np.isfinite(number):
        return repr(number).removesuffix(".0")
    return {np.inf: "+Inf", -np.inf: "-Inf"}.get(number, "NaN")


def _result(kind: str, result: Any) -> dict[str, Any]:
    return success({"resultType": kind, "result": result})


def _seconds(times_ns: Any) -> list[float]:
    seconds: list[float] = (times_ns // NS_PER_MS / 1000).tolist()
    return seconds


def _pairs(seconds: list[float], values: Any) -> list[tuple[float, str]]:
    """Of the steps that have a number."""
    both = zip(seconds, values.tolist(), strict=True)
    return [(at, written(value)) for at, value in both if value == value]


METADATA: Mapping[str, str] = {
    "tocsin_value": "What was measured",
    "tocsin_expected": "What was expected of it",
    "tocsin_lower": "Lower end of the band around what was expected",
    "tocsin_upper": "Upper end of the band",
    "tocsin_score": "How anomalous the point is, from 0 to 1",
    "tocsin_anomaly": "1 where the point is an anomaly, else 0",
}
