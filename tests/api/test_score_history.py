"""Scores and anomalies that were given, as they are asked for later."""

import json
from csv import DictReader
from io import StringIO
from typing import Any

import pytest

from tests.api.histories import all_scores, at, csv
from tests.service import Tenant

SCORES = "/v1/series/rides/scores"


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    """With a history, but no model: the fallback judges."""
    tenant.make_series("rides")
    tenant.upload("rides", csv(48))
    return tenant


def test_scores_can_be_narrowed_and_turned_round(watched: Tenant) -> None:
    everything = all_scores(watched)
    assert len(everything) == 123
    assert [v["timestamp"] for v in everything] == [at(h) for h in range(123)]
    assert all_scores(watched, order="desc") == everything[::-1]
    assert all_scores(watched, **{"from": at(119), "to": at(121)}) == everything[119:121]
    anomalies = [v for v in everything if v["is_anomaly"]]
    assert all_scores(watched, anomalies_only="true") == anomalies
    at_least = anomalies[-1]["score"]
    assert all_scores(watched, min_score=at_least) == [
        v for v in everything if v["score"] >= at_least
    ]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_scores_lose_and_repeat_nothing(watched: Tenant, order: str) -> None:
    seen: list[Any] = []
    cursor = None
    while cursor or not seen:
        query: dict[str, Any] = {"limit": 41, "order": order}
        query |= {"cursor": cursor} if cursor else {}
        page = watched.http.get(SCORES, params=query).json()
        seen += page["data"]
        cursor = page["next"]
    assert seen == all_scores(watched, order=order)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_score", "2"),
        ("min_score", "-0.1"),
        ("min_score", "nan"),
        ("order", "up"),
        ("anomalies_only", "perhaps"),
        ("from", "soon"),
        ("limit", "0"),
    ],
)
def test_a_wrong_parameter_is_named(watched: Tenant, name: str, value: str) -> None:
    answer = watched.http.get(SCORES, params={name: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]


def test_the_export_has_the_digits_of_the_json(watched: Tenant) -> None:
    shown = watched.http.get(SCORES, params={"limit": 1000}).content
    by_time = {v["timestamp"]: v for v in json.loads(shown, parse_float=str)["data"]}
    header, *lines = watched.http.get(SCORES, headers={"Accept": "text/csv"}).text.splitlines()
    assert header == (
        "timestamp,value,score,is_anomaly,alert,event,threshold,expected,lower,upper,"
        "reason,model_version,backfilled"
    )
    assert len(lines) == 123
    for line in lines:
        time, *numbers = line.split(",")[:10]
        names = ["value", "score", "is_anomaly", "alert", "event", "threshold"]
        names += ["expected", "lower", "upper"]
        of_json = [by_time[time][name] for name in names]
        assert numbers == [
            "" if x is None else str(x).lower() if isinstance(x, bool) else x for x in of_json
        ]


def test_the_export_can_be_narrowed_too(watched: Tenant) -> None:
    query = {"anomalies_only": "true", "from": at(120), "order": "desc"}
    text = watched.http.get(SCORES, headers={"Accept": "text/csv"}, params=query).text
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == [at(122)]


# One point


def test_the_question_of_the_whole_thing(watched: Tenant) -> None:
    url = "/v1/series/rides/anomalies/"
    verdicts = {v["timestamp"]: v for v in all_scores(watched)}
    for hour, expected in {120: False, 121: False, 122: True}.items():
        answer = watched.http.get(url + at(hour)).json()
        assert answer == {"anomaly_detected": expected, "feedback": None, **verdicts[at(hour)]}


@pytest.mark.parametrize(
    "spelling", ["2024-01-06T02:00:00", "2024-01-06 02:00Z", "2024-01-06T04:00:00+02:00", "epoch"]
)
def test_the_time_may_be_spelled_in_any_way(watched: Tenant, spelling: str) -> None:
    given = "1704506400" if spelling == "epoch" else spelling
    answer = watched.http.get(f"/v1/series/rides/anomalies/{given}")
    assert answer.json()["anomaly_detected"] is True
    assert answer.json()["timestamp"] == at(122)


def test_absent_unscored_and_malformed_times_are_told_apart(rides: Tenant) -> None:
    def ask(time: str) -> tuple[int, str]:
        answer = rides.http.get(f"/v1/series/rides/anomalies/{time}")
        return answer.status_code, answer.json()["code"]

    assert ask(at(500)) == (404, "not_found")
    absent = rides.http.get(f"/v1/series/rides/anomalies/{at(500)}").json()
    assert absent["detail"].endswith(f" {at(500)}")
    assert ask(at(5)) == (409, "not_scored")
    assert ask("soon") == (422, "invalid")
    assert ask("2024-01-06T01:00:00.0000001Z") == (422, "invalid")


# A tenant's anomalies


def test_anomalies_of_all_series_newest_first_over_pages(rides: Tenant) -> None:
    rides.make_series("more")
    rides.upload("more", csv(48))
    for name in ("rides", "more"):
        absurd = [{"timestamp": at(48 + i), "value": 9000 * 100**i} for i in range(3)]
        rides.http.post(f"/v1/series/{name}/score", json={"points": absurd})
    everything = rides.http.get("/v1/anomalies").json()["data"]
    assert len(everything) == 6
    assert [v["timestamp"] for v in everything] == [at(h) for h in (50, 50, 49, 49, 48, 48)]
    seen: list[Any] = []
    cursor = None
    while cursor or not seen:
        query: dict[str, Any] = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = rides.http.get("/v1/anomalies", params=query).json()
        seen += page["data"]
        cursor = page["next"]
    assert seen == everything
    of_one = rides.http.get("/v1/anomalies", params={"series": "more"}).json()["data"]
    assert of_one == [v for v in everything if v["series"] == "more"]
    span = {"from": at(49), "to": at(50)}
    in_span = rides.http.get("/v1/anomalies", params=span).json()["data"]
    assert in_span == everything[2:4]
    rides.http.delete("/v1/series/more")
    left = rides.http.get("/v1/anomalies").json()["data"]
    assert {v["series"] for v in left} == {"rides"}


def test_a_text_that_a_spreadsheet_would_run_is_quoted_in_csv(tenant: Tenant, rows: Any) -> None:
    tenant.make_series("rides")
    tenant.upload("rides", csv(12))
    tenant.http.post("/v1/series/rides/score", json={"timestamp": at(13), "value": -5})
    for start in ("=", "+", "-", "@", "\t"):
        rows(tenant, "UPDATE scores SET reason = :text RETURNING 1", text=start + "HYPERLINK(1)")
        exported = tenant.http.get("/v1/series/rides/scores", headers={"Accept": "text/csv"})
        (score,) = DictReader(StringIO(exported.text, newline=""))
        assert score["reason"] == f"'{start}HYPERLINK(1)"
        assert score["value"] == "-5.0"
