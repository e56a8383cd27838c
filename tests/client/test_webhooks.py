"""Webhooks by the client: made, tried, told again; a receiver verifies them with their secret."""

import asyncio
from collections.abc import Iterator

import pytest

from app.client import (
    AsyncTocsin,
    Conflict,
    IdempotencySecretShown,
    Invalid,
    NotFound,
    QuietHours,
    Tocsin,
)
from tests.receiver import Receiver, answer, receiving
from tests.service import Service, Tenant

URL = "https://hook.invalid/hook"


@pytest.fixture
def receiver(delivery: None) -> Iterator[Receiver]:
    """With a process that calls it."""
    with receiving() as made:
        yield made


def test_a_webhook_is_made_changed_listed_and_removed(client: Tocsin) -> None:
    made = client.create_webhook(URL, types=["event.opened"], description="the shop")
    assert (made.url, made.types, made.status) == (URL, ("event.opened",), "enabled")
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert client.update_webhook(made.id, status="disabled").disabled_reason == "by_request"
    changed = client.update_webhook(made.id, status="enabled", types=["event.closed"])
    assert (changed.types, changed.description) == (("event.closed",), "the shop")
    assert list(client.list_webhooks()) == [client.get_webhook(made.id)] == [changed]
    client.delete_webhook(made.id)
    with pytest.raises(NotFound):
        client.get_webhook(made.id)
    with pytest.raises(Invalid, match="url: "):
        client.create_webhook("https://10.0.0.1/")


def test_quiet_hours_are_set_and_taken_back(client: Tocsin) -> None:
    hours: QuietHours = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"}
    made = client.create_webhook(URL, quiet_hours=hours)
    assert made.quiet_hours == hours
    assert client.update_webhook(made.id, description="x").quiet_hours == hours
    assert client.update_webhook(made.id, quiet_hours=None).quiet_hours is None


def test_a_lost_secret_says_whose_it_was(client: Tocsin) -> None:
    made = client.create_webhook(URL, idempotency_key="hook-17")
    with pytest.raises(IdempotencySecretShown) as shown:
        client.create_webhook(URL, idempotency_key="hook-17")
    assert shown.value.webhook_id == made.id
    rotated = client.rotate_webhook(made.id, grace_s=60)
    assert rotated.secret != made.secret
    assert rotated.previous_until is not None


def test_what_is_told_is_verified_by_the_secret_and_looked_at_in_the_log(
    client: Tocsin, receiver: Receiver
) -> None:
    made = client.create_webhook(receiver.url())
    tried = client.try_webhook(made.id, wait_s=60)
    assert (tried.status, tried.type, tried.is_over) == ("delivered", "webhook.test", True)
    assert tried.last_attempt is not None
    assert (tried.last_attempt.status, tried.last_attempt.answer) == (200, "ok")
    assert receiver.calls[0].verified(made.secret)["data"] == tried.data
    [listed] = client.list_deliveries(made.id, status="delivered")
    assert listed.id == tried.id
    assert client.get_delivery(made.id, tried.id) == tried
    assert client.list_deliveries(made.id).frame()["last_attempt.status"].tolist() == [200]


def test_a_delivery_is_replayed_under_its_id_and_comes_back_when_it_was_tried(
    client: Tocsin, receiver: Receiver
) -> None:
    made = client.create_webhook(receiver.url())
    receiver.behave = answer(500)
    first = client.try_webhook(made.id, wait_s=60)
    assert first.status == "failed"
    again = client.replay_delivery(made.id, first.id, wait_s=60)
    assert [attempt.number for attempt in again.attempts] == [1, 2]
    assert {call.id for call in receiver.calls} == {first.id}
    assert client.replay_failed(made.id, since="2020-01-01").replayed == 0  # tests are left out
    client.update_webhook(made.id, status="disabled")
    with pytest.raises(Conflict):
        client.replay_failed(made.id)


def test_who_does_not_wait_has_the_delivery_as_it_stands(client: Tocsin) -> None:
    made = client.create_webhook(URL)
    assert client.try_webhook(made.id).status == "pending"
    assert client.try_webhook(made.id, wait_s=0.3).last_attempt is None


def test_a_client_that_lets_others_go_on_does_the_same(
    service: Service, tenant: Tenant, receiver: Receiver
) -> None:
    async def story() -> None:
        async with AsyncTocsin(service.url, tenant.key) as client:
            made = await client.create_webhook(receiver.url())
            tried = await client.try_webhook(made.id, wait_s=60)
            assert tried.status == "delivered"
            assert [one.id async for one in client.list_deliveries(made.id)] == [tried.id]

    asyncio.run(story())
