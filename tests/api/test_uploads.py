"""`/v1/points` and `/v1/series/{series}/points`: history in."""

import gzip
import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.histories import HEADER, at, csv, points, stored
from tests.service import Service, Tenant

URL = "/v1/series/rides/points"
CSV = {"Content-Type": "text/csv"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def rides(tenant: Tenant) -> Tenant:
    tenant.make_series("rides")
    return tenant


def count(tenant: Tenant, name: str = "rides") -> int:
    return int(tenant.http.get(f"/v1/series/{name}").json()["points"])


def refused(answer: httpx.Response, status: int = 422) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json().get("errors")


def ndjson(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


# the three forms


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_each_form_stores_the_same(rides: Tenant, form: str) -> None:
    rows = points(5)
    if form == "json":
        answer = rides.http.post(URL, json={"points": rows})
    elif form == "csv":
        answer = rides.http.post(URL, content=csv(5), headers=CSV)
    else:
        answer = rides.http.post(URL, content=ndjson(rows), headers=NDJSON)
    assert answer.status_code == 200
    assert answer.json() == {
        "received": 5,
        "stored": 5,
        "duplicates": 0,
        "replaced": 0,
        "rejected": 0,
        "errors": [],
        "job": None,
    }
    assert stored(rides) == [(row["timestamp"], row["value"]) for row in rows]


@pytest.mark.parametrize("text", ["timestamp;value\n1;2\n", "timestamp\tvalue\n1\t2\n"])
def test_semicolon_and_tab_are_taken(rides: Tenant, text: str) -> None:
    assert rides.upload("rides", text).json()["stored"] == 1


def test_a_byte_order_mark_and_other_column_names_are_taken(rides: Tenant) -> None:
    text = "\ufeffwhen,what,more\n2024-01-01,5,x\n"
    answer = rides.upload("rides", text, timestamp_column="when", value_column="what")
    assert answer.json()["stored"] == 1
    assert stored(rides) == [("2024-01-01T00:00:00Z", 5.0)]


def test_a_lone_column_is_the_value(rides: Tenant) -> None:
    rides.upload("rides", "timestamp,passengers\n1,5\n")
    assert stored(rides) == [("1970-01-01T00:00:01Z", 5.0)]


def test_gzip_is_taken_and_what_only_says_so_is_not(rides: Tenant) -> None:
    packed = {**CSV, "Content-Encoding": "gzip"}
    answer = rides.http.post(URL, content=gzip.compress(csv(9).encode()), headers=packed)
    assert answer.json()["stored"] == 9
    for broken in (csv(9).encode(), gzip.compress(csv(9).encode())[:-20]):
        answer = rides.http.post(URL, content=broken, headers=packed)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


# time and number


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2014-11-02T01:00:00Z", "2014-11-02T01:00:00Z"),
        ("2014-11-02T01:00:00", "2014-11-02T01:00:00Z"),
        ("2014-11-02 01:00", "2014-11-02T01:00:00Z"),
        ("2014-11-02", "2014-11-02T00:00:00Z"),
        ("2014-11-02T01:00:00+02:00", "2014-11-01T23:00:00Z"),
        ("2014-11-02T01:00:00.25Z", "2014-11-02T01:00:00.250000Z"),
        ("2014-11-02T01:00:00.000001Z", "2014-11-02T01:00:00.000001Z"),
        ("2014-11-02T01:00:00.123456000Z", "2014-11-02T01:00:00.123456Z"),
        (1414890000, "2014-11-02T01:00:00Z"),
        (1414890000_500, "2014-11-02T01:00:00.500000Z"),
        (1414890000_000001, "2014-11-02T01:00:00.000001Z"),
        (1414890000_000001000, "2014-11-02T01:00:00.000001Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        ("1700-02-28T00:00:00Z", "1700-02-28T00:00:00Z"),
    ],
)
def test_a_time_in_any_form_comes_out_in_one(rides: Tenant, given: object, shown: str) -> None:
    answer = rides.http.post(URL, json={"points": [{"timestamp": given, "value": 1}]})
    assert answer.status_code == 200, answer.text
    assert stored(rides) == [(shown, 1.0)]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "yesterday",
        "2014-02-30",
        "2014-11-02T25:00:00Z",
        "2014-11-02T01:00:00.0000001Z",
        1414890000_000000001,
        1.5,
        True,
        None,
        [],
        99_999_999_999,
        10**30,
        "9999-01-01",
    ],
)
def test_a_time_that_is_none_is_named(rides: Tenant, given: object) -> None:
    rows = [*points(3), {"timestamp": given, "value": 1}]
    errors = refused(rides.http.post(URL, json={"points": rows}))
    assert [error["field"] for error in errors] == ["points[3].timestamp"]
    assert count(rides) == 0


@pytest.mark.parametrize("given", ["1", True, [1], {}, {"value": "x"}, 10**400])
def test_a_value_that_is_no_number_is_named(rides: Tenant, given: object) -> None:
    rows = [*points(3), {"timestamp": at(3), "value": given}]
    errors = refused(rides.http.post(URL, json={"points": rows}))
    assert [error["field"] for error in errors] == ["points[3].value"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"points": [{"timestamp": 1, "value": NaN}]}',
        b'{"points": [{"timestamp": 1, "value": Infinity}]}',
        b'{"points": [{"timestamp": 1, "value": 1e400}]}',
        b'{"points": [{"timestamp": 1, "value": 1, "value": 2}]}',
        b'{"points": [{"timestamp": 1, "value": 1}], "points": []}',
        b'{"points": [{"timestamp": 1, "value": 1},]}',
        b'{"points": [{"timestamp": 1, "value": "\xff"}]}',
        b'{"points": ' + b"[" * 5000,
        b"",
    ],
)
def test_what_is_not_strict_json_is_400(rides: Tenant, body: bytes) -> None:
    answer = rides.http.post(URL, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert count(rides) == 0


def test_an_unknown_field_is_named_where_it_stands(rides: Tenant) -> None:
    rows = [*points(1), {"timestamp": 1, "value": 1, "valeu": 2}]
    body = {"points": rows, "more": 1}
    fields = {error["field"] for error in refused(rides.http.post(URL, json=body))}
    assert fields == {"points[1].valeu", "more"}


def test_a_missing_field_is_named(rides: Tenant) -> None:
    rows = [{"value": 1}, {"timestamp": 1}]
    fields = {e["field"] for e in refused(rides.http.post(URL, json={"points": rows}))}
    assert fields == {"points[0].timestamp", "points[1].value"}
    assert refused(rides.http.post(URL, json={}))[0]["field"] == "points"
    assert refused(rides.http.post(URL, json={"points": []}))[0]["field"] == "points"


def test_numbers_keep_every_digit_and_integers_beyond_2_53_are_rounded(rides: Tenant) -> None:
    values = [0.1, 1e300, -1e-300, 5e-324, 1.7976931348623157e308, 2**53 + 1, 1 / 3]
    rows = [{"timestamp": i, "value": value} for i, value in enumerate(values)]
    rides.http.post(URL, json={"points": rows})
    assert [value for _, value in stored(rides)] == [float(value) for value in values]
    assert stored(rides)[5][1] == 2.0**53


def test_null_and_an_empty_cell_are_missing(rides: Tenant) -> None:
    rides.http.post(URL, json={"points": [{"timestamp": 1, "value": None}]})
    rides.upload("rides", "timestamp,value\n2,\n3,4\n")
    assert [value for _, value in stored(rides)] == [None, None, 4.0]


# all or nothing


def test_a_bad_row_in_the_middle_refuses_all_and_names_its_line(rides: Tenant) -> None:
    lines = csv(1000).splitlines()
    lines[500] = lines[500].rpartition(",")[0] + ",many"
    answer = rides.upload("rides", "\n".join(lines))
    errors = refused(answer)
    assert [(error["row"], error["column"]) for error in errors] == [(501, "value")]
    assert stored(rides) == []
    assert count(rides) == 0


def test_the_first_hundred_bad_rows_are_named(rides: Tenant) -> None:
    text = HEADER + "".join(f"{at(hour)},x\n" for hour in range(300))
    errors = refused(rides.upload("rides", text))
    assert [error["row"] for error in errors] == list(range(2, 102))


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_skipping_stores_the_others_and_reports_the_bad_ones(rides: Tenant, form: str) -> None:
    rows: list[dict[str, Any]] = [*points(3), {"timestamp": "never", "value": 1}, *points(2, 3)]
    if form == "csv":
        content = HEADER + "".join(f"{row['timestamp']},{row['value']}\n" for row in rows)
        answer = rides.upload("rides", content, on_error="skip")
        place = 5
    elif form == "json":
        answer = rides.http.post(URL, json={"points": rows}, params={"on_error": "skip"})
        place = 4
    else:
        query = {"on_error": "skip"}
        answer = rides.http.post(URL, content=ndjson(rows), headers=NDJSON, params=query)
        place = 4
    report = answer.json()
    assert (report["received"], report["stored"], report["rejected"]) == (6, 5, 1)
    assert [(e["row"], e["column"]) for e in report["errors"]] == [(place, "timestamp")]
    assert count(rides) == 5


def test_skipping_everything_stores_nothing(rides: Tenant) -> None:
    answer = rides.http.post(URL, json={"points": [1, {}, None]}, params={"on_error": "skip"})
    report = answer.json()
    assert (report["received"], report["stored"], report["rejected"]) == (3, 0, 3)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "value\n1\n", "timestamp\n1\n", "timestamp,value\n", "timestamp,timestamp\n1,1\n"],
)
def test_a_file_without_header_columns_or_rows_is_refused(rides: Tenant, text: str) -> None:
    assert rides.upload("rides", text).status_code == 422
    assert count(rides) == 0


# safe to repeat


def test_a_repeated_upload_stores_nothing_twice(rides: Tenant) -> None:
    rides.upload("rides", csv(100))
    before = rides.http.get("/v1/series/rides").json()
    report = rides.upload("rides", csv(100)).json()
    assert (report["stored"], report["duplicates"], report["rejected"]) == (0, 100, 0)
    assert rides.http.get("/v1/series/rides").json() == before
    report = rides.upload("rides", csv(120)).json()
    assert (report["stored"], report["duplicates"]) == (20, 100)


def test_a_row_that_is_there_twice_is_stored_once(rides: Tenant) -> None:
    report = rides.upload("rides", "timestamp,value\n1,5\n2,6\n1,5\n").json()
    assert (report["received"], report["stored"], report["duplicates"]) == (3, 2, 1)
    assert count(rides) == 2


def test_another_value_for_a_known_time_is_refused_for_that_row(rides: Tenant) -> None:
    rides.upload("rides", "timestamp,value\n1,5\n2,6\n")
    report = rides.upload("rides", "timestamp,value\n1,7\n2,6\n3,8\n").json()
    assert (report["stored"], report["duplicates"], report["rejected"]) == (1, 1, 1)
    (error,) = report["errors"]
    assert error["row"] == 2
    assert "conflict" in error["message"]
    assert [value for _, value in stored(rides)] == [5.0, 6.0, 8.0]


def test_two_values_for_a_time_in_one_upload_are_a_conflict(rides: Tenant) -> None:
    report = rides.upload("rides", "timestamp,value\n1,5\n1,7\n").json()
    assert (report["stored"], report["rejected"]) == (1, 1)
    assert report["errors"][0]["row"] == 3


def test_replacing_gives_a_known_time_its_new_value(rides: Tenant) -> None:
    rides.upload("rides", "timestamp,value\n1,5\n2,6\n")
    report = rides.upload("rides", "timestamp,value\n1,7\n2,6\n3,8\n", on_conflict="replace").json()
    assert (report["stored"], report["replaced"], report["duplicates"]) == (1, 1, 1)
    assert report["rejected"] == 0
    assert [value for _, value in stored(rides)] == [7.0, 6.0, 8.0]


def test_rows_in_any_order_are_stored_in_time_order(rides: Tenant) -> None:
    lines = csv(50).splitlines()
    shuffled = [lines[0], *lines[:0:-1]]
    assert rides.upload("rides", "\n".join(shuffled)).json()["stored"] == 50
    assert [time for time, _ in stored(rides)] == [at(hour) for hour in range(50)]


# limits


def raw(service: Service, tenant: Tenant, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    """A request of which only the head is sent."""
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=10)
    connection.putrequest("POST", path)
    for name, value in {"X-API-Key": tenant.key, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document


@pytest.mark.parametrize("cells", [500_000, 1])
def test_a_refusal_before_the_end_of_the_body_ends_the_connection_and_says_so(
    rides: Tenant, cells: int
) -> None:
    row = "timestamp,value\n1" + ",2" * cells + ",3\n"
    answer = rides.upload("rides", row)
    assert refused(answer)
    assert answer.headers.get("Connection") == ("close" if cells > 1 else None)
    assert rides.http.get("/v1/series/rides").status_code == 200


def test_an_upload_that_says_it_is_too_large_is_refused_unread(
    service: Service, rides: Tenant
) -> None:
    headers = {"Content-Type": "text/csv", "Content-Length": "50000001"}
    status, document = raw(service, rides, URL, headers)
    assert (status, document["code"], document["limit_bytes"]) == (413, "too_large", 50_000_000)


def test_an_upload_that_inflates_beyond_the_limit_is_refused(rides: Tenant) -> None:
    row = b"2024-01-01T00:00:00Z,1\n"
    bomb = gzip.compress(b"timestamp,value\n" + row * (51_000_000 // len(row)), 9)
    answer = rides.http.post(URL, content=bomb, headers={**CSV, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["limit_bytes"] == 50_000_000
    assert count(rides) == 0


@pytest.mark.parametrize("path", [URL, "/v1/series/rides/score", "/v1/detect", "/v1/points"])
def test_json_has_a_smaller_limit(rides: Tenant, path: str) -> None:
    body = b'{"points": []' + b" " * 8_000_000 + b"}"
    answer = rides.http.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_an_upload_without_length_is_411(rides: Tenant) -> None:
    def pieces() -> Iterator[bytes]:
        yield csv(3).encode()

    answer = rides.http.post(URL, content=pieces(), headers=CSV)
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize("given", ["multipart/form-data", "text/plain", "application/xml", ""])
def test_another_type_of_body_is_415(rides: Tenant, given: str) -> None:
    answer = rides.http.post(URL, content=csv(3), headers={"Content-Type": given})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


# many series


def test_one_upload_for_many_series(tenant: Tenant) -> None:
    for name in ("a", "b"):
        tenant.make_series(name)
    text = "series,timestamp,value\na,1,10\nb,1,20\na,2,11\n"
    report = tenant.http.post("/v1/points", content=text, headers=CSV).json()
    assert (report["stored"], report["rejected"]) == (3, 0)
    assert [value for _, value in stored(tenant, "a")] == [10.0, 11.0]
    assert [value for _, value in stored(tenant, "b")] == [20.0]


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_a_series_that_is_missing_refuses_all_or_is_made(tenant: Tenant, form: str) -> None:
    tenant.make_series("a")
    rows = [{"series": name, "timestamp": 1, "value": 5} for name in ("a", "new")]
    given: dict[str, Any] = {"json": {"points": rows}}
    if form == "ndjson":
        given = {"content": ndjson(rows), "headers": NDJSON}
    if form == "csv":
        given = {"content": "series,timestamp,value\na,1,5\nnew,1,5\n", "headers": CSV}
    answer = tenant.http.post("/v1/points", **given)
    assert [error["column"] for error in refused(answer)] == ["series"]
    assert count(tenant, "a") == 0
    answer = tenant.http.post("/v1/points", params={"create": "true"}, **given)
    assert answer.json()["stored"] == 2
    assert stored(tenant, "new") == stored(tenant, "a")


def test_a_made_series_has_the_fields_that_its_own_rows_use(tenant: Tenant) -> None:
    rows = [
        {"series": "plain", "timestamp": 1, "value": 5},
        {"series": "boiler", "timestamp": 1, "value": {"heat": 70.5, "bar": 3}},
    ]
    answer = tenant.http.post("/v1/points", json={"points": rows}, params={"create": "true"})
    assert answer.json()["stored"] == 2
    assert tenant.http.get("/v1/series/plain").json()["fields"] == ["value"]
    assert tenant.http.get("/v1/series/boiler").json()["fields"] == ["heat", "bar"]
    assert stored(tenant, "boiler")[0][1] == {"heat": 70.5, "bar": 3.0}


@pytest.mark.parametrize(
    "header", ["=cmd(),b", "a b,c", ",".join(f"f{i}" for i in range(65)), "1a,b"]
)
def test_columns_that_cannot_be_fields_make_no_series(tenant: Tenant, header: str) -> None:
    width = header.count(",") + 1
    text = f"series,timestamp,{header}\nnew,1,{','.join('1' * width)}\n"
    query = {"create": "true"}
    answer = tenant.http.post("/v1/points", content=text, headers=CSV, params=query)
    assert answer.status_code == 422
    assert tenant.http.get("/v1/series/new").status_code == 404


def test_a_bad_name_of_a_series_is_refused_by_its_row(tenant: Tenant) -> None:
    text = "series,timestamp,value\nok,1,1\na/b,1,1\n"
    query = {"create": "true"}
    answer = tenant.http.post("/v1/points", content=text, headers=CSV, params=query)
    assert [(error["row"], error["column"]) for error in refused(answer)] == [(3, "series")]
    assert tenant.http.get("/v1/series/ok").status_code == 404  # nor is the good one made


# several fields


@pytest.fixture
def boiler(tenant: Tenant) -> Tenant:
    tenant.make_series("boiler", fields=["heat", "bar"])
    return tenant


def test_points_of_several_fields_by_csv_and_json(boiler: Tenant) -> None:
    boiler.upload("boiler", "timestamp,bar,heat\n1,3.1,71.2\n2,,70\n")
    rows = [{"timestamp": 3, "value": {"heat": 69, "bar": None}}]
    boiler.http.post("/v1/series/boiler/points", json={"points": rows})
    assert [value for _, value in stored(boiler, "boiler")] == [
        {"heat": 71.2, "bar": 3.1},
        {"heat": 70.0, "bar": None},
        {"heat": 69.0, "bar": None},
    ]


@pytest.mark.parametrize("header", ["timestamp,heat,bar,ph", "timestamp,heat", "timestamp,a,b"])
def test_columns_that_are_not_the_fields_are_named(boiler: Tenant, header: str) -> None:
    width = header.count(",")
    answer = boiler.upload("boiler", f"{header}\n1{',1' * width}\n")
    assert refused(answer)
    assert count(boiler, "boiler") == 0
