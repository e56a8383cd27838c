"""Notices reach the services that they name and nothing else, and tell nobody by which address."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.errors import Misconfigured
from app.outbound import notices
from app.outbound.addresses import NotAllowed
from app.outbound.notices import Channels, Text
from app.setting_values import NOTICE_SCHEMES
from app.settings import Settings
from tests.people import HAS_OPENSSL, Chats, MailServer, chats, mail_server
from tests.receiver import answer
from tests.service import free_port

ALL = Channels(frozenset(NOTICE_SCHEMES), "mailto://user:opensesame@mail.invalid")
TEXT = Text("rides: anomaly", "90 is far below <b> what was expected & usual", "warning")
TOKEN = "JHMHI8qBe7bk2ZwO5U711o3dV"
ADDRESSES = {
    "discord": f"discord://4174216298/{TOKEN}",
    "gchat": f"gchat://workspace/key/{TOKEN}",
    "pover": "pover://u3u3u3u3u3u3u3u3u3u3u3u3u3u3u3@a3a3a3a3a3a3a3a3a3a3a3a3a3a3a3",
    "slack": f"slack://T1JJ3T3L2/A1BRTD4JD/{TOKEN[:24]}/general",
    "tgram": f"tgram://123456789:{TOKEN}/12315544",
}
CALLED = {
    "discord": f"/api/webhooks/4174216298/{TOKEN}",
    "gchat": "/v1/spaces/workspace/messages",
    "pover": "/1/messages.json",
    "slack": f"/services/T1JJ3T3L2/A1BRTD4JD/{TOKEN[:24]}",
    "tgram": f"/bot123456789:{TOKEN}/sendMessage",
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chats]:
    if not HAS_OPENSSL:
        pytest.skip("openssl is not on this machine")
    with chats(tmp_path_factory.mktemp("tls")) as made:
        yield made


@pytest.fixture
def chat(there: Chats, monkeypatch: pytest.MonkeyPatch) -> Chats:
    for name, text in there.environment.items():
        monkeypatch.setenv(name, text)
    there.receiver.calls.clear()
    there.receiver.behave = answer(200)
    return there


def refused(address: str, by: Channels = ALL) -> str:
    with pytest.raises(NotAllowed) as raised:
        notices.refuse(address, by)
    assert notices.send(address, TEXT, by).error == str(raised.value), "looked at again when sent"
    return str(raised.value)


@pytest.mark.parametrize("address", [*ADDRESSES.values(), "mailto:ops@example.com"])
def test_an_address_of_each_scheme_is_taken(address: str) -> None:
    notices.refuse(address, ALL)


@pytest.mark.parametrize("scheme", sorted(NOTICE_SCHEMES))
def test_what_the_operator_did_not_name_is_refused(scheme: str) -> None:
    address = ADDRESSES.get(scheme, "mailto:ops@example.com")
    assert "sends notices by (none)" in refused(address, Channels())
    assert "sends notices by (irc)" in refused(address, Channels(frozenset({"irc"})))


@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1:5432/",
        "xmls://10.0.0.1/",
        "form://localhost/",
        "apprise://169.254.169.254/token",
        "gotify://10.0.0.1/token",
        "matrix://user:pass@10.0.0.1/room",
        "ntfy://10.0.0.1/topic",
        "file:///etc/passwd",
        "mailtos://user:pass@10.0.0.1",
        "syslog://",
        "dbus://",
    ],
)
def test_schemes_that_call_hosts_of_ones_own_choice_are_no_notices(address: str) -> None:
    assert not notices.is_notice(address)
    refused(address)


@pytest.mark.parametrize(
    "address",
    [
        *(f"{ADDRESSES['discord']}?{given}" for given in ("template=/etc/passwd", "verify=no")),
        f"{ADDRESSES['slack']}?template=http://10.0.0.1/",
        f"{ADDRESSES['slack']}#general",
        f"{ADDRESSES['slack']}/other",
        f"{ADDRESSES['tgram']}/12315545",
        f"{ADDRESSES['discord']}\\",
        f"{ADDRESSES['discord']}\n",
        f"{ADDRESSES['discord']}/ä",
        "discord://",
        "discord://only-one-part",
        "discord://../x",
        f"discord://4174216298/{TOKEN}/..",
        "discord://x%2F..%2F../y",
        "gchat://../../x",
        "gchat://a//token",
        "discord:4174216298",
        "slack://…",
        "tgram://no-token/1",
        "slack://" + "x" * 2_000,
        "mailto:",
        "mailto://ops@example.com",
        "mailto://user:pass@10.0.0.1:25/ops@example.com",
        "mailto:ops@example.com?smtp=10.0.0.1",
        "mailto:ops@example.com,all@example.com",
        "mailto:ops@example.com%0ABcc:all@example.com",
        "mailto:ops@localhost",
        "mailto:@example.com",
        "mailto:O P S@example.com",
    ],
)
def test_parameters_several_receivers_and_what_is_no_address_are_refused(address: str) -> None:
    assert notices.is_notice(address)
    refused(address)


def test_of_a_chat_nothing_is_shown_but_which_it_is() -> None:
    for scheme, address in ADDRESSES.items():
        assert notices.shown(address) == f"{scheme}://…"
    assert notices.shown("mailto:ops@example.com") == "mailto:ops@example.com"
    assert "opensesame" not in repr(ALL)


@pytest.mark.parametrize("scheme", sorted(ADDRESSES))
def test_each_chat_is_told_the_words_at_its_own_host(chat: Chats, scheme: str) -> None:
    outcome = notices.send(ADDRESSES[scheme], TEXT, ALL)
    assert (outcome.is_success, outcome.error, outcome.status) == (True, None, None)
    [call] = chat.receiver.calls
    assert call.path.partition("?")[0] == CALLED[scheme]
    said = call.body.decode().replace("+", " ")
    assert "far below" in said
    assert "rides: anomaly" in said or "rides%3A anomaly" in said


@pytest.mark.parametrize("scheme", sorted(ADDRESSES))
def test_what_went_wrong_is_told_without_the_address(chat: Chats, scheme: str) -> None:
    secrets = re.findall(r"\w{9,}", ADDRESSES[scheme].partition(":")[2])
    said = {"ok": False, "error": secrets, "description": " ".join(secrets)}
    chat.receiver.behave = answer(401, json.dumps(said).encode())
    outcome = notices.send(ADDRESSES[scheme], TEXT, ALL)
    assert not outcome.is_success
    assert outcome.error
    assert "401" in outcome.error
    assert [one for one in secrets if one in outcome.error] == []


def test_redirects_are_not_followed(chat: Chats) -> None:
    chat.receiver.behave = answer(307, Location="https://discord.com/elsewhere")
    assert not notices.send(ADDRESSES["discord"], TEXT, ALL).is_success
    assert len(chat.receiver.calls) == 1


# Mail


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


def by_mail(server: MailServer) -> Channels:
    return Channels(frozenset({"mailto"}), server.url)


def test_a_mail_goes_by_the_installation_s_server_to_whom_the_tenant_names(
    server: MailServer,
) -> None:
    outcome = notices.send("mailto:ops@example.com", TEXT, by_mail(server))
    assert outcome.is_success, outcome.error
    assert server.recipients == ["ops@example.com"]
    [mail] = server.mails
    assert (mail["subject"], mail["to"]) == ("rides: anomaly", "ops@example.com")
    assert "tocsin@example.com" in mail["from"]
    assert "90 is far below" in server.text()


def test_of_a_server_that_does_not_take_it_nothing_is_told(server: MailServer) -> None:
    server.refuses = True
    error = notices.send("mailto:ops@example.com", TEXT, by_mail(server)).error
    nobody = Channels(frozenset({"mailto"}), f"mailto://127.0.0.1:{free_port()}?from=a@b.example")
    assert error == notices.send("mailto:ops@example.com", TEXT, nobody).error
    assert error == "the installation's mail server did not take it"


def configured(folder: Path, **given: Any) -> Settings:
    return Settings(data_dir=folder, **given)


def test_a_mail_server_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    for url, is_good in (("mailto://nothing", False), ("mailto://u:p@mail.example.com", True)):
        made = configured(tmp_path, notice_schemes="mailto", mail_url=url)
        if is_good:
            notices.refuse_unsendable(made)
        else:
            with pytest.raises(Misconfigured, match="TOCSIN_MAIL_URL"):
                notices.refuse_unsendable(made)
    notices.refuse_unsendable(configured(tmp_path))
