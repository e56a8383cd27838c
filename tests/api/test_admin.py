"""`/v1/admin`: what the operator sees across tenants."""

from typing import Any

import httpx
import pytest

from tests.api.histories import at, csv
from tests.service import Tenant

ABSURD = [1e6, 2e6, 3e6]


@pytest.fixture
def both(tenant: Tenant, stranger: Tenant) -> tuple[Tenant, Tenant]:
    """Two tenants with three anomalies each, at the same times."""
    for one in (tenant, stranger):
        one.make_series("rides")
        one.upload("rides", csv(24))
        points = [{"timestamp": at(24 + i), "value": value} for i, value in enumerate(ABSURD)]
        answer = one.http.post("/v1/series/rides/score", json={"points": points})
        assert [score["is_anomaly"] for score in answer.json()["data"]] == [True] * 3
    return tenant, stranger


def listed(operator: httpx.Client, **query: Any) -> list[Any]:
    answer = operator.get("/v1/admin/anomalies", params=query)
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data


def test_anomalies_of_every_tenant_newest_first(
    operator: httpx.Client, both: tuple[Tenant, Tenant]
) -> None:
    mine = [one for one in listed(operator, limit=1000) if one["tenant"] in {t.slug for t in both}]
    assert len(mine) == 6
    times = [one["timestamp"] for one in mine]
    assert times == sorted(times, reverse=True)


def test_the_filters_narrow_it(operator: httpx.Client, both: tuple[Tenant, Tenant]) -> None:
    slug = both[0].slug
    found = listed(operator, tenant=slug)
    assert [one["tenant"] for one in found] == [slug] * 3
    assert [one["value"] for one in found] == ABSURD[::-1]
    assert listed(operator, tenant=slug, series="rides") == found
    assert listed(operator, tenant=slug, series="others") == []
    assert listed(operator, tenant=slug, **{"from": at(25)}) == found[:2]
    assert listed(operator, tenant=slug, to=at(25)) == found[2:]
    assert listed(operator, tenant=slug, min_score=1.0) == [
        one for one in found if one["score"] >= 1.0
    ]


def test_pages_of_two_tenants_with_the_same_times_lose_nothing(
    operator: httpx.Client, both: tuple[Tenant, Tenant]
) -> None:
    seen: list[Any] = []
    cursor = None
    while cursor or not seen:
        query: dict[str, Any] = {"series": "rides", "from": at(24), "limit": 1}
        page = operator.get(
            "/v1/admin/anomalies", params=query | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += page["data"]
        cursor = page["next"]
    mine = [(one["tenant"], one["timestamp"]) for one in seen]
    wanted = {(tenant.slug, at(24 + i)) for tenant in both for i in range(3)}
    assert len(set(mine)) == len(mine)
    assert wanted <= set(mine)


def test_what_a_tenant_sees_of_itself_is_the_same(
    operator: httpx.Client, both: tuple[Tenant, Tenant]
) -> None:
    for tenant in both:
        own = tenant.http.get("/v1/anomalies").json()["data"]
        assert [{**one, "tenant": tenant.slug} for one in own] == listed(
            operator, tenant=tenant.slug
        )


def test_a_tenant_or_series_that_is_not_there_is_not_found(
    operator: httpx.Client, tenant: Tenant
) -> None:
    assert operator.get("/v1/admin/anomalies", params={"tenant": "nobody"}).status_code == 404
    assert tenant.http.get("/v1/anomalies", params={"series": "nothing"}).status_code == 404
