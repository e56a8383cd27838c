"""`/v1/tenants`: what the operator does."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.actions.parts import Parts
from tests.api.histories import QUICK, csv
from tests.service import Service, Tenant, wait_until

DEFAULT_LIMITS = {
    "requests_per_s": 100_000,  # as the tests' installation has it
    "points_per_day": 10_000_000,
    "series": 10_000,
    "stored_points": 1_000_000_000,
    "upload_bytes": 50_000_000,
    "concurrent_trainings": 4,
    "model_versions": 10,
}
NOTHING = {"series": 0, "stored_points": 0, "points_per_day": 0}


@pytest.fixture
def slug() -> str:
    return f"t-{secrets.token_hex(6)}"


@pytest.fixture
def made(operator: httpx.Client, slug: str) -> Any:
    answer = operator.post("/v1/tenants", json={"slug": slug, "name": "Acme"})
    assert answer.status_code == 201
    return answer.json()


def test_a_new_tenant_comes_with_a_key_that_may_do_all(
    operator: httpx.Client, service: Service, slug: str
) -> None:
    limits = {"series": 5, "requests_per_s": 2.5}
    body = {"slug": slug, "name": "Acme", "limits": limits}
    answer = operator.post("/v1/tenants", json=body)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/tenants/{slug}"
    made = answer.json()
    key = made.pop("api_key")
    assert (made["status"], key["scopes"]) == ("active", ["admin"])
    assert made["limits"] == DEFAULT_LIMITS | limits
    assert operator.get(f"/v1/tenants/{slug}").json() == {**made, "use": NOTHING}
    with service.client(key["secret"]) as client:
        assert client.get("/v1/me").json()["tenant"] == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "Acme"),
        ("slug", "-a"),
        ("slug", "a/b"),
        ("slug", "x" * 64),
        ("name", ""),
        ("limits", {"series": 0}),
        ("limits", {"unheard_of": 1}),
        ("status", "active"),
    ],
)
def test_a_wrong_field_is_named(operator: httpx.Client, field: str, value: object) -> None:
    answer = operator.post("/v1/tenants", json={"slug": "a", "name": "A", field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


def test_a_slug_is_taken_once(operator: httpx.Client, made: Any) -> None:
    answer = operator.post("/v1/tenants", json={"slug": made["slug"], "name": "Other"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert operator.get(f"/v1/tenants/{made['slug']}").json()["name"] == "Acme"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_an_absent_tenant_is_404(operator: httpx.Client, method: str) -> None:
    body = {"json": {"name": "x"}} if method == "PATCH" else {}
    query = {"confirm": "absent"} if method == "DELETE" else {}
    answer = operator.request(method, "/v1/tenants/absent", params=query, **body)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_key_for_a_tenant(operator: httpx.Client, service: Service, made: Any) -> None:
    body = {"name": "k", "scopes": ["read"]}
    answer = operator.post(f"/v1/tenants/{made['slug']}/keys", json=body)
    assert answer.status_code == 201
    with service.client(answer.json()["secret"]) as client:
        assert client.get("/v1/me").json()["tenant"]["slug"] == made["slug"]
        assert client.post("/v1/keys", json=body).status_code == 403
    assert operator.post("/v1/tenants/absent/keys", json=body).status_code == 404


def test_tenants_are_listed_over_pages_in_order(operator: httpx.Client) -> None:
    mark = secrets.token_hex(6)
    wanted = [f"z-{mark}-{letter}" for letter in "abc"]
    for one in wanted:
        operator.post("/v1/tenants", json={"slug": one, "name": one})
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = operator.get("/v1/tenants", params=query).json()
        seen += [tenant["slug"] for tenant in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert [slug for slug in seen if mark in slug] == wanted
    assert seen == sorted(set(seen))
    assert "" not in seen  # the installation itself is no tenant
    for prefix, found in ((f"z-{mark}", wanted), (wanted[1], wanted[1:2]), ("%", []), ("_-", [])):
        page = operator.get("/v1/tenants", params={"prefix": prefix}).json()
        assert [tenant["slug"] for tenant in page["data"]] == found


def test_an_operator_sees_what_each_tenant_uses(operator: httpx.Client, tenant: Tenant) -> None:
    url = f"/v1/tenants/{tenant.slug}"
    assert operator.get(url).json()["use"] == NOTHING
    for name in ("rides", "loads"):
        tenant.make_series(name)
        tenant.upload(name, csv(24))
    use = {"series": 2, "stored_points": 48, "points_per_day": 48}
    assert operator.get(url).json()["use"] == use
    [listed] = operator.get("/v1/tenants", params={"prefix": tenant.slug}).json()["data"]
    assert listed["use"] == use
    shown = tenant.http.get("/v1/me").json()["use"]
    assert shown.items() >= use.items()


def test_patch_renames_and_limits(operator: httpx.Client, made: Any) -> None:
    url = f"/v1/tenants/{made['slug']}"
    after = operator.patch(url, json={"name": "New", "limits": {"series": 7}}).json()
    assert (after["name"], after["limits"]) == ("New", DEFAULT_LIMITS | {"series": 7})
    assert operator.get(url).json() == {**after, "use": NOTHING}
    assert operator.patch(url, json={}).json() == after
    assert operator.patch(url, json={"slug": "other"}).status_code == 422
    assert operator.patch(url, json={"status": "erasing"}).status_code == 422


def limits_after(operator: httpx.Client, slug: str, limits: object) -> Any:
    answer = operator.patch(f"/v1/tenants/{slug}", json={"limits": limits})
    assert answer.status_code == 200, answer.text
    return answer.json()["limits"]


def test_limits_that_a_patch_does_not_name_stay(operator: httpx.Client, made: Any) -> None:
    slug = made["slug"]
    limits_after(operator, slug, {"series": 7, "upload_bytes": 1000})
    both = DEFAULT_LIMITS | {"series": 8, "upload_bytes": 1000}
    assert limits_after(operator, slug, {"series": 8}) == both
    assert limits_after(operator, slug, {}) == both
    assert operator.patch(f"/v1/tenants/{slug}", json={"name": "New"}).json()["limits"] == both


def test_a_limit_that_is_null_is_again_what_the_installation_sets(
    operator: httpx.Client, made: Any
) -> None:
    slug = made["slug"]
    limits_after(operator, slug, {"series": 7, "upload_bytes": 1000})
    one = limits_after(operator, slug, {"series": None})
    assert one == DEFAULT_LIMITS | {"upload_bytes": 1000}
    assert limits_after(operator, slug, None) == DEFAULT_LIMITS


def test_limits_that_two_change_at_once_are_both_changed(operator: httpx.Client, made: Any) -> None:
    names = sorted(DEFAULT_LIMITS)
    with ThreadPoolExecutor(len(names)) as aside:
        list(aside.map(lambda name: limits_after(operator, made["slug"], {name: 3}), names))
    assert limits_after(operator, made["slug"], {}) == dict.fromkeys(names, 3)


def test_a_suspended_tenant_is_refused_and_keeps_its_data(
    operator: httpx.Client, tenant: Tenant
) -> None:
    tenant.make_series("rides")
    operator.patch(f"/v1/tenants/{tenant.slug}", json={"status": "suspended"})
    for path in ("/v1/me", "/v1/series/rides", "/v1/series/absent"):
        answer = tenant.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "tenant_suspended")
    operator.patch(f"/v1/tenants/{tenant.slug}", json={"status": "active"})
    assert tenant.http.get("/v1/series/rides").status_code == 200


@pytest.mark.parametrize("confirm", [None, "", "another"])
def test_erasing_needs_the_slug_once_more(
    operator: httpx.Client, tenant: Tenant, confirm: str | None
) -> None:
    query = {} if confirm is None else {"confirm": confirm}
    answer = operator.delete(f"/v1/tenants/{tenant.slug}", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "confirm"
    assert tenant.http.get("/v1/me").status_code == 200


def test_an_erased_tenant_leaves_nothing(
    operator: httpx.Client, tenant: Tenant, stranger: Tenant, parts: Parts
) -> None:
    for one in (tenant, stranger):
        one.make_series("rides", detector=QUICK)
        one.upload("rides", csv(100))
        one.train("rides")
    tenant_id = id_of(parts, tenant.slug)
    answer = operator.delete(f"/v1/tenants/{tenant.slug}", params={"confirm": tenant.slug})
    assert answer.status_code == 202
    assert tenant.http.get("/v1/me").status_code == 401  # shut at once
    url = answer.headers["Location"]
    job = wait_until(lambda: ended(operator.get(url).json()), "the tenant is erased")
    assert (job["status"], job["kind"]) == ("succeeded", "erase_tenant")
    assert operator.get(f"/v1/tenants/{tenant.slug}").status_code == 404
    assert rows_of(parts, tenant_id) == {}
    assert stranger.http.get("/v1/series/rides").json()["points"] == 100


def ended(job: Any) -> Any:
    return job if job["finished_at"] else None


def id_of(parts: Parts, slug: str) -> Any:
    with parts.database.operator() as connection:
        statement = text("SELECT id FROM tenants WHERE slug = :slug")
        return connection.scalar(statement, {"slug": slug})


def rows_of(parts: Parts, tenant_id: Any) -> dict[str, int]:
    """Tables that still have rows of the tenant."""
    with parts.database.tenant(tenant_id) as connection:
        tables = connection.scalars(
            text(
                "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
                "WHERE attname = 'tenant_id' AND relkind IN ('r', 'p') "
                "AND relnamespace = 'public'::regnamespace "
                "AND has_table_privilege(pg_class.oid, 'SELECT')"
            )
        ).all()
        assert {"points", "scores", "models", "series", "jobs", "api_keys"} <= set(tables)
        counts = {
            table: connection.scalar(
                text(f"SELECT count(*) FROM {table} WHERE tenant_id = :id"), {"id": tenant_id}
            )
            for table in tables
        }
    return {table: count for table, count in counts.items() if count}
