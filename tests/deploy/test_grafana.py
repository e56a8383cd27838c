"""The deployed dashboard of a tenant's series asks what is answered, and gets something."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.api.histories import QUICK, START, csv
from tests.service import Service, Tenant

GRAFANA = Path(__file__).parents[2] / "deploy/grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "series.json").read_text())
FIRST_S = int(START.timestamp())
LAST_S = FIRST_S + 120 * 3_600


@pytest.fixture(scope="module")
def watched(service: Service) -> Iterator[Tenant]:
    """An anomaly is its last point."""
    tenant = service.new_tenant()
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(120))
    tenant.train("rides")
    point = {"timestamp": LAST_S, "value": 9e6}
    assert tenant.http.post("/v1/series/rides/score", json=point).json()["is_anomaly"]
    yield tenant
    tenant.http.close()


def queries() -> list[tuple[str, bool]]:
    """Of panels and annotations, with what Grafana puts in; and whether of a moment."""
    targets = [target for panel in BOARD["panels"] for target in panel["targets"]]
    asked = [(one["expr"], bool(one.get("instant"))) for one in targets]
    asked += [(one["expr"], False) for one in BOARD["annotations"]["list"]]
    return [
        (query.replace("$series", "rides").replace("$__interval", "1h"), is_instant)
        for query, is_instant in asked
    ]


@pytest.mark.parametrize(("query", "is_instant"), queries())
def test_each_query_of_the_dashboard_has_an_answer(
    watched: Tenant, query: str, is_instant: bool
) -> None:
    span = {"start": LAST_S - 7 * 3_600, "end": LAST_S, "step": 3_600}
    path, asked = ("query", {"time": LAST_S}) if is_instant else ("query_range", span)
    answer = watched.http.post(f"/prometheus/api/v1/{path}", data={"query": query, **asked})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["result"], query


def test_its_variable_lists_the_series(watched: Tenant) -> None:
    [_, variable] = BOARD["templating"]["list"]
    assert variable["definition"] == "label_values(tocsin_value, series)"
    asked = {"match[]": "tocsin_value"}
    answer = watched.http.get("/prometheus/api/v1/label/series/values", params=asked)
    assert answer.json()["data"] == ["rides"]


def test_the_data_source_leads_to_the_api_with_a_key_from_the_environment(
    service: Service, watched: Tenant
) -> None:
    [source] = YAML(typ="safe").load(GRAFANA / "datasource.yml")["datasources"]
    assert source["url"].endswith("/prometheus")
    header = source["jsonData"]["httpHeaderName1"]
    value = source["secureJsonData"]["httpHeaderValue1"].replace("$TOCSIN_API_KEY", watched.key)
    with service.client() as grafana:
        answer = grafana.get("/prometheus/api/v1/status/buildinfo", headers={header: value})
    assert answer.json()["data"]["version"] == source["jsonData"]["prometheusVersion"]
