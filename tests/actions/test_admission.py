"""A key that was read a moment ago is believed only while nothing about it has changed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from redis import Redis

from app import apikeys
from app.actions import accounts, admission, limits
from app.actions.caller import Caller
from app.actions.parts import Parts, assemble
from app.apikeys import ApiKey
from app.cache.rates import Rates
from app.errors import TenantSuspended
from app.store import Database
from tests.actions.conftest import Account
from tests.service import wait_until

NOBODY = "redis://127.0.0.1:1/0"


class _NoDatabase:
    def lent(self) -> None:
        raise AssertionError("Postgres was asked")


NO_DATABASE = cast("Database", _NoDatabase())


@pytest.fixture
def key(account: Account) -> ApiKey:
    return accounts.add_key(account.parts, account.id, "k", ["read"])[1]


@pytest.fixture
def elsewhere(account: Account) -> Iterator[Parts]:
    """Another process."""
    made = assemble(account.parts.settings)
    yield made
    made.close()


def remember(parts: Parts, key: ApiKey) -> None:
    """Read, and read once more: the edition was in force before that."""
    for _ in range(2):
        assert admission.admit(parts, key) is not None


def test_a_key_that_was_read_a_moment_ago_is_not_read_again(account: Account, key: ApiKey) -> None:
    remember(account.parts, key)
    found = admission.admit(replace(account.parts, database=NO_DATABASE), key)
    assert found is not None
    caller, taken = found
    assert (caller.tenant_id, caller.scopes) == (account.id, frozenset({"read"}))
    assert taken.is_allowed


def test_every_request_is_counted(account: Account, key: ApiKey) -> None:
    accounts.change_tenant(account.parts, account.slug, {"limits": {"requests_per_s": 0.01}})
    found = [admission.admit(account.parts, key) for _ in range(3)]
    assert [one and one[1].is_allowed for one in found] == [True, False, False]


CHANGES: dict[str, Callable[[Account, ApiKey], object]] = {
    "revoked": lambda of, key: accounts.revoke_key(of.parts, of.id, key.id),
    "rotated": lambda of, key: accounts.rotate_key(of.parts, of.id, key.id),
    "erased": lambda of, _: accounts.erase_tenant(of.parts, of.slug),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_over_is_over_at_once_in_every_process(
    account: Account, elsewhere: Parts, key: ApiKey, change: str
) -> None:
    remember(account.parts, key)
    remember(elsewhere, key)
    CHANGES[change](account, key)
    assert admission.admit(elsewhere, key) is None
    assert admission.admit(account.parts, key) is None


def test_a_suspended_tenant_is_told_so_at_once(
    account: Account, elsewhere: Parts, key: ApiKey
) -> None:
    remember(elsewhere, key)
    accounts.change_tenant(account.parts, account.slug, {"status": "suspended"})
    with pytest.raises(TenantSuspended):
        admission.admit(elsewhere, key)


def test_other_limits_hold_at_once(account: Account, elsewhere: Parts, key: ApiKey) -> None:
    remember(elsewhere, key)
    accounts.change_tenant(account.parts, account.slug, {"limits": {"requests_per_s": 7}})
    found = admission.admit(elsewhere, key)
    assert found is not None
    assert found[0].limits.requests_per_s == 7


def test_another_secret_under_a_remembered_id_opens_nothing(account: Account, key: ApiKey) -> None:
    remember(account.parts, key)
    assert admission.admit(account.parts, apikeys.mint(key_id=key.id)) is None
    assert admission.admit(account.parts, key) is not None


def test_a_change_that_nobody_told_of_is_seen_after_a_moment(
    account: Account, elsewhere: Parts, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Redis did not answer who revoked the key."""
    monkeypatch.setattr(admission, "REMEMBERED_S", 0.0)
    remember(elsewhere, key)
    alone = replace(account.parts, rates=Rates(NOBODY))
    accounts.revoke_key(alone, account.id, key.id)
    assert admission.admit(elsewhere, key) is None
    assert admission.REMEMBERED_S < 1


def test_without_redis_every_request_asks_postgres(account: Account, key: ApiKey) -> None:
    alone = replace(account.parts, rates=Rates(NOBODY))
    remember(alone, key)
    with pytest.raises(AssertionError, match="Postgres was asked"):
        admission.admit(replace(alone, database=NO_DATABASE), key)


def test_after_a_flush_keys_are_read_again(
    account: Account, key: ApiKey, own_redis: "Redis"
) -> None:
    remember(account.parts, key)
    own_redis.flushdb()
    with pytest.raises(AssertionError, match="Postgres was asked"):
        admission.admit(replace(account.parts, database=NO_DATABASE), key)
    assert admission.admit(account.parts, key) is not None


def test_a_key_revoked_while_it_was_read_is_not_remembered(
    account: Account, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = limits.count_request

    def revoked_meanwhile(parts: Parts, caller: Caller) -> Any:
        accounts.revoke_key(parts, account.id, key.id)
        return count(parts, caller)

    assert admission.admit(account.parts, key) is not None
    account.parts.rates.renew(str(account.id))
    with monkeypatch.context() as patched:
        patched.setattr(limits, "count_request", revoked_meanwhile)
        assert admission.admit(account.parts, key) is not None
    assert admission.admit(account.parts, key) is None


def test_a_key_is_not_remembered_beyond_its_end(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "REMEMBERED_S", 3600.0)
    ends_at = datetime.now(UTC) + timedelta(seconds=1)
    _, key = accounts.add_key(account.parts, account.id, "k", ["read"], ends_at)
    remember(account.parts, key)
    wait_until(lambda: admission.admit(account.parts, key) is None, "the key has expired", 10)


def test_a_secret_is_not_remembered_beyond_its_grace(
    account: Account, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "REMEMBERED_S", 3600.0)
    _, new = accounts.rotate_key(account.parts, account.id, key.id, grace_s=1)
    remember(account.parts, key)
    wait_until(lambda: admission.admit(account.parts, key) is None, "the grace is over", 10)
    assert admission.admit(account.parts, new) is not None
