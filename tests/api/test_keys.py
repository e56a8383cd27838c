"""`/v1/keys`: made, listed without their secrets, revoked at once, expired on time."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.service import Service, Tenant, wait_until

Holding = Callable[..., httpx.Client]
Rows = Callable[..., list[Any]]


def test_the_secret_is_shown_once(tenant: Tenant, service: Service) -> None:
    answer = tenant.http.post("/v1/keys", json={"name": "for the shop", "scopes": ["read"]})
    assert answer.status_code == 201
    made = answer.json()
    secret = made.pop("secret")
    assert secret.startswith(f"tcs_{made['id']}_")
    listed = tenant.http.get("/v1/keys")
    assert made in listed.json()["data"]
    assert secret not in listed.text
    with service.client(secret) as client:
        me = client.get("/v1/me")
    assert me.json()["key"]["id"] == made["id"]
    assert secret not in me.text


def test_no_secret_is_stored(tenant: Tenant, rows: Rows) -> None:
    secret = tenant.http.post("/v1/keys", json={"name": "k", "scopes": ["read"]}).json()["secret"]
    for row in rows(tenant, "SELECT api_keys::text AS whole FROM api_keys"):
        assert secret not in row.whole
        assert secret.encode().hex() not in row.whole


def test_a_key_is_taken_by_either_header(tenant: Tenant, service: Service) -> None:
    with service.client() as client:
        for headers in (
            {"X-API-Key": tenant.key},
            {"Authorization": f"Bearer {tenant.key}"},
            {"Authorization": f"bearer {tenant.key}"},
        ):
            assert client.get("/v1/me", headers=headers).status_code == 200


def test_one_character_changed_makes_a_key_worthless(tenant: Tenant, service: Service) -> None:
    with service.client() as client:
        for place in (6, 25, len(tenant.key) - 10, len(tenant.key) - 1):
            other = "A" if tenant.key[place] != "A" else "B"
            key = tenant.key[:place] + other + tenant.key[place + 1 :]
            assert client.get("/v1/me", headers={"X-API-Key": key}).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", 1),
        ("scopes", []),
        ("scopes", ["root"]),
        ("scopes", ["operator"]),
        ("scopes", "read"),
        ("expires_at", "tomorrow"),
        ("expires_at", 1.5),
        ("expires_at", "2020-01-01T00:00:00Z"),
    ],
)
def test_a_wrong_field_is_named(tenant: Tenant, field: str, value: object) -> None:
    answer = tenant.http.post("/v1/keys", json={"name": "k", "scopes": ["read"], field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].partition("[")[0] == field


def test_a_revoked_key_opens_nothing_from_then_on(tenant: Tenant, holding: Holding) -> None:
    client = holding(tenant, "read")
    key_id = client.get("/v1/me").json()["key"]["id"]
    assert tenant.http.delete(f"/v1/keys/{key_id}").status_code == 204
    answer = client.get("/v1/me")
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    listed = {key["id"]: key for key in tenant.http.get("/v1/keys").json()["data"]}
    assert listed[key_id]["revoked_at"] is not None


def test_revoking_again_changes_nothing(tenant: Tenant, holding: Holding) -> None:
    key_id = holding(tenant, "read").get("/v1/me").json()["key"]["id"]
    tenant.http.delete(f"/v1/keys/{key_id}")
    before = tenant.http.get("/v1/keys").json()
    assert tenant.http.delete(f"/v1/keys/{key_id}").status_code == 204
    assert tenant.http.get("/v1/keys").json() == before


def test_a_key_works_until_it_expires(tenant: Tenant, service: Service, rows: Rows) -> None:
    body = {"name": "k", "scopes": ["read"], "expires_at": "2200-01-01T00:00:00+02:00"}
    made = tenant.http.post("/v1/keys", json=body).json()
    assert made["expires_at"] == "2199-12-31T22:00:00Z"
    with service.client(made["secret"]) as client:
        assert client.get("/v1/me").status_code == 200
        rows(
            tenant,
            "UPDATE api_keys SET expires_at = now() WHERE id = :id RETURNING id",
            id=made["id"],
        )  # of which no process hears
        wait_until(lambda: client.get("/v1/me").status_code == 401, "the key has expired", 5)


def test_scopes_hold(tenant: Tenant, holding: Holding) -> None:
    tenant.make_series("rides")
    points = {"points": [{"timestamp": 1, "value": 1}]}
    reader, writer = holding(tenant, "read"), holding(tenant, "write")
    assert reader.get("/v1/series/rides").status_code == 200
    assert reader.post("/v1/series/rides/points", json=points).status_code == 403
    assert writer.post("/v1/series/rides/points", json=points).status_code == 200
    assert writer.get("/v1/series/rides").status_code == 403
    both = holding(tenant, "read", "write")
    assert both.get("/v1/series/rides").status_code == 200
    assert both.delete("/v1/series/rides").status_code == 403


def test_every_key_is_listed_over_pages(tenant: Tenant) -> None:
    for number in range(4):
        tenant.http.post("/v1/keys", json={"name": str(number), "scopes": ["read"]})
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = tenant.http.get("/v1/keys", params=query).json()
        seen += [key["name"] for key in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == ["0", "1", "2", "3", "first key"]


def test_use_is_noted(tenant: Tenant, holding: Holding) -> None:
    client = holding(tenant, "admin")
    client.get("/v1/me")
    key = client.get("/v1/me").json()["key"]
    assert key["last_used_at"] is not None
