"""Routes for those who run it."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.histories import QUICK, csv
from tests.service import Service, Tenant, wait_until


@pytest.fixture
def anybody(service: Service) -> httpx.Client:
    return service.client()


def test_the_process_is_up(anybody: httpx.Client) -> None:
    assert anybody.get("/healthz").json() == {"status": "up"}


def test_each_part_is_asked(anybody: httpx.Client) -> None:
    def told() -> str:
        return str(anybody.get("/readyz").json()["workers"])

    wait_until(lambda: told() != "starting", "the worker has started")
    assert anybody.get("/readyz").json() == {
        "status": "ready",
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "queue": "ok",
        "workers": "ok",
    }


def test_requests_are_counted_by_route_and_not_by_path(anybody: httpx.Client) -> None:
    anybody.get("/v1/series/some-name-or-other")
    anybody.get("/no/such/path")
    text = anybody.get("/metrics").text
    labels = 'method="GET",route="/v1/series/{series_name}",status="401"'
    counted = re.escape(f"tocsin_http_requests_total{{{labels}}} ")
    assert re.search(counted + "[1-9]", text)
    assert "some-name-or-other" not in text
    assert "/no/such/path" not in text


def test_methods_that_clients_make_up_are_counted_as_one(anybody: httpx.Client) -> None:
    for method in ("FOO1", "FOO2", "LOCK"):
        assert anybody.request(method, "/v1/me").status_code == 405
    text = anybody.get("/metrics").text
    labels = 'method="other",route="/v1/me",status="405"'
    assert re.search(re.escape(f"tocsin_http_requests_total{{{labels}}} ") + "[3-9]", text)
    assert not re.search("FOO[12]|LOCK", text)


Numbers = Callable[[str], float]


@pytest.fixture
def number(anybody: httpx.Client) -> Numbers:
    """The sum of a metric's samples whose line begins like that."""

    def read(begins: str) -> float:
        lines = [
            line for line in anybody.get("/metrics").text.split("\n") if line.startswith(begins)
        ]
        assert lines, f"no {begins}"
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    return read


def test_points_scores_anomalies_and_alerts_are_counted(tenant: Tenant, number: Numbers) -> None:
    names = ("points_stored_total", "scores_total", "anomalies_total", "alerts_total")

    def counted() -> list[float]:
        return [number(f"tocsin_{name}") for name in names]

    tenant.make_series("rides", detector=QUICK)
    before = counted()
    tenant.upload("rides", csv(120))
    point: dict[str, Any] = {"timestamp": "2024-02-01T00:00:00Z", "value": 9e6}
    for _ in range(2):  # what is sent again is stored and counted once
        assert tenant.http.post("/v1/series/rides/score", json=point).json()["alert"]
    late = {"timestamp": "2024-01-31T23:00:00Z", "value": 9e6}
    assert tenant.http.post("/v1/series/rides/score", json=late).json()["is_anomaly"]
    grown = [after - first for after, first in zip(counted(), before, strict=True)]
    assert grown == [122, 2, 2, 1]


def test_trainings_are_counted_by_what_became_of_them(tenant: Tenant, number: Numbers) -> None:
    trained = 'tocsin_jobs_ended_total{kind="train",outcome="succeeded"}'
    seconds, scores = 'tocsin_job_seconds_sum{kind="train"}', "tocsin_first_scores_total"
    before = [number(name) for name in (trained, seconds, scores)]
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(120))
    tenant.train("rides")
    wait_until(lambda: number(trained) > before[0], "the training is counted")
    assert number(seconds) > before[1]
    assert number(scores) >= before[2] + 120


def test_looks_into_memory_are_counted(tenant: Tenant, number: Numbers) -> None:
    windows = 'tocsin_cache_lookups_total{kind="window",place="memory",result='
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(120))
    before = [number(f'{windows}"{result}"') for result in ("hit", "miss")]
    for hour in (1, 2):
        point = {"timestamp": f"2024-02-01T0{hour}:00:00Z", "value": 100}
        assert tenant.http.post("/v1/series/rides/score", json=point).is_success
    assert number(f'{windows}"miss"') > before[1]
    assert number(f'{windows}"hit"') > before[0]


def test_a_tenant_is_named_to_an_operator_alone(
    service: Service, anybody: httpx.Client, tenant: Tenant
) -> None:
    tenant.make_series("rides")
    tenant.upload("rides", csv(24))
    named = f'tocsin_tenant_stored_points{{tenant="{tenant.slug}"}} 24.0'
    with service.client(service.operator_key) as operator:

        def told(path: str) -> str:
            return operator.get(path).text

        wait_until(lambda: named in told("/v1/admin/metrics"), "the points are counted")
        assert "tocsin_http_requests_total" in told("/v1/admin/metrics")
        assert tenant.slug not in told("/metrics")
    assert tenant.slug not in anybody.get("/metrics").text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_pages_load_nothing_from_elsewhere(anybody: httpx.Client, path: str) -> None:
    page = anybody.get(path)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", page.text)
    assert not re.search(r"<script(?![^>]* src=\"/assets/)|<style| style=| on[a-z]+=", page.text)
