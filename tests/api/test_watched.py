"""What a console shows: all series at a glance, a chart of one, all jobs, a file's first rows."""

from typing import Any

import pytest

from tests.api.histories import at, csv, usual
from tests.api.test_events import ABSURD, judge, listed
from tests.service import Tenant

N = 480


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    """A history of 20 days, of which the last two days were judged; an event goes on."""
    tenant.make_series("rides")
    tenant.upload("rides", csv(N - 48))
    judge(tenant, *(usual(h) for h in range(N - 48, N)), first=N - 48)
    judge(tenant, ABSURD, first=N)
    return tenant


def chart(tenant: Tenant, **query: Any) -> Any:
    answer = tenant.http.get("/v1/series/rides/chart", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_overview_has_the_newest_values_and_the_open_event(rides: Tenant) -> None:
    rides.make_series("empty")
    empty, one = rides.http.get("/v1/overview").json()["data"]
    assert (empty["recent"], empty["last_value"], empty["open_event"]) == ([], None, None)
    assert one["recent"][-2:] == [usual(N - 1), ABSURD]
    assert len(one["recent"]) == 60
    assert (one["last_value"], one["open_event"]) == (ABSURD, listed(rides)[0]["id"])
    assert one["points"] == N + 1


def test_a_short_span_is_drawn_point_by_point(rides: Tenant) -> None:
    drawn = chart(rides, **{"from": at(N - 10), "to": at(N)})
    assert drawn["part_s"] is None
    assert drawn["least"] == drawn["greatest"] == [usual(h) for h in range(N - 10, N)]
    assert all(one is not None for one in drawn["expected"])


def test_a_long_span_has_the_least_and_the_greatest_of_each_part(rides: Tenant) -> None:
    drawn = chart(rides, **{"from": at(0), "to": at(N), "buckets": 20})
    assert drawn["part_s"] == 24 * 3600
    day = [usual(h) for h in range(24)]
    assert drawn["least"][0] == min(day)
    assert drawn["greatest"][0] == max(day)
    assert len(drawn["timestamps"]) == 20
    assert drawn["expected"][0] is None  # nothing was judged there


def test_no_anomaly_is_lost_however_few_parts_there_are(rides: Tenant) -> None:
    judge(rides, ABSURD * 2, ABSURD * 3, first=N + 1)
    found = rides.http.get("/v1/series/rides/scores", params={"anomalies_only": True}).json()
    for buckets in (10, 2000):
        drawn = chart(rides, buckets=buckets)["anomalies"]
        assert sum(one["points"] for one in drawn) == len(found["data"]) >= 2
    strongest = max(found["data"], key=lambda score: score["score"])
    assert strongest["timestamp"] in {
        one["timestamp"] for one in chart(rides, buckets=10)["anomalies"]
    }


def test_a_missing_value_is_a_gap(rides: Tenant) -> None:
    judge(rides, usual(N + 1), first=N + 1)
    point = {"timestamp": at(N + 2), "value": None}
    assert rides.http.post("/v1/series/rides/score", json=point).is_success
    assert chart(rides, **{"from": at(N + 1)})["least"] == [usual(N + 1), None]
    assert rides.http.get("/v1/overview").json()["data"][0]["recent"][-1] is None


def test_a_chart_is_of_the_field_that_is_asked_for(tenant: Tenant) -> None:
    tenant.make_series("rides", fields=["a", "b"])
    tenant.upload("rides", "timestamp,a,b\n2024-01-01,1,2\n2024-01-02,3,4\n")
    assert chart(tenant)["least"] == [1, 3]
    assert chart(tenant, field="b")["least"] == [2, 4]
    refused = tenant.http.get("/v1/series/rides/chart", params={"field": "c"})
    assert refused.status_code == 404
    assert refused.json()["detail"] == "rides has no such field; it has a, b"


def test_an_empty_series_has_an_empty_chart(tenant: Tenant) -> None:
    tenant.make_series("rides")
    drawn = chart(tenant)
    assert (drawn["timestamps"], drawn["least"], drawn["anomalies"]) == ([], [], [])


def test_a_span_that_ends_before_it_begins_is_refused(rides: Tenant) -> None:
    span = {"from": at(5), "to": at(5)}
    refused = rides.http.get("/v1/series/rides/chart", params=span)
    assert [error["field"] for error in refused.json()["errors"]] == ["to"]


def test_jobs_of_all_series_are_listed_newest_first(rides: Tenant) -> None:
    rides.make_series("bikes")
    rides.upload("bikes", csv(100))
    first, second = rides.train("rides"), rides.train("bikes")
    jobs = rides.http.get("/v1/jobs").json()["data"]
    assert [job["id"] for job in jobs][:2] == [second["id"], first["id"]]
    assert rides.http.get("/v1/jobs", params={"status": "failed"}).json()["data"] == []
    done = rides.http.get("/v1/jobs", params={"status": "succeeded", "limit": 1}).json()
    rest = rides.http.get("/v1/jobs", params={"cursor": done["next"]}).json()["data"]
    assert done["data"][0]["id"] == second["id"]
    assert rest[0]["id"] == first["id"]


def preview(tenant: Tenant, text: str, **query: Any) -> Any:
    header = {"Content-Type": "text/csv"}
    return tenant.http.post("/v1/preview", content=text.encode(), headers=header, params=query)


def test_a_preview_reads_as_an_upload_does_and_stores_nothing(tenant: Tenant) -> None:
    text = "when;a;b\n2024-01-01;1,5;2\n2024-01-02;1.5;\n2024-01-03;3;4\n"
    read = preview(tenant, text, timestamp_column="when").json()
    assert (read["columns"], read["received"]) == (["a", "b"], 3)
    assert read["rows"] == [
        {"row": 3, "timestamp": "2024-01-02T00:00:00Z", "values": [1.5, None]},
        {"row": 4, "timestamp": "2024-01-03T00:00:00Z", "values": [3.0, 4.0]},
    ]
    assert [(error["row"], error["column"]) for error in read["errors"]] == [(2, "a")]
    assert tenant.http.get("/v1/series").json()["data"] == []


def test_a_preview_says_what_the_header_lacks_and_takes_no_large_file(tenant: Tenant) -> None:
    assert "timestamp" in preview(tenant, "when,a\n2024-01-01,1\n").text
    large = preview(tenant, "timestamp,value\n" + "2024-01-01,1\n" * 30_000)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
