"""`/v1/webhooks`: made, listed without their secrets, changed, tried and told again."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.actions.webhooks import MOST_WEBHOOKS
from tests.api.histories import QUICK, at, csv
from tests.service import Tenant

Holding = Callable[..., httpx.Client]
Rows = Callable[..., list[Any]]
HOOKS = "/v1/webhooks"
URL = "https://hook.invalid/hook"
QUIET = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"}
ALL = ["event.opened", "event.closed", "training.failed", "webhook.disabled"]


def make(tenant: Tenant, **given: Any) -> dict[str, Any]:
    answer = tenant.http.post(HOOKS, json={"url": URL, **given})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{HOOKS}/{made['id']}"
    return made


def anomaly(tenant: Tenant) -> str:
    """A series that opens an event; -> its id."""
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    point = {"timestamp": at(100), "value": 9e6}
    event: str = tenant.http.post("/v1/series/rides/score", json=point).json()["event"]
    assert event
    return event


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_webhook_is_made_with_all_that_it_may_be_told_of(tenant: Tenant) -> None:
    made = make(tenant)
    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["types"], made["description"]) == (URL, ALL, "")
    assert made["status"] == "enabled"
    assert {made[name] for name in ("disabled_at", "disabled_reason", "failing_since")} == {None}


def test_the_secret_is_shown_once_and_stored_nowhere(tenant: Tenant, rows: Rows) -> None:
    made = make(tenant, description="for the shop", types=["event.opened"])
    secret = made.pop("secret")
    assert tenant.http.get(f"{HOOKS}/{made['id']}").json() == made
    listed = tenant.http.get(HOOKS)
    assert listed.json()["data"] == [made]
    assert secret not in listed.text
    [row] = rows(tenant, "SELECT webhooks::text AS whole FROM webhooks")
    assert secret.removeprefix("whsec_") not in row.whole


def test_lists_are_paged_the_oldest_first(tenant: Tenant) -> None:
    ids = [make(tenant)["id"] for _ in range(5)]
    first = tenant.http.get(HOOKS, params={"limit": 3}).json()
    rest = tenant.http.get(HOOKS, params={"limit": 3, "cursor": first["next"]}).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == ids
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://example.com/"),
        ("url", "https://10.0.0.1/"),
        ("url", "https://[fd00::1]/"),
        ("url", "https://user:secret@hook.invalid/"),
        ("url", "not a url"),
        ("url", "mailto:ops@example.com"),  # the operator of these tests sends no notices
        ("url", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"),
        ("url", "json://127.0.0.1/"),
        ("url", ""),
        ("url", 5),
        ("url", "https://hook.invalid/" + "x" * 2_000),
        ("types", []),
        ("types", ["event.unheard_of"]),
        ("types", ["webhook.test"]),
        ("types", ["event.opened", "event.opened"]),
        ("description", "x" * 2_001),
        ("quiet_hours", {}),
        ("quiet_hours", {**QUIET, "from": "24:00"}),
        ("quiet_hours", {**QUIET, "from": "7:00"}),
        ("quiet_hours", {**QUIET, "to": QUIET["from"]}),
        ("quiet_hours", {**QUIET, "time_zone": "Europe/Atlantis"}),
        ("quiet_hours", {**QUIET, "time_zone": "../zones"}),
        ("quiet_hours", {**QUIET, "weekdays": True}),
    ],
)
def test_what_is_not_valid_is_named_when_it_is_made_and_when_it_is_changed(
    tenant: Tenant, field: str, value: Any
) -> None:
    made = make(tenant)
    body = {"url": URL, field: value}
    for answer in (
        tenant.http.post(HOOKS, json=body),
        tenant.http.patch(f"{HOOKS}/{made['id']}", json={field: value}),
    ):
        assert problem(answer) == (422, "invalid")
        assert answer.json()["errors"][0]["field"].startswith(field)
    del made["secret"]
    assert tenant.http.get(HOOKS).json()["data"] == [made]


def test_what_is_changed_changes_and_the_rest_stays(tenant: Tenant) -> None:
    made = make(tenant, description="before")
    one = f"{HOOKS}/{made['id']}"
    changed = tenant.http.patch(one, json={"url": f"{URL}/2", "types": ["event.closed"]}).json()
    assert (changed["url"], changed["types"]) == (f"{URL}/2", ["event.closed"])
    assert changed["description"] == "before"
    assert tenant.http.patch(one, json={"url": None, "status": None}).json()["url"] == f"{URL}/2"
    assert tenant.http.get(one).json()["types"] == ["event.closed"]


def test_quiet_hours_stay_until_they_are_taken_back(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant, quiet_hours=QUIET)['id']}"
    assert tenant.http.patch(one, json={"description": "x"}).json()["quiet_hours"] == QUIET
    assert tenant.http.get(one).json()["quiet_hours"] == QUIET
    assert tenant.http.patch(one, json={"quiet_hours": None}).json()["quiet_hours"] is None


def test_disabled_and_enabled_again(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    disabled = tenant.http.patch(one, json={"status": "disabled"}).json()
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "by_request")
    assert disabled["disabled_at"]
    again = tenant.http.patch(one, json={"status": "disabled"}).json()
    assert again["disabled_at"] == disabled["disabled_at"]
    enabled = tenant.http.patch(one, json={"status": "enabled"}).json()
    assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)


def test_a_removed_webhook_is_gone_with_its_deliveries(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    anomaly(tenant)
    assert tenant.http.delete(one).status_code == 204
    for answer in (
        tenant.http.get(one),
        tenant.http.delete(one),
        tenant.http.patch(one, json={}),
        tenant.http.post(f"{one}/rotate"),
        tenant.http.post(f"{one}/test"),
        tenant.http.get(f"{one}/deliveries"),
    ):
        assert problem(answer) == (404, "not_found")


@pytest.mark.parametrize(
    "name", ["nonsense", "01890a5d-ac96-774b-bcce-b302099a8057", "01HKF0T8M0ABCDEFGHJKMNPQRS"]
)
def test_what_is_no_webhook_is_not_found(tenant: Tenant, name: str) -> None:
    assert problem(tenant.http.get(f"{HOOKS}/{name}")) == (404, "not_found")
    assert problem(tenant.http.get(f"{HOOKS}/{name}/deliveries")) == (404, "not_found")


@pytest.mark.parametrize("name", ["nonsense", "msg_", "01HKF0T8M0ABCDEFGHJKMNPQRS", "msg_01HKF0"])
def test_what_is_no_delivery_is_not_found(tenant: Tenant, name: str) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}/deliveries/{name}"
    assert problem(tenant.http.get(one)) == (404, "not_found")
    assert problem(tenant.http.post(f"{one}/replay")) == (404, "not_found")


def test_a_tenant_has_so_many_webhooks_at_most(tenant: Tenant) -> None:
    ids = [make(tenant)["id"] for _ in range(MOST_WEBHOOKS)]
    refused = tenant.http.post(HOOKS, json={"url": URL})
    assert problem(refused) == (403, "quota_exceeded")
    told = refused.json()
    assert (told["quota"], told["limit"], told["use"]) == ("webhooks", 20, 20)
    tenant.http.delete(f"{HOOKS}/{ids[0]}")
    make(tenant)


@pytest.mark.parametrize("scope", ["read", "write"])
def test_keys_without_admin_do_not_even_see_them(
    tenant: Tenant, holding: Holding, scope: str
) -> None:
    made = make(tenant)
    client = holding(tenant, scope)
    assert problem(client.get(HOOKS)) == (403, "forbidden")
    assert problem(client.get(f"{HOOKS}/{made['id']}/deliveries")) == (403, "forbidden")


def test_a_rotation_gives_another_secret_and_says_how_long_the_one_before_signs(
    tenant: Tenant,
) -> None:
    made = make(tenant)
    one = f"{HOOKS}/{made['id']}"
    rotated = tenant.http.post(f"{one}/rotate", json={"grace_seconds": 60}).json()
    assert rotated["secret"] not in (made["secret"], None)
    assert rotated["previous_until"] > rotated["updated_at"]
    assert rotated["previous_until"] == tenant.http.get(one).json()["previous_until"]
    for wrong in (-1, 2_592_001, "60", 0.5):
        refused = tenant.http.post(f"{one}/rotate", json={"grace_seconds": wrong})
        assert problem(refused) == (422, "invalid")


def test_an_event_is_in_the_list_of_deliveries_and_in_full_by_its_id(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    event_id = anomaly(tenant)
    [listed] = tenant.http.get(f"{one}/deliveries").json()["data"]
    assert (listed["type"], listed["status"], listed["attempt"]) == ("event.opened", "pending", 0)
    assert listed["due_at"] == listed["created_at"]
    full = tenant.http.get(f"{one}/deliveries/{listed['id']}").json()
    assert full["data"]["event"]["id"] == event_id
    assert full["attempts"] == []
    assert {**listed, "data": full["data"], "attempts": []} == full


def test_deliveries_are_paged_newest_first_and_by_status(tenant: Tenant, rows: Rows) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}/deliveries"
    asked = [tenant.http.post(f"{one[:-11]}/test").json()["id"] for _ in range(2)]
    newest = "SELECT message_id FROM webhook_deliveries ORDER BY 1 DESC LIMIT 1"
    ended = "UPDATE webhook_deliveries SET status = 'failed', ended_at = now()"
    rows(tenant, f"{ended} WHERE message_id = ({newest}) RETURNING 1")
    first = tenant.http.get(one, params={"limit": 1}).json()
    rest = tenant.http.get(one, params={"limit": 1, "cursor": first["next"]}).json()
    assert [row["id"] for row in first["data"] + rest["data"]] == asked[::-1]
    for status, ids in (("failed", asked[1:]), ("pending", asked[:1]), ("delivered", [])):
        found = tenant.http.get(one, params={"status": status}).json()["data"]
        assert [row["id"] for row in found] == ids
    assert problem(tenant.http.get(one, params={"status": "odd"})) == (422, "invalid")


def test_a_test_is_answered_at_once_where_it_is_not_waited_for(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    answer = tenant.http.post(f"{one}/test")
    asked = answer.json()
    assert (answer.status_code, asked["type"], asked["status"]) == (202, "webhook.test", "pending")
    assert tenant.http.get(answer.headers["Location"]).json() == asked
    waited = tenant.http.post(f"{one}/test", params={"wait": 0.2})
    assert (waited.status_code, waited.json()["status"]) == (202, "pending")


def test_tests_and_replays_are_taken_so_often_only(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    answers = [tenant.http.post(f"{one}/test") for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert problem(refused[0]) == (429, "rate_limited")
    assert refused[0].headers["Retry-After"] == "1"


def test_what_is_disabled_is_told_nothing_again(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    anomaly(tenant)
    tenant.http.patch(one, json={"status": "disabled"})
    [given_up] = tenant.http.get(f"{one}/deliveries").json()["data"]
    assert given_up["status"] == "failed"
    refused = tenant.http.post(f"{one}/deliveries/{given_up['id']}/replay")
    assert problem(refused) == (409, "conflict")
    assert problem(tenant.http.post(f"{one}/replay")) == (409, "conflict")
    tenant.http.patch(one, json={"status": "enabled"})
    later = {"since": "2200-01-01T00:00:00Z"}
    assert tenant.http.post(f"{one}/replay", json=later).json() == {"replayed": 0}
    answer = tenant.http.post(f"{one}/deliveries/{given_up['id']}/replay")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


def test_what_failed_while_it_was_disabled_can_be_told_again_together(tenant: Tenant) -> None:
    one = f"{HOOKS}/{make(tenant)['id']}"
    anomaly(tenant)
    for status in ("disabled", "enabled"):
        tenant.http.patch(one, json={"status": status})
    answer = tenant.http.post(f"{one}/replay", json={"since": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()) == (200, {"replayed": 1})
    [again] = tenant.http.get(f"{one}/deliveries").json()["data"]
    assert again["status"] == "pending"


def test_a_stranger_finds_none_of_it(tenant: Tenant, stranger: Tenant) -> None:
    made = make(tenant)
    anomaly(tenant)
    [delivery] = tenant.http.get(f"{HOOKS}/{made['id']}/deliveries").json()["data"]
    own = make(stranger)
    for path in (
        f"{HOOKS}/{made['id']}",
        f"{HOOKS}/{made['id']}/deliveries",
        f"{HOOKS}/{made['id']}/deliveries/{delivery['id']}",
        f"{HOOKS}/{own['id']}/deliveries/{delivery['id']}",
    ):
        assert problem(stranger.http.get(path)) == (404, "not_found")
