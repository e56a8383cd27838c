"""Training, its jobs, and the model versions that come of it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.api.histories import HEADER, QUICK, at, csv, usual
from tests.service import Service, Tenant

TRAIN = "/v1/series/rides/train"
MODELS = "/v1/series/rides/models"
Rows = Callable[..., list[Any]]


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    return tenant


@pytest.fixture
def without_worker(service: Service) -> Iterator[None]:
    """Jobs wait while this lasts."""
    service.stop("worker")
    yield
    service.start_worker()


def versions(tenant: Tenant) -> list[tuple[int, bool]]:
    data = tenant.http.get(MODELS).json()["data"]
    return [(model["version"], model["is_active"]) for model in data]


def test_training_answers_with_its_job(rides: Tenant) -> None:
    answer = rides.http.post(TRAIN)
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["kind"], job["subject"]) == ("train", "rides")
    assert job["status"] in ("queued", "running")


def test_waiting_answers_200_when_it_ended_in_time(rides: Tenant) -> None:
    answer = rides.http.post(TRAIN, params={"wait": 60})
    job = answer.json()
    assert answer.status_code == 200
    assert (job["status"], job["progress"], job["model_version"]) == ("succeeded", 1.0, 1)
    assert job["created_at"] <= job["started_at"] <= job["finished_at"]
    assert rides.http.get(answer.headers["Location"]).json() == job
    assert rides.http.get("/v1/series/rides/jobs").json() == {"data": [job], "next": None}


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "long"])
def test_the_bounds_of_waiting(rides: Tenant, wait: str) -> None:
    answer = rides.http.post(TRAIN, params={"wait": wait})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["wait"]
    assert rides.http.get("/v1/series/rides/jobs").json()["data"] == []


@pytest.mark.usefixtures("without_worker")
def test_a_second_call_returns_the_job_that_waits(rides: Tenant) -> None:
    first = rides.http.post(TRAIN).json()
    assert first["status"] == "queued"
    assert rides.http.get("/v1/series/rides").json()["status"] == "training"
    assert rides.http.post(TRAIN).json() == first
    assert rides.http.post(TRAIN, params={"wait": 0.1}).json() == first
    assert len(rides.http.get("/v1/series/rides/jobs").json()["data"]) == 1


@pytest.mark.parametrize(("have", "status"), [(0, 422), (12, 422), (63, 422), (64, 202)])
def test_too_few_points_are_told(tenant: Tenant, have: int, status: int) -> None:
    tenant.make_series("rides", detector=QUICK)
    if have:
        tenant.upload("rides", csv(have))
    answer = tenant.http.post(TRAIN)
    assert answer.status_code == status
    if status == 422:
        assert (answer.json()["have"], answer.json()["need"]) == (have, 64)


def test_a_history_without_values_fails_with_a_reason(tenant: Tenant) -> None:
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", HEADER + "".join(f"{at(hour)},\n" for hour in range(100)))
    job = tenant.http.post(TRAIN, params={"wait": 60}).json()
    assert job["status"] == "failed"
    assert "64" in job["error"]
    assert tenant.http.get("/v1/series/rides").json()["status"] == "failed"


def test_settings_given_with_the_training_are_kept(rides: Tenant) -> None:
    detector = {"n_estimators": 5, "season": []}
    rides.http.post(TRAIN, json={"detector": detector}, params={"wait": 60})
    assert rides.http.get("/v1/series/rides").json()["detector"] == detector
    (model,) = rides.http.get(MODELS).json()["data"]
    assert (model["settings"]["n_estimators"], model["settings"]["season"]) == (5, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"detector": {"n_estimators": 0}}, "detector.n_estimators"),
        ({"detector": {"trees": 5}}, "detector.trees"),
        ({"settings": {}}, "settings"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_trained(
    rides: Tenant, body: Any, field: str
) -> None:
    answer = rides.http.post(TRAIN, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert rides.http.get("/v1/series/rides/jobs").json()["data"] == []


def test_an_absent_series_is_404(tenant: Tenant) -> None:
    for method, part in (("POST", "train"), ("GET", "jobs"), ("GET", "models")):
        assert tenant.http.request(method, f"/v1/series/rides/{part}").status_code == 404
    assert tenant.http.post("/v1/series/rides/models/1/activate").status_code == 404


@pytest.mark.parametrize("job_id", [str(UUID(int=7)), "7", "x" * 500])
def test_an_absent_job_is_404(tenant: Tenant, job_id: str) -> None:
    answer = tenant.http.get(f"/v1/jobs/{job_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


# Model versions


def test_a_model_version_says_what_it_was_trained_on(rides: Tenant) -> None:
    rides.train("rides")
    (model,) = rides.http.get(MODELS).json()["data"]
    assert (model["version"], model["is_active"], model["points"]) == (1, True, 100)
    assert (model["from_timestamp"], model["to_timestamp"]) == (at(0), at(99))
    assert model["settings"] == {
        "n_estimators": 10,
        "max_samples": 256,
        "contamination": "auto",
        "season": "auto",
        "interval": "auto",
        "timezone": "UTC",
        "random_state": 0,
    }
    assert 0 < model["threshold"] <= 1
    assert model["seconds"] > 0


def test_rolling_back_changes_who_judges_and_verdicts_given_stand(rides: Tenant) -> None:
    def judge(hour: int) -> Any:
        point = {"timestamp": at(hour), "value": usual(hour)}
        return rides.http.post("/v1/series/rides/score", json=point).json()

    rides.train("rides")
    first = judge(100)
    rides.http.post(TRAIN, json={"detector": {**QUICK, "random_state": 1}}, params={"wait": 60})
    second = judge(101)
    assert (first["model_version"], second["model_version"]) == (1, 2)
    assert versions(rides) == [(2, True), (1, False)]
    answer = rides.http.post(f"{MODELS}/1/activate")
    assert (answer.status_code, answer.json()["is_active"]) == (200, True)
    assert versions(rides) == [(2, False), (1, True)]
    assert rides.http.get("/v1/series/rides").json()["model_version"] == 1
    assert judge(102)["model_version"] == 1
    assert judge(100) == first
    assert judge(101) == second
    rides.http.post(f"{MODELS}/2/activate")
    assert judge(103)["model_version"] == 2
    rides.train("rides")  # a number is never given twice
    assert versions(rides) == [(3, True), (2, False), (1, False)]


@pytest.mark.parametrize("version", ["0", "2", "-1", "x", "1.0", "99999999999", "%00"])
def test_an_absent_version_is_404(rides: Tenant, version: str) -> None:
    rides.train("rides")
    answer = rides.http.post(f"{MODELS}/{version}/activate")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert versions(rides) == [(1, True)]


def test_jobs_and_versions_come_in_pages_newest_first(rides: Tenant) -> None:
    for _ in range(3):
        rides.train("rides")
    for url, name in ((MODELS, "version"), ("/v1/series/rides/jobs", "model_version")):
        seen, cursor = [], None
        while True:
            query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = rides.http.get(url, params=query).json()
            seen += [one[name] for one in page["data"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [3, 2, 1]


def test_the_same_data_and_settings_give_the_same_model(rides: Tenant, rows: Rows) -> None:
    rides.train("rides")
    rides.train("rides")
    checksums = rows(rides, "SELECT DISTINCT checksum FROM models")
    assert len(checksums) == 1


def test_a_verdict_given_before_the_training_stands(rides: Tenant) -> None:
    point = {"timestamp": at(100), "value": usual(100)}
    before = rides.http.post("/v1/series/rides/score", json=point).json()
    rides.train("rides")
    scores = rides.http.get("/v1/series/rides/scores", params={"limit": 1000}).json()["data"]
    assert len(scores) == 101
    assert scores[-1] == before
    assert all(score["backfilled"] for score in scores[:-1])
