"""The owner's verdict on events and points: kept with who and when, by whoever may write."""

from typing import Any

import httpx
import pytest

from tests.api.histories import at, csv
from tests.api.test_events import ABSURD, judge, listed
from tests.service import Service, Tenant

NORMAL = {"label": "normal", "note": "Marathon"}


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    """With a history of two days, and an event that its last point opened."""
    tenant.make_series("rides")
    tenant.upload("rides", csv(48))
    judge(tenant, ABSURD, first=48)
    return tenant


def event_of(tenant: Tenant) -> str:
    found: str = listed(tenant)[0]["id"]
    return found


def on_event(tenant: Tenant, event: str, said: Any) -> httpx.Response:
    return tenant.http.put(f"/v1/events/{event}/feedback", json=said)


def on_score(tenant: Tenant, timestamp: str, said: Any) -> httpx.Response:
    return tenant.http.put(f"/v1/series/rides/scores/{timestamp}/feedback", json=said)


def kept(tenant: Tenant, **query: Any) -> list[Any]:
    answer = tenant.http.get("/v1/series/rides/feedback", params=query)
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data


def test_feedback_on_an_event_says_who_and_when(rides: Tenant) -> None:
    key_id = rides.http.get("/v1/me").json()["key"]["id"]
    answered = on_event(rides, event_of(rides), NORMAL).json()
    said = answered["feedback"]
    assert said == {**NORMAL, "by": key_id, "at": said["at"]}
    assert listed(rides) == [answered]
    assert kept(rides) == [{**said, "timestamp": at(48), "event": answered["id"]}]


def test_feedback_on_a_point_stands_beside_its_verdict(rides: Tenant) -> None:
    url = f"/v1/series/rides/anomalies/{at(48)}"
    before = rides.http.get(url).json()
    assert before["feedback"] is None
    answered = on_score(rides, at(48), {"label": "anomaly"}).json()
    assert answered == rides.http.get(url).json()
    assert answered == {**before, "feedback": answered["feedback"]}
    assert (answered["feedback"]["label"], answered["feedback"]["note"]) == ("anomaly", "")


def test_the_last_word_counts_and_null_takes_it_back(rides: Tenant) -> None:
    event = event_of(rides)
    on_event(rides, event, NORMAL)
    on_event(rides, event, {"label": "anomaly"})
    (said,) = kept(rides)
    assert (said["label"], said["note"]) == ("anomaly", "")
    for _ in range(2):
        taken_back = {"label": None, "note": "its note goes too"}
        assert on_event(rides, event, taken_back).json()["feedback"] is None
    assert kept(rides) == []


def test_a_list_is_in_the_order_of_time_and_its_pages_lose_nothing(rides: Tenant) -> None:
    judge(rides, ABSURD * 10, first=49)
    on_score(rides, at(49), NORMAL)
    on_score(rides, at(48), NORMAL)
    on_event(rides, event_of(rides), NORMAL)
    first = rides.http.get("/v1/series/rides/feedback", params={"limit": 1}).json()
    rest = kept(rides, cursor=first["next"])
    assert first["data"] + rest == kept(rides)
    assert [said["timestamp"] for said in kept(rides)] == [at(48), at(48), at(49)]
    assert [said["timestamp"] for said in kept(rides, **{"from": at(49)})] == [at(49)]


def test_what_is_said_goes_with_the_points_that_it_speaks_of(rides: Tenant) -> None:
    on_event(rides, event_of(rides), NORMAL)
    on_score(rides, at(48), NORMAL)
    erased = rides.http.delete("/v1/series/rides/points", params={"from": at(48), "to": at(49)})
    assert erased.json() == {"erased": 1}
    assert kept(rides) == []


def test_reading_is_not_enough_to_say(rides: Tenant, service: Service) -> None:
    made = rides.http.post("/v1/keys", json={"name": "reader", "scopes": ["read"]}).json()
    with service.client(made["secret"]) as reader:
        refused = reader.put(f"/v1/events/{event_of(rides)}/feedback", json=NORMAL)
    assert refused.status_code == 403
    assert kept(rides) == []


def test_each_word_is_in_the_audit_log(rides: Tenant, service: Service) -> None:
    on_score(rides, at(48), NORMAL)
    query = {"tenant": rides.slug, "action": "feedback.given"}
    with service.client(service.operator_key) as operator:
        (entry,) = operator.get("/v1/admin/audit", params=query).json()["data"]
    assert entry["subject_name"] == "rides"
    assert entry["details"] == {"label": "normal", "timestamp": at(48)}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "label"),
        ({"label": "perhaps"}, "label"),
        ({"label": "normal", "note": "x" * 2001}, "note"),
        ({"label": "normal", "by": "me"}, "by"),
    ],
)
def test_what_cannot_be_meant_is_named(rides: Tenant, said: Any, field: str) -> None:
    answer = on_event(rides, event_of(rides), said)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert kept(rides) == []


def test_only_what_is_there_can_be_spoken_of(rides: Tenant) -> None:
    assert on_event(rides, "01HKF0T8M0ABCDEFGHJKMNPQRS", NORMAL).status_code == 404
    assert on_score(rides, at(500), NORMAL).status_code == 404
    assert on_score(rides, at(3), NORMAL).status_code == 409  # stored, never scored
    assert on_score(rides, "soon", NORMAL).status_code == 422
    assert rides.http.get("/v1/series/absent/feedback").status_code == 404
