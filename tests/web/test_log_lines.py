"""Log lines of a whole session: JSON, bound to request, tenant and job; no key, and no value."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.api.histories import QUICK, csv
from tests.service import Service, Tenant, free_port, running, wait_until

ODD = 7_361_359_273.515625  # no other number has its digits, nor has an id or a time
DIGITS = "7361359273"
SCORES, SCORE = "/v1/series/rides/scores", "/v1/series/rides/score"


@pytest.fixture
def own(service: Service, tmp_path: Path) -> Iterator[Service]:
    """A server as `tocsin serve` runs it, with a log of its own; the worker is the session's."""
    port = free_port()
    environment = {**service.environment, "TOCSIN_PORT": str(port), "TOCSIN_API_PROCESSES": "1"}
    made = replace(
        service,
        environment=environment,
        url=f"http://127.0.0.1:{port}",
        log_dir=tmp_path,
        processes={},
    )
    with running(made):
        made.start("server", "app.cli.served")
        wait_until(made._answers, "the server answers")
        yield made


@contextmanager
def refusing_the_odd_value(service: Service) -> Iterator[None]:
    """A constraint that nobody foresaw: what Postgres says of it quotes the whole row."""
    with psycopg.connect(
        service.environment["TOCSIN_OWNER_DATABASE_URL"], autocommit=True
    ) as owner:
        add = "ALTER TABLE points ADD CONSTRAINT odd CHECK (value[1] <> {}) NOT VALID"
        owner.execute(sql.SQL(add).format(sql.Literal(ODD)))
        try:
            yield
        finally:
            owner.execute("ALTER TABLE points DROP CONSTRAINT odd")


def odd_point(hour: int) -> dict[str, Any]:
    return {"timestamp": f"2024-03-01T{hour:02}:00:00Z", "value": ODD}


def use_well(tenant: Tenant) -> None:
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100) + f"2024-02-01T00:00:00Z,{ODD}\n")
    tenant.train("rides")
    assert tenant.http.post(SCORE, json=odd_point(0)).status_code == 200
    said = {"label": "normal", "note": f"{ODD}"}
    at = odd_point(0)["timestamp"]
    assert tenant.http.put(f"{SCORES}/{at}/feedback", json=said).is_success


def use_badly(tenant: Tenant, url: str) -> None:
    """Keys and values in every place where they do not belong."""
    http, key = tenant.http, tenant.key
    http.post(SCORE, content=f'{{"timestamp": "x", "value": {ODD}')
    http.post(SCORE, json={"timestamp": str(ODD), "value": key, key: ODD})
    http.post(SCORE, json={"points": [odd_point(1), {"timestamp": ODD, "value": [ODD]}]})
    tenant.upload("rides", f"timestamp,value\n{ODD},{key}\n{key},{ODD}\n")
    tenant.upload("rides", f"timestamp,{key}\n{ODD},{ODD}\n")
    http.get(f"/v1/series/{key}/scores", params={"from": ODD, key: ODD, "cursor": key})
    http.request(key[:40].upper(), f"/{key}/{ODD}")
    http.get("/v1/me", headers={"X-Request-Id": f"{key} {ODD}", "Idempotency-Key": key})
    for presented in (key, key[:-1], f"{key}x", f"tcs_{key}"):
        for header in ({"Authorization": f"Bearer {presented}"}, {"X-API-Key": presented}):
            httpx.get(f"{url}/v1/series/rides", headers=header)


def secrets_that_are_shown(tenant: Tenant, url: str) -> list[str]:
    """A key's, a webhook's, and a session's."""
    named = {"name": "k", "scopes": ["read"]}
    key = tenant.http.post("/v1/keys", json=named).json()["secret"]
    told = {"url": f"https://example.com/{ODD}", "types": ["event.opened"]}
    webhook = tenant.http.post("/v1/webhooks", json=told).json()["secret"]
    with httpx.Client(base_url=url) as browser:
        signed_in = browser.post("/v1/session", headers={"Authorization": f"Bearer {tenant.key}"})
        cookie = signed_in.cookies["tocsin_session"]
        assert browser.get("/v1/session").json()["csrf_token"]
        browser.delete("/v1/session")
    return [key, webhook, cookie]


def test_no_line_carries_a_key_or_a_value(own: Service, service: Service) -> None:
    tenant = own.new_tenant()
    use_well(tenant)
    use_badly(tenant, own.url)
    with refusing_the_odd_value(own):
        assert tenant.http.post(SCORE, json=odd_point(2)).status_code == 500
        upload = tenant.upload("rides", f"timestamp,value\n2024-03-01T03:00:00Z,{ODD}\n")
        assert upload.status_code == 500
    shown = secrets_that_are_shown(tenant, own.url)
    own.stop("server")
    logs = [own.log_dir / "server.log", *service.log_dir.glob("*.log")]
    text = "".join(path.read_text() for path in logs)
    assert text.count("unexpected error") == 2
    assert "CheckViolation" in text
    for secret in (tenant.key, own.operator_key, *shown):
        assert secret[-20:] not in text
    assert [line for line in text.splitlines() if DIGITS in line] == []


def test_lines_are_bound_to_their_request_tenant_and_job(own: Service, service: Service) -> None:
    tenant = own.new_tenant()
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    mark = secrets.token_hex(8)
    job = tenant.http.post(
        "/v1/series/rides/train", params={"wait": 60}, headers={"X-Request-Id": mark}
    ).json()
    httpx.get(f"{own.url}/healthz", headers={"X-Request-Id": f"{mark}-2"})
    log = own.log_dir / "server.log"
    wait_until(lambda: f"{mark}-2" in log.read_text(), "the last request is logged")
    own.stop("server")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    asked, anonymous = (
        [line for line in lines if line.get("request_id") == of] for of in (mark, f"{mark}-2")
    )
    (queued, request) = asked
    assert (queued["event"], queued["job_id"]) == ("job queued", job["id"])
    assert (request["event"], request["status"]) == ("request", 200)
    assert queued["tenant_id"] == request["tenant_id"]
    assert [line.get("tenant_id") for line in anonymous] == [None]

    def ended() -> list[dict[str, Any]]:
        worked = (service.log_dir / "worker.log").read_text().splitlines()
        return [json.loads(line) for line in worked if job["id"] in line]

    [end] = wait_until(ended, "the worker's line is written")
    assert end.items() >= {"tenant_id": request["tenant_id"], "outcome": "succeeded"}.items()
