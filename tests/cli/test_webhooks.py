"""`tocsin webhooks`: what the commands print, and how they end."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.receiver import Receiver, answer, receiving

URL = "https://hook.invalid/hook"


@pytest.fixture
def receiver(delivery: None) -> Iterator[Receiver]:
    """With a process that calls it."""
    with receiving() as made:
        yield made


def test_a_webhook_is_made_changed_listed_and_removed(tocsin: Any) -> None:
    run = tocsin("webhooks", "create", URL, "--type", "event.opened", "--description", "the shop")
    assert run.out.startswith("whsec_")
    [made] = tocsin("webhooks", "list", "--json").data
    assert (made["url"], made["types"], made["status"]) == (URL, ["event.opened"], "enabled")
    changed = tocsin("webhooks", "update", made["id"], "--type", "event.closed", "--json").data
    assert (changed["types"], changed["description"]) == (["event.closed"], "the shop")
    assert tocsin("webhooks", "disable", made["id"], "--json").data["status"] == "disabled"
    assert "by_request" in tocsin("webhooks", "list").out
    assert "is enabled" in tocsin("webhooks", "enable", made["id"]).said
    assert tocsin("webhooks", "delete", made["id"], stdin="n\n").code == 2
    assert tocsin("webhooks", "delete", made["id"], "--yes").code == 0
    assert "no webhooks" in tocsin("webhooks", "list").said


def test_quiet_hours_are_set_and_taken_back(tocsin: Any) -> None:
    hours = "22:00-07:00 Europe/Berlin"
    made = tocsin("webhooks", "create", URL, "--quiet-hours", hours, "--json").data
    assert made["quiet_hours"] == {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"}
    assert hours in tocsin("webhooks", "list").out
    change = ("webhooks", "update", made["id"], "--json", "--quiet-hours")
    assert tocsin(*change, "none").data["quiet_hours"] is None
    assert tocsin(*change, "at night").code == 2
    assert "time_zone: " in tocsin(*change, "22:00-07:00 Atlantis").said


def test_exit_codes_tell_what_the_service_refused_from_wrong_usage(tocsin: Any) -> None:
    refused = tocsin("webhooks", "create", "https://10.0.0.1/")
    assert refused.code == 1
    assert "url: " in refused.said
    assert tocsin("webhooks", "show", "nothing").code == 1
    made = tocsin("webhooks", "create", URL, "--json").data["id"]
    assert tocsin("webhooks", "update", made).code == 2
    assert tocsin("webhooks", "rotate", made, "--grace", "tomorrow").code == 2
    assert tocsin("webhooks", "replay", made, "msg_1", "--since", "2024-01-01").code == 2
    assert tocsin("webhooks", "deliveries", made, "--status", "odd").code == 1


def test_a_secret_is_rotated_and_the_one_before_signs_for_the_grace(tocsin: Any) -> None:
    made = tocsin("webhooks", "create", URL, "--json").data
    run = tocsin("webhooks", "rotate", made["id"], "--grace", "1h")
    assert "signs too until" in run.said
    assert run.out.startswith("whsec_")
    assert run.out.strip() != made["secret"]
    assert "until" not in tocsin("webhooks", "rotate", made["id"], "--grace", "0").said


def test_a_receiver_that_does_not_take_a_call_fails_the_command(
    tocsin: Any, receiver: Receiver
) -> None:
    made = tocsin("webhooks", "create", receiver.url(), "--json").data["id"]
    assert "Delivered: 200" in tocsin("webhooks", "test", made).said
    receiver.behave = answer(500)
    run = tocsin("webhooks", "test", made)
    assert (run.code, "500" in run.said) == (1, True)
    failed, delivered = tocsin("webhooks", "deliveries", made, "--json").data
    assert (failed["status"], delivered["status"]) == ("failed", "delivered")
    assert failed["id"] in tocsin("webhooks", "deliveries", made).out
    shown = tocsin("webhooks", "show", made, failed["id"], "--json").data
    assert shown["attempts"][0]["status"] == 500
    receiver.behave = answer(200)
    again = tocsin("webhooks", "replay", made, delivered["id"], "--json").data
    assert [attempt["status"] for attempt in again["attempts"]] == [200, 200]
    assert tocsin("webhooks", "replay", made, "--since", "2024-01-01", "--json").data == {
        "replayed": 0
    }


def test_who_does_not_wait_is_told_what_is_to_come(tocsin: Any) -> None:
    made = tocsin("webhooks", "create", URL, "--json").data["id"]
    assert "is pending" in tocsin("webhooks", "test", made, "--no-wait").said
