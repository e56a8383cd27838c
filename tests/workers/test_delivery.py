"""The process that calls webhooks may die at any moment, and is held up by no receiver."""

import os
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

import pytest
from sqlalchemy import text

from app.actions import accounts, deliveries, webhooks
from app.actions.parts import Parts, assemble
from app.settings import Settings
from app.store import migrations, outbox
from app.store.deliveries import Delivery, shown_id
from app.store.ids import new_id
from app.store.outbox import Claim, Due
from app.store.webhooks import Webhook
from tests.conftest import Servers, drop_database, environment_of, make_database
from tests.receiver import Receiver, answer, receiving
from tests.service import Service, running, wait_until
from workers.delivery import Room

CALLS = 16
END_ALL = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tocsin_server' "
    "AND datname = current_database() AND pid <> pg_backend_pid()"
)


@dataclass
class Hooked:
    """A tenant with one webhook."""

    parts: Parts
    id: UUID
    webhook: Webhook
    secret: str

    def tell(self, times: int = 1) -> None:
        with self.parts.database.tenant(self.id) as connection:
            for n in range(times):
                outbox.add(connection, self.id, "event.opened", None, {"n": n})

    def told(self) -> list[Delivery]:
        """Newest first."""
        return deliveries.page(self.parts, self.id, str(self.webhook.id), None, 1_000)

    def wait_until(self, status: str) -> Delivery:
        """Of the newest delivery."""
        wait_until(lambda: self.told()[0].status == status, f"it is {status}")
        return self.told()[0]

    def make_due(self) -> None:
        sooner = "UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'"
        with self.parts.database.tenant(self.id) as connection:
            connection.execute(text(sooner))

    def now(self) -> Webhook:
        return webhooks.by_id(self.parts, self.id, str(self.webhook.id))


@pytest.fixture(scope="module")
def settings(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Of an installation of its own, where no other test's webhooks wait."""
    made = make_database(servers)
    migrations.upgrade(made.owner_url, made.server_url)
    yield Settings(
        data_dir=tmp_path_factory.mktemp("delivering"),
        database_url=made.server_url,
        owner_database_url=made.owner_url,
        redis_url=servers.other_redis_url,
        webhook_networks="127.0.0.1/32",
    )
    drop_database(made)


@pytest.fixture(scope="module")
def parts(settings: Settings) -> Iterator[Parts]:
    made = assemble(settings)
    yield made
    made.close()


@pytest.fixture
def service(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Nothing runs in it but what a test starts."""
    environment = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
    environment |= environment_of(settings) | {"TOCSIN_WEBHOOK_CALLS": str(CALLS)}
    with running(Service(environment, tmp_path_factory.mktemp("logs"))) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def hooked(parts: Parts, receiver: Receiver, path: str = "/hook") -> Hooked:
    slug = f"t-{secrets.token_hex(6)}"
    tenant, _, _ = accounts.add_tenant(parts, slug, slug, {})
    types = list(get_args(outbox.Type))
    url = receiver.url(path)
    webhook, secret = webhooks.add(parts, tenant.id, url, description="", types=types)
    return Hooked(parts, tenant.id, webhook, secret)


def test_a_receiver_that_fails_hangs_redirects_and_goes_is_told_until_it_goes(
    parts: Parts, service: Service, receiver: Receiver
) -> None:
    mine = hooked(parts, receiver)
    service.start_delivery()
    mine.tell()
    statuses: list[int | None] = []
    for behave, status in (
        (answer(500), 500),
        (answer(302, Location=receiver.url("/elsewhere")), 302),
        (receiver.hang, None),
        (answer(200), 200),
    ):
        receiver.behave = behave
        mine.make_due()
        statuses.append(status)
        wait_until(lambda: len(mine.told()[0].attempts) == len(statuses), f"it got {status}")
    told = mine.told()[0]
    assert [attempt["status"] for attempt in told.attempts] == statuses
    assert told.status == "delivered"
    assert [call.id for call in receiver.calls] == [shown_id(told.message_id)] * 4
    assert {call.path for call in receiver.calls} == {"/hook"}
    assert [call.verified(mine.secret)["type"] for call in receiver.calls] == ["event.opened"] * 4
    receiver.behave = answer(410)
    mine.tell()
    mine.wait_until("failed")
    assert mine.now().disabled_reason == "gone"
    mine.tell()
    assert len(mine.told()) == 2


def test_what_a_killed_process_was_about_is_delivered_by_the_next_under_the_same_id(
    parts: Parts, service: Service, receiver: Receiver
) -> None:
    mine = hooked(parts, receiver)
    receiver.behave = receiver.hang
    killed = service.start_delivery()
    mine.tell()
    wait_until(lambda: receiver.calls, "the receiver is called")
    killed.kill()
    killed.wait()
    assert mine.told()[0].status == "pending"
    receiver.behave = answer(200)
    mine.make_due()  # as when its lease is over
    service.start_delivery()
    told = mine.wait_until("delivered")
    assert told.attempt == 2
    assert [call.id for call in receiver.calls] == [shown_id(told.message_id)] * 2


def test_one_that_is_asked_to_stop_ends_its_calls_first(
    parts: Parts, service: Service, receiver: Receiver
) -> None:
    mine = hooked(parts, receiver)
    asked = list[int | None]()

    def behave(request: Any) -> None:
        process.send_signal(signal.SIGTERM)
        asked.append(process.poll())
        answer(200)(request)

    receiver.behave = behave
    process = service.start_delivery()
    mine.tell()
    assert process.wait(60) == 0
    assert asked == [None]
    assert mine.told()[0].status == "delivered"


def test_a_receiver_that_hangs_holds_up_nobody_else(
    parts: Parts, service: Service, receiver: Receiver
) -> None:
    slow = hooked(parts, receiver, "/slow")
    receiver.behave = receiver.hang
    service.start_delivery()
    slow.tell(100)
    most = CALLS // 8
    wait_until(lambda: len(receiver.calls) >= most, "as many calls as it may have")
    with receiving() as other:
        quick = hooked(parts, other)
        quick.tell(50)
        wait_until(
            lambda: [one.status for one in quick.told()] == ["delivered"] * 50,
            "all others are told",
        )
    statuses = [one.status for one in slow.told()]
    assert statuses == ["pending"] * 100
    under_way = len(receiver.calls) - sum(len(one.attempts) for one in slow.told())
    assert under_way <= most


def test_two_processes_tell_everything_once(
    parts: Parts, service: Service, receiver: Receiver
) -> None:
    mine = hooked(parts, receiver)
    mine.tell(200)
    for name in ("one", "two"):
        service.start_delivery(name)
    wait_until(
        lambda: [one.status for one in mine.told()] == ["delivered"] * 200, "all of it is told"
    )
    assert len(receiver.calls) == len({call.id for call in receiver.calls}) == 200


def test_connections_that_break_are_made_anew(
    parts: Parts, service: Service, receiver: Receiver
) -> None:
    mine = hooked(parts, receiver)
    process = service.start_delivery()
    with parts.database.plain() as connection:
        connection.execute(END_ALL)
    mine.tell()
    mine.wait_until("delivered")
    assert process.poll() is None


# How many calls at the same time


def claim(tenant_id: UUID, webhook_id: UUID) -> Claim:
    return Claim(tenant_id, webhook_id, new_id(), "event.opened", {}, 1, 1, None, None)  # type: ignore[arg-type]


def fill(room: Room, tenant_id: UUID, webhook_id: UUID) -> list[Claim]:
    """As many calls as there is room for."""
    taken = []
    while room.left(Due(tenant_id, webhook_id)):
        taken.append(claim(tenant_id, webhook_id))
        room.take(taken[-1])
    return taken


@pytest.mark.parametrize(("calls", "most"), [(1, 1), (4, 1), (8, 1), (32, 4), (100, 12)])
def test_a_webhook_has_an_eighth_of_the_calls(calls: int, most: int) -> None:
    assert len(fill(Room(calls), new_id(), new_id())) == most


def test_a_tenant_has_a_quarter_however_many_webhooks_it_has() -> None:
    room, tenant_id = Room(32), new_id()
    assert sum(len(fill(room, tenant_id, new_id())) for _ in range(20)) == 8


def test_all_together_have_all_of_them() -> None:
    room = Room(32)
    assert sum(len(fill(room, new_id(), new_id())) for _ in range(100)) == 32


def test_those_that_fail_have_a_half_however_many_they_are() -> None:
    room, failing = Room(32), [(new_id(), new_id()) for _ in range(100)]
    for tenant_id, webhook_id in failing:
        one = claim(tenant_id, webhook_id)
        room.take(one)
        room.give_back(one, is_success=False)
    assert sum(len(fill(room, *one)) for one in failing) == 16
    assert len(fill(room, new_id(), new_id())) == 4


def test_what_is_given_back_can_be_taken_and_a_success_ends_the_failing() -> None:
    room, tenant_id, webhook_id = Room(32), new_id(), new_id()
    for is_success in (False, True, False, True):
        for one in fill(room, tenant_id, webhook_id):
            room.give_back(one, is_success)
    assert len(fill(room, tenant_id, webhook_id)) == 4
