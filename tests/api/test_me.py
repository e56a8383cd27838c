"""`/v1/me`: who the key says you are."""

import httpx

from tests.service import Tenant


def use(**other: int) -> dict[str, int]:
    kinds = ("series", "stored_points", "points_per_day", "concurrent_trainings", "model_versions")
    return dict.fromkeys(kinds, 0) | other


def test_it_tells_tenant_key_and_use(tenant: Tenant) -> None:
    me = tenant.http.get("/v1/me").json()
    assert me["tenant"]["slug"] == tenant.slug
    assert me["key"]["scopes"] == ["admin"]
    assert me["use"] == use()


def test_use_follows_what_is_stored(tenant: Tenant) -> None:
    for name in ("a", "b"):
        tenant.make_series(name)
        tenant.upload(name, "timestamp,value\n1,1\n2,2\n")
    expected = use(series=2, stored_points=4, points_per_day=4)
    assert tenant.http.get("/v1/me").json()["use"] == expected
    tenant.http.delete("/v1/series/a/points", params={"from": 2})
    tenant.http.delete("/v1/series/b")
    expected = use(series=1, stored_points=1, points_per_day=2)
    assert tenant.http.get("/v1/me").json()["use"] == expected


def test_an_operator_has_no_tenant(operator: httpx.Client) -> None:
    me = operator.get("/v1/me").json()
    assert (me["tenant"], me["use"]) == (None, None)
    assert me["key"]["name"] == "tests"
