"""What `/metrics` tells of the installation as a whole."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from app.actions import accounts, measuring, webhooks
from app.actions.measuring import Readings
from app.actions.parts import Parts
from app.cache import Cache
from app.jobs import JobQueue
from app.store import Database, jobs, outbox
from tests.service import free_port

Account = Any


def anew(parts: Parts, named: int = 1000, **other: Any) -> Parts:
    """Nothing was read so far; so many tenants are named."""
    settings = parts.settings.model_copy(update={"metrics_tenants": named})
    return replace(parts, readings=Readings(), settings=settings, **other)


def told(parts: Parts, names_tenants: bool = False) -> dict[tuple[str, ...], float]:
    """By name and labels."""
    return {
        (sample.name.removeprefix("tocsin_"), *sample.labels.values()): sample.value
        for family in measuring.families(parts, names_tenants)
        for sample in family.samples
    }


def test_tenants_are_named_only_to_who_may_list_them(account: Account) -> None:
    account.make("rides")
    account.upload("rides", np.arange(100.0))
    parts = anew(account.parts)
    assert [key for key in told(parts) if account.slug in key] == []
    named = told(parts, names_tenants=True)
    assert named["tenant_series", account.slug] == 1
    assert named["tenant_stored_points", account.slug] == 100
    assert named["tenant_points_today", account.slug] == 100


@pytest.fixture
def many(account: Account) -> Account:
    """More than are named: the more points, the later the letter."""
    for letter in "abcd":
        name = f"{letter}-{account.slug}"
        tenant, _, _ = accounts.add_tenant(account.parts, name, name, {})
        own = replace(account, id=tenant.id, slug=name)
        own.make("rides")
        own.upload("rides", np.arange(5_000.0 + ord(letter)))
    return account


def test_the_largest_tenants_are_named_and_the_rest_is_other(many: Account) -> None:
    few, all_of_them = (told(anew(many.parts, named), names_tenants=True) for named in (2, 1000))
    assert {tenant for name, tenant, *_ in [k for k in few if k[0] == "tenant_series"]} == {
        f"d-{many.slug}",
        f"c-{many.slug}",
        "other",
    }
    for name in ("tenant_series", "tenant_stored_points", "tenant_points_today"):
        sums = [sum(v for key, v in of.items() if key[0] == name) for of in (few, all_of_them)]
        assert sums[0] == sums[1] > 0


def test_a_tenant_called_other_is_never_named(account: Account) -> None:
    accounts.add_tenant(account.parts, "other", "Other", {})
    counted = told(anew(account.parts), names_tenants=True)
    assert [key for key in counted if key == ("tenant_series", "other")] == [
        ("tenant_series", "other")
    ]


def test_tenants_near_a_limit_are_counted_by_their_own_limits(account: Account) -> None:
    before = told(anew(account.parts))
    accounts.change_tenant(account.parts, account.slug, {"limits": {"series": 10}})
    for number in range(9):
        account.make(f"s{number}")
    after = told(anew(account.parts))
    near = "tenants_near_limit"
    assert after[near, "series"] == before[near, "series"] + 1
    assert after[near, "stored_points"] == before[near, "stored_points"]


def test_a_job_whose_worker_died_is_told(account: Account) -> None:
    before = told(anew(account.parts))
    account.make("rides")
    account.upload("rides", np.arange(100.0))
    running = account.add_job("rides", lease_s=-1)
    after = told(anew(account.parts))
    assert running is not None
    assert after["jobs", "train", "running"] == before["jobs", "train", "running"] + 1
    assert after["overdue_jobs",] == before["overdue_jobs",] + 1


def test_a_job_that_waits_is_told_with_its_age(account: Account) -> None:
    with account.parts.database.tenant(account.id) as connection:
        job = jobs.add(connection, account.id, "erase_series", "rides", {})
        connection.execute(text("UPDATE jobs SET created_at = now() - interval '9 h'"))
    waiting = told(anew(account.parts))
    assert waiting["jobs", "erase_series", "queued"] >= 1
    assert waiting["oldest_queued_job_seconds", "erase_series"] == pytest.approx(9 * 3600, abs=60)
    with account.parts.database.tenant(account.id) as connection:
        jobs.claim(connection, account.id, job.id, 60.0, trainings=4)
    assert told(anew(account.parts))["oldest_queued_job_seconds", "erase_series"] < 8 * 3600


def test_messages_that_webhooks_are_to_be_told_are_counted_and_late_ones_timed(
    account: Account,
) -> None:
    before = told(anew(account.parts))
    webhook, _ = webhooks.add(
        account.parts, account.id, "https://example.com/", types=["event.opened"]
    )
    with account.parts.database.tenant(account.id) as connection:
        outbox.add(connection, account.id, "event.opened", None, {})
        connection.execute(text("UPDATE webhook_deliveries SET due_at = now() - interval '9 h'"))
    after = told(anew(account.parts))
    pending = "webhook_messages_pending"
    assert after[pending,] == before[pending,] + 1
    assert after["webhooks_late_seconds",] == pytest.approx(9 * 3600, abs=60)
    webhooks.remove(account.parts, account.id, str(webhook.id))


def test_without_redis_the_rest_is_told(alone: Parts) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    away = anew(alone, cache=Cache(url, alone.secret, 10), queue=JobQueue(url, alone.secret))
    counted = told(away)
    assert (counted["up", "postgres"], counted["up", "redis"]) == (1, 0)
    assert "queue_entries" not in {name for name, *_ in counted}
    assert counted["tenants",] >= 1


def test_without_postgres_the_rest_is_told(alone: Parts) -> None:
    away = anew(alone, database=Database(f"postgresql://u@127.0.0.1:{free_port()}/d", 1))
    counted = told(away)
    assert (counted["up", "postgres"], counted["up", "redis"]) == (0, 1)
    assert counted["queue_entries",] >= 0
    assert "tenants" not in {name for name, *_ in counted}


def test_who_asks_again_at_once_is_told_what_was_read(account: Account) -> None:
    parts = anew(account.parts)
    before = told(parts)
    account.make("rides")
    assert told(parts)["series",] == before["series",]
    assert told(anew(parts))["series",] == before["series",] + 1
