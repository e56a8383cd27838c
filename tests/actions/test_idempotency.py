"""Who has an idempotency key: one request at a time, and never two answers."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from app.actions import idempotency
from app.actions.parts import Parts
from app.errors import IdempotencyKeyInUse, IdempotencyKeyReused, IdempotencySecretShown
from app.store import Database
from app.store.idempotency import Claim, Kept
from tests.service import free_port

Account = Any
ANSWER = Kept(201, "application/json", {"Location": "/there"}, b'{"name":"new"}')
DEAD = -1.0  # a lease that has run out: its request can only be one that died


def claim(account: Account, key: str = "k", request: bytes = b"r", lease_s: float = 60.0) -> Claim:
    mine = idempotency.claim(account.parts, account.id, key, request, lease_s)
    assert isinstance(mine, Claim)
    return mine


def answer(account: Account, key: str = "k", request: bytes = b"r") -> Kept:
    found = idempotency.claim(account.parts, account.id, key, request)
    assert isinstance(found, Kept)
    return found


def age(account: Account, what: str) -> None:
    with account.parts.database.tenant(account.id) as connection:
        connection.execute(text(f"UPDATE idempotency_keys SET {what}"))


def test_the_answer_that_is_kept_is_given_again(account: Account) -> None:
    idempotency.keep(account.parts, claim(account), ANSWER)
    assert [answer(account), answer(account)] == [ANSWER, ANSWER]


def test_while_the_first_is_under_way_the_key_is_in_use(account: Account) -> None:
    claim(account)
    with pytest.raises(IdempotencyKeyInUse):
        claim(account)


def test_of_many_at_once_one_has_the_key(account: Account) -> None:
    def ask(_: int) -> bool:
        try:
            claim(account)
        except IdempotencyKeyInUse:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:  # as many as there are connections
        assert sum(pool.map(ask, range(20))) == 1


def test_a_key_that_was_released_is_free(account: Account) -> None:
    idempotency.release(account.parts, claim(account))
    claim(account, request=b"another")


def test_a_dead_request_s_key_is_taken_over_after_its_lease(account: Account) -> None:
    claim(account, lease_s=DEAD)
    heir = claim(account)
    with pytest.raises(IdempotencyKeyInUse):
        claim(account)
    idempotency.keep(account.parts, heir, ANSWER)
    assert answer(account) == ANSWER


def test_who_lost_the_key_neither_answers_for_it_nor_frees_it(account: Account) -> None:
    late = claim(account, lease_s=DEAD)
    heir = claim(account)
    idempotency.keep(account.parts, late, ANSWER)
    idempotency.release(account.parts, late)
    with pytest.raises(IdempotencyKeyInUse):
        claim(account)
    idempotency.keep(account.parts, heir, replace(ANSWER, status=409))
    assert answer(account).status == 409


def test_who_was_only_slow_still_answers(account: Account) -> None:
    slow = claim(account, lease_s=DEAD)
    idempotency.keep(account.parts, slow, ANSWER)
    assert answer(account) == ANSWER


@pytest.mark.parametrize("lease_s", [60.0, DEAD])
def test_a_key_stands_for_one_request(account: Account, lease_s: float) -> None:
    mine = claim(account, lease_s=lease_s)
    with pytest.raises(IdempotencyKeyReused):
        claim(account, request=b"another")
    idempotency.keep(account.parts, mine, ANSWER)
    with pytest.raises(IdempotencyKeyReused):
        claim(account, request=b"another")


def test_after_a_day_the_key_is_free_for_another_request(account: Account) -> None:
    idempotency.keep(account.parts, claim(account), ANSWER)
    age(account, "created_at = now() - interval '23 hours 59 minutes'")
    assert answer(account) == ANSWER
    age(account, "created_at = now() - interval '24 hours 1 second'")
    claim(account, request=b"another")
    with pytest.raises(IdempotencyKeyInUse):
        claim(account, request=b"another")


def test_what_showed_a_secret_names_the_key_instead(account: Account) -> None:
    idempotency.keep(account.parts, claim(account), replace(ANSWER, body=b"", shown_key="0123"))
    with pytest.raises(IdempotencySecretShown, match="0123") as told:
        claim(account)
    assert told.value.extra == {"key_id": "0123"}


def test_a_database_that_goes_away_afterwards_takes_no_answer_back(account: Account) -> None:
    nowhere = Database(f"postgresql://u@127.0.0.1:{free_port()}/d", 1)
    without: Parts = replace(account.parts, database=nowhere)
    mine = claim(account, key=secrets.token_hex(4))
    idempotency.keep(without, mine, ANSWER)
    idempotency.release(without, mine)
    nowhere.close()
