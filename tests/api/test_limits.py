"""How often a tenant may ask, and how much it may have."""

import re
from functools import partial
from typing import Any

import httpx
import pytest

from tests.api.histories import at, csv
from tests.service import Service, Tenant, wait_until

RARELY = 0.01  # requests a second: one, and then none for a hundred seconds


@pytest.fixture
def limit(operator: httpx.Client, tenant: Tenant) -> Any:
    """Gives the tenant limits of its own."""

    def set_limits(**limits: float) -> None:
        answer = operator.patch(f"/v1/tenants/{tenant.slug}", json={"limits": limits})
        assert answer.status_code == 200, answer.text

    return set_limits


class TestRequests:
    def test_what_comes_too_soon_is_429_and_says_when_to_come_again(
        self, tenant: Tenant, limit: Any
    ) -> None:
        limit(requests_per_s=RARELY)
        assert tenant.http.get("/v1/me").status_code == 200
        refused = tenant.http.get("/v1/me")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 100
        assert "r=0" in refused.headers["RateLimit"]

    def test_every_answer_to_a_key_tells_the_limits(self, tenant: Tenant) -> None:
        for answer in (
            tenant.http.get("/v1/me"),
            tenant.http.get("/v1/series/absent"),
            tenant.http.post("/v1/series", json={"name": "?"}),
        ):
            assert answer.headers["RateLimit-Policy"] == (
                '"tenant";q=100000;w=1, "key";q=100000;w=1'
            )
            assert re.fullmatch(
                r'"tenant";r=\d+;t=\d+, "key";r=\d+;t=\d+', answer.headers["RateLimit"]
            )

    def test_no_other_tenant_waits_for_it(
        self, tenant: Tenant, stranger: Tenant, limit: Any
    ) -> None:
        limit(requests_per_s=RARELY)
        tenant.http.get("/v1/me")
        assert tenant.http.get("/v1/me").status_code == 429
        assert stranger.http.get("/v1/me").status_code == 200

    def test_health_is_exempt(self, service: Service, tenant: Tenant, limit: Any) -> None:
        limit(requests_per_s=RARELY)
        with service.client(tenant.key) as client:
            answers = [client.get("/healthz") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        assert "RateLimit" not in answers[0].headers


class TestQuotas:
    def assert_refused(self, answer: httpx.Response, quota: str, most: int, use: int) -> None:
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (403, "quota_exceeded"), problem
        assert (problem["quota"], problem["limit"], problem["use"]) == (quota, most, use)

    def test_series(self, tenant: Tenant, limit: Any) -> None:
        limit(series=1)
        tenant.make_series("a")
        self.assert_refused(tenant.http.post("/v1/series", json={"name": "b"}), "series", 1, 1)
        many = "series,timestamp,value\nb,1,1\n"
        answer = tenant.http.post(
            "/v1/points",
            content=many,
            headers={"Content-Type": "text/csv"},
            params={"create": "true"},
        )
        self.assert_refused(answer, "series", 1, 1)
        tenant.http.delete("/v1/series/a")
        assert tenant.http.post("/v1/series", json={"name": "b"}).status_code == 201

    @pytest.mark.parametrize("quota", ["stored_points", "points_per_day"])
    def test_an_upload_beyond_it_stores_nothing(
        self, tenant: Tenant, limit: Any, quota: str
    ) -> None:
        limit(**{quota: 100})
        tenant.make_series("a")
        assert tenant.upload("a", csv(90)).status_code == 200
        self.assert_refused(tenant.upload("a", csv(101)), quota, 100, 90)
        assert tenant.http.get("/v1/me").json()["use"]["stored_points"] == 90
        assert tenant.upload("a", csv(100)).json()["stored"] == 10

    @pytest.mark.parametrize("quota", ["stored_points", "points_per_day"])
    def test_a_score_beyond_it_stores_nothing(self, tenant: Tenant, limit: Any, quota: str) -> None:
        limit(**{quota: 51})
        tenant.make_series("a")
        tenant.upload("a", csv(50))
        first, second = ({"timestamp": at(hour), "value": 1.0} for hour in (50, 51))
        assert tenant.http.post("/v1/series/a/score", json=first).status_code == 200
        self.assert_refused(tenant.http.post("/v1/series/a/score", json=second), quota, 51, 51)
        assert tenant.http.post("/v1/series/a/score", json=first).status_code == 200
        assert tenant.http.get("/v1/me").json()["use"]["stored_points"] == 51

    def test_what_is_erased_no_longer_counts_as_stored_but_as_of_today(
        self, tenant: Tenant
    ) -> None:
        tenant.make_series("a")
        tenant.upload("a", csv(20))
        tenant.http.delete("/v1/series/a/points", params={"from": at(10)})
        use = tenant.http.get("/v1/me").json()["use"]
        assert (use["stored_points"], use["points_per_day"]) == (10, 20)

    def test_an_upload_of_too_many_bytes_is_413(self, tenant: Tenant, limit: Any) -> None:
        tenant.make_series("a")
        limit(upload_bytes=1000)
        answer = tenant.upload("a", csv(500))
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert tenant.upload("a", csv(20)).status_code == 200

    def test_no_tenant_may_upload_more_than_the_installation_takes(
        self, tenant: Tenant, limit: Any
    ) -> None:
        limit(upload_bytes=50_000_001)
        shown = tenant.http.get("/v1/me").json()["tenant"]["limits"]["upload_bytes"]
        assert shown == 50_000_000

    def test_trainings_that_wait_for_others_are_all_done(self, tenant: Tenant, limit: Any) -> None:
        limit(concurrent_trainings=1)
        for name in "abc":
            tenant.make_series(name, detector={"n_estimators": 5})
            tenant.upload(name, csv(100))
            assert tenant.http.post(f"/v1/series/{name}/train").status_code == 202
        for name in "abc":
            wait_until(partial(has_model, tenant, name), f"{name} has a model")


def has_model(tenant: Tenant, name: str) -> bool:
    return tenant.http.get(f"/v1/series/{name}").json()["model_version"] is not None
