"""A notice is a webhook whose address is a secret: nobody is shown it, and nothing is signed."""

import csv
import io
import ssl
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.actions import announcing, delivering, exporting, webhooks
from app.actions.delivering import Sender
from app.actions.parts import Parts
from app.errors import Conflict, Invalid
from app.outbound import notices, sealing
from app.outbound.signatures import Salt
from app.signing import Secret
from app.store import outbox
from app.store import webhooks as stored
from app.store.outbox import Due
from app.store.webhooks import Webhook

Account = Any
TOKEN, OTHER = "JHMHI8qBe7bk2ZwO5U711o3dV", "KINIJ9rCf8cl3AxP6V822p4eW"
CHAT, OTHER_CHAT = f"discord://4174216298/{TOKEN}", f"discord://4174216299/{OTHER}"
HOOK = "https://hook.invalid/"


@pytest.fixture
def account(account: Account) -> Account:
    """On an installation that sends notices by two ways."""
    given = {"notice_schemes": "discord,slack"}
    account.parts = replace(account.parts, settings=account.parts.settings.model_copy(update=given))
    return account


def address(parts: Parts, of: Webhook) -> str | None:
    assert of.sealed is not None
    salt = Salt(of.secret_number, of.secret_salt)
    return sealing.opened(parts.secret, of.tenant_id, of.id, salt, of.sealed)


def changed(account: Account, of: Webhook, **changes: Any) -> Webhook:
    return webhooks.change(account.parts, account.id, str(of.id), changes)


def wrong_url(refused: pytest.ExceptionInfo[Invalid]) -> str:
    [error] = refused.value.errors
    assert isinstance(error.message, str)
    assert getattr(error, "field", None) == "url"
    assert TOKEN not in error.message
    assert TOKEN not in refused.value.detail
    return error.message


def test_it_has_no_secret_and_its_address_is_kept_sealed(account: Account) -> None:
    made, secret = webhooks.add(
        account.parts, account.id, CHAT, description="", types=["event.opened"]
    )
    assert (made.url, secret) == ("discord://…", "")
    assert address(account.parts, made) == CHAT
    with account.parts.database.tenant(account.id) as connection:
        [row] = connection.execute(text("SELECT webhooks::text FROM webhooks")).scalars()
    assert TOKEN not in row


def test_another_address_takes_the_place_of_the_first(account: Account) -> None:
    made = account.listen(CHAT)
    assert address(account.parts, changed(account, made, url=OTHER_CHAT)) == OTHER_CHAT
    again = changed(account, made, description="the night shift")
    assert address(account.parts, again) == OTHER_CHAT
    with pytest.raises(Invalid) as refused:
        changed(account, made, url=again.url)
    assert "ASCII" in wrong_url(refused)


def test_a_webhook_becomes_no_notice_nor_the_other_way_round(account: Account) -> None:
    for made, url in ((account.listen(CHAT), HOOK), (account.listen(HOOK), CHAT)):
        with pytest.raises(Invalid) as refused:
            changed(account, made, url=url)
        assert "make one" in wrong_url(refused)


def test_another_url_of_a_webhook_leaves_its_secret(account: Account) -> None:
    made = account.listen(HOOK)
    after = changed(account, made, url=f"{HOOK}2")
    assert (after.secret_salt, after.url) == (made.secret_salt, f"{HOOK}2")


@pytest.mark.parametrize(
    "url", [CHAT.replace("discord", "tgram"), f"{CHAT}?verify=no", "slack://x"]
)
def test_what_may_not_be_told_names_the_field_and_no_secret(account: Account, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        account.listen(url)
    wrong_url(refused)


def test_where_nothing_is_set_no_notice_is_made(account: Account) -> None:
    settings = account.parts.settings.model_copy(update={"notice_schemes": ""})
    account.parts = replace(account.parts, settings=settings)
    with pytest.raises(Invalid) as refused:
        account.listen(CHAT)
    assert "(none)" in wrong_url(refused)


def test_where_it_is_not_installed_none_is_made(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "PACKAGES", ("apprise_of_nobody",))
    with pytest.raises(Invalid) as refused:
        account.listen(CHAT)
    assert "not installed" in wrong_url(refused)


def test_there_is_no_secret_to_rotate(account: Account) -> None:
    made = account.listen(CHAT)
    with pytest.raises(Conflict, match="not signed"):
        webhooks.rotate(account.parts, account.id, str(made.id), 0)
    assert address(account.parts, made) == CHAT


def test_neither_an_export_nor_another_webhook_is_told_the_address(
    account: Account, tmp_path: Path
) -> None:
    made = account.listen(CHAT)
    account.listen(HOOK)
    with account.parts.database.tenant(account.id) as connection:
        stored.disable(connection, account.id, made.id, "failing")
        announcing.webhook_disabled(connection, made, "failing")
    [told] = account.told("webhook.disabled")
    assert told.data["webhook"]["url"] == "discord://…"
    exporting.export(account.parts, account.slug, tmp_path / "out.zip", lambda *_: None)
    with zipfile.ZipFile(tmp_path / "out.zip") as zipped:
        _, row, _ = csv.reader(io.StringIO(zipped.read("webhooks.csv").decode()))
        assert row[1] == "discord://…"
        assert not [name for name in zipped.namelist() if TOKEN.encode() in zipped.read(name)]


def test_under_another_secret_of_the_installation_it_fails_and_says_what_to_do(
    account: Account,
) -> None:
    made = account.listen(CHAT)
    with account.parts.database.tenant(account.id) as connection:
        outbox.add(connection, account.id, "event.opened", None, {})
    other = Secret({1: b"z" * 32})
    sender = Sender(account.parts.database, other, [], ssl.create_default_context())
    [claimed] = delivering.claim(sender, Due(account.id, made.id), 9)
    assert not delivering.deliver(sender, claimed)
    [told] = account.told()
    assert "set the url again" in told.attempts[0]["error"]


def test_people_are_told_one_thing_after_the_other(account: Account) -> None:
    made = account.listen(CHAT)
    with account.parts.database.tenant(account.id) as connection:
        for _ in range(3):
            outbox.add(connection, account.id, "event.opened", None, {})
    sender = Sender(account.parts.database, account.parts.secret, [], ssl.create_default_context())
    assert len(delivering.claim(sender, Due(account.id, made.id), 9)) == 1
    assert delivering.claim(sender, Due(account.id, made.id), 9) == []
