"""Two tenants never see each other, on any route, and cannot tell that the other is there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.web.routes import Route
from tests.api.contract import Contract
from tests.api.histories import QUICK, usual
from tests.service import Service, Tenant
from tests.web.asking import GUARDED, NAMES, Asking, name_of

OF_TENANTS = [route for route in GUARDED if route.scope not in ("operator", "any")]
NAMING = [route for route in OF_TENANTS if "{" in route.path and "{label_name}" not in route.path]
READING = [route for route in OF_TENANTS if route.method == "GET"]
PAIR = ("2021", "2022")  # each one's years: whose a row is shows in its timestamps


def fill(tenant: Tenant, year: str) -> dict[str, str]:
    """A series with history, model, scores and an anomaly; -> what names its things in paths."""
    times = [f"{year}-01-{1 + h // 24:02d}T{h % 24:02d}:00:00Z" for h in range(130)]
    hook = tenant.http.post("/v1/webhooks", json={"url": f"https://hook.invalid/{year}"}).json()
    tenant.make_series("rides", detector=QUICK, description=year, tags=["taxi"])
    rows = "".join(f"{time},{usual(h)}\n" for h, time in enumerate(times[:100]))
    tenant.upload("rides", "timestamp,value\n" + rows)
    job = tenant.train("rides")
    for time, value in ((times[100], 9000), (times[129], 99_000)):
        point = {"timestamp": time, "value": value}
        assert tenant.http.post("/v1/series/rides/score", json=point).json()["is_anomaly"]
    key = tenant.http.get("/v1/me").json()["key"]["id"]
    (event,) = tenant.http.get("/v1/events").json()["data"]
    deliveries = tenant.http.get(f"/v1/webhooks/{hook['id']}/deliveries").json()["data"]
    return {
        "event_id": event["id"],
        "series_name": "rides",
        "job_id": job["id"],
        "key_id": key,
        "webhook_id": hook["id"],
        "delivery_id": deliveries[0]["id"],
        "version": "1",
        "timestamp": times[100],
    }


@pytest.fixture(scope="module")
def pair(service: Service, contract: Contract) -> Iterator[dict[str, tuple[Tenant, Any]]]:
    """By year: a tenant with a series of the same name, and the names of its things."""
    made = {year: service.new_tenant() for year in PAIR}
    for tenant in made.values():
        contract.watch(tenant.http)
    yield {year: (tenant, fill(tenant, year)) for year, tenant in made.items()}
    for tenant in made.values():
        tenant.http.close()


@pytest.fixture(scope="module")
def outsider(service: Service, contract: Contract) -> Iterator[Tenant]:
    """A tenant that has nothing."""
    made = service.new_tenant()
    contract.watch(made.http)
    yield made
    made.http.close()


def snapshot(tenant: Tenant, names: dict[str, str]) -> dict[str, str]:
    """All that a tenant can read, in every form."""
    seen = {}
    for route in READING:
        for accept in ("application/json", "text/csv") if route.exports_csv else ("*/*",):
            query = {"limit": 1000} if route.query and "limit" in route.query.model_fields else {}
            answer = Asking(route, NAMES | names, query).send(
                tenant.http, headers={"Accept": accept}
            )
            assert answer.status_code == 200, f"{name_of(route)}: {answer.text}"
            seen[f"{name_of(route)} {accept}"] = answer.text
    return seen


def test_no_answer_holds_anything_of_the_other(pair: dict[str, tuple[Tenant, Any]]) -> None:
    for mine, theirs in (PAIR, PAIR[::-1]):
        tenant, names = pair[mine]
        other, their_names = pair[theirs]
        seen = snapshot(tenant, names)
        for route, text in seen.items():
            assert f"{theirs}-01" not in text, route
            assert f'"{theirs}"' not in text, route
            assert their_names["event_id"] not in text, route
            assert their_names["job_id"] not in text, route
            assert their_names["key_id"] not in text, route
            assert their_names["webhook_id"] not in text, route
            assert their_names["delivery_id"] not in text, route
            assert other.slug not in text, route
        holding = [route for route, text in seen.items() if f"{mine}-01" in text]
        assert len(holding) >= 6  # or the test would look at nothing


@pytest.mark.parametrize("route", NAMING, ids=name_of)
def test_the_stranger_s_and_the_absent_one_are_the_same_404(
    pair: dict[str, tuple[Tenant, Any]], outsider: Tenant, route: Route
) -> None:
    _, names = pair[PAIR[0]]
    absent = {
        "event_id": "01HKF0T8M0ABCDEFGHJKMNPQRS",
        "series_name": "zzzzz",
        "job_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "key_id": "0" * 16,
        "webhook_id": NAMES["webhook_id"],
        "delivery_id": NAMES["delivery_id"],
        "version": names["version"],
        "timestamp": names["timestamp"],
    }
    of_stranger, of_nobody = (
        Asking(route, given).send(outsider.http, headers={"X-Request-Id": "same"})
        for given in (names, absent)
    )
    assert of_stranger.status_code == 404
    renamed = of_nobody.text
    for name in set(absent) - {"version", "timestamp"}:
        renamed = renamed.replace(absent[name], names[name])
    assert of_stranger.text == renamed
    assert headers(of_stranger) == headers(of_nobody)


def headers(answer: httpx.Response) -> dict[str, str]:
    # The name that was asked for may be longer; a connection is closed where the answer was quicker
    # than the body.
    varying = ("date", "content-length", "connection")
    return {name: value for name, value in answer.headers.items() if name not in varying}


@pytest.mark.parametrize("path", ["/v1/points", "/v1/score"])
def test_in_bodies_too_the_stranger_s_series_is_as_one_that_is_absent(
    outsider: Tenant, path: str
) -> None:
    answers = []
    for name in ("rides", "zzzzz"):
        body = {"points": [{"series": name, "timestamp": 1, "value": 1}]}
        answer = outsider.http.post(path, json=body, headers={"X-Request-Id": "same"})
        answers.append((answer.status_code, answer.text.replace("zzzzz", "rides")))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("route", NAMING, ids=name_of)
def test_what_a_stranger_tries_changes_nothing(
    pair: dict[str, tuple[Tenant, Any]], outsider: Tenant, route: Route
) -> None:
    tenant, names = pair[PAIR[0]]
    before = snapshot(tenant, names)
    Asking(route, NAMES | names).send(outsider.http)
    assert without_use(snapshot(tenant, names)) == without_use(before)


def without_use(seen: dict[str, str]) -> dict[str, str]:
    return {route: re.sub(r'"last_used_at":"[^"]*"', "", text) for route, text in seen.items()}


def test_a_cursor_of_another_tenant_leads_to_nothing_of_theirs(
    pair: dict[str, tuple[Tenant, Any]], outsider: Tenant
) -> None:
    tenant, _ = pair[PAIR[0]]
    url = "/v1/anomalies"
    cursor = tenant.http.get(url, params={"limit": 1}).json()["next"]
    assert cursor is not None
    answer = outsider.http.get(url, params={"cursor": cursor})
    assert answer.json() == {"data": [], "next": None}


def test_erasing_one_s_own_leaves_the_other_s_as_it_was(
    service: Service, contract: Contract
) -> None:
    made = [service.new_tenant(), service.new_tenant()]
    for tenant in made:
        contract.watch(tenant.http)
    names = [fill(tenant, year) for tenant, year in zip(made, PAIR, strict=True)]
    before = snapshot(made[1], names[1])
    assert json.loads(
        made[0].http.delete("/v1/series/rides/points", params={"from": 0}).content
    ) == {"erased": 102}
    made[0].http.delete("/v1/series/rides")
    assert without_use(snapshot(made[1], names[1])) == without_use(before)
