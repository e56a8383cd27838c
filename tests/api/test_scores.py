"""Scoring: judged, stored, answered, and standing for good."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.histories import QUICK, all_scores, at, csv, points, usual
from tests.service import Tenant

URL = "/v1/series/rides/score"
Rows = Callable[..., list[Any]]


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    """With a history, but no model: the fallback judges."""
    tenant.make_series("rides")
    tenant.upload("rides", csv(48))
    return tenant


def one(hour: int, value: float | None = None) -> dict[str, Any]:
    return {"timestamp": at(hour), "value": usual(hour) if value is None else value}


def score(tenant: Tenant, *asked: dict[str, Any], **query: Any) -> Any:
    answer = tenant.http.post(URL, json={"points": list(asked)}, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def alike(verdicts: list[Any]) -> list[Any]:
    """Without the ids of events, which their series' id is in: the first event is 1, and so on."""
    numbers: dict[str | None, int | None] = {None: None}
    for verdict in verdicts:
        numbers.setdefault(verdict["event"], len(numbers))
    return [{**verdict, "event": numbers[verdict["event"]]} for verdict in verdicts]


# What an answer says


def test_a_score_says_all_that_the_contract_names(watched: Tenant) -> None:
    (absurd,) = watched.http.get("/v1/anomalies", params={"from": at(120)}).json()["data"]
    assert absurd["series"] == "rides"
    assert (absurd["timestamp"], absurd["value"]) == (at(122), 9000.0)
    assert absurd["is_anomaly"] is True
    assert absurd["score"] >= absurd["threshold"]
    assert absurd["lower"] <= absurd["expected"] <= absurd["upper"] < 9000
    assert absurd["reason"]
    assert (absurd["model_version"], absurd["backfilled"]) == (1, False)
    assert absurd["alert"] is True
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", absurd["event"])
    assert "contributions" not in absurd


def test_is_anomaly_is_score_at_or_above_threshold(watched: Tenant) -> None:
    for verdict in all_scores(watched):
        assert verdict["is_anomaly"] == (verdict["score"] >= verdict["threshold"])


def test_points_of_the_training_are_backfilled_and_open_no_alert(watched: Tenant) -> None:
    verdicts = all_scores(watched)
    assert [v["backfilled"] for v in verdicts] == [True] * 120 + [False] * 3
    assert {(v["alert"], v["event"]) for v in verdicts[:120]} == {(False, None)}


def test_before_a_model_the_fallback_answers_as_version_0(rides: Tenant) -> None:
    usual_one, absurd = score(rides, one(48), one(49, 9000))["data"]
    assert (usual_one["is_anomaly"], absurd["is_anomaly"]) == (False, True)
    assert (usual_one["model_version"], absurd["model_version"]) == (0, 0)


@pytest.mark.parametrize("have", [0, 11])
def test_under_12_points_it_says_how_many_there_are(tenant: Tenant, have: int) -> None:
    tenant.make_series("rides")
    if have:
        tenant.upload("rides", csv(have))
    for body in (one(50), {"points": points(20, 50)}):
        answer = tenant.http.post(URL, json=body)
        document = answer.json()
        assert (answer.status_code, document["code"]) == (409, "model_not_ready")
        assert (document["have"], document["need"]) == (have, 12)
    assert tenant.http.get("/v1/series/rides").json()["points"] == have


def test_12_points_are_enough(tenant: Tenant) -> None:
    tenant.make_series("rides")
    tenant.upload("rides", csv(12))
    assert tenant.http.post(URL, json=one(12)).status_code == 200


def test_an_absent_series_is_404(tenant: Tenant) -> None:
    for body in (one(0), {"points": [one(0)]}):
        assert tenant.http.post(URL, json=body).status_code == 404


# Safe to repeat


def test_the_same_point_twice_answers_the_same_and_is_stored_once(rides: Tenant) -> None:
    first = rides.http.post(URL, json=one(48))
    assert rides.http.post(URL, json=one(48)).content == first.content
    assert score(rides, one(48)) == {"data": [first.json()], "errors": []}
    assert rides.http.get("/v1/series/rides").json()["points"] == 49
    assert len(all_scores(rides)) == 1


def test_one_verdict_is_given_for_a_point_that_is_asked_for_twice_at_once(rides: Tenant) -> None:
    answer = score(rides, one(48), one(48))
    assert answer["errors"] == []
    assert answer["data"][0] == answer["data"][1]
    assert len(all_scores(rides)) == 1


def test_a_missing_value_is_judged_and_repeats_too(rides: Tenant) -> None:
    missing = {"timestamp": at(48), "value": None}
    first = rides.http.post(URL, json=missing)
    assert first.json()["value"] is None
    assert first.json()["is_anomaly"] is False
    assert rides.http.post(URL, json=missing).content == first.content


def test_a_list_of_values_is_told_to_be_an_object(rides: Tenant) -> None:
    answer = rides.http.post(URL, json={"timestamp": at(48), "value": [1, 2]})
    assert answer.status_code == 422
    assert "an object" in answer.json()["errors"][0]["message"]


def test_another_value_for_a_known_time_is_409_and_changes_nothing(rides: Tenant) -> None:
    rides.http.post(URL, json=one(48))
    before = all_scores(rides)
    for time in (48, 10):  # scored, and only uploaded
        answer = rides.http.post(URL, json=one(time, 1.0))
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert all_scores(rides) == before
    assert rides.http.get("/v1/series/rides").json()["points"] == 49


def test_a_conflict_keeps_no_other_point_back(rides: Tenant) -> None:
    score(rides, one(48))
    answer = score(rides, one(49), one(48, 1.0), one(50))
    assert [v["timestamp"] for v in answer["data"]] == [at(49), at(50)]
    (error,) = answer["errors"]
    assert (error["field"], error["code"]) == ("points[1]", "conflict")
    assert [v["value"] for v in all_scores(rides)] == [usual(48), usual(49), usual(50)]


def test_two_values_for_a_time_in_one_request_are_a_conflict_of_the_second(rides: Tenant) -> None:
    answer = score(rides, one(48), one(48, 1.0))
    assert [v["value"] for v in answer["data"]] == [usual(48)]
    assert [(e["field"], e["code"]) for e in answer["errors"]] == [("points[1]", "conflict")]


def test_replacing_scores_anew_and_keeps_the_old_score(rides: Tenant, rows: Rows) -> None:
    score(rides, one(48), one(49))
    (old, _) = all_scores(rides)
    answer = rides.http.post(URL, json=one(48, 9000), params={"on_conflict": "replace"})
    new = answer.json()
    assert (new["value"], new["is_anomaly"]) == (9000.0, True)
    assert all_scores(rides)[0] == new
    kept = rows(rides, "SELECT value, score, is_anomaly, replaced_at FROM replaced_scores")
    assert [(row.value, row.score, row.is_anomaly) for row in kept] == [
        ([old["value"]], old["score"], old["is_anomaly"])
    ]
    points_url = "/v1/series/rides/points"
    page = rides.http.get(points_url, params={"from": at(48)}).json()
    assert [point["value"] for point in page["data"]] == [9000.0, usual(49)]


def test_replacing_by_the_same_value_changes_nothing(rides: Tenant, rows: Rows) -> None:
    first = rides.http.post(URL, json=one(48))
    query = {"on_conflict": "replace"}
    assert rides.http.post(URL, json=one(48), params=query).content == first.content
    assert rows(rides, "SELECT FROM replaced_scores") == []


def test_replacing_by_upload_keeps_the_old_score_too(rides: Tenant, rows: Rows) -> None:
    score(rides, one(48))
    rides.upload("rides", f"timestamp,value\n{at(48)},9000\n", on_conflict="replace")
    assert [row.value for row in rows(rides, "SELECT value FROM replaced_scores")] == [[usual(48)]]
    assert all_scores(rides) == []
    assert rides.http.get(f"/v1/series/rides/anomalies/{at(48)}").json()["code"] == "not_scored"


# Order, batches and late points


@pytest.fixture
def twins(tenant: Tenant) -> Tenant:
    """Series `a` and `b` with the same history and the same model."""
    for name in ("a", "b"):
        tenant.make_series(name, detector=QUICK)
        tenant.upload(name, csv(120))
        tenant.train(name)
    return tenant


def coming(n: int) -> list[dict[str, Any]]:
    return [one(120 + i, 9000 if i % 5 == 4 else None) for i in range(n)]


def test_a_batch_answers_as_point_by_point_bit_for_bit(twins: Tenant) -> None:
    batch = twins.http.post("/v1/series/a/score", json={"points": coming(12)}).json()["data"]
    single = [twins.http.post("/v1/series/b/score", json=point).json() for point in coming(12)]
    assert alike(batch) == alike(single)
    assert alike(all_scores(twins, "a")) == alike(all_scores(twins, "b"))


def test_points_in_any_order_are_judged_in_time_order_and_answered_as_asked(twins: Tenant) -> None:
    asked = coming(12)
    in_order = twins.http.post("/v1/series/a/score", json={"points": asked}).json()["data"]
    backwards = twins.http.post("/v1/series/b/score", json={"points": asked[::-1]}).json()["data"]
    assert alike(backwards[::-1]) == alike(in_order)


def test_a_late_point_is_judged_from_its_own_past_and_verdicts_given_stand(twins: Tenant) -> None:
    asked = coming(12)
    late = asked.pop(6)
    before = twins.http.post("/v1/series/a/score", json={"points": asked}).json()["data"]
    twins.http.post("/v1/series/b/score", json={"points": asked[:6]})
    on_time = twins.http.post("/v1/series/b/score", json=late).json()
    assert twins.http.post("/v1/series/a/score", json=late).json() == on_time
    stored = [v for v in all_scores(twins, "a") if v["timestamp"] >= at(120)]
    assert stored == [*before[:6], on_time, *before[6:]]


def test_a_late_point_before_all_others_has_no_past(rides: Tenant) -> None:
    answer = rides.http.post(URL, json={"timestamp": "2020-01-01", "value": 9000})
    assert answer.status_code == 200
    assert answer.json()["is_anomaly"] is False
    assert answer.json()["expected"] is None


def test_a_late_point_and_a_replaced_one_count_as_past_from_then_on(twins: Tenant) -> None:
    """What is remembered of the series must not be older than the series."""

    def judge(name: str, *asked: dict[str, Any], **query: Any) -> Any:
        url = f"/v1/series/{name}/score"
        return twins.http.post(url, json={"points": asked}, params=query).json()["data"]

    asked = coming(4)
    judge("a", *asked[:2], asked[3])
    judge("a", asked[2])
    judge("b", *asked)
    assert judge("a", one(124)) == judge("b", one(124))
    replaced = one(124, 555.0)
    judge("a", replaced, on_conflict="replace")
    twins.http.delete("/v1/series/b/points", params={"from": at(124)})
    judge("b", replaced)
    assert judge("a", one(125)) == judge("b", one(125))


def test_points_that_are_only_stored_count_as_past(twins: Tenant) -> None:
    twins.upload("a", csv(5, first=120))
    twins.http.post("/v1/series/b/score", json={"points": points(5, first=120)})
    following = [
        twins.http.post(f"/v1/series/{name}/score", json=one(125)).json() for name in ("a", "b")
    ]
    assert following[0] == following[1]


# What is refused


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"timestamp", "value"}),
        ({"timestamp": 1}, {"value"}),
        ({"timestamp": "x", "value": "y"}, {"timestamp", "value"}),
        ({"timestamp": 1, "value": 1, "more": 1}, {"more"}),
        ({"points": []}, {"points"}),
        ({"points": {}}, {"points"}),
        ({"points": [1]}, {"points[0]"}),
        ({"points": [one(1), {"timestamp": 1, "value": "x"}]}, {"points[1].value"}),
        ({"points": [one(1)], "timestamp": 1}, {"timestamp"}),
        ({"points": [one(1)] * 10_001}, {"points"}),
    ],
)
def test_wrong_fields_are_named(rides: Tenant, body: Any, fields: set[str]) -> None:
    answer = rides.http.post(URL, json=body)
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == fields
    assert rides.http.get("/v1/series/rides").json()["points"] == 48


def test_ten_thousand_points_are_taken_at_once(rides: Tenant) -> None:
    answer = score(rides, *points(10_000, first=48))
    assert len(answer["data"]) == 10_000
    assert rides.http.get("/v1/series/rides").json()["points"] == 10_048


def test_a_field_that_the_series_has_not_is_named(rides: Tenant) -> None:
    answer = rides.http.post(URL, json={"timestamp": at(48), "value": {"value": 1, "heat": 2}})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["heat"]


# Several fields


def test_a_point_of_several_fields_has_shares_of_each(tenant: Tenant) -> None:
    tenant.make_series("boiler", fields=["heat", "bar"], detector=QUICK)
    rows = [f"{at(h)},{usual(h)},{usual(h + 5) / 30}" for h in range(100)]
    tenant.upload("boiler", "timestamp,heat,bar\n" + "\n".join(rows))
    tenant.train("boiler")
    value = {"heat": usual(100), "bar": 900.0}
    answer = tenant.http.post(
        "/v1/series/boiler/score", json={"timestamp": at(100), "value": value}
    )
    verdict = answer.json()
    assert verdict["value"] == value
    assert verdict["is_anomaly"] is True
    assert verdict["contributions"].keys() == {"heat", "bar"}
    assert verdict["contributions"]["bar"] > verdict["contributions"]["heat"] >= 0
    assert sum(verdict["contributions"].values()) == pytest.approx(1)
    assert "bar" in verdict["reason"]
    for name in ("expected", "lower", "upper"):
        assert verdict[name].keys() == {"heat", "bar"}
    text = tenant.http.get("/v1/series/boiler/scores", headers={"Accept": "text/csv"}).text
    assert "expected.heat" in text.splitlines()[0].split(",")


# Many series


def test_points_of_many_series_each_with_its_own_error(rides: Tenant, stranger: Tenant) -> None:
    stranger.make_series("theirs")
    rides.make_series("young")
    asked = [
        {**one(49), "series": "rides"},
        {**one(1), "series": "young"},
        {**one(1), "series": "absent"},
        {**one(1), "series": "theirs"},
        {**one(1, 5.5), "series": "rides"},
        {**one(48), "series": "rides"},
        {"series": "rides", "timestamp": at(50), "value": 9000},
    ]
    answer = rides.http.post("/v1/score", json={"points": asked})
    assert answer.status_code == 200
    body = answer.json()
    assert [(v["series"], v["timestamp"]) for v in body["data"]] == [
        ("rides", at(49)),
        ("rides", at(48)),
        ("rides", at(50)),
    ]
    assert [(e["field"], e["code"]) for e in body["errors"]] == [
        ("points[1]", "model_not_ready"),
        ("points[2]", "not_found"),
        ("points[3]", "not_found"),
        ("points[4]", "conflict"),
    ]
    assert rides.http.post("/v1/score", json={"points": asked}).json() == body


def test_many_series_answer_as_each_by_itself(twins: Tenant) -> None:
    both = [{**point, "series": name} for point in coming(6) for name in ("a", "b")]
    answer = twins.http.post("/v1/score", json={"points": both}).json()
    assert answer["errors"] == []
    of_a = [{k: x for k, x in v.items() if k != "series"} for v in answer["data"][0::2]]
    of_b = [{k: x for k, x in v.items() if k != "series"} for v in answer["data"][1::2]]
    assert alike(of_a) == alike(of_b)
    assert of_a == [v for v in all_scores(twins, "a") if not v["backfilled"]]


def test_a_wrong_field_of_one_series_says_which_it_has(rides: Tenant) -> None:
    rides.make_series("boiler", fields=["heat", "bar"])
    rides.upload("boiler", "timestamp,heat,bar\n" + "".join(f"{at(h)},1,2\n" for h in range(20)))
    asked = [{**one(48), "series": "boiler"}, {**one(48), "series": "rides"}]
    answer = rides.http.post("/v1/score", json={"points": asked}).json()
    assert [v["series"] for v in answer["data"]] == ["rides"]
    assert "heat, bar" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    ("point", "field"),
    [
        ({"timestamp": 1, "value": 1}, "points[1].series"),
        ({"series": "a/b", "timestamp": 1, "value": 1}, "points[1].series"),
        ({"series": "a", "timestamp": 1, "value": True}, "points[1].value"),
    ],
)
def test_wrong_fields_of_many_series_are_named(rides: Tenant, point: Any, field: str) -> None:
    asked = [{**one(48), "series": "rides"}, point]
    answer = rides.http.post("/v1/score", json={"points": asked})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert all_scores(rides) == []
