"""`/v1/detect`: detection without a trace, and few at a time."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.histories import QUICK, at, csv, points
from tests.service import Service, Tenant, wait_until

Rows = Callable[..., list[Any]]
SHARE = 1  # of a tenant, in the one process of the tests, which has eight threads


def detect(tenant: Tenant, given: list[dict[str, Any]], **more: Any) -> httpx.Response:
    return tenant.http.post("/v1/detect", json={"points": given, "detector": QUICK, **more})


def with_spike(n: int) -> list[dict[str, Any]]:
    return [*points(n - 1), {"timestamp": at(n - 1), "value": 9000}]


def test_it_judges_all_points_and_stores_nothing(tenant: Tenant) -> None:
    answer = detect(tenant, with_spike(100))
    verdicts = answer.json()["data"]
    assert [v["timestamp"] for v in verdicts] == [at(hour) for hour in range(100)]
    assert verdicts[-1]["is_anomaly"] is True
    assert {v["model_version"] for v in verdicts} == {None}
    use = tenant.http.get("/v1/me").json()["use"]
    assert (use["series"], use["stored_points"]) == (0, 0)
    assert detect(tenant, with_spike(100)).content == answer.content


def test_it_answers_what_a_training_gives_for_the_same_points(tenant: Tenant) -> None:
    tenant.make_series("rides", detector=QUICK)
    rows = "".join(f"{point['timestamp']},{point['value']}\n" for point in with_spike(100))
    tenant.upload("rides", f"timestamp,value\n{rows}")
    tenant.train("rides")
    query = {"limit": 1000}
    backfilled = tenant.http.get("/v1/series/rides/scores", params=query).json()["data"]
    stateless = detect(tenant, with_spike(100)).json()["data"]
    differing = {"model_version", "backfilled", "alert", "event"}
    assert [{k: v[k] for k in v.keys() - differing} for v in stateless] == [
        {k: v[k] for k in v.keys() - differing} for v in backfilled
    ]


def test_its_events_are_numbered(tenant: Tenant) -> None:
    given = points(300)
    for place in (100, 102, 250):
        given[place]["value"] = 9000 * place
    verdicts = detect(tenant, given).json()["data"]
    assert [(i, v["event"]) for i, v in enumerate(verdicts) if v["alert"]] == [
        (100, "1"),
        (250, "2"),
    ]
    assert {v["event"] for v in verdicts if not v["is_anomaly"]} == {None}


def test_points_may_come_in_any_order(tenant: Tenant) -> None:
    assert detect(tenant, with_spike(80)[::-1]).json() == detect(tenant, with_spike(80)).json()


def test_points_of_several_fields(tenant: Tenant) -> None:
    given = [
        {"timestamp": at(h), "value": {"heat": 70 + h % 7, "bar": 3 if h < 99 else 900}}
        for h in range(100)
    ]
    last = detect(tenant, given).json()["data"][-1]
    assert last["is_anomaly"] is True
    assert last["contributions"]["bar"] > last["contributions"]["heat"]
    assert last["reason"].startswith("bar: ")


@pytest.mark.parametrize("n", [1, 2, 12, 63])
def test_few_points_are_judged_as_far_as_they_go(tenant: Tenant, n: int) -> None:
    verdicts = detect(tenant, points(n)).json()["data"]
    assert [v["is_anomaly"] for v in verdicts] == [False] * n
    assert verdicts[0]["expected"] is None


def test_times_that_are_there_twice_are_named_by_their_places(tenant: Tenant) -> None:
    given = points(20)
    given += [given[3], {**given[5], "value": 7}]
    answer = detect(tenant, given[::-1])
    assert answer.status_code == 422
    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields == ["points[16].timestamp", "points[18].timestamp"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"points": []}, "points"),
        ({"points": points(1) * 10_001}, "points"),
        ({"points": [{"timestamp": 1, "value": "x"}]}, "points[0].value"),
        ({"points": points(2), "detector": {"n_estimators": 0}}, "detector.n_estimators"),
        ({"points": points(2), "series": "x"}, "series"),
    ],
)
def test_wrong_fields_are_named(tenant: Tenant, body: Any, field: str) -> None:
    answer = tenant.http.post("/v1/detect", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_more_than_64_fields_are_refused(tenant: Tenant) -> None:
    value = {f"f{i}": 1 for i in range(65)}
    assert detect(tenant, [{"timestamp": 1, "value": value}]).status_code == 422


def test_past_its_places_detect_is_503_and_waiting_is_cut_short(
    service: Service, tenant: Tenant, rows: Rows
) -> None:
    """Trainings that nobody ends are waited for, in as many places as one tenant may have."""
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    started = rows(
        tenant,
        "INSERT INTO jobs (tenant_id, id, kind, series_id, subject, status, attempt, lease_until) "
        "SELECT tenant_id, gen_random_uuid(), 'train', id, name, 'running', 1, "
        "now() + interval '1 hour' FROM series RETURNING id",
    )
    with ThreadPoolExecutor(8) as pool, service.client(tenant.key) as other:
        url, query = "/v1/series/rides/train", {"wait": 60}
        waiting = [pool.submit(other.post, url, params=query, timeout=90) for _ in range(6)]

        def are_cut_short() -> bool:
            return [one.done() for one in waiting].count(True) == len(waiting) - SHARE

        wait_until(are_cut_short, "as many wait as may")
        cut_short = next(one for one in waiting if one.done()).result()
        assert (cut_short.status_code, cut_short.json()["status"]) == (202, "running")
        assert tenant.http.get("/v1/series/rides").status_code == 200  # others go on
        assert detect(tenant, points(12)).status_code == 200  # who waits does not compute
        long = [pool.submit(detect, tenant, points(10_000))]

        def refusal() -> httpx.Response | None:
            if long[-1].done():  # it was refused itself, or is through
                long.append(pool.submit(detect, tenant, points(10_000)))
            answer = detect(tenant, points(12))
            return answer if answer.status_code == 503 else None

        full = wait_until(refusal, "a detection is computed, and there is no place to wait")
        assert full.json()["code"] == "unavailable"
        assert int(full.headers["Retry-After"]) >= 1
        rows(
            tenant,
            "UPDATE jobs SET status = 'failed', finished_at = now() WHERE id = :id RETURNING id",
            id=started[0].id,
        )
        ended = [one.result().json()["status"] for one in waiting]
        assert sorted(ended) == ["failed"] * SHARE + ["running"] * (len(waiting) - SHARE)
    assert detect(tenant, points(12)).status_code == 200


def test_who_waits_for_a_training_or_many_detections_keep_nobody_from_detecting(
    service: Service, tenant: Tenant
) -> None:
    other = service.new_tenant()
    hook = other.http.post("/v1/webhooks", json={"url": "https://hook.invalid/"}).json()["id"]
    with ThreadPoolExecutor(8) as pool:
        waiting = [
            pool.submit(other.http.post, f"/v1/webhooks/{hook}/test", params={"wait": 3})
            for _ in range(4)
        ]
        waiting += [pool.submit(detect, other, with_spike(100)) for _ in range(4)]
        assert detect(tenant, with_spike(100)).status_code == 200
        assert {one.result().status_code for one in waiting} <= {200, 202, 429, 503}
    other.http.close()
