"""The deployed rules and dashboards, by promtool and by a Prometheus that scrapes the service."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from tests.api.histories import QUICK, csv
from tests.service import Service, Tenant, free_port, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
BOARD = DEPLOY / "grafana/tocsin.json"
UNIT_TESTS = Path(__file__).with_name("alerts.test.yml")
METRIC = re.compile(r"\btocsin_[a-z_]+")
SUFFIXES = re.compile(r"_(bucket|sum|count)$")
QUIET = "> 0"  # of an hour in which nothing ended, nothing is drawn

with_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool is here")
with_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="Prometheus is not installed"
)


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def rules() -> list[dict[str, Any]]:
    [group] = read(ALERTS)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def board() -> list[tuple[str, str]]:
    """Title and query of each panel, with what Grafana puts in."""
    panels = [one for one in json.loads(BOARD.read_text())["panels"] if one["type"] != "row"]
    return [
        (panel["title"], target["expr"].replace("$__rate_interval", "1m").replace("$job", ".+"))
        for panel in panels
        for target in panel["targets"]
    ]


def promtool(*words: str | Path) -> None:
    ran = subprocess.run(["promtool", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@with_promtool
def test_the_configuration_and_its_rules_are_valid(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY / "prometheus", tmp_path / "prometheus")
    (tmp_path / "prometheus/operator.key").touch()
    promtool("check", "config", tmp_path / "prometheus/prometheus.yml")
    promtool("check", "rules", "--lint-fatal", ALERTS)


@with_promtool
def test_each_alert_fires_where_it_has_to_and_not_where_all_is_well(tmp_path: Path) -> None:
    for path in (ALERTS, UNIT_TESTS):
        shutil.copy(path, tmp_path)
    promtool("test", "rules", tmp_path / UNIT_TESTS.name)


def test_each_alert_says_what_is_wrong_and_what_to_do_and_is_tested() -> None:
    tested = UNIT_TESTS.read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert {"summary", "description"} == rule["annotations"].keys()
        assert rule["alert"] in tested


@with_promtool
def test_each_query_of_the_dashboard_can_be_read(tmp_path: Path) -> None:
    recorded = [
        {"record": f"panel:{number}", "expr": query} for number, (_, query) in enumerate(board())
    ]
    path = tmp_path / "queries.yml"  # JSON is YAML too
    path.write_text(json.dumps({"groups": [{"name": "board", "rules": recorded}]}))
    promtool("check", "rules", path)


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    panels = json.loads(BOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 23


@pytest.fixture(scope="module")
def used(service: Service) -> Iterator[Tenant]:
    """Each kind of thing was done once."""
    tenant = service.new_tenant()
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(120))
    tenant.train("rides")
    point = {"timestamp": "2024-02-01T00:00:00Z", "value": 9e6}
    assert tenant.http.post("/v1/series/rides/score", json=point).json()["alert"]
    yield tenant
    tenant.http.close()


def test_each_metric_that_is_asked_for_is_there(service: Service, used: Tenant) -> None:
    queries = [rule["expr"] for rule in rules()] + [query for _, query in board()]
    asked = {name for query in queries for name in METRIC.findall(query)}
    with service.client(service.operator_key) as operator:
        told = set(METRIC.findall(operator.get("/v1/admin/metrics").text))
    assert asked - told == set()
    # Nor is any left out of both: what nobody looks at need not be counted.
    families = {SUFFIXES.sub("", name) for name in told}
    assert families - {SUFFIXES.sub("", name) for name in asked} == set()


@dataclass
class Prometheus:
    url: str
    log: Path

    def ask(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("query", query=query)["result"]
        return found


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Configured as deployed, but for where the server is and how often it is asked."""
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(ALERTS, folder)
    (folder / "operator.key").write_text(service.operator_key)
    config = read(DEPLOY / "prometheus/prometheus.yml")
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [service.url.split("//")[1]]
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    made = Prometheus(f"http://127.0.0.1:{port}", folder / "log")
    with made.log.open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
            env={"PATH": os.environ["PATH"]},
        )
        try:
            wait_until(lambda: is_ready(made), "Prometheus is ready")
            yield made
        finally:
            process.terminate()
            process.wait(30)


def is_ready(prometheus: Prometheus) -> bool:
    try:
        return httpx.get(f"{prometheus.url}/-/ready").status_code == 200
    except httpx.TransportError:
        return False


@with_prometheus
def test_a_prometheus_scrapes_it_and_each_query_has_an_answer(
    used: Tenant, prometheus: Prometheus
) -> None:
    def scrapes() -> bool:
        found = prometheus.value("min(count_over_time(up[1m])) * min(up)")
        return bool(found) and float(found[0]["value"][1]) >= 3

    wait_until(scrapes, "the service was scraped three times")
    for title, query in board():
        found = prometheus.value(query)
        assert found or query.endswith(QUIET), f"{title}: {query}"
    used_today = f'tocsin_tenant_points_today{{tenant="{used.slug}"}}'
    assert [one["value"][1] for one in prometheus.value(used_today)] == ["121"]


@with_prometheus
def test_its_rules_are_evaluated_without_an_error(used: Tenant, prometheus: Prometheus) -> None:
    expected = {(rule["alert"], "ok", None) for rule in rules()}

    def evaluated() -> bool:
        [group] = prometheus.ask("rules")["groups"]
        found = {(one["name"], one["health"], one.get("lastError")) for one in group["rules"]}
        return found == expected

    wait_until(evaluated, "all of them were evaluated, without an error")
