"""What is to be told is claimed by one at a time, lost by nobody, and kept under one id."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from app.actions.parts import Parts
from app.store import deliveries, outbox, series, webhooks
from app.store.deliveries import Delivery
from app.store.ids import new_id
from app.store.outbox import KEPT_ATTEMPTS, Claim, Due
from app.store.series import Series
from app.store.webhooks import Webhook
from tests.service import wait_until

MakeSeries = Callable[..., Series]
LONG_S, OVER_S = 60.0, -1.0
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND datname = current_database()"
)


@pytest.fixture
def of(make_series: MakeSeries) -> Series:
    return make_series()


@pytest.fixture
def webhook(parts: Parts, of: Series) -> Webhook:
    return listening(parts, of)


def tenant(parts: Parts, of: Series | Webhook | Claim) -> AbstractContextManager[Connection]:
    return parts.database.tenant(of.tenant_id)


def listening(parts: Parts, of: Series, *types: str) -> Webhook:
    salt = {"secret_number": 1, "secret_salt": b"salt"}
    given = list(types) or ["event.opened", "event.closed"]
    with tenant(parts, of) as connection:
        return webhooks.add(
            connection, of.tenant_id, new_id(), url="https://a", types=given, **salt
        )


def tell(parts: Parts, of: Series, times: int = 1) -> int:
    with tenant(parts, of) as connection:
        return sum(
            outbox.add(connection, of.tenant_id, "event.opened", of.id, {"n": n})
            for n in range(times)
        )


def place(webhook: Webhook) -> Due:
    return Due(webhook.tenant_id, webhook.id)


def claimed(parts: Parts, webhook: Webhook, most: int = 1, lease_s: float = LONG_S) -> list[Claim]:
    with tenant(parts, webhook) as connection:
        return outbox.claim(connection, place(webhook), most, lease_s)


def stored(parts: Parts, webhook: Webhook) -> list[Delivery]:
    """Newest first."""
    with tenant(parts, webhook) as connection:
        return deliveries.page(connection, webhook.tenant_id, webhook.id, None, 1_000)


def due(parts: Parts, of: Series) -> list[Any]:
    with parts.database.job_scan() as connection:
        found = outbox.due(connection, 1_000_000)
    return [webhook_id for tenant_id, webhook_id in found if tenant_id == of.tenant_id]


def entry(number: int = 1) -> dict[str, Any]:
    return {"number": number, "status": 500}


def test_one_message_goes_to_all_that_want_to_hear_of_it_under_one_id(
    parts: Parts, of: Series
) -> None:
    first, second = listening(parts, of), listening(parts, of)
    other = listening(parts, of, "training.failed")
    disabled = listening(parts, of)
    with tenant(parts, of) as connection:
        webhooks.disable(connection, of.tenant_id, disabled.id, "by_request")
    assert tell(parts, of) == 2
    [one], [two] = stored(parts, first), stored(parts, second)
    assert one.message_id == two.message_id
    assert one.data == two.data == {"n": 0}
    assert stored(parts, other) == stored(parts, disabled) == []


def test_what_is_undone_is_not_told(parts: Parts, of: Series, webhook: Webhook) -> None:
    with pytest.raises(ZeroDivisionError), tenant(parts, of) as connection:  # noqa: PT012
        outbox.add(connection, of.tenant_id, "event.opened", of.id, {})
        raise ZeroDivisionError
    assert stored(parts, webhook) == []


def test_those_that_wait_are_listed_once_each_the_longest_wait_first(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    assert due(parts, of) == []
    tell(parts, of, 3)
    later = listening(parts, of)
    tell(parts, of, 3)
    assert due(parts, of) == [webhook.id, later.id]
    claimed(parts, webhook, 100)
    assert due(parts, of) == [later.id]


def test_two_at_once_claim_different_ones_and_nobody_waits(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of, 3)
    with tenant(parts, of) as one, tenant(parts, of) as two:
        mine = outbox.claim(one, place(webhook), 2, LONG_S)
        theirs = outbox.claim(two, place(webhook), 2, LONG_S)
    assert (len(mine), len(theirs)) == (2, 1)
    assert len({claim.message_id for claim in mine + theirs}) == 3
    assert claimed(parts, webhook) == []


def test_what_is_claimed_is_due_again_when_the_lease_is_over_under_the_same_id(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of)
    [dead] = claimed(parts, webhook, lease_s=OVER_S)
    [alive] = claimed(parts, webhook)
    assert (dead.attempt, alive.attempt) == (1, 2)
    assert dead.message_id == alive.message_id
    assert dead.created_at == alive.created_at


def test_a_failure_that_is_noted_too_late_does_not_count(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of)
    [dead] = claimed(parts, webhook, lease_s=OVER_S)
    claimed(parts, webhook)
    with tenant(parts, of) as connection:
        outbox.note_failed(connection, dead, entry())
        outbox.note_retry(connection, dead, entry(), 5.0)
    [delivery] = stored(parts, webhook)
    assert (delivery.status, delivery.attempts) == ("pending", [])


def test_a_success_that_is_noted_too_late_is_one(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of)
    [slow] = claimed(parts, webhook, lease_s=OVER_S)
    [other] = claimed(parts, webhook)
    with tenant(parts, of) as connection:
        outbox.note_delivered(connection, slow, entry(1))
        outbox.note_failed(connection, other, entry(2))
        outbox.note_delivered(connection, other, entry(2))
    [delivery] = stored(parts, webhook)
    assert delivery.status == "delivered"
    assert delivery.ended_at is not None
    assert [one["number"] for one in delivery.attempts] == [1]


@pytest.mark.parametrize("delay_s", [5.0, 86_400.0])
def test_a_retry_is_due_after_the_delay_or_a_little_later(
    parts: Parts, of: Series, webhook: Webhook, delay_s: float
) -> None:
    tell(parts, of, 20)
    found = claimed(parts, webhook, 20)
    with tenant(parts, of) as connection:
        now = connection.scalar(text("SELECT now()"))
        for one in found:
            outbox.note_retry(connection, one, entry(), delay_s)
    delays = [delivery.due_at - now for delivery in stored(parts, webhook)]
    least, most = timedelta(seconds=delay_s), timedelta(seconds=1.2 * delay_s)
    assert all(least <= delay <= most for delay in delays)
    assert len(set(delays)) > 1, "all of them would come at once"


def test_of_many_attempts_the_last_ones_are_kept(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of)
    for number in range(1, KEPT_ATTEMPTS + 4):
        [mine] = claimed(parts, webhook, lease_s=OVER_S)
        with tenant(parts, of) as connection:
            outbox.note_retry(connection, mine, entry(number), OVER_S)
    [delivery] = stored(parts, webhook)
    assert [one["number"] for one in delivery.attempts] == list(range(4, KEPT_ATTEMPTS + 4))
    assert delivery.attempt == KEPT_ATTEMPTS + 3


def test_who_tells_does_not_wait_for_who_delivers(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    """A point that opens an event is not held up by the webhook's own matters."""
    with tenant(parts, of) as delivering:
        webhooks.lock(delivering, of.tenant_id, webhook.id)
        webhooks.note_failure(delivering, of.tenant_id, webhook.id, 1.0)
        with tenant(parts, of) as telling:
            telling.execute(text("SET LOCAL lock_timeout = 1"))
            assert outbox.add(telling, of.tenant_id, "event.opened", of.id, {}) == 1


def test_who_tells_leaves_out_a_webhook_that_is_removed_meanwhile(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with tenant(parts, of) as removing:
            webhooks.remove(removing, of.tenant_id, webhook.id)
            telling = pool.submit(tell, parts, of)
            wait_until(lambda: removing.scalar(WAITING), "it waits for the removal")
        assert telling.result(30) == 0


def test_a_removed_webhook_takes_its_deliveries_along(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of)
    with tenant(parts, of) as connection:
        assert webhooks.remove(connection, of.tenant_id, webhook.id)
    assert stored(parts, webhook) == []
    assert due(parts, of) == []


def test_of_an_erased_series_nothing_is_kept_but_what_is_still_to_be_told(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of, 2)
    [told] = claimed(parts, webhook)
    with tenant(parts, of) as connection:
        outbox.note_delivered(connection, told, entry())
        series.remove(connection, of)
        deliveries.forget_series(connection, of.tenant_id, of.id)
    assert [one.status for one in stored(parts, webhook)] == ["pending"]
    [last] = claimed(parts, webhook)
    with tenant(parts, of) as connection:
        outbox.note_delivered(connection, last, entry())
    assert stored(parts, webhook) == []


def test_deliveries_are_forgotten_30_days_after_their_end(
    parts: Parts, of: Series, webhook: Webhook
) -> None:
    tell(parts, of, 3)
    for days in (31, 29):
        [one] = claimed(parts, webhook)
        with tenant(parts, of) as connection:
            outbox.note_delivered(connection, one, entry())
            aged = "UPDATE webhook_deliveries SET ended_at = now() - make_interval(days => :days) "
            values = {"days": days, "id": one.message_id}
            connection.execute(text(aged + "WHERE message_id = :id"), values)
    with parts.database.job_scan() as connection:
        assert of.tenant_id in deliveries.tenants_with_old(connection)
    with tenant(parts, of) as connection:
        assert deliveries.forget_old(connection, of.tenant_id) == 1
    assert [one.status for one in stored(parts, webhook)] == ["pending", "delivered"]
    with parts.database.job_scan() as connection:
        assert of.tenant_id not in deliveries.tenants_with_old(connection)
