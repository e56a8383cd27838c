"""`/v1/events`: anomalies as events, from the alert to the quiet after it."""

from typing import Any

import pytest

from tests.api.histories import at, csv, points
from tests.service import Tenant

EVENTS = "/v1/events"
ABSURD = 9e6
QUIET = 300  # points without an anomaly, more than any event outlasts


def judge(tenant: Tenant, *values: float, first: int, name: str = "rides") -> list[Any]:
    asked = [{"timestamp": at(first + i), "value": value} for i, value in enumerate(values)]
    answer = tenant.http.post(f"/v1/series/{name}/score", json={"points": asked})
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data


def listed(tenant: Tenant, **query: Any) -> list[Any]:
    answer = tenant.http.get(EVENTS, params=query)
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    """With a history of two days; the fallback judges."""
    tenant.make_series("rides")
    tenant.upload("rides", csv(48))
    return tenant


def test_an_event_says_all_that_the_contract_names(rides: Tenant) -> None:
    verdicts = judge(rides, ABSURD, 200, ABSURD * 1e6, first=48)
    assert [v["alert"] for v in verdicts] == [True, False, False]
    mine = verdicts[0]["event"]
    assert [v["event"] for v in verdicts] == [mine, None, mine]
    peak = max(verdicts, key=lambda v: v["score"])
    event = {
        "id": mine,
        "series": "rides",
        "start": at(48),
        "end": None,
        "peak": {"timestamp": peak["timestamp"], "score": peak["score"]},
        "points": 2,
        "reason": peak["reason"],
        "feedback": None,
        "model_version": 0,
    }
    assert listed(rides) == [event]
    assert rides.http.get(f"{EVENTS}/{mine}").json() == event
    assert rides.http.get(f"{EVENTS}/{mine.lower()}").json() == event


def test_every_list_of_scores_names_the_event(rides: Tenant) -> None:
    (verdict,) = judge(rides, ABSURD, first=48)
    url = f"/v1/series/rides/anomalies/{at(48)}"
    judged = {"anomaly_detected": True, **verdict, "feedback": None}
    assert rides.http.get(url).json() == judged
    (anomaly,) = rides.http.get("/v1/anomalies").json()["data"]
    assert anomaly == {"series": "rides", **verdict}
    assert rides.http.get("/v1/series/rides/scores").json()["data"] == [verdict]


def test_quiet_ends_it_at_its_last_anomalous_point(rides: Tenant) -> None:
    judge(rides, ABSURD, ABSURD * 1e3, first=48)
    more = points(QUIET, 50)
    assert rides.http.post("/v1/series/rides/score", json={"points": more}).is_success
    (event,) = [one for one in listed(rides) if one["start"] == at(48)]
    assert event["end"] == at(49)
    assert event in listed(rides, open="false")
    assert event not in listed(rides, open="true")


def test_one_is_sent_again_and_the_answer_is_the_same(rides: Tenant) -> None:
    first = judge(rides, ABSURD, ABSURD * 1e3, first=48)
    events = listed(rides)
    assert judge(rides, ABSURD, ABSURD * 1e3, first=48) == first
    assert listed(rides) == events


@pytest.fixture
def several(rides: Tenant) -> Tenant:
    """An event of each of three series, an hour apart."""
    judge(rides, ABSURD, first=48)
    for hour, name in ((49, "bikes"), (50, "cars")):
        rides.make_series(name)
        rides.upload(name, csv(48))
        judge(rides, ABSURD, first=hour, name=name)
    return rides


def test_events_are_listed_newest_first_and_can_be_narrowed(several: Tenant) -> None:
    events = listed(several)
    assert [event["series"] for event in events] == ["cars", "bikes", "rides"]
    assert listed(several, series="bikes") == events[1:2]
    assert listed(several, **{"from": at(49)}) == events[:2]
    assert listed(several, to=at(49)) == events[2:]
    assert listed(several, open="true") == events
    assert listed(several, open="false") == []


def test_pages_of_events_lose_and_repeat_nothing(several: Tenant) -> None:
    seen: list[Any] = []
    cursor = None
    while cursor or not seen:
        query: dict[str, Any] = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        page = several.http.get(EVENTS, params=query).json()
        seen += page["data"]
        cursor = page["next"]
    assert seen == listed(several)


def test_an_event_of_a_removed_series_is_gone(several: Tenant) -> None:
    (event,) = listed(several, series="cars")
    several.http.delete("/v1/series/cars")
    assert several.http.get(f"{EVENTS}/{event['id']}").status_code == 404
    assert "cars" not in {one["series"] for one in listed(several)}


def test_what_is_not_there_is_404(rides: Tenant) -> None:
    assert rides.http.get(EVENTS, params={"series": "absent"}).status_code == 404
    for name in ("1", "01HKF0T8M0ABCDEFGHJKMNPQRS", "81HKF0T8M0ABCDEFGHJKMNPQRS", "x" * 500):
        assert rides.http.get(f"{EVENTS}/{name}").status_code == 404


@pytest.mark.parametrize(
    ("name", "value"), [("open", "perhaps"), ("from", "soon"), ("limit", "0"), ("series", "a/b")]
)
def test_a_wrong_parameter_is_named(rides: Tenant, name: str, value: str) -> None:
    answer = rides.http.get(EVENTS, params={name: value})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [name]
