"""`/v1/admin/audit` and `/v1/admin/overview`: what was done and by whom, and how much there is."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from ssl import create_default_context
from typing import Any, get_args

import httpx
import pytest

from app.actions import delivering
from app.actions.delivering import Sender
from app.actions.parts import Parts
from app.store.audit import Action
from tests.api.contract import Contract
from tests.api.histories import QUICK, csv
from tests.receiver import answer, receiving
from tests.service import Service, Tenant, running, wait_until

AUDIT = "/v1/admin/audit"


def listed(operator: httpx.Client, **query: Any) -> list[Any]:
    answer = operator.get(AUDIT, params=query)
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data


def sign_in_and_out(tenant: Tenant) -> None:
    tenant.http.post("/v1/session")
    with httpx.Client(base_url=tenant.http.base_url, cookies=tenant.http.cookies) as browser:
        token = browser.get("/v1/session").json()["csrf_token"]
        headers = {"X-CSRF-Token": token, "X-Request-Id": "of-tenant"}
        browser.delete("/v1/session", headers=headers)


def do_everything(tenant: Tenant, operator: httpx.Client) -> None:
    """Each act that is audited, but for those that are refused and the end of the tenant."""
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    tenant.train("rides")
    tenant.http.post("/v1/series/rides/models/1/activate")
    judged = {"timestamp": "2024-02-01T00:00:00Z", "value": 1}
    tenant.http.post("/v1/series/rides/score", json=judged)
    said = {"label": "normal", "note": "for taxis"}
    tenant.http.put("/v1/series/rides/scores/2024-02-01T00:00:00Z/feedback", json=said)
    tenant.http.patch("/v1/series/rides", json={"description": "for taxis", "tags": ["a"]})
    tenant.http.delete("/v1/series/rides/points", params={"to": "2024-01-01T03:00:00Z"})
    point = {"series": "new", "timestamp": "2024-01-01T00:00:00Z", "value": 1}
    tenant.http.post("/v1/points", params={"create": True}, json={"points": [point]})
    tenant.http.delete("/v1/series/rides")
    key_id = tenant.http.post("/v1/keys", json={"name": "k", "scopes": ["read"]}).json()["id"]
    tenant.http.post(f"/v1/keys/{key_id}/rotate", json={"grace_seconds": 60})
    tenant.http.delete(f"/v1/keys/{key_id}")
    hooks = tenant.http.post("/v1/webhooks", json={"url": "https://hook.invalid/"})
    hook = f"/v1/webhooks/{hooks.json()['id']}"
    tenant.http.patch(hook, json={"description": "for the shop"})
    tenant.http.post(f"{hook}/rotate")
    call = tenant.http.post(f"{hook}/test").json()["id"]
    tenant.http.post(f"{hook}/deliveries/{call}/replay")
    tenant.http.delete(hook)
    sign_in_and_out(tenant)
    operator.patch(f"/v1/tenants/{tenant.slug}", json={"name": "Acme", "status": "active"})
    operator.post(f"/v1/tenants/{tenant.slug}/keys", json={"name": "k", "scopes": ["read"]})


def test_every_act_is_there_with_who_did_it_and_from_where(
    tenant: Tenant, operator: httpx.Client
) -> None:
    tenant.http.headers.update({"X-Request-Id": "of-tenant", "X-Forwarded-For": "192.0.2.9"})
    operator.headers["X-Request-Id"] = "of-operator"
    do_everything(tenant, operator)
    found = listed(operator, tenant=tenant.slug, limit=1000)
    assert [(entry["action"], entry["actor_kind"]) for entry in reversed(found)] == [
        ("tenant.created", "operator"),
        ("key.created", "operator"),
        ("series.created", "key"),
        ("model.activated", "key"),
        ("feedback.given", "key"),
        ("series.changed", "key"),
        ("points.erased", "key"),
        ("series.created", "key"),
        ("series.deleted", "key"),
        ("key.created", "key"),
        ("key.rotated", "key"),
        ("key.revoked", "key"),
        ("webhook.created", "key"),
        ("webhook.changed", "key"),
        ("webhook.rotated", "key"),
        ("webhook.tested", "key"),
        ("webhook.replayed", "key"),
        ("webhook.deleted", "key"),
        ("session.begun", "key"),
        ("session.ended", "key"),
        ("tenant.changed", "operator"),
        ("key.created", "operator"),
    ]
    mine = tenant.http.get("/v1/me").json()["key"]["id"]
    for entry in found:
        assert entry["tenant"] == tenant.slug
        assert entry["from_address"] == "127.0.0.1"  # what a client says of itself is not believed
        if entry["actor_kind"] == "key":
            assert (entry["actor"], entry["request_id"]) == (mine, "of-tenant")
    details = {entry["action"]: entry["details"] for entry in found}
    assert details["tenant.changed"] == {"changed": ["name", "status"], "status": "active"}
    assert details["series.changed"] == {"changed": ["description", "tags"]}
    assert details["points.erased"] == {"to": "2024-01-01T03:00:00Z", "points": 3}
    assert details["key.rotated"] == {"grace_seconds": 60}
    assert "taxis" not in str(found)
    new = next(entry for entry in found if entry["action"] == "series.created")
    assert new["subject_name"] == "new"


def test_who_reads_the_anomalies_of_tenants_is_told_of(
    tenant: Tenant, operator: httpx.Client
) -> None:
    tenant.make_series("rides")
    operator.headers["X-Request-Id"] = f"reading-{tenant.slug}"
    narrowed = {"from": "2024-01-01T00:00:00Z", "min_score": 0.5, "series": "rides"}
    one = {"tenant": tenant.slug}
    queries: tuple[dict[str, Any], ...] = ({}, one, {**one, **narrowed})
    for query in queries:
        assert operator.get("/v1/admin/anomalies", params=query).status_code == 200
    assert operator.get("/v1/admin/anomalies", params={"tenant": "nobody"}).status_code == 404
    found = listed(operator, action="anomalies.read", limit=1000)
    mine = [entry for entry in found if entry["request_id"] == f"reading-{tenant.slug}"]
    assert [(one["tenant"], one["subject_name"], one["details"]) for one in mine] == [
        (
            tenant.slug,
            "rides",
            {"from": "2024-01-01T00:00:00Z", "min_score": 0.5, "by_series_name": True},
        ),
        (tenant.slug, None, {}),
        (None, None, {}),
    ]
    assert {(one["actor_kind"], one["from_address"]) for one in mine} == {("operator", "127.0.0.1")}


def test_settings_that_come_with_a_training_are_a_change_of_the_series(
    tenant: Tenant, operator: httpx.Client
) -> None:
    tenant.make_series("rides")
    tenant.upload("rides", csv(100))
    tenant.http.post("/v1/series/rides/train", json={"detector": QUICK})
    newest = listed(operator, tenant=tenant.slug)[0]
    assert (newest["action"], newest["details"]) == ("series.changed", {"changed": ["detector"]})


def test_what_is_refused_as_a_whole_leaves_no_act(tenant: Tenant, operator: httpx.Client) -> None:
    tenant.make_series("rides")
    before = listed(operator, tenant=tenant.slug)
    assert tenant.http.post("/v1/series", json={"name": "rides"}).status_code == 409
    bad = "timestamp,series,value\n2024-01-01,new,many\n"
    answer = tenant.http.post(
        "/v1/points",
        params={"create": True},
        content=bad.encode(),
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status_code == 422
    assert listed(operator, tenant=tenant.slug) == before


def test_it_is_narrowed_and_paged(tenant: Tenant, operator: httpx.Client) -> None:
    for name in "abc":
        tenant.make_series(name)
    slug = tenant.slug
    found = listed(operator, tenant=slug, action="series.created")
    assert [entry["subject_name"] for entry in found] == ["c", "b", "a"]
    assert listed(operator, tenant=slug, to=found[0]["at"], action="series.created") == found[1:]
    assert listed(operator, tenant=slug, **{"from": found[0]["at"]}) == found[:1]
    seen: list[Any] = []
    cursor = None
    while cursor or not seen:
        query: dict[str, Any] = {"tenant": slug, "limit": 2} | (
            {"cursor": cursor} if cursor else {}
        )
        page = operator.get(AUDIT, params=query).json()
        seen += page["data"]
        cursor = page["next"]
    assert seen == listed(operator, tenant=slug)


def test_a_tenant_or_an_action_that_is_not_there_is_an_error(operator: httpx.Client) -> None:
    assert operator.get(AUDIT, params={"tenant": "nobody"}).status_code == 404
    answer = operator.get(AUDIT, params={"action": "key.stolen"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "action"


def test_an_erased_tenant_is_named_by_its_id_only(tenant: Tenant, operator: httpx.Client) -> None:
    tenant_id = listed(operator, tenant=tenant.slug)[0]["tenant_id"]
    answer = operator.delete(f"/v1/tenants/{tenant.slug}", params={"confirm": tenant.slug})
    url = answer.headers["Location"]
    wait_until(lambda: operator.get(url).json()["finished_at"], "the tenant is erased")
    erased = listed(operator, action="tenant.erased", limit=1000)
    (mine,) = (entry for entry in erased if entry["tenant_id"] == tenant_id)
    assert (mine["tenant"], mine["subject"]) == (None, tenant_id)
    assert tenant.slug not in str(mine)


@pytest.fixture(scope="module")
def proxied(service: Service, contract: Contract) -> Iterator[httpx.Client]:
    """A server that believes one proxy; who asks it here is that proxy. Nobody's key is sent."""
    environment = service.environment | {"TOCSIN_TRUSTED_PROXIES": "1"}
    apart = Service(environment, service.log_dir)
    with running(apart):
        apart.start_server("proxied")
        with contract.watch(apart.client()) as client:
            yield client


def test_refused_keys_and_scopes_are_there_with_the_client_s_address(
    proxied: httpx.Client, tenant: Tenant, operator: httpx.Client
) -> None:
    address = f"2001:db8::{secrets.token_hex(2).lstrip('0') or '1'}"
    body = {"name": "k", "scopes": ["read"]}
    reader = tenant.http.post("/v1/keys", json=body).json()
    revoked = tenant.http.post("/v1/keys", json=body).json()
    tenant.http.delete(f"/v1/keys/{revoked['id']}")

    def ask(key: str) -> int:
        headers = {"X-API-Key": key, "X-Forwarded-For": f"192.0.2.66, {address}"}
        return proxied.post("/v1/series", json={"name": "a"}, headers=headers).status_code

    assert [ask(key) for key in ("mistyped", revoked["secret"], reader["secret"])] == [
        401,
        401,
        403,
    ]
    mine = [entry for entry in listed(operator, limit=1000) if entry["from_address"] == address]
    assert [(e["action"], e["actor_kind"], e["subject"]) for e in mine] == [
        ("scope.refused", "key", reader["id"]),
        ("key.refused", "nobody", revoked["id"]),
        ("key.refused", "nobody", None),
    ]
    assert [entry["tenant"] for entry in mine] == [tenant.slug, tenant.slug, None]
    assert [entry["details"] for entry in mine] == [
        {"needs": "admin", "route": "POST /v1/series"},
        {"reason": "revoked"},
        {"reason": "malformed"},
    ]


def test_a_webhook_that_the_service_disables_is_an_act_of_its_own(
    tenant: Tenant, operator: httpx.Client, parts: Parts
) -> None:
    with receiving() as receiver:
        receiver.behave = answer(410)
        made = tenant.http.post("/v1/webhooks", json={"url": receiver.url()}).json()
        tenant.http.post(f"/v1/webhooks/{made['id']}/test")
        sender = Sender(
            parts.database, parts.secret, parts.settings.allowed_networks, create_default_context()
        )
        [due] = [one for one in delivering.due(sender) if str(one.webhook_id) == made["id"]]
        [claimed] = delivering.claim(sender, due, 1)
        delivering.deliver(sender, claimed)
    entry = listed(operator, tenant=tenant.slug)[0]
    assert (entry["action"], entry["actor_kind"]) == ("webhook.disabled", "service")
    assert (entry["subject"], entry["details"]) == (made["id"], {"reason": "gone"})


def test_these_tests_know_every_action() -> None:
    text = Path(__file__).read_text()
    assert [action for action in get_args(Action) if f'"{action}"' not in text] == []


def test_the_overview_counts_over_all_tenants(tenant: Tenant, operator: httpx.Client) -> None:
    tenant.make_series("rides")
    tenant.upload("rides", csv(24))
    counted = operator.get("/v1/admin/overview").json()
    assert counted["tenants"] >= 1
    assert counted["series"] >= 1
    assert counted["points"] >= 24
    assert counted["workers"] >= 1
    assert counted["queue_depth"] >= 0
