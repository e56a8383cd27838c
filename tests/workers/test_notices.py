"""People are told what programs are told, by the process that calls webhooks."""

import os
import secrets
from collections.abc import Iterator
from typing import Any, get_args
from uuid import UUID

import pytest
from sqlalchemy import text

from app.actions import accounts, deliveries, webhooks
from app.actions.parts import Parts, assemble
from app.client import Conflict, Invalid, Tocsin
from app.settings import Settings
from app.store import migrations, outbox
from app.store.deliveries import Delivery, shown_id
from app.store.webhooks import Webhook
from tests.cli.conftest import Shell
from tests.conftest import Servers, drop_database, environment_of, make_database
from tests.people import HAS_OPENSSL, Chats, MailServer, chats, mail_server
from tests.receiver import answer
from tests.service import Service, running, wait_until

EVENT = {
    "series": "rides",
    "event": {
        "id": "01HKF0T8M0ABCDEFGHJKMNPQRS",
        "series": "rides",
        "start": "2015-02-01T00:30:00Z",
        "end": "2015-02-01T02:00:00Z",
        "peak": {"timestamp": "2015-02-01T01:00:00Z", "score": 0.99996},
        "points": 4,
        "reason": "90 is far below what was expected",
        "model_version": 1,
    },
    "links": {},
}
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"
CHAT = f"discord://4174216298/{TOKEN}"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chats]:
    if not HAS_OPENSSL:
        pytest.skip("openssl is not on this machine")
    with chats(tmp_path_factory.mktemp("tls")) as made:
        yield made


@pytest.fixture(scope="module")
def settings(
    servers: Servers, server: MailServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    made = make_database(servers)
    migrations.upgrade(made.owner_url, made.server_url)
    yield Settings(
        data_dir=tmp_path_factory.mktemp("noticing"),
        database_url=made.server_url,
        owner_database_url=made.owner_url,
        redis_url=servers.other_redis_url,
        notice_schemes="discord,mailto",
        mail_url=server.url,
    )
    drop_database(made)


@pytest.fixture(scope="module")
def parts(settings: Settings) -> Iterator[Parts]:
    made = assemble(settings)
    yield made
    made.close()


@pytest.fixture
def service(
    settings: Settings, chat: Chats, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    inherited = {name: value for name, value in os.environ.items() if "TOCSIN" not in name}
    environment = {**inherited, **environment_of(settings), **chat.environment}
    assert settings.mail_url is not None
    environment |= {
        "TOCSIN_LOG_LEVEL": "debug",
        "TOCSIN_NOTICE_SCHEMES": settings.notice_schemes,
        "TOCSIN_MAIL_URL": settings.mail_url.get_secret_value(),
    }
    with running(Service(environment, tmp_path_factory.mktemp("logs"))) as made:
        yield made


class Noticed:
    """A tenant with one notice."""

    def __init__(self, parts: Parts, url: str, **settings: Any) -> None:
        self.parts = parts
        slug = f"t-{secrets.token_hex(6)}"
        self.id: UUID = accounts.add_tenant(parts, slug, slug, {})[0].id
        given = {"description": "", "types": list(get_args(outbox.Type)), **settings}
        self.webhook: Webhook = webhooks.add(parts, self.id, url, **given)[0]

    def tell(self, type_: outbox.Type, data: dict[str, Any]) -> None:
        with self.parts.database.tenant(self.id) as connection:
            outbox.add(connection, self.id, type_, None, data)

    def told(self) -> list[Delivery]:
        """The oldest first."""
        return deliveries.page(self.parts, self.id, str(self.webhook.id), None, 1_000)[::-1]

    def wait_until(self, *statuses: str) -> None:
        wanted = list(statuses)
        wait_until(lambda: [one.status for one in self.told()] == wanted, f"they are {statuses}")


def test_each_type_of_message_has_words_that_arrive_in_their_order(
    parts: Parts, service: Service, server: MailServer
) -> None:
    mine = Noticed(parts, "mailto:ops@example.com")
    mine.tell("event.opened", EVENT)
    mine.tell("event.closed", EVENT)
    job = {"id": "01890a5d", "kind": "train", "attempt": 3, "error": "It went wrong"}
    mine.tell("training.failed", {"series": "rides", "job": job, "links": {}})
    other = {"id": "1", "url": "https://hook.invalid/", "reason": "gone"}
    mine.tell("webhook.disabled", {"webhook": other, "links": {}})
    deliveries.try_out(parts, mine.id, str(mine.webhook.id))
    types = {*get_args(outbox.Type), outbox.TEST}
    assert types == {one.type for one in mine.told()}, "each has words"
    service.start_delivery()
    mine.wait_until(*["delivered"] * 5)
    mails = server.mails[-5:]
    assert [mail["subject"] for mail in mails] == [
        "rides: anomaly",
        "rides: anomaly over",
        "rides: training failed",
        "Tocsin: a webhook is disabled",
        "Tocsin: a test",
    ]
    opened, closed, failed, disabled, test = (server.text(place) for place in range(-5, 0))
    assert "90 is far below what was expected" in opened
    assert "Since 2015-02-01 00:30:00 UTC, score 1.0000." in opened
    assert "From 2015-02-01 00:30:00 UTC to 2015-02-01 02:00:00 UTC: 4 points" in closed
    assert "It went wrong" in failed
    assert "https://hook.invalid/: its receiver answered 410" in disabled
    assert "Tocsin can reach this webhook" in test


def test_a_chat_is_told_and_its_address_is_in_no_row_and_no_line(
    parts: Parts, service: Service, chat: Chats
) -> None:
    mine = Noticed(parts, CHAT)
    chat.receiver.behave = answer(404, f'{{"message": "{TOKEN}"}}'.encode())
    service.start_delivery()
    mine.tell("event.opened", EVENT)
    wait_until(lambda: mine.told()[0].attempts, "it was tried")
    [attempt] = mine.told()[0].attempts
    assert (attempt["status"], "404" in attempt["error"]) == (None, True)
    chat.receiver.behave = answer(204)
    again = shown_id(mine.told()[0].message_id)
    deliveries.replay(parts, mine.id, str(mine.webhook.id), again)
    mine.wait_until("delivered")
    assert chat.receiver.calls[-1].path.endswith(TOKEN)
    assert "rides: anomaly" in chat.receiver.calls[-1].body.decode()
    with parts.database.tenant(mine.id) as connection:
        for table in ("webhooks", "webhook_deliveries"):
            rows = connection.execute(text(f"SELECT {table}::text FROM {table}")).scalars().all()
            assert rows
            assert not [row for row in rows if TOKEN in row]
    lines = (service.log_dir / "delivery.log").read_text()
    assert "webhook called" in lines
    assert TOKEN not in lines


def test_what_the_installation_sends_no_more_is_a_failure_that_says_so(
    parts: Parts, service: Service, server: MailServer
) -> None:
    mine, before = Noticed(parts, "mailto:ops@example.com"), len(server.mails)
    service.environment["TOCSIN_NOTICE_SCHEMES"] = "discord"
    service.start_delivery()
    deliveries.try_out(parts, mine.id, str(mine.webhook.id))
    mine.wait_until("failed")
    assert "sends notices by (discord)" in mine.told()[0].attempts[0]["error"]
    assert len(server.mails) == before


def test_a_night_s_events_are_mailed_in_the_morning_in_their_order(
    parts: Parts, service: Service, server: MailServer
) -> None:
    with parts.database.plain() as connection:
        now = connection.scalar(text("SELECT now() AT TIME ZONE 'UTC'"))
    assert now is not None
    night = {"from": f"{now:%H:%M}", "to": f"{now.replace(hour=(now.hour + 2) % 24):%H:%M}"}
    hours = {**night, "time_zone": "UTC"}
    mine = Noticed(parts, "mailto:night@example.com", quiet_hours=hours)
    service.start_delivery()
    types: list[outbox.Type] = ["event.opened", "event.closed", "event.opened"]
    for type_ in types:
        mine.tell(type_, EVENT)
    wait_until(lambda: len({one.due_at for one in mine.told()}) == 1, "all wait for one time")
    deliveries.try_out(parts, mine.id, str(mine.webhook.id))
    mine.wait_until("pending", "pending", "pending", "delivered")
    assert [mail["subject"] for mail in server.mails if mail["to"] == "night@example.com"] == [
        "Tocsin: a test"
    ]
    webhooks.change(parts, mine.id, str(mine.webhook.id), {"quiet_hours": None})
    with parts.database.tenant(mine.id) as connection:  # as when they are over
        sooner = "UPDATE webhook_deliveries SET due_at = now() WHERE status = 'pending'"
        connection.execute(text(sooner))
    mine.wait_until(*["delivered"] * 4)
    assert [mail["subject"] for mail in server.mails if mail["to"] == "night@example.com"][1:] == [
        "rides: anomaly",
        "rides: anomaly over",
        "rides: anomaly",
    ]


def test_by_the_api_a_notice_is_made_and_shown_without_its_address(
    parts: Parts, service: Service, chat: Chats
) -> None:
    slug = f"t-{secrets.token_hex(6)}"
    _, _, key = accounts.add_tenant(parts, slug, slug, {})
    service.start_delivery()
    service.start_server()
    with Tocsin(service.url, key.text) as client:
        made = client.create_webhook(CHAT, idempotency_key="notice-1")
        assert (made.url, made.secret) == ("discord://…", "")
        assert client.create_webhook(CHAT, idempotency_key="notice-1") == made
        assert [one.url for one in client.list_webhooks()] == ["discord://…"]
        with pytest.raises(Conflict):
            client.rotate_webhook(made.id)
        chat.receiver.behave = answer(204)
        tried = client.try_webhook(made.id, wait_s=60)
        assert (tried.status, tried.attempts[0].status, tried.attempts[0].error) == (
            "delivered",
            None,
            None,
        )
        with pytest.raises(Invalid, match="url: must name one mailbox"):
            client.create_webhook("mailto:ops@example.com,all@example.com")
        with pytest.raises(Invalid) as refused:
            client.create_webhook(f"{CHAT}?template=/etc/passwd")
    assert "url: " in str(refused.value)
    assert TOKEN not in str(refused.value)
    shell = Shell(service.log_dir, TOCSIN_URL=service.url, TOCSIN_API_KEY=key.text)
    shell.environment["PYTHONPATH"] = service.environment["PYTHONPATH"]
    run = shell("webhooks", "create", "mailto:ops@example.com", "--type", "event.opened")
    assert (run.out, "Made the webhook" in run.said) == ("", True)
    assert "Delivered: taken" in shell("webhooks", "test", made.id).said
    assert TOKEN not in (service.log_dir / "server.log").read_text()
