"""A session stands for the key that it began with: in one browser, for a while."""

from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest
from sqlalchemy import text

from app.actions.parts import Parts
from tests.service import Service, Tenant

PATH = "/v1/session"
NEW_SERIES = {"name": "made-by-a-session"}


@pytest.fixture
def browser(tenant: Tenant, service: Service) -> Iterator[httpx.Client]:
    """With the cookie of a session of the tenant's first key, and no key."""
    with service.client() as client:
        begun = client.post(PATH, headers={"Authorization": f"Bearer {tenant.key}"})
        assert begun.status_code == 204, begun.text
        yield client


def csrf(browser: httpx.Client) -> dict[str, str]:
    return {"X-CSRF-Token": browser.get(PATH).json()["csrf_token"]}


def cookie_of(answer: httpx.Response) -> str:
    return answer.headers["Set-Cookie"]


def age(parts: Parts, tenant: Tenant, column: str, interval: str) -> None:
    """As if the tenant's sessions were older."""
    with parts.database.operator() as connection:
        asked = text("SELECT id FROM tenants WHERE slug = :slug")
        tenant_id = connection.scalar(asked, {"slug": tenant.slug})
    with parts.database.tenant(tenant_id) as connection:
        sql = f"UPDATE sessions SET {column} = {column} - interval '{interval}'"
        assert connection.execute(text(sql)).rowcount == 1


def test_a_cookie_opens_what_its_key_opens(browser: httpx.Client, tenant: Tenant) -> None:
    mine = browser.get(PATH).json()
    key = tenant.http.get("/v1/me").json()["key"]
    assert (mine["tenant"], mine["is_operator"]) == (tenant.slug, False)
    assert mine["key"] == {name: key[name] for name in ("id", "name", "scopes")}
    assert browser.get("/v1/series").json() == tenant.http.get("/v1/series").json()


def test_the_cookie_is_no_script_s_and_no_other_site_s(tenant: Tenant, service: Service) -> None:
    with service.client() as client:
        header = {"Authorization": f"Bearer {tenant.key}"}
        plain = cookie_of(client.post(PATH, headers=header))
    (cookie,) = SimpleCookie(plain).values()
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert tenant.key.split("_")[-1] not in plain


def test_changes_need_the_token_of_the_page(browser: httpx.Client) -> None:
    for given in (b"", b"0" * 64, b"\xe9"):
        refused = browser.post("/v1/series", json=NEW_SERIES, headers={b"X-CSRF-Token": given})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert browser.post("/v1/series", json=NEW_SERIES, headers=csrf(browser)).status_code == 201


def test_the_token_of_one_session_is_of_no_use_to_another(
    browser: httpx.Client, service: Service
) -> None:
    stranger = service.new_tenant()
    with service.client() as other:
        other.post(PATH, headers={"Authorization": f"Bearer {stranger.key}"})
        refused = other.post("/v1/series", json=NEW_SERIES, headers=csrf(browser))
    assert refused.status_code == 403


def test_signed_out_is_signed_out_also_for_who_kept_the_cookie(browser: httpx.Client) -> None:
    kept = dict(browser.cookies)
    assert browser.delete(PATH, headers=csrf(browser)).status_code == 204
    assert not browser.cookies
    answer = browser.get(PATH, headers={"Cookie": f"tocsin_session={kept['tocsin_session']}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize(
    ("column", "interval"), [("used_at", "13 hours"), ("created_at", "8 days")]
)
def test_a_session_ends_after_long_quiet_and_after_a_week(
    browser: httpx.Client, tenant: Tenant, parts: Parts, column: str, interval: str
) -> None:
    age(parts, tenant, column, interval)
    assert browser.get("/v1/series").status_code == 401


def test_the_cookie_is_another_one_after_an_hour_and_the_old_one_ends_soon(
    browser: httpx.Client, tenant: Tenant, service: Service, parts: Parts
) -> None:
    old = browser.cookies["tocsin_session"]
    assert "Set-Cookie" not in browser.get(PATH).headers
    age(parts, tenant, "renewed_at", "2 hours")
    assert "Set-Cookie" in browser.get(PATH).headers
    assert browser.cookies["tocsin_session"] != old
    assert browser.get(PATH).status_code == 200
    header = {"Cookie": f"tocsin_session={old}"}
    assert httpx.get(f"{service.url}{PATH}", headers=header).status_code == 200
    age(parts, tenant, "previous_until", "2 minutes")
    assert httpx.get(f"{service.url}{PATH}", headers=header).status_code == 401


def test_a_key_that_ends_takes_its_sessions_along(browser: httpx.Client, tenant: Tenant) -> None:
    spare = tenant.http.post("/v1/keys", json={"name": "spare", "scopes": ["admin"]}).json()
    mine = tenant.http.get("/v1/me").json()["key"]["id"]
    with httpx.Client(base_url=browser.base_url) as admin:
        admin.headers["Authorization"] = f"Bearer {spare['secret']}"
        rotated = admin.post(f"/v1/keys/{mine}/rotate", json={"grace_seconds": 60})
        assert browser.get(PATH).status_code == 200
        admin.headers["Authorization"] = f"Bearer {rotated.json()['secret']}"
        assert admin.delete(f"/v1/keys/{mine}").status_code == 204
    assert browser.get(PATH).status_code == 401


def test_a_session_does_not_begin_another(browser: httpx.Client) -> None:
    assert browser.post(PATH, headers=csrf(browser)).status_code == 401


@pytest.mark.parametrize(
    "cookie",
    ["", "x", "0" * 32 + "." + "A" * 43, "\x80", 'tocsin_session="a\\', "a=b; tocsin_session"],
)
def test_what_is_no_cookie_of_ours_is_401(service: Service, cookie: str) -> None:
    header = {b"Cookie": f"tocsin_session={cookie}".encode("latin-1")}
    assert httpx.get(f"{service.url}{PATH}", headers=header).status_code == 401


def test_beginning_and_end_are_in_the_audit_log(
    browser: httpx.Client, tenant: Tenant, service: Service
) -> None:
    browser.delete(PATH, headers=csrf(browser))
    with service.client(service.operator_key) as operator:
        log = operator.get("/v1/admin/audit", params={"tenant": tenant.slug}).json()["data"]
    acts = [entry["action"] for entry in log if entry["action"].startswith("session")]
    assert acts == ["session.ended", "session.begun"]


def test_an_operator_signs_in_too(service: Service) -> None:
    with service.client() as client:
        header = {"Authorization": f"Bearer {service.operator_key}"}
        assert client.post(PATH, headers=header).status_code == 204
        mine = client.get(PATH).json()
        assert (mine["tenant"], mine["is_operator"]) == (None, True)
        assert client.get("/v1/tenants").status_code == 200
        assert client.get("/v1/series").status_code == 403
