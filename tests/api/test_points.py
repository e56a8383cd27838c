"""`/v1/series/{series}/points`: history out, and erasing it."""

from typing import Any

import pytest

from tests.api.histories import at, csv, points, stored
from tests.service import Service, Tenant

URL = "/v1/series/rides/points"


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    tenant.make_series("rides")
    return tenant


def test_a_span_includes_its_start_and_not_its_end(rides: Tenant) -> None:
    rides.upload("rides", csv(10))
    page = rides.http.get(URL, params={"from": at(3), "to": at(6)}).json()
    assert [point["timestamp"] for point in page["data"]] == [at(3), at(4), at(5)]
    assert page["next"] is None


def test_pages_hold_every_point_once_while_points_come_in(rides: Tenant) -> None:
    rides.upload("rides", csv(20))
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        page = rides.http.get(URL, params=query).json()
        seen += [point["timestamp"] for point in page["data"]]
        if cursor is None:
            rides.upload("rides", csv(5, first=20))
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [at(hour) for hour in range(25)]


def test_the_export_has_the_digits_of_the_json_and_all_of_the_span(rides: Tenant) -> None:
    values = [0.1, 1 / 3, 1e300, -5e-324, 39197, None]
    rows = [{"timestamp": at(i), "value": value} for i, value in enumerate(values)]
    rides.http.post(URL, json={"points": rows})
    text = rides.http.get(URL).text
    query: dict[str, Any] = {"from": at(1)}
    answer = rides.http.get(URL, headers={"Accept": "text/csv"}, params=query)
    assert answer.headers["Content-Type"] == "text/csv"
    header, *lines = answer.text.splitlines()
    assert header == "timestamp,value"
    assert len(lines) == 5
    for line in lines:
        time, number = line.split(",")
        assert f'{{"timestamp":"{time}","value":{number or "null"}}}' in text


def test_an_export_comes_back_as_an_upload(rides: Tenant) -> None:
    rides.upload("rides", csv(12_000))  # more than a page of the export
    exported = rides.http.get(URL, headers={"Accept": "text/csv"}).text
    assert len(exported.splitlines()) == 12_001
    report = rides.upload("rides", exported).json()
    assert (report["duplicates"], report["stored"]) == (12_000, 0)


def test_an_export_is_streamed(service: Service, rides: Tenant) -> None:
    rides.upload("rides", csv(12_000))
    with (
        service.client(rides.key) as client,
        client.stream("GET", URL, headers={"Accept": "text/csv"}) as answer,
    ):
        assert "Content-Length" not in answer.headers
        assert sum(chunk.count(b"\n") for chunk in answer.iter_raw()) == 12_001


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("*/*", False),
        ("application/json", False),
        ("text/html", False),
        ("nonsense", False),
        ("text/csv", True),
        ("text/*", True),
        ("text/csv;q=0.5, application/json;q=0.4", True),
        ("text/csv;q=0.5, application/json", False),
    ],
)
def test_csv_only_for_those_who_prefer_it(rides: Tenant, accept: str, is_csv: bool) -> None:
    answer = rides.http.get(URL, headers={"Accept": accept})
    assert answer.headers["Content-Type"].startswith("text/csv") == is_csv


def test_a_last_page_that_is_full_has_no_cursor(rides: Tenant) -> None:
    rides.upload("rides", csv(20))
    page = rides.http.get(URL, params={"limit": 20}).json()
    assert (len(page["data"]), page["next"]) == (20, None)


def test_an_export_is_as_long_as_the_client_says(rides: Tenant) -> None:
    rides.upload("rides", csv(6_000))
    for limit in (1, 1000):
        answer = rides.http.get(URL, headers={"Accept": "text/csv"}, params={"limit": limit})
        assert len(answer.text.splitlines()) == limit + 1


@pytest.mark.parametrize("name", ["from", "to"])
def test_a_bad_time_in_the_query_is_named(rides: Tenant, name: str) -> None:
    for method in ("GET", "DELETE"):
        answer = rides.http.request(method, URL, params={name: "soon"})
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [name]


# erasing


def test_erasing_a_span_takes_points_and_scores(rides: Tenant) -> None:
    rides.upload("rides", csv(20))
    rides.http.post("/v1/series/rides/score", json={"points": points(5, first=20)})
    answer = rides.http.delete(URL, params={"from": at(18), "to": at(23)})
    assert answer.json() == {"erased": 5}
    series = rides.http.get("/v1/series/rides").json()
    assert (series["points"], series["last_timestamp"]) == (20, at(24))
    assert [time for time, _ in stored(rides)] == [at(h) for h in (*range(18), 23, 24)]
    scores = rides.http.get("/v1/series/rides/scores").json()["data"]
    assert [score["timestamp"] for score in scores] == [at(23), at(24)]
    assert rides.http.get(f"/v1/series/rides/anomalies/{at(22)}").status_code == 404


def test_an_erased_time_can_be_given_another_value(rides: Tenant) -> None:
    rides.upload("rides", csv(20))
    rides.http.delete(URL, params={"from": at(5), "to": at(6)})
    assert rides.upload("rides", f"timestamp,value\n{at(5)},1\n").json()["stored"] == 1


def test_erasing_everything_leaves_an_empty_series(rides: Tenant) -> None:
    rides.upload("rides", csv(20))
    assert rides.http.delete(URL, params={"from": 0}).json() == {"erased": 20}
    series = rides.http.get("/v1/series/rides").json()
    assert (series["status"], series["points"]) == ("empty", 0)
    assert (series["first_timestamp"], series["last_timestamp"]) == (None, None)


def test_erasing_without_a_span_is_refused(rides: Tenant) -> None:
    rides.upload("rides", csv(20))
    answer = rides.http.delete(URL)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "from"
    assert len(stored(rides)) == 20
