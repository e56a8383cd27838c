"""One trace leads from a request through the queue to its worker, if a collector is set."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.api.histories import QUICK, csv
from tests.service import Service, Tenant, free_port, wait_until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
TRAIN = "POST /v1/series/{series_name}/train"


class Collector(ThreadingHTTPServer):
    """Takes traces by OTLP over HTTP; keeps each span with the part that sent it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[tuple[str, Span]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def of(self, trace: str) -> dict[str, Span]:
        """By part and name."""
        return {
            f"{part}: {span.name}": span
            for part, span in self.spans
            if span.trace_id.hex() == trace
        }


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for of_part in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {one.key: one.value.string_value for one in of_part.resource.attributes}
            for scope in of_part.scope_spans:
                self.server.spans += [(named["service.name"], span) for span in scope.spans]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not into the output of the tests."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        thread = Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def traced(own: Service, url: str) -> Service:
    own.environment["TOCSIN_OTLP_URL"] = url
    own.start_server()
    own.start_worker()
    return own


@pytest.fixture
def asking(workless: Service) -> Iterator[Tenant]:
    tenant = workless.new_tenant()
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    yield tenant
    tenant.http.close()


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def train(own: Service, tenant: Tenant, **headers: str) -> dict[str, Any]:
    with own.client(tenant.key) as client:
        url = "/v1/series/rides/train"
        answer = client.post(url, params={"wait": 60}, headers=headers, timeout=90)
    job: dict[str, Any] = answer.json()
    assert job["status"] == "succeeded", job
    return job


def test_a_training_is_one_trace_from_the_client_on(
    workless: Service, asking: Tenant, collector: Collector
) -> None:
    own = traced(workless, collector.url)
    job = train(own, asking, **SENT, **{"X-Request-Id": "of-the-trace"})
    last = "tocsin-server: " + TRAIN
    found = wait_until(
        lambda: spans if last in (spans := collector.of(TRACE)) else None, "all spans came"
    )
    tree = {name: span.parent_span_id.hex() for name, span in found.items()}
    ids = {name: span.span_id.hex() for name, span in found.items()}
    assert tree == {
        last: PARENT,
        "tocsin-server: queue train": ids[last],
        "tocsin-worker: train": ids["tocsin-server: queue train"],
        "tocsin-worker: fit": ids["tocsin-worker: train"],
        "tocsin-worker: first scores": ids["tocsin-worker: train"],
    }
    request, work = found[last], found["tocsin-worker: train"]
    assert (request.kind, work.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CONSUMER)
    told = attributes(request)
    assert told["http.response.status_code"] == 200
    assert told["tocsin.request_id"] == "of-the-trace"
    assert (
        attributes(work).items()
        >= {
            "tocsin.job_id": job["id"],
            "tocsin.tenant_id": told["tocsin.tenant_id"],
            "tocsin.outcome": "succeeded",
        }.items()
    )
    lines = (own.log_dir / "server.log").read_text().splitlines()
    mine = [json.loads(line) for line in lines if '"of-the-trace"' in line]
    assert {line["trace_id"] for line in mine} == {TRACE}


def test_spans_hold_no_key_no_value_and_no_name(
    workless: Service, asking: Tenant, collector: Collector
) -> None:
    own = traced(workless, collector.url)
    with own.client(asking.key) as client:
        point = {"timestamp": "2024-02-01T00:00:00Z", "value": 73_613.5}
        assert client.post("/v1/series/rides/score", json=point, headers=SENT).is_success
        client.get("/v1/series/rides", params={"from": 73_613})
    own.stop("server")  # which sends what it has
    assert "tocsin-server: POST /v1/series/{series_name}/score" in collector.of(TRACE)
    sent = repr([span for _, span in collector.spans])
    for secret in (asking.key.rpartition("_")[2], "73613", "rides"):
        assert secret not in sent


def test_a_collector_that_is_away_keeps_nobody(workless: Service, asking: Tenant) -> None:
    own = traced(workless, f"http://127.0.0.1:{free_port()}")
    assert train(own, asking)["attempt"] == 1
    assert httpx.get(f"{own.url}/healthz").status_code == 200


UNASKED = """
import sys
import app.web.guard, app.jobs.queue, workers.claiming, workers.main
from app import tracing
from app.settings import Settings
tracing.begin(Settings(), "server")
with tracing.span("a", {}):
    assert tracing.carried() == {}
assert tracing.request_began("00-1-1-01") is None
# redis-py looks for the rest of it by itself.
assert not [name for name in sys.modules if name.startswith("opentelemetry.exporter")]
"""


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    subprocess.run([sys.executable, "-c", UNASKED], check=True)


NOT_INSTALLED = """
import sys
sys.modules["opentelemetry"] = None
from pydantic import SecretStr
from app import tracing
from app.errors import Misconfigured
from app.settings import Settings
tracing.refuse_missing(Settings())
try:
    tracing.refuse_missing(Settings(otlp_url=SecretStr("http://127.0.0.1:4318")))
except Misconfigured as error:
    print(error.detail)
"""


def test_a_collector_without_the_packages_is_refused_with_what_to_install() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NOT_INSTALLED], stdout=subprocess.PIPE, text=True, check=True
    )
    assert "pip install opentelemetry-sdk" in ran.stdout
