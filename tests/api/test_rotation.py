"""`POST /v1/keys/{id}/rotate`: a new secret under the same id, and a grace for the one before."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.service import Service, Tenant, wait_until

Rows = Callable[..., list[Any]]
END_GRACE = "UPDATE api_keys SET previous_until = now() WHERE id = :id RETURNING id"


@pytest.fixture
def made(tenant: Tenant) -> Any:
    """A key for reading."""
    return tenant.http.post("/v1/keys", json={"name": "k", "scopes": ["read"]}).json()


def rotated(tenant: Tenant, key_id: str, grace_s: int | None = None) -> Any:
    body = {} if grace_s is None else {"json": {"grace_seconds": grace_s}}
    answer = tenant.http.post(f"/v1/keys/{key_id}/rotate", **body)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.json()


def opens(service: Service, *keys: Any) -> list[bool]:
    with service.client() as client:
        answers = [client.get("/v1/me", headers={"X-API-Key": key["secret"]}) for key in keys]
    assert {answer.status_code for answer in answers} <= {200, 401}
    return [answer.status_code == 200 for answer in answers]


def test_without_a_grace_the_old_secret_opens_nothing_from_then_on(
    tenant: Tenant, service: Service, made: Any
) -> None:
    new = rotated(tenant, made["id"])
    assert new["secret"] != made["secret"]
    assert opens(service, made, new) == [False, True]
    kept = ("id", "name", "scopes", "created_at", "expires_at")
    assert [new[name] for name in kept] == [made[name] for name in kept]


def test_within_the_grace_both_secrets_open_and_after_it_the_new_one(
    tenant: Tenant, service: Service, rows: Rows, made: Any
) -> None:
    new = rotated(tenant, made["id"], 3_600)
    until = datetime.fromisoformat(new["previous_until"])
    assert timedelta(minutes=55) < until - datetime.now(UTC) <= timedelta(hours=1)
    assert opens(service, made, new) == [True, True]
    rows(tenant, END_GRACE, id=made["id"])  # of which no process hears
    wait_until(lambda: opens(service, made, new) == [False, True], "the grace is over", 5)


def test_a_second_rotation_within_the_grace_ends_the_oldest_secret(
    tenant: Tenant, service: Service, made: Any
) -> None:
    second = rotated(tenant, made["id"], 3_600)
    third = rotated(tenant, made["id"], 3_600)
    assert opens(service, made, second, third) == [False, True, True]
    fourth = rotated(tenant, made["id"])
    assert opens(service, made, second, third, fourth) == [False, False, False, True]


def test_revoking_ends_both_secrets(tenant: Tenant, service: Service, made: Any) -> None:
    new = rotated(tenant, made["id"], 3_600)
    tenant.http.delete(f"/v1/keys/{made['id']}")
    assert opens(service, made, new) == [False, False]


def test_a_revoked_or_expired_key_is_not_rotated(tenant: Tenant, rows: Rows, made: Any) -> None:
    rows(
        tenant, "UPDATE api_keys SET expires_at = now() WHERE id = :id RETURNING id", id=made["id"]
    )
    url = f"/v1/keys/{made['id']}/rotate"
    for state in ("expired", "revoked"):
        answer = tenant.http.post(url)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert state in answer.json()["detail"]
        tenant.http.delete(f"/v1/keys/{made['id']}")


def test_a_key_that_rotates_itself_goes_on_with_what_it_is_given(
    tenant: Tenant, service: Service
) -> None:
    own = tenant.http.get("/v1/me").json()["key"]["id"]
    new = rotated(tenant, own)
    assert tenant.http.get("/v1/me").status_code == 401
    assert opens(service, new) == [True]


@pytest.mark.parametrize("grace", [-1, 30 * 86_400 + 1, "1h", 1.5, True, None])
def test_a_grace_is_seconds_up_to_thirty_days(tenant: Tenant, made: Any, grace: object) -> None:
    answer = tenant.http.post(f"/v1/keys/{made['id']}/rotate", json={"grace_seconds": grace})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "grace_seconds"
    assert rotated(tenant, made["id"], 30 * 86_400)["previous_until"] is not None


def test_no_secret_is_stored_and_none_is_listed(tenant: Tenant, rows: Rows, made: Any) -> None:
    new = rotated(tenant, made["id"], 60)
    listed = tenant.http.get("/v1/keys").text
    for row in [
        listed,
        *(r.whole for r in rows(tenant, "SELECT k::text AS whole FROM api_keys k")),
    ]:
        for key in (made, new):
            assert key["secret"] not in row
            assert key["secret"].encode().hex() not in row
