"""What a webhook is told arrives, again and again if need be, under one id; or it is given up."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from sqlalchemy import text

from app.actions import accounts, deliveries, delivering, webhooks
from app.actions.delivering import MOST_TRIES, RETRY_AFTER_S, Sender
from app.errors import Conflict, NotFound, RateLimited
from app.signing import Secret
from app.store import outbox
from app.store.deliveries import Delivery, shown_id
from app.store.outbox import Claim, Due
from app.store.webhooks import Webhook
from tests.receiver import Receiver, answer, receiving
from tests.service import free_port

Account = Any
HERE = [ip_network("127.0.0.1/32")]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def account(account: Account) -> Account:
    """On an installation that lets webhooks reach this machine."""
    allowing = account.parts.settings.model_copy(update={"webhook_networks": "127.0.0.1/32"})
    account.parts = replace(account.parts, settings=allowing)
    return account


@pytest.fixture
def sender(account: Account) -> Sender:
    return Sender(account.parts.database, account.parts.secret, HERE, ssl.create_default_context())


def tell(account: Account, times: int = 1) -> None:
    with account.parts.database.tenant(account.id) as connection:
        for n in range(times):
            outbox.add(connection, account.id, "event.opened", None, {"n": n})


def place(webhook: Webhook) -> Due:
    return Due(webhook.tenant_id, webhook.id)


def claim_all(sender: Sender, webhook: Webhook) -> list[Claim]:
    return delivering.claim(sender, place(webhook), 1_000)


def deliver_due(sender: Sender, webhook: Webhook) -> list[bool]:
    return [delivering.deliver(sender, claimed) for claimed in claim_all(sender, webhook)]


def make_due(account: Account) -> None:
    """As if the time until the next try had passed."""
    sooner = "UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'"
    with account.parts.database.tenant(account.id) as connection:
        connection.execute(text(sooner))


def one(account: Account) -> Delivery:
    [found] = account.told("event.opened")
    assert isinstance(found, Delivery)
    return found


def now_of(account: Account, webhook: Webhook) -> Webhook:
    return webhooks.by_id(account.parts, account.id, str(webhook.id))


def failing_since(account: Account, webhook: Webhook, days: float) -> None:
    since = "UPDATE webhooks SET failing_since = now() - make_interval(secs => :s) WHERE id = :id"
    with account.parts.database.tenant(account.id) as connection:
        connection.execute(text(since), {"s": days * 86_400, "id": webhook.id})


# What arrives


def test_the_message_arrives_with_its_id_and_the_time_of_the_fact(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    tell(account)
    assert deliver_due(sender, webhook) == [True]
    [call] = receiver.calls
    told = one(account)
    assert call.id == shown_id(told.message_id)
    assert call.headers["content-type"] == "application/json"
    assert call.message == {
        "type": "event.opened",
        "timestamp": told.created_at.isoformat().replace("+00:00", "Z"),
        "data": {"n": 0},
    }
    assert told.status == "delivered"
    [attempt] = told.attempts
    assert (attempt["number"], attempt["status"], attempt["answer"]) == (1, 200, "ok")
    assert attempt["error"] is None
    assert deliver_due(sender, webhook) == []


def test_it_is_signed_by_the_secret_that_was_shown(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    made, secret = webhooks.add(
        account.parts, account.id, receiver.url(), description="", types=["event.opened"]
    )
    tell(account)
    deliver_due(sender, made)
    assert receiver.calls[0].verified(secret)["type"] == "event.opened"


@pytest.mark.parametrize("grace_s", [3_600, 0])
def test_after_a_rotation_both_secrets_sign_for_the_grace(
    account: Account, sender: Sender, receiver: Receiver, grace_s: int
) -> None:
    webhook, before = webhooks.add(
        account.parts, account.id, receiver.url(), description="", types=["event.opened"]
    )
    _, after = webhooks.rotate(account.parts, account.id, str(webhook.id), grace_s)
    tell(account)
    deliver_due(sender, webhook)
    [call] = receiver.calls
    call.verified(after)
    assert call.headers["webhook-signature"].count("v1,") == (2 if grace_s else 1)
    if grace_s:
        call.verified(before)


def test_without_the_installation_s_secret_of_then_nothing_is_sent_unsigned(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    tell(account)
    without = replace(sender, secret=Secret({9: b"z" * 32}))
    assert deliver_due(without, webhook) == [False]
    assert receiver.calls == []
    assert "rotate" in one(account).attempts[0]["error"]


# What does not


def test_a_failure_is_tried_again_by_the_schedule_and_then_given_up(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    receiver.behave = answer(500, b"not now")
    tell(account)
    for delay_s in RETRY_AFTER_S:
        assert deliver_due(sender, webhook) == [False]
        told = one(account)
        waits_s = (told.due_at - now_from(account)).total_seconds()
        assert told.status == "pending"
        assert delay_s - 60 < waits_s <= 1.2 * delay_s
        assert deliver_due(sender, webhook) == [], "it is not due before"
        make_due(account)
    assert deliver_due(sender, webhook) == [False]
    told = one(account)
    assert (told.status, told.attempt) == ("failed", MOST_TRIES)
    assert [attempt["status"] for attempt in told.attempts] == [500] * MOST_TRIES
    make_due(account)
    assert deliver_due(sender, webhook) == []
    assert {call.id for call in receiver.calls} == {shown_id(told.message_id)}
    assert len({call.body for call in receiver.calls}) == 1
    assert now_of(account, webhook).is_enabled


def now_from(account: Account) -> Any:
    with account.parts.database.tenant(account.id) as connection:
        return connection.scalar(text("SELECT now()"))


def test_the_schedule_is_that_of_the_standard() -> None:
    """standardwebhooks.com: time since the start, of each try."""
    since_start_s = [sum(RETRY_AFTER_S[:n]) for n in range(MOST_TRIES)]
    assert since_start_s == [
        0,
        5,
        305,
        2_105,
        9_305,
        27_305,
        63_305,
        113_705,
        185_705,
        272_105,
    ]


@pytest.mark.parametrize(("status", "least_s"), [(503, 600), (429, 600), (500, 0)])
def test_who_says_when_to_come_again_is_heeded(
    account: Account, sender: Sender, receiver: Receiver, status: int, least_s: float
) -> None:
    webhook = account.listen(receiver.url())
    receiver.behave = answer(status, Retry_After="600")
    tell(account)
    deliver_due(sender, webhook)
    waits_s = (one(account).due_at - now_from(account)).total_seconds()
    assert waits_s > least_s - 60
    assert (waits_s > 60) == (least_s > 0)


def test_a_receiver_that_hangs_is_tried_again(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    sender = replace(sender, deadline_s=0.3)
    webhook = account.listen(receiver.url())
    receiver.behave = receiver.hang
    tell(account)
    assert deliver_due(sender, webhook) == [False]
    assert one(account).attempts[0]["error"] == "no answer within 0.3 s"
    receiver.behave = answer(200)
    make_due(account)
    assert deliver_due(sender, webhook) == [True]
    assert len({call.id for call in receiver.calls}) == 1
    assert [attempt["number"] for attempt in one(account).attempts] == [1, 2]


def test_a_redirect_is_a_failure_that_says_so(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    with receiving() as other:
        receiver.behave = answer(302, Location=other.url())
        tell(account)
        assert deliver_due(sender, webhook) == [False]
        assert other.calls == []
    assert "redirects" in one(account).attempts[0]["error"]


def test_what_may_not_be_called_any_more_is_not(account: Account, sender: Sender) -> None:
    with receiving() as inner:
        webhook = account.listen(inner.url())
        tell(account)
        assert deliver_due(replace(sender, networks=()), webhook) == [False]
        assert inner.calls == []


def test_a_process_that_dies_over_a_delivery_leaves_it_to_the_next(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    tell(account)
    [dead] = claim_all(sender, webhook)
    make_due(account)  # its lease is over
    assert deliver_due(sender, webhook) == [True]
    assert delivering.deliver(sender, dead) is True  # it was not dead, only slow
    assert [call.id for call in receiver.calls] == [shown_id(dead.message_id)] * 2
    assert one(account).status == "delivered"


def test_a_delivery_over_which_all_die_is_given_up(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    tell(account)
    for _ in range(MOST_TRIES):
        assert len(claim_all(sender, webhook)) == 1
        make_due(account)
    assert deliver_due(sender, webhook) == [False]
    assert receiver.calls == []
    assert one(account).status == "failed"


# Who is told nothing more


def test_410_disables_at_once_and_the_others_hear_of_it(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    gone, other = account.listen(receiver.url("/gone")), account.listen(receiver.url("/other"))
    tell(account, 3)
    receiver.behave = answer(410)
    [first, *rest] = claim_all(sender, gone)
    assert delivering.deliver(sender, first) is False
    disabled = now_of(account, gone)
    assert (disabled.is_enabled, disabled.disabled_reason) == (False, "gone")
    mine = [one for one in account.told() if one.webhook_id == gone.id]
    assert {one.status for one in mine} == {"failed"}, "what waits is given up"
    assert len(receiver.calls) == 1
    for claimed in rest:
        assert delivering.deliver(sender, claimed) is False
    assert len(receiver.calls) == 1, "not even what was claimed already is called"
    [notice] = account.told("webhook.disabled")
    assert notice.webhook_id == other.id
    assert notice.data["webhook"] == {"id": str(gone.id), "url": gone.url, "reason": "gone"}
    tell(account)
    assert len([one for one in account.told() if one.webhook_id == gone.id]) == 3


@pytest.mark.parametrize(("days", "is_disabled"), [(4.9, False), (5.1, True)])
def test_five_days_of_failures_disable(
    account: Account, sender: Sender, receiver: Receiver, days: float, is_disabled: bool
) -> None:
    webhook = account.listen(receiver.url())
    receiver.behave = answer(500)
    tell(account)
    deliver_due(sender, webhook)
    assert now_of(account, webhook).failing_since is not None
    failing_since(account, webhook, days)
    make_due(account)
    deliver_due(sender, webhook)
    found = now_of(account, webhook)
    assert found.is_enabled == (not is_disabled)
    assert found.disabled_reason == ("failing" if is_disabled else None)
    assert one(account).status == ("failed" if is_disabled else "pending")


def test_one_success_and_it_never_failed(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    failing_since(account, webhook, 100)
    tell(account)
    deliver_due(sender, webhook)
    assert now_of(account, webhook).failing_since is None


def test_enabled_again_it_hears_of_what_comes_and_counts_anew(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    failing_since(account, webhook, 6)
    webhooks.change(account.parts, account.id, str(webhook.id), {"status": "disabled"})
    tell(account)
    assert account.told() == []
    webhooks.change(account.parts, account.id, str(webhook.id), {"status": "enabled"})
    receiver.behave = answer(500)
    tell(account)
    deliver_due(sender, webhook)
    assert now_of(account, webhook).is_enabled


def test_a_suspended_tenant_s_webhooks_are_not_called(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    tell(account)
    accounts.change_tenant(account.parts, account.slug, {"status": "suspended"})
    assert claim_all(sender, webhook) == []
    assert place(webhook) not in delivering.due(sender), "nobody looks again and again"
    accounts.change_tenant(account.parts, account.slug, {"status": "active"})
    make_due(account)
    assert deliver_due(sender, webhook) == [True]


def test_a_webhook_that_is_removed_meanwhile_is_no_error(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    tell(account, 2)
    [first, second] = claim_all(sender, webhook)

    def remove(_: Any) -> None:
        webhooks.remove(account.parts, account.id, str(webhook.id))

    receiver.behave = remove  # while it is called
    assert delivering.deliver(sender, first) is False
    assert delivering.deliver(sender, second) is False
    assert len(receiver.calls) == 1
    with pytest.raises(NotFound):
        now_of(account, webhook)


# Quiet hours


def around_now(account: Account, from_h: float, to_h: float) -> dict[str, str]:
    """Quiet hours in UTC that begin and end so many hours from now."""
    now = now_from(account).astimezone(UTC)
    start, end = (f"{now + timedelta(hours=h):%H:%M}" for h in (from_h, to_h))
    return {"from": start, "to": end, "time_zone": "UTC"}


def test_in_quiet_hours_all_waits_for_their_end_and_then_comes_in_its_order(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url(), quiet_hours=around_now(account, -2, 2))
    tell(account, 5)
    assert deliver_due(sender, webhook) == []
    waiting = account.told()
    assert {one.attempt for one in waiting} == {0}
    [due_at] = {one.due_at for one in waiting}
    assert timedelta(hours=1, minutes=58) < due_at - now_from(account) <= timedelta(hours=2)
    assert place(webhook) not in delivering.due(sender), "nobody looks again and again"
    over = {"quiet_hours": around_now(account, 2, 4)}
    webhooks.change(account.parts, account.id, str(webhook.id), over)
    make_due(account)
    while deliver_due(sender, webhook):
        pass
    assert [call.message["data"]["n"] for call in receiver.calls] == [0, 1, 2, 3, 4]


def test_a_try_that_falls_into_quiet_hours_waits_too(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    receiver.behave = answer(500)
    tell(account)
    assert deliver_due(sender, webhook) == [False]
    quiet = {"quiet_hours": around_now(account, -1, 1)}
    webhooks.change(account.parts, account.id, str(webhook.id), quiet)
    make_due(account)
    assert deliver_due(sender, webhook) == []
    assert one(account).due_at > now_from(account) + timedelta(minutes=50)


def test_what_somebody_asked_for_goes_in_quiet_hours_too(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url(), quiet_hours=around_now(account, -2, 2))
    tell(account)
    assert deliver_due(sender, webhook) == []
    deliveries.try_out(account.parts, account.id, str(webhook.id))
    assert deliver_due(sender, webhook) == [True]
    waiting = shown_id(one(account).message_id)
    deliveries.replay(account.parts, account.id, str(webhook.id), waiting)
    assert deliver_due(sender, webhook) == [True]
    assert [call.message["type"] for call in receiver.calls] == ["webhook.test", "event.opened"]


def test_where_the_order_counts_one_is_called_after_the_other(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url(), quiet_hours=around_now(account, 2, 4))
    tell(account, 3)
    [first] = claim_all(sender, webhook)
    assert claim_all(sender, webhook) == [], "the first is under way"
    assert delivering.deliver(sender, first)
    [second] = claim_all(sender, webhook)
    make_due(account)  # its lease is over
    [again] = claim_all(sender, webhook)
    assert again.message_id == second.message_id
    receiver.behave = answer(500)
    assert not delivering.deliver(sender, again)
    [third] = claim_all(sender, webhook)
    assert third.data == {"n": 2}, "one that fails holds up nobody"


# Tests and replays


Act = Callable[[Account, Webhook], Delivery]


def test_a_test_is_one_call_to_one_webhook(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url(), types=["event.closed"])
    account.listen(receiver.url("/other"))
    asked = deliveries.try_out(account.parts, account.id, str(webhook.id))
    assert (asked.type, asked.status) == ("webhook.test", "pending")
    assert deliver_due(sender, webhook) == [True]
    [call] = receiver.calls
    assert call.message["type"] == "webhook.test"
    assert len(account.told("webhook.test")) == 1


def test_a_test_that_fails_is_not_tried_again_and_counts_for_nothing(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    receiver.behave = answer(500)
    deliveries.try_out(account.parts, account.id, str(webhook.id))
    deliver_due(sender, webhook)
    [told] = account.told("webhook.test")
    assert told.status == "failed"
    assert now_of(account, webhook).failing_since is None


def test_a_disabled_webhook_can_be_tested(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook = account.listen(receiver.url())
    webhooks.change(account.parts, account.id, str(webhook.id), {"status": "disabled"})
    deliveries.try_out(account.parts, account.id, str(webhook.id))
    assert deliver_due(sender, webhook) == [True]
    assert not now_of(account, webhook).is_enabled


@pytest.mark.parametrize("status", [200, 500])
def test_a_replay_comes_at_once_under_the_same_id_with_a_schedule_of_its_own(
    account: Account, sender: Sender, receiver: Receiver, status: int
) -> None:
    webhook = account.listen(receiver.url())
    receiver.behave = answer(status)
    tell(account)
    for _ in range(3):
        deliver_due(sender, webhook)
        make_due(account)
    before = one(account)
    asked = deliveries.replay(
        account.parts, account.id, str(webhook.id), shown_id(before.message_id)
    )
    assert (asked.status, asked.tries, asked.ended_at) == ("pending", 0, None)
    receiver.behave = answer(500)
    deliver_due(sender, webhook)
    told = one(account)
    assert (told.attempt, told.tries) == (before.attempt + 1, 1)
    waits_s = (told.due_at - now_from(account)).total_seconds()
    assert waits_s <= 1.2 * RETRY_AFTER_S[0]
    assert {call.id for call in receiver.calls} == {shown_id(before.message_id)}


def test_all_that_failed_since_a_time_is_replayed_at_once(
    account: Account, sender: Sender, receiver: Receiver
) -> None:
    webhook, other = account.listen(receiver.url()), account.listen(receiver.url("/other"))
    for _ in range(3):
        tell(account)
    [delivered] = delivering.claim(sender, place(webhook), 1)
    assert delivering.deliver(sender, delivered)
    with account.parts.database.tenant(account.id) as connection:
        outbox.add_test(connection, account.id, webhook.id, {})
        failed_test = "status = 'failed', ended_at = now() WHERE type = 'webhook.test'"
        connection.execute(text(f"UPDATE webhook_deliveries SET {failed_test}"))
    for one in (webhook, other):
        webhooks.change(account.parts, account.id, str(one.id), {"status": "disabled"})
        webhooks.change(account.parts, account.id, str(one.id), {"status": "enabled"})
    failed = [
        one
        for one in account.told("event.opened")
        if one.webhook_id == webhook.id and one.status == "failed"
    ]
    assert len(failed) == 2

    def replayed(since: Any) -> int:
        return deliveries.replay_failed(account.parts, account.id, str(webhook.id), since)

    assert replayed(failed[1].created_at) == 1
    assert replayed(None) == 1
    deliver_due(sender, webhook)
    assert [call.path for call in receiver.calls] == ["/hook"] * 3
    assert {call.message["type"] for call in receiver.calls} == {"event.opened"}


def test_nothing_is_replayed_to_a_disabled_webhook(account: Account, receiver: Receiver) -> None:
    webhook = account.listen(receiver.url())
    tell(account)
    webhooks.change(account.parts, account.id, str(webhook.id), {"status": "disabled"})
    told = one(account)
    assert told.status == "failed"
    with pytest.raises(Conflict, match="enable it"):
        deliveries.replay(account.parts, account.id, str(webhook.id), shown_id(told.message_id))


def test_a_tenant_cannot_have_a_receiver_flooded_with_calls(account: Account) -> None:
    webhook = account.listen(f"http://127.0.0.1:{free_port()}/")

    def ask_often() -> None:
        for _ in range(50):
            deliveries.try_out(account.parts, account.id, str(webhook.id))

    with pytest.raises(RateLimited):
        ask_often()
    assert len(account.told("webhook.test")) < 50
