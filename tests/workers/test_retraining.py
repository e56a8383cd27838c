"""With a worker at hand, models come by themselves."""

from typing import Any

from tests.api.histories import QUICK, at, csv, usual
from tests.service import Service, Tenant, wait_until


def automatic(tenant: Tenant, **settings: Any) -> Tenant:
    tenant.make_series("rides", detector=QUICK, retrain="auto", **settings)
    return tenant


def state(tenant: Tenant) -> tuple[str, int | None]:
    series = tenant.http.get("/v1/series/rides").json()
    return series["status"], series["model_version"]


def jobs(tenant: Tenant) -> list[dict[str, Any]]:
    """Newest first."""
    found: list[dict[str, Any]] = tenant.http.get("/v1/series/rides/jobs").json()["data"]
    return found


def wait_until_version(tenant: Tenant, version: int) -> None:
    def is_there() -> bool:
        newest = jobs(tenant)[0]
        assert newest["status"] != "failed", newest
        return bool(newest["status"] == "succeeded" and newest["model_version"] == version)

    wait_until(is_there, f"model version {version}")


def score(tenant: Tenant, hour: int) -> dict[str, Any]:
    point = {"timestamp": at(hour), "value": usual(hour)}
    answer = tenant.http.post("/v1/series/rides/score", json=point)
    assert answer.status_code == 200, answer.text
    judged: dict[str, Any] = answer.json()
    return judged


def test_an_upload_is_trained_on_with_no_further_call(tenant: Tenant) -> None:
    automatic(tenant)
    assert state(tenant) == ("empty", None)
    answer = tenant.upload("rides", csv(200)).json()
    job = tenant.http.get(f"/v1/jobs/{answer['job']}").json()
    assert (job["kind"], job["subject"]) == ("train", "rides")
    wait_until_version(tenant, 1)
    assert state(tenant) == ("ready", 1)
    scores = tenant.http.get("/v1/series/rides/scores", params={"limit": 1000}).json()["data"]
    assert [one["backfilled"] for one in scores] == [True] * 200
    assert score(tenant, 200)["model_version"] == 1


def test_points_that_come_one_by_one_are_trained_on(tenant: Tenant) -> None:
    automatic(tenant)
    assert tenant.upload("rides", csv(12)).json()["job"] is None
    assert state(tenant) == ("collecting", None)
    for hour in range(12, 64):
        judged = score(tenant, hour)
    assert (judged["model_version"], judged["backfilled"]) == (0, False)
    wait_until_version(tenant, 1)
    assert state(tenant) == ("ready", 1)
    assert score(tenant, 64)["model_version"] == 1


def test_a_history_that_grew_by_a_quarter_is_trained_on_again(tenant: Tenant) -> None:
    automatic(tenant)
    tenant.upload("rides", csv(400))
    wait_until_version(tenant, 1)
    points = [{"timestamp": at(hour), "value": usual(hour)} for hour in range(400, 500)]
    many = [{"series": "rides", **point} for point in points]
    tenant.http.post("/v1/series/rides/score", json={"points": points[:50]})
    assert len(jobs(tenant)) == 1
    tenant.http.post("/v1/score", json={"points": many[50:]})
    wait_until_version(tenant, 2)
    assert state(tenant) == ("ready", 2)


def test_a_stranger_sees_nothing_of_it(tenant: Tenant, stranger: Tenant) -> None:
    automatic(tenant)
    automatic(stranger)
    job_id = tenant.upload("rides", csv(200)).json()["job"]
    wait_until_version(tenant, 1)
    assert (state(stranger), jobs(stranger)) == (("empty", None), [])
    assert stranger.http.get(f"/v1/jobs/{job_id}").status_code == 404


def test_jobs_of_points_stored_while_no_worker_ran_are_done_when_one_comes(
    workless: Service, tenant: Tenant
) -> None:
    automatic(tenant)
    tenant.upload("rides", csv(200))
    assert state(tenant) == ("training", None)
    workless.start_worker()
    wait_until_version(tenant, 1)
