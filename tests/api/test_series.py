"""`/v1/series`: make, list, change and remove."""

import httpx
import pytest

from tests.api.histories import QUICK, csv
from tests.service import Tenant


def names(answer: httpx.Response) -> list[str]:
    return [one["name"] for one in answer.json()["data"]]


def wrong(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {error["field"] for error in answer.json()["errors"]}


def test_a_new_series_is_empty_and_has_the_defaults(tenant: Tenant) -> None:
    answer = tenant.http.post("/v1/series", json={"name": "rides"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/v1/series/rides"
    made = answer.json()
    assert {name: made[name] for name in made if not name.endswith("_at")} == {
        "name": "rides",
        "description": "",
        "fields": ["value"],
        "tags": [],
        "detector": {},
        "retrain": "auto",
        "retention_days": None,
        "status": "empty",
        "points": 0,
        "first_timestamp": None,
        "last_timestamp": None,
        "model_version": None,
    }
    assert tenant.http.get("/v1/series/rides").json() == made


def test_all_that_is_given_is_kept(tenant: Tenant) -> None:
    given = {
        "name": "A.b_c:d-1",
        "description": "of the boiler",
        "fields": ["temperature", "pressure"],
        "tags": ["plant", "ü"],
        "detector": {"n_estimators": 7, "season": ["1d", "7d"], "contamination": 0.01},
        "retrain": "7d",
        "retention_days": 30,
    }
    made = tenant.http.post("/v1/series", json=given).json()
    assert {name: made[name] for name in given} == given
    assert tenant.http.get("/v1/series/A.b_c:d-1").json() == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "-rides"),
        ("name", "a b"),
        ("name", "a/b"),
        ("name", "rides\n"),
        ("name", "ü"),
        ("name", "x" * 201),
        ("name", 7),
        ("description", None),
        ("fields", []),
        ("fields", ["a", "a"]),
        ("fields", [f"f{i}" for i in range(65)]),
        ("tags", "taxi"),
        ("retrain", "often"),
        ("retrain", "0d"),
        ("retention_days", 0),
        ("retention_days", "30"),
        ("retention_days", True),
    ],
)
def test_a_wrong_setting_is_named(tenant: Tenant, field: str, value: object) -> None:
    answer = tenant.http.post("/v1/series", json={"name": "rides", field: value})
    assert wrong(answer) == {field}
    assert tenant.http.get("/v1/series").json() == {"data": [], "next": None}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_estimators", 0),
        ("n_estimators", 1001),
        ("n_estimators", "100"),
        ("n_estimators", 1.5),
        ("max_samples", 1),
        ("max_samples", 70_000),
        ("contamination", 0),
        ("contamination", 0.6),
        ("contamination", "some"),
        ("season", ["1x"]),
        ("season", "1d"),
        ("interval", "0s"),
        ("interval", "99999w"),
        ("timezone", "Europe/Nowhere"),
        ("timezone", "../zones"),
        ("random_state", -1),
        ("random_state", 2**32),
        ("unheard_of", 1),
    ],
)
def test_a_wrong_setting_of_the_detector_is_named(
    tenant: Tenant, setting: str, value: object
) -> None:
    answer = tenant.http.post("/v1/series", json={"name": "rides", "detector": {setting: value}})
    assert wrong(answer) == {f"detector.{setting}"}


def test_an_item_of_a_list_is_named_by_its_place(tenant: Tenant) -> None:
    body = {"name": "rides", "fields": ["a", "b c"], "tags": ["x", ""]}
    assert wrong(tenant.http.post("/v1/series", json=body)) == {"fields[1]", "tags[1]"}


def test_a_name_is_taken_once(tenant: Tenant, stranger: Tenant) -> None:
    tenant.make_series("rides")
    answer = tenant.http.post("/v1/series", json={"name": "rides"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    stranger.make_series("rides")


def test_patch_changes_what_is_given_and_nothing_else(tenant: Tenant) -> None:
    before = tenant.make_series("rides", description="old", tags=["a"], retention_days=9)
    after = tenant.http.patch("/v1/series/rides", json={"description": "new"}).json()
    assert after == {**before, "description": "new", "updated_at": after["updated_at"]}
    after = tenant.http.patch("/v1/series/rides", json={"retention_days": None}).json()
    assert after["retention_days"] is None
    assert tenant.http.get("/v1/series/rides").json() == after


@pytest.mark.parametrize("field", ["name", "fields", "points", "status"])
def test_patch_cannot_change_what_a_series_is(tenant: Tenant, field: str) -> None:
    tenant.make_series("rides")
    assert wrong(tenant.http.patch("/v1/series/rides", json={field: "x"})) == {field}


def test_the_list_is_by_name_and_can_be_narrowed(tenant: Tenant) -> None:
    for name, tags in {"b1": ["x"], "a": ["x", "y"], "b2": [], "B": []}.items():
        tenant.make_series(name, tags=tags)
    series = tenant.http.get
    assert names(series("/v1/series")) == ["B", "a", "b1", "b2"]
    assert names(series("/v1/series", params={"prefix": "b"})) == ["b1", "b2"]
    assert names(series("/v1/series", params={"prefix": "b%"})) == []
    assert names(series("/v1/series", params={"tag": "x"})) == ["a", "b1"]
    assert names(series("/v1/series", params={"tag": "x", "prefix": "b"})) == ["b1"]


def test_a_cursor_stays_valid_while_series_are_added(tenant: Tenant) -> None:
    for name in "bdf":
        tenant.make_series(name)
    first = tenant.http.get("/v1/series", params={"limit": 2})
    assert names(first) == ["b", "d"]
    for name in "ace":
        tenant.make_series(name)
    rest = tenant.http.get("/v1/series", params={"limit": 9, "cursor": first.json()["next"]})
    assert names(rest) == ["e", "f"]
    assert rest.json()["next"] is None


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "x", ""])
def test_a_limit_out_of_bounds_is_refused(tenant: Tenant, limit: str) -> None:
    assert wrong(tenant.http.get("/v1/series", params={"limit": limit})) == {"limit"}


@pytest.mark.parametrize("limit", ["1", "1000"])
def test_the_bounds_of_a_limit_are_taken(tenant: Tenant, limit: str) -> None:
    assert tenant.http.get("/v1/series", params={"limit": limit}).status_code == 200


def test_a_cursor_that_was_tampered_with_is_refused(tenant: Tenant) -> None:
    for name in "ab":
        tenant.make_series(name)
    cursor = tenant.http.get("/v1/series", params={"limit": 1}).json()["next"]
    for other in (cursor[:-1], cursor + "A", cursor.swapcase(), "x", ""):
        assert wrong(tenant.http.get("/v1/series", params={"cursor": other})) == {"cursor"}
    assert wrong(tenant.http.get("/v1/keys", params={"cursor": cursor})) == {"cursor"}


def test_a_removed_series_is_gone_and_its_name_begins_anew(tenant: Tenant) -> None:
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    tenant.train("rides")
    answer = tenant.http.delete("/v1/series/rides")
    assert (answer.status_code, answer.content) == (204, b"")
    assert tenant.http.get("/v1/series/rides").status_code == 404
    assert tenant.http.delete("/v1/series/rides").status_code == 404
    assert tenant.make_series("rides")["status"] == "empty"
    for part in ("points", "scores", "models", "jobs"):
        listed = tenant.http.get(f"/v1/series/rides/{part}").json()
        assert listed == {"data": [], "next": None}, part


def test_the_status_follows_the_series(tenant: Tenant) -> None:
    def status() -> str:
        return str(tenant.http.get("/v1/series/rides").json()["status"])

    tenant.make_series("rides", detector=QUICK)
    assert status() == "empty"
    tenant.upload("rides", csv(100))
    assert status() == "collecting"
    tenant.train("rides")
    assert status() == "ready"


@pytest.mark.parametrize("name", ["timestamp", "series"])
def test_a_field_cannot_be_called_as_a_column_of_csv_is(tenant: Tenant, name: str) -> None:
    answer = tenant.http.post("/v1/series", json={"name": "x", "fields": ["a", name]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "fields"
