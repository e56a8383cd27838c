"""What is sealed is read by nobody without the installation's secret, and in no other place."""

from app.outbound import sealing, signatures
from app.outbound.signatures import Salt
from app.signing import Secret
from app.store.ids import new_id

SECRET = Secret({1: b"a" * 32, 2: b"b" * 32})
TENANT, WEBHOOK = new_id(), new_id()
ADDRESS = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def test_an_address_comes_back_and_is_not_to_be_seen_meanwhile() -> None:
    salt = signatures.fresh(SECRET)
    sealed = sealing.seal(SECRET, TENANT, WEBHOOK, salt, ADDRESS)
    assert sealing.opened(SECRET, TENANT, WEBHOOK, salt, sealed) == ADDRESS
    assert b"slack" not in sealed
    assert sealing.seal(SECRET, TENANT, WEBHOOK, salt, ADDRESS) != sealed


def test_it_is_opened_under_another_secret_by_nobody() -> None:
    salt = signatures.fresh(SECRET)
    sealed = sealing.seal(SECRET, TENANT, WEBHOOK, salt, ADDRESS)
    assert sealing.opened(Secret({2: b"c" * 32}), TENANT, WEBHOOK, salt, sealed) is None
    assert sealing.opened(Secret({1: b"a" * 32}), TENANT, WEBHOOK, salt, sealed) is None


def test_nor_as_that_of_another_tenant_or_webhook_nor_changed() -> None:
    salt = signatures.fresh(SECRET)
    sealed = sealing.seal(SECRET, TENANT, WEBHOOK, salt, ADDRESS)
    assert sealing.opened(SECRET, new_id(), WEBHOOK, salt, sealed) is None
    assert sealing.opened(SECRET, TENANT, new_id(), salt, sealed) is None
    assert sealing.opened(SECRET, TENANT, WEBHOOK, Salt(2, b"other"), sealed) is None
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    assert sealing.opened(SECRET, TENANT, WEBHOOK, salt, changed) is None
