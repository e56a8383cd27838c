"""Refused keys are told of in few rows; an erased tenant leaves rows without a name."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from app import apikeys
from app.actions import accounts, admission, auditing, erasure, refusals, training
from app.actions import series as series_actions
from app.actions.parts import Parts
from app.actions.throttle import MOST_IN_A_PERIOD, PERIOD_S, Throttle
from app.apikeys import ApiKey
from app.errors import TenantSuspended
from app.jobs import JobQueue
from app.store import audit
from app.store.audit import Actor, Entry, WantedEntries
from app.store.database import INSTALLATION
from tests.conftest import Installed
from tests.service import free_port

Account = Any
SOMEBODY = Actor("nobody", None, "192.0.2.7", "a-request")


@pytest.fixture
def parts(account: Account) -> Parts:
    """With a throttle that has let nothing through yet."""
    made: Parts = replace(account.parts, refusals=Throttle())
    return made


@pytest.fixture
def superuser(apart: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(apart.superuser_url, autocommit=True) as connection:
        yield connection


def log_of(parts: Parts, tenant_id: UUID) -> list[Entry]:
    with parts.database.operator() as connection:
        return audit.page(connection, WantedEntries(tenant_id=tenant_id))


def refused(parts: Parts, tenant_id: UUID) -> list[tuple[str | None, Any]]:
    """Oldest first: the id of each key, and why."""
    found = [entry for entry in log_of(parts, tenant_id) if entry.action == "key.refused"]
    return [(entry.subject, entry.details["reason"]) for entry in reversed(found)]


def key_of(parts: Parts, tenant_id: UUID, *scopes: str) -> ApiKey:
    return accounts.add_key(parts, tenant_id, "k", scopes or ["read"])[1]


def write(parts: Parts, tenant_id: UUID, statement: str, key: ApiKey) -> None:
    with parts.database.tenant(tenant_id) as connection:
        connection.execute(text(statement), {"id": key.id})


def test_a_refused_key_is_told_of_with_its_reason(parts: Parts, account: Account) -> None:
    forged = apikeys.mint(key_id=key_of(parts, account.id).id)
    revoked, expired, rotated = (key_of(parts, account.id) for _ in range(3))
    accounts.revoke_key(parts, account.id, revoked.id)
    expire = "UPDATE api_keys SET expires_at = now() WHERE id = :id"
    write(parts, account.id, expire, expired)
    accounts.rotate_key(parts, account.id, rotated.id)
    for key in (forged, revoked, expired, rotated):
        assert admission.recognise(parts, key, by=SOMEBODY) is None
    assert refused(parts, account.id) == [
        (forged.id, "wrong_secret"),
        (revoked.id, "revoked"),
        (expired.id, "expired"),
        (rotated.id, "rotated"),
    ]
    newest = log_of(parts, account.id)[0]
    assert (newest.actor_kind, newest.actor) == ("nobody", None)
    assert (newest.from_address, newest.request_id) == ("192.0.2.7", "a-request")


def test_a_key_of_a_suspended_tenant_is_told_of(parts: Parts, account: Account) -> None:
    key = key_of(parts, account.id)
    accounts.change_tenant(parts, account.slug, {"status": "suspended"})
    with pytest.raises(TenantSuspended):
        admission.recognise(parts, key, by=SOMEBODY)
    assert refused(parts, account.id) == [(key.id, "tenant_suspended")]


def test_an_unknown_key_and_no_key_at_all_are_told_of_the_installation(parts: Parts) -> None:
    unknown = apikeys.mint()
    assert admission.recognise(parts, unknown, by=SOMEBODY) is None
    refusals.note_malformed(parts, SOMEBODY)
    assert refused(parts, INSTALLATION)[-2:] == [(unknown.id, "unknown"), (None, "malformed")]


def test_a_flood_of_bad_keys_makes_one_row_of_each_address_and_reason(
    parts: Parts, account: Account
) -> None:
    key = key_of(parts, account.id)
    accounts.revoke_key(parts, account.id, key.id)
    for address in ("192.0.2.1", "192.0.2.2"):
        for _ in range(20):
            admission.recognise(parts, key, by=SOMEBODY._replace(from_address=address))
    assert refused(parts, account.id) == [(key.id, "revoked")] * 2


def test_a_throttle_lets_each_thing_through_once_in_a_period() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    assert throttle.admits("a", "b")
    assert not throttle.admits("a", "b")
    assert throttle.admits("a", None)
    now = PERIOD_S
    assert throttle.admits("a", "b")
    assert not throttle.admits("a", "b")


def test_a_throttle_lets_only_so_many_things_through() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    admitted = [throttle.admits(str(number)) for number in range(3 * MOST_IN_A_PERIOD)]
    assert sum(admitted) == MOST_IN_A_PERIOD
    now = PERIOD_S
    assert throttle.admits("another")


def test_an_act_that_changes_nothing_is_none(parts: Parts, account: Account) -> None:
    account.make("rides")
    key = key_of(parts, account.id)
    accounts.revoke_key(parts, account.id, key.id)
    before = log_of(parts, account.id)
    accounts.revoke_key(parts, account.id, key.id)
    accounts.change_tenant(parts, account.slug, {})
    accounts.change_tenant(parts, account.slug, {"limits": {"series": None}})
    series_actions.change(parts, account.id, "rides", {})
    series_actions.erase_points(parts, account.id, "rides", None, None)
    assert log_of(parts, account.id) == before


def test_a_tenant_that_is_erased_twice_over_is_one_act_and_one_job(
    parts: Parts, account: Account
) -> None:
    first = accounts.erase_tenant(parts, account.slug)
    assert accounts.erase_tenant(parts, account.slug).id == first.id
    actions = [entry.action for entry in log_of(parts, account.id)]
    assert actions.count("tenant.erased") == 1


def test_an_erased_tenant_leaves_its_rows_and_no_name_in_them(
    parts: Parts, account: Account, superuser: psycopg.Connection
) -> None:
    words = {"a-key's-name", "a-series", "a-description", "Another Name", account.slug}
    account.make("a-series")
    series_actions.change(parts, account.id, "a-series", {"description": "a-description"})
    accounts.add_key(parts, account.id, "a-key's-name", ["read"])
    accounts.change_tenant(parts, account.slug, {"name": "Another Name"})
    series_actions.remove(parts, account.id, "a-series")
    job = training.claim(parts, INSTALLATION, accounts.erase_tenant(parts, account.slug).id)
    assert job is not None
    erasure.erase_tenant(parts, job)
    left = log_of(parts, account.id)
    assert [entry.action for entry in left] == [
        "tenant.erased",
        "series.deleted",
        "tenant.changed",
        "key.created",
        "series.changed",
        "series.created",
        "key.created",
        "tenant.created",
    ]
    query = "SELECT audit::text FROM audit WHERE tenant_id = %s"
    for (row,) in superuser.execute(query, [account.id]):
        assert not [word for word in words if word in row]


def test_a_secret_stands_in_no_row(
    parts: Parts, account: Account, superuser: psycopg.Connection
) -> None:
    key = key_of(parts, account.id)
    _, rotated = accounts.rotate_key(parts, account.id, key.id, 60)
    admission.recognise(parts, apikeys.mint(key_id=key.id), by=SOMEBODY)
    for (row,) in superuser.execute("SELECT audit::text FROM audit").fetchall():
        for made in (key, rotated):
            assert made.text not in row
            assert made.hashed(parts.secret).hex() not in row


def test_the_overview_counts_what_is_there(account: Account) -> None:
    before = auditing.counts(account.parts)
    account.new_neighbour()
    account.make("rides")
    account.upload("rides", np.arange(100.0))
    account.train("rides")
    after = auditing.counts(account.parts)
    grown = {name: after[name] - before[name] for name in ("tenants", "series", "points", "models")}
    assert grown == {"tenants": 1, "series": 1, "points": 100, "models": 1}


def test_without_redis_the_overview_says_what_postgres_knows(account: Account) -> None:
    away = JobQueue(f"redis://127.0.0.1:{free_port()}", account.parts.secret)
    counted = auditing.counts(replace(account.parts, queue=away))
    assert (counted["queue_depth"], counted["workers"]) == (None, None)
    assert counted["tenants"] >= 1


def test_jobs_are_counted_by_what_they_do_and_failures_for_a_day(account: Account) -> None:
    before = auditing.counts(account.parts)
    account.make("rides")
    account.upload("rides", np.arange(100.0))
    account.add_job("rides")
    running = auditing.counts(account.parts)
    assert running["jobs_running"] == before["jobs_running"] + 1
    job = "UPDATE jobs SET status = 'failed', finished_at = now() - make_interval(hours => :age)"
    for age, failed in ((1, 1), (25, 0)):
        with account.parts.database.tenant(account.id) as connection:
            connection.execute(text(job), {"age": age})
        after = auditing.counts(account.parts)
        assert after["jobs_failed_24h"] == before["jobs_failed_24h"] + failed
        assert after["jobs_running"] == before["jobs_running"]
