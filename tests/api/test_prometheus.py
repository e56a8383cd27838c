"""Prometheus's HTTP API over a tenant's series: by its own tools, and as Grafana asks."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.api.histories import START, at, csv, usual
from tests.service import Service, Tenant

API = "/prometheus/api/v1"
HOUR_S = 3_600
FIRST_S = int(START.timestamp())
LAST_S = FIRST_S + 122 * HOUR_S  # the anomaly of `watched`
METRICS = ["anomaly", "expected", "lower", "score", "upper", "value"]
SPAN: dict[str, Any] = {"start": LAST_S - 2 * HOUR_S, "end": LAST_S, "step": "1h"}

with_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool is here")


def asked(client: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = client.get(f"{API}/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["status"] == "success"
    return told["data"]


def refused(client: httpx.Client, path: str, **parameters: Any) -> str:
    answer = client.get(f"{API}/{path}", params=parameters)
    told = answer.json()
    assert (answer.status_code, told["status"]) == (400, "error"), answer.text
    assert told["errorType"] == "bad_data"
    error: str = told["error"]
    return error


def test_a_chart_shows_value_band_score_and_anomaly(watched: Tenant) -> None:
    def line(metric: str) -> list[float]:
        query = f'tocsin_{metric}{{series="rides"}}'
        [curve] = asked(watched.http, "query_range", query=query, **SPAN)["result"]
        assert curve["metric"] == {"__name__": f"tocsin_{metric}", "series": "rides"}
        assert [time for time, _ in curve["values"]] == [LAST_S - 7200, LAST_S - 3600, LAST_S]
        return [float(number) for _, number in curve["values"]]

    stored = watched.http.get("/v1/series/rides/scores", params={"from": at(120)}).json()["data"]
    assert line("anomaly") == [0, 0, 1]
    for metric in ("value", "expected", "lower", "upper", "score"):
        assert line(metric) == [point[metric] for point in stored]


def test_a_form_is_answered_as_a_query(watched: Tenant) -> None:
    asking: dict[str, dict[str, Any]] = {
        "query": {"query": "tocsin_value", "time": at(122)},
        "query_range": {"query": "tocsin_value", **SPAN},
        "series": {"match[]": ["tocsin_value", "tocsin_score"]},
        "labels": {"match[]": "tocsin_value"},
    }
    for path, parameters in asking.items():
        posted = watched.http.post(f"{API}/{path}", data=parameters)
        assert posted.status_code == 200, posted.text
        assert posted.json()["data"] == asked(watched.http, path, **parameters) != []
        halved = watched.http.post(f"{API}/{path}", params=parameters)
        assert halved.json() == posted.json()


def test_times_and_steps_are_taken_as_prometheus_takes_them(watched: Tenant) -> None:
    want = asked(watched.http, "query_range", query="tocsin_value", **SPAN)
    for start, step in ((at(120), "3600"), (float(SPAN["start"]), "60m"), (SPAN["start"], 3600.0)):
        other = {"start": start, "end": at(122), "step": step}
        assert asked(watched.http, "query_range", query="tocsin_value", **other) == want


def test_what_grafana_asks_first(watched: Tenant) -> None:
    assert asked(watched.http, "query", query="1+1", time=4) == {
        "resultType": "scalar",
        "result": [4, "2"],
    }
    assert asked(watched.http, "status/buildinfo")["version"] == "2.42.0"
    assert asked(watched.http, "labels") == ["__name__", "series"]
    names = [f"tocsin_{metric}" for metric in METRICS]
    assert asked(watched.http, "label/__name__/values") == names
    assert asked(watched.http, "label/series/values", **{"match[]": "tocsin_value"}) == ["rides"]
    assert asked(watched.http, "label/series/values", start=LAST_S + 1) == []
    assert asked(watched.http, "label/other/values") == []
    assert sorted(asked(watched.http, "metadata")) == names
    assert list(asked(watched.http, "metadata", metric="tocsin_value", limit=5)) == ["tocsin_value"]
    assert asked(watched.http, "metadata", limit=0) == {}


def test_what_is_left_out_is_said(watched: Tenant) -> None:
    answer = watched.http.get(f"{API}/series", params={"match[]": '{series="rides"}', "limit": 2})
    assert len(answer.json()["data"]) == 2
    assert answer.json()["warnings"] == ["results truncated due to limit"]


def test_a_number_is_a_line_of_its_own(watched: Tenant) -> None:
    [line] = asked(watched.http, "query_range", query="3*7", **SPAN)["result"]
    assert (line["metric"], [number for _, number in line["values"]]) == ({}, ["21"] * 3)
    assert asked(watched.http, "query", query="-1/0", time=1)["result"] == [1, "NaN"]
    assert asked(watched.http, "query", query="-Inf", time=1)["result"] == [1, "-Inf"]


def test_what_is_wrong_is_named(watched: Tenant) -> None:
    http = watched.http
    assert "Supported are a selector" in refused(http, "query", query="rate(tocsin_value[5m])")
    assert refused(http, "query") == 'invalid parameter "query": is needed'
    for name, wrong, words in (
        ("start", "soon", "must be seconds since 1970, or RFC 3339"),
        ("start", "2024-13-01", ""),
        ("start", "nan", "must be seconds"),
        ("step", "0", "must be longer than nothing"),
        ("step", "-5", "must be longer than nothing"),
        ("step", "1 hour", "must be a duration such as 15s"),
        ("end", FIRST_S - 10**6, "must not be before start"),
    ):
        said = refused(http, "query_range", query="tocsin_value", **{**SPAN, name: wrong})
        assert said.startswith(f'invalid parameter "{name}": {words}')
    fine = {**SPAN, "start": 0, "step": 1}
    assert "maximum resolution of 11000" in refused(http, "query_range", query="1", **fine)
    assert 'invalid parameter "match[]"' in refused(http, "series")
    ranged = {"match[]": "tocsin_value[1h]"}
    assert "must be a selector" in refused(http, "series", **ranged)
    assert "is no pattern of RE2" in refused(http, "query", query='tocsin_value{series=~"("}')
    assert 'invalid parameter "name"' in refused(http, "label/a-b/values")


def test_another_path_or_key_is_refused_in_its_form(watched: Tenant, service: Service) -> None:
    absent = watched.http.get(f"{API}/rules")
    assert (absent.status_code, absent.json()["errorType"]) == (404, "not_found")
    with service.client() as nobody:
        answer = nobody.get(f"{API}/labels")
    assert (answer.status_code, answer.json()["errorType"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_form_that_is_none_is_refused(watched: Tenant) -> None:
    answer = watched.http.post(f"{API}/query", json={"query": "1"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    large = watched.http.post(f"{API}/query", data={"query": "1" * 1_000_001})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    many = watched.http.post(f"{API}/series", data={"match[]": ["tocsin_value"] * 10_001})
    assert (many.status_code, many.json()["code"]) == (400, "invalid")


def test_a_stranger_is_shown_his_own(watched: Tenant, stranger: Tenant) -> None:
    stranger.make_series("rides")
    stranger.upload("rides", csv(3, first=120, level=7.0))
    selector = 'tocsin_value{series=~".+"}'
    [mine] = asked(stranger.http, "query_range", query=selector, **SPAN)["result"]
    assert [float(n) for _, n in mine["values"]] == [usual(hour, 7.0) for hour in (120, 121, 122)]
    assert asked(stranger.http, "query", query="tocsin_score", time=LAST_S)["result"] == []


class Keyed(BaseHTTPRequestHandler):
    """Puts a key before each request, for a tool that cannot."""

    upstream: httpx.Client

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {"Content-Type": self.headers.get("Content-Type") or ""}
        body = self.rfile.read(length)
        told = self.upstream.request(self.command, self.path, content=body, headers=headers)
        self.send_response(told.status_code)
        self.send_header("Content-Type", told.headers["Content-Type"])
        self.end_headers()
        self.wfile.write(told.content)

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Not into the output of the tests."""


@pytest.fixture(scope="module")
def keyed(service: Service, watched: Tenant) -> Iterator[str]:
    """An address where `watched` is known without a key."""
    with service.client(watched.key) as upstream:
        handler = type("OfWatched", (Keyed,), {"upstream": upstream})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/prometheus"
        server.shutdown()
        thread.join()
        server.server_close()


def promtool(*words: str) -> str:
    ran = subprocess.run(["promtool", "query", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@with_promtool
def test_promtool_asks_for_a_span_with_a_key(service: Service, watched: Tenant) -> None:
    said = promtool(
        "range",
        f"--header=Authorization=Bearer {watched.key}",
        f"--start={LAST_S - HOUR_S}",
        f"--end={LAST_S}",
        "--step=1h",
        "--format=json",
        f"{service.url}/prometheus",
        'tocsin_value{series="rides"}',
    )
    labels = {"__name__": "tocsin_value", "series": "rides"}
    values = [[LAST_S - HOUR_S, str(int(usual(121)))], [LAST_S, "9000"]]
    assert json.loads(said) == [{"metric": labels, "values": values}]


@with_promtool
def test_promtool_asks_for_a_moment_for_series_and_for_labels(keyed: str) -> None:
    asked = 'tocsin_value{series="rides"}[3h] offset 0s'
    with pytest.raises(AssertionError, match="A duration must be longer than nothing"):
        promtool("instant", keyed, asked)
    said = promtool("instant", keyed, 'last_over_time(tocsin_value{series="rides"}[100y])')
    assert re.fullmatch(r'{series="rides"} => 9000 @\[[\d.]+\]\n', said)
    assert promtool("instant", keyed, "2*3").startswith("scalar: 6 @[")
    selectors = "--match=tocsin_value", '--match={series="rides"}'
    found = promtool("series", *selectors, f"--start={FIRST_S}", keyed)
    assert sorted(found.splitlines()) == [
        f'{{__name__="tocsin_{metric}", series="rides"}}' for metric in METRICS
    ]
    since = f"--start={FIRST_S}"
    assert promtool("labels", since, keyed, "series") == "rides\n"
    names = promtool("labels", since, keyed, "__name__").splitlines()
    assert names == [f"tocsin_{metric}" for metric in METRICS]
