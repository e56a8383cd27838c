"""The article's story over HTTP: upload, train, score, ask; and nothing of it is in Redis alone."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from tests.api.histories import QUICK, at, csv, usual
from tests.service import Service, Tenant, wait_until

VOLATILE = {"id", "created_at", "updated_at", "started_at", "finished_at", "seconds", "job_id"}
ULID_TIME = 10  # characters; what follows is of the tenant and the series


def test_a_normal_point_answers_false_and_an_absurd_one_true(tenant: Tenant) -> None:
    tenant.make_series("rides")
    assert tenant.upload("rides", csv(600)).json()["stored"] == 600
    tenant.train("rides")
    normal = {"timestamp": at(600), "value": usual(600)}
    absurd = {"timestamp": at(601), "value": 9000}
    assert tenant.http.post("/v1/series/rides/score", json=normal).json()["is_anomaly"] is False
    assert tenant.http.post("/v1/series/rides/score", json=absurd).json()["is_anomaly"] is True
    after = {"points": [{"timestamp": at(h), "value": usual(h)} for h in range(602, 612)]}
    verdicts = tenant.http.post("/v1/series/rides/score", json=after).json()["data"]
    assert [verdict["is_anomaly"] for verdict in verdicts] == [False] * 10
    url = "/v1/series/rides/anomalies/"
    assert tenant.http.get(url + at(600)).json()["anomaly_detected"] is False
    assert tenant.http.get(url + at(601)).json()["anomaly_detected"] is True


def told(tenant: Tenant, between: Callable[[], object]) -> list[Any]:
    """Every answer of the story, without what differs from one telling to the next."""
    answers = []

    def ask(method: str, path: str, **given: Any) -> Any:
        between()
        answer = tenant.http.request(method, f"/v1{path}", timeout=90, **given)
        assert answer.is_success, answer.text
        answers.append((path, answer.status_code, lasting(answer.json())))
        return answer.json()

    def judge(*hours: int) -> None:
        points = [{"timestamp": at(h), "value": 9000 if h % 50 == 49 else usual(h)} for h in hours]
        ask("POST", "/series/rides/score", json={"points": points})

    ask("POST", "/series", json={"name": "rides", "detector": QUICK, "retrain": "manual"})
    upload = {"content": csv(120), "headers": {"Content-Type": "text/csv"}}
    ask("POST", "/series/rides/points", **upload)
    judge(120, 121)
    ask("POST", "/series/rides/train", params={"wait": 60})
    judge(122)
    judge(123, 124, 149, 150)
    judge(122)
    judge(148, 140)  # late ones
    ask("POST", "/series/rides/train", params={"wait": 60})
    judge(151, 152)
    ask("POST", "/series/rides/models/1/activate")
    judge(153)
    ask("GET", "/series/rides")
    ask("GET", "/series/rides/scores", params={"limit": 1000})
    ask("GET", f"/series/rides/anomalies/{at(149)}")
    ask("GET", "/anomalies")
    ask("GET", "/events")
    ask("GET", "/series/rides/models")
    return answers


def lasting(answer: Any) -> Any:
    if isinstance(answer, list):
        return [lasting(item) for item in answer]
    if isinstance(answer, dict):
        kept = {name: lasting(value) for name, value in answer.items() if name not in VOLATILE}
        if kept.get("event"):
            kept["event"] = kept["event"][:ULID_TIME]
        return kept
    return answer


def test_flushing_redis_between_any_two_calls_changes_no_answer(
    tenant: Tenant, stranger: Tenant, redis: Redis
) -> None:
    undisturbed = told(tenant, lambda: None)
    assert told(stranger, redis.flushdb) == undisturbed


@pytest.fixture
def without_worker(service: Service) -> Any:
    service.stop("worker")
    yield
    if "worker" not in service.processes:
        service.start_worker()


def test_a_job_that_waits_is_done_though_its_queue_was_flushed(
    service: Service, tenant: Tenant, redis: Redis, without_worker: None
) -> None:
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    job = tenant.http.post("/v1/series/rides/train").json()
    assert job["status"] == "queued"
    redis.flushdb()
    service.start_worker()
    url = f"/v1/jobs/{job['id']}"
    ended = wait_until(
        lambda: (now := tenant.http.get(url).json())["finished_at"] and now, "the job is done"
    )
    assert ended["status"] == "succeeded"
