"""Who has the secret can tell that a call is ours; nobody else can make one."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.outbound import signatures
from app.signing import Secret
from app.store.ids import new_id

INSTALLATION = Secret({1: b"a" * 32})
TENANT, WEBHOOK = new_id(), new_id()
BODY = '{"type":"event.opened","timestamp":"2026-11-30T00:00:00Z","data":{"ü":1}}'


def secret_of(installation: Secret = INSTALLATION) -> str:
    made = signatures.secret(installation, TENANT, WEBHOOK, signatures.fresh(installation))
    assert made is not None
    return made


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("hours", [0, 5, -8])
def test_a_receiver_verifies_with_the_standard_s_library(hours: int) -> None:
    """Whatever zone the time is told in."""
    secret = secret_of()
    at = now().astimezone(timezone(timedelta(hours=hours)))
    headers = signatures.headers("msg_1", at, BODY, [secret])
    assert Webhook(secret).verify(BODY.encode(), headers)["data"] == {"ü": 1}
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))


def test_two_secrets_sign_side_by_side() -> None:
    before, after = secret_of(), secret_of()
    headers = signatures.headers("msg_1", now(), BODY, [after, before])
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (before, after):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body", "secret"])
def test_what_is_changed_is_noticed(changed: str) -> None:
    secret = secret_of()
    headers = signatures.headers("msg_1", now(), BODY, [secret])
    body = BODY.replace("opened", "closed") if changed == "body" else BODY
    if changed == "webhook-id":
        headers[changed] = "msg_2"
    if changed == "webhook-timestamp":
        headers[changed] = str(int(headers[changed]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_of() if changed == "secret" else secret).verify(body, headers)


def test_a_secret_follows_from_its_salt_and_the_installation_s_secret() -> None:
    salt = signatures.fresh(INSTALLATION)
    secret = signatures.secret(INSTALLATION, TENANT, WEBHOOK, salt)
    assert secret == signatures.secret(INSTALLATION, TENANT, WEBHOOK, salt)
    others = [
        signatures.secret(INSTALLATION, new_id(), WEBHOOK, salt),
        signatures.secret(INSTALLATION, TENANT, new_id(), salt),
        signatures.secret(INSTALLATION, TENANT, WEBHOOK, signatures.fresh(INSTALLATION)),
        signatures.secret(Secret({1: b"b" * 32}), TENANT, WEBHOOK, salt),
    ]
    assert len({secret, *others}) == 5


def test_it_stays_when_the_installation_gets_another_and_goes_with_its_own() -> None:
    salt = signatures.fresh(INSTALLATION)
    secret = signatures.secret(INSTALLATION, TENANT, WEBHOOK, salt)
    both = Secret({1: b"a" * 32, 2: b"b" * 32})
    assert signatures.secret(both, TENANT, WEBHOOK, salt) == secret
    assert signatures.fresh(both).number == 2
    assert signatures.secret(Secret({2: b"b" * 32}), TENANT, WEBHOOK, salt) is None


def test_it_has_the_form_of_the_standard() -> None:
    """`whsec_` and 24 to 64 bytes in base64."""
    secret = secret_of()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
