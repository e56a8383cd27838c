"""What the methods of a client do, one after the other, with a real service."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

import orjson
import pytest

from app.api import examples
from app.client import (
    AsyncTocsin,
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    IdempotencySecretShown,
    Invalid,
    Job,
    JobFailed,
    JobUnfinished,
    ModelNotReady,
    NotFound,
    NotScored,
    Retries,
    Score,
    Tocsin,
    Unauthenticated,
)
from app.client.calls import training
from app.client.reading import read
from app.client.requests import Answer
from app.client.retries import Attempt, Pause, attempts
from tests.service import Service, Tenant

START = datetime(2024, 1, 1, tzinfo=UTC)


def hours(count: int, first: int = 0) -> list[tuple[datetime, float]]:
    return [
        (START + timedelta(hours=first + hour), 100.0 + hour % 24 + hour * 7 % 5 / 10)
        for hour in range(count)
    ]


def test_a_series_is_made_changed_listed_and_removed(client: Tocsin) -> None:
    made = client.create_series("rides", description="taxis", tags=["city"], retrain="manual")
    assert (made.name, made.fields, made.tags, made.status) == (
        "rides",
        ("value",),
        ("city",),
        "empty",
    )
    assert made.created_at.tzinfo is UTC or made.created_at.utcoffset() == timedelta(0)
    assert client.get_series("rides") == made
    changed = client.update_series("rides", detector={"n_estimators": 50}, retention_days=30)
    assert (changed.detector, changed.retention_days) == ({"n_estimators": 50}, 30)
    assert client.update_series("rides", retention_days=None).retention_days is None
    client.create_series("other")
    assert [one.name for one in client.list_series(tag="city")] == ["rides"]
    assert [one.name for one in client.list_series(prefix="o")] == ["other"]
    with pytest.raises(Conflict):
        client.create_series("rides")
    assert client.ensure_series("rides", description="stays").description == "taxis"
    assert client.ensure_series("new", fields=["a", "b"]).fields == ("a", "b")
    client.delete_series("rides")
    with pytest.raises(NotFound) as refused:
        client.get_series("rides")
    assert f"(request {refused.value.request_id})" in str(refused.value)


@pytest.mark.long
def test_history_is_learnt_and_an_absurd_point_is_found(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", hours(600))
    told: list[Job] = []
    job = client.train("rides", wait_s=200, on_progress=told.append)
    assert (job.status, job.model_version, job.is_over) == ("succeeded", 1, True)
    assert told[0].id == job.id
    assert client.get_job(job.id) == client.wait_for(job.id) == job
    assert [one.id for one in client.list_jobs("rides")] == [job.id]
    assert [model.version for model in client.list_models("rides")] == [1]
    assert client.activate_model("rides", 1).is_active
    when = START + timedelta(hours=600)
    absurd = client.score("rides", when, 1e6)
    assert (absurd.timestamp, absurd.value, absurd.is_anomaly, absurd.alert) == (
        when,
        1e6,
        True,
        True,
    )
    assert client.get_anomaly("rides", when).anomaly_detected
    assert list(client.list_scores("rides", start=when)) == [absurd]
    assert absurd.score in [one.score for one in client.list_anomalies(min_score=absurd.score)]
    event = next(iter(client.list_events(is_open=True)))
    assert event == client.get_event(event.id)
    assert (event.id, event.peak.timestamp) == (absurd.event, when)
    assert [one.id for one in client.list_all_jobs(status="succeeded")] == [job.id]
    said = client.set_event_feedback(event.id, "normal", "a parade").feedback
    assert said is not None
    assert (said.label, said.note) == ("normal", "a parade")
    assert client.set_score_feedback("rides", when, "anomaly").feedback is not None
    assert [one.label for one in client.list_feedback("rides")] == ["normal", "anomaly"]
    assert client.set_event_feedback(event.id, None).feedback is None
    assert client.delete_points("rides", start=when).erased == 1


def test_a_job_that_failed_is_an_error_when_it_is_waited_for() -> None:
    queued = read(Job, examples.JOB)
    failed = read(Job, {**examples.JOB, "status": "failed", "error": "no luck"})
    waiting = training.wait_for(partial(attempts, Retries()), queued)
    assert isinstance(next(waiting), Pause)
    assert isinstance(waiting.send(None), Attempt)
    with pytest.raises(JobFailed, match="no luck") as error:
        waiting.send(Answer("http://x", 200, {}, orjson.dumps(dict(failed.raw))))
    assert error.value.job == failed


def test_who_waits_for_nothing_has_the_job(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", hours(200))
    job = client.train("rides", detector={"n_estimators": 50})
    assert not job.is_over
    with pytest.raises(JobUnfinished) as unfinished:
        client.wait_for(job, timeout_s=0)
    assert unfinished.value.job.id == job.id
    assert client.wait_for(job).status == "succeeded"


def test_points_are_scored_as_many_as_there_are(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", hours(20))
    points = [*hours(1_200, first=20), (START, 1.0), (START + timedelta(days=365), None)]
    scores = client.score_points("rides", iter(points))
    assert len(scores) == 1_201
    assert isinstance(scores[0], Score)
    assert [score.timestamp for score in scores[:3]] == [at for at, _ in points[:3]]
    (error,) = scores.errors
    assert (error.code, error.field, error.place) == ("conflict", "points[1200]", 1_200)
    again = client.score_points("rides", points[-2:], on_conflict="replace")
    assert (len(again), again.errors) == (2, ())


def test_a_point_that_is_wrong_is_named_by_its_place_among_all(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", hours(20))
    with pytest.raises(Invalid) as refused:
        client.score_points("rides", [*hours(1_200, first=20), ("yesterday", 1.0)])
    assert "points[1200].timestamp: 'yesterday' is not a timestamp" in str(refused.value)


def test_points_of_many_series_and_points_that_nobody_stores_are_judged(client: Tocsin) -> None:
    client.upload_many([("rides", *point) for point in hours(20)], create=True)
    scores = client.score_many([("rides", START + timedelta(days=9), 1.0), ("absent", START, 1.0)])
    assert [score.series for score in scores] == ["rides"]
    assert [error.code for error in scores.errors] == ["not_found"]
    judged = client.detect([*hours(100), (START + timedelta(hours=100), 1e6)])
    assert [score.is_anomaly for score in judged[-2:]] == [False, True]


def test_what_cannot_be_told_yet_has_an_error_of_its_own(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    with pytest.raises(ModelNotReady) as early:
        client.score("rides", START, 1.0)
    assert (early.value.problem["have"], early.value.problem["need"]) == (0, 12)
    client.upload("rides", hours(1))
    with pytest.raises(NotScored):
        client.get_anomaly("rides", START)


def test_a_list_is_read_as_far_as_somebody_goes(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", hours(2_500))
    points = client.list_points("rides")
    assert [point.timestamp for point in points] == [at for at, _ in hours(2_500)]
    assert len(list(points)) == 2_500
    assert len(list(client.list_points("rides", limit=1_001))) == 1_001
    assert len(list(islice(points, 3))) == 3
    span = client.list_points("rides", start=START + timedelta(hours=5), end="2024-01-01T07:00")
    assert len(list(span)) == 2
    with pytest.raises(ValueError, match="limit must be 1 at least"):
        client.list_points("rides", limit=0)


def test_pages_are_asked_for_one_at_a_time(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", hours(1_500))
    points = iter(client.list_points("rides"))
    assert len(list(islice(points, 1_000))) == 1_000
    client.delete_points("rides", start=START + timedelta(hours=1_400))
    assert len(list(points)) == 400


def test_keys_are_made_rotated_and_revoked(client: Tocsin, service: Service) -> None:
    key = client.create_key("dashboard", ["read"], expires_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert key.secret not in repr(key)
    with Tocsin(service.url, key.secret) as reader:
        assert reader.get_me().key.scopes == ("read",)
        with pytest.raises(Forbidden):
            reader.create_series("rides")
        new = client.rotate_key(key.id, grace_s=60)
        assert new.previous_until is not None
        client.revoke_key(key.id)
        with pytest.raises(Unauthenticated):
            reader.get_me()
    assert {one.name for one in client.list_keys() if one.revoked_at} == {"dashboard"}


def test_a_key_of_ones_own_makes_a_thing_once(client: Tocsin) -> None:
    made = client.create_series("rides", idempotency_key="deploy-17")
    assert client.create_series("rides", idempotency_key="deploy-17") == made
    with pytest.raises(IdempotencyKeyReused):
        client.create_series("other", idempotency_key="deploy-17")
    key = client.create_key("k", ["read"], idempotency_key="key-17")
    with pytest.raises(IdempotencySecretShown) as shown:
        client.create_key("k", ["read"], idempotency_key="key-17")
    assert shown.value.key_id == key.id


def test_the_operator_keeps_tenants(operator: Tocsin, service: Service, tenant: Tenant) -> None:
    slug = f"{tenant.slug}-2"
    made = operator.create_tenant(slug, "Second", limits={"series": 3})
    assert made.api_key.secret not in repr(made)
    assert made.limits["series"] == 3
    assert operator.update_tenant(slug, name="2nd", limits={"series": None}).name == "2nd"
    assert operator.get_tenant(slug).limits["series"] == 10_000
    assert slug in [one.slug for one in operator.list_tenants()]
    key = operator.create_tenant_key(slug, "k", ["write"])
    with Tocsin(service.url, key.secret) as client:
        assert client.get_me().key.id == key.id
    actions = [entry.action for entry in operator.list_audit(tenant=slug)]
    assert actions[-1] == "tenant.created"
    assert operator.get_overview().tenants >= 2
    assert list(operator.list_all_anomalies(tenant=slug)) == []
    with pytest.raises(Invalid):
        operator.delete_tenant(slug, confirm=tenant.slug)
    job = operator.delete_tenant(slug, confirm=slug)
    assert operator.wait_for(job).status == "succeeded"


def test_any_route_can_be_asked(client: Tocsin, tenant: Tenant) -> None:
    assert client.request("POST", "/v1/series", {"name": "rides"})["name"] == "rides"
    listed = client.request("GET", "/v1/series", query={"prefix": "r", "tag": None})
    assert [one["name"] for one in listed["data"]] == ["rides"]
    assert client.request("DELETE", "/v1/series/rides") is None


def test_a_client_that_lets_others_go_on_does_the_same(service: Service, tenant: Tenant) -> None:
    async def story() -> None:
        async with AsyncTocsin(service.url, tenant.key) as client:
            await client.ensure_series("rides", retrain="manual")
            await client.upload("rides", hours(1_200))
            job = await client.train("rides")
            scores = await asyncio.gather(
                *(client.score("rides", at, value) for at, value in hours(10, first=1_200))
            )
            assert [score.timestamp for score in scores] == [at for at, _ in hours(10, first=1_200)]
            points = [point async for point in client.list_points("rides")]
            assert len(points) == 1_210
            assert (await client.wait_for(job, timeout_s=200)).status == "succeeded"
            with pytest.raises(NotFound):
                await client.get_series("absent")

    asyncio.run(story())
