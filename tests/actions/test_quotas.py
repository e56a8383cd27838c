"""Limits of what a tenant has, where requests come at the same time or for a long time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from app.actions import accounts, idempotency, ingestion, models
from app.actions import series as series_actions
from app.errors import QuotaExceeded
from app.store.idempotency import Claim

Account = Any


def limit(account: Account, **limits: int) -> None:
    accounts.change_tenant(account.parts, account.slug, {"limits": limits})


def versions(account: Account, name: str) -> list[int]:
    found = models.versions(account.parts, account.id, name, None, 100)[1]
    return [model.version for model in found]


def test_of_twelve_series_at_once_as_many_are_made_as_there_may_be(account: Account) -> None:
    limit(account, series=3)
    together = Barrier(12)

    def make(number: int) -> bool:
        together.wait(30)
        try:
            if number % 2:
                account.make(f"s{number}")
            else:
                chunk = account.chunk(np.arange(5.0), 0, f"s{number}")
                ingestion.store(account.parts, account.id, [chunk], None, is_creating=True)
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(make, range(12))) == 3
    assert series_actions.use(account.parts, account.id).series == 3


def test_the_newest_model_versions_are_kept_and_no_others(account: Account) -> None:
    limit(account, model_versions=2)
    for name in ("rides", "other"):
        account.make(name)
        account.upload(name, np.random.default_rng(1).normal(size=100))
        account.train(name)
    for _ in range(3):
        account.train("rides")
    assert versions(account, "rides") == [4, 3]
    assert versions(account, "other") == [1]
    assert models.most_versions(account.parts, account.id) == 2
    models.activate(account.parts, account.id, "rides", 3)
    assert account.find("rides").model_version == 3


def test_a_tenant_has_no_more_idempotency_keys_than_it_may(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_KEYS", 2)
    for key in ("a", "b"):
        assert isinstance(idempotency.claim(account.parts, account.id, key, b"r"), Claim)
    for _ in range(2):
        with pytest.raises(QuotaExceeded) as refused:
            idempotency.claim(account.parts, account.id, "c", b"r")
        assert refused.value.extra == {"quota": "idempotency_keys", "limit": 2, "use": 2}
    other = account.new_neighbour()
    assert isinstance(idempotency.claim(account.parts, other, "c", b"r"), Claim)
