"""What was removed leaves no row, not even of a request that was under way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from app.actions import accounts, erasure, idempotency, ingestion, training
from app.actions import series as series_actions
from app.detection import Points
from app.errors import NotFound
from app.store import jobs, points, series, tables
from app.store.database import INSTALLATION
from app.store.jobs import Job
from tests.conftest import Installed
from tests.service import wait_until

Account = Any
# Read off the tables, so that a new one is looked at; the audit log stays, as ids.
OWNED = [name for name, table in tables.metadata.tables.items() if "tenant_id" in table.c]
OWNED.remove("audit")
OF_SERIES = [name for name in OWNED if "series_id" in tables.metadata.tables[name].c]


@pytest.fixture
def superuser(apart: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(apart.superuser_url, autocommit=True) as connection:
        yield connection


def rows(superuser: psycopg.Connection, column: str, value: UUID) -> dict[str, int]:
    """How many of each table, those without any left out."""
    found = {}
    for table in OF_SERIES if column == "series_id" else OWNED:
        query = f"SELECT count(*) FROM {table} WHERE {column} = %s"
        row = superuser.execute(query, [value]).fetchone()
        if row and row[0]:
            found[table] = row[0]
    return found


def lived_in(account: Account, name: str) -> UUID:
    """A series with points, scores, replaced ones, an event that is told, a model, a training."""
    account.listen()
    account.make(name)
    account.upload(name, np.random.default_rng(1).normal(size=300))
    account.train(name)
    account.verdicts(name, [1.0, 2.0, 9e6], [300, 301, 302])
    account.score(name, [3.0], [301], is_replacing=True)
    account.say(name)
    account.digest(name)
    series_id: UUID = account.find(name).id
    return series_id


def erase_tenant(account: Account) -> Job:
    """As the operator's call and then a worker do it."""
    job = accounts.erase_tenant(account.parts, account.slug)
    mine = training.claim(account.parts, INSTALLATION, job.id)
    assert mine is not None
    erasure.erase_tenant(account.parts, mine)
    return training.job_by_id(account.parts, INSTALLATION, job.id)


def erase_series(account: Account, series_id: UUID) -> Job:
    with account.parts.database.tenant(account.id) as connection:
        [waiting] = jobs.page(connection, account.id, series_id, None, 1)
    mine = training.claim(account.parts, account.id, waiting.id)
    assert mine is not None
    erasure.erase_series(account.parts, mine)
    return training.job_by_id(account.parts, account.id, waiting.id)


def test_a_removed_series_leaves_the_erasing_job_alone(
    account: Account, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH_ROWS", 50)
    series_id, other_id = lived_in(account, "rides"), lived_in(account, "other")
    before = rows(superuser, "series_id", other_id)
    assert set(rows(superuser, "series_id", series_id)) == set(OF_SERIES)
    series_actions.remove(account.parts, account.id, "rides")
    account.end_deliveries()  # what is still to be told stays
    assert erase_series(account, series_id).status == "succeeded"
    assert rows(superuser, "series_id", series_id) == {"jobs": 1}
    assert rows(superuser, "series_id", other_id) == before


def test_a_series_of_the_same_name_is_another_one(account: Account) -> None:
    old_id = lived_in(account, "rides")
    series_actions.remove(account.parts, account.id, "rides")
    with pytest.raises(NotFound):
        account.find("rides")
    new_id = lived_in(account, "rides")
    erase_series(account, old_id)
    assert account.find("rides").id == new_id
    assert account.find("rides").points == 303


def test_an_erased_tenant_leaves_nothing(
    account: Account, superuser: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "BATCH_ROWS", 100)
    lived_in(account, "rides")
    lived_in(account, "removed")
    series_actions.remove(account.parts, account.id, "removed")
    account.sign_in()
    idempotency.claim(account.parts, account.id, "k", b"request")
    assert set(rows(superuser, "tenant_id", account.id)) == set(OWNED)
    assert erase_tenant(account).status == "succeeded"
    assert rows(superuser, "tenant_id", account.id) == {}
    gone = superuser.execute("SELECT FROM tenants WHERE id = %s", [account.id]).fetchall()
    assert gone == []


def test_erasing_twice_is_erasing_once(account: Account) -> None:
    lived_in(account, "rides")
    job = accounts.erase_tenant(account.parts, account.slug)
    with account.parts.database.tenant(INSTALLATION) as connection:
        zombie = jobs.claim(connection, INSTALLATION, job.id, -1.0, trainings=4)
    heir = training.claim(account.parts, INSTALLATION, job.id)
    assert zombie is not None
    assert heir is not None
    erasure.erase_tenant(account.parts, heir)
    erasure.erase_tenant(account.parts, zombie)
    ended = training.job_by_id(account.parts, INSTALLATION, job.id)
    assert (ended.status, ended.attempt) == ("succeeded", heir.attempt)


def wait_until_blocked(superuser: psycopg.Connection) -> None:
    """Until somebody waits for a lock that another holds."""
    waiting = (
        "SELECT FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    wait_until(lambda: superuser.execute(waiting).fetchall(), "somebody waits for a lock")


def test_an_upload_that_is_making_its_series_leaves_nothing_behind(
    account: Account, superuser: psycopg.Connection
) -> None:
    """It began before the tenant was shut, and commits in the midst of the erasing."""
    first_taken, is_shut = Event(), Event()

    def chunks() -> Iterator[Any]:
        yield account.chunk(np.arange(100.0), 0, "made-by-upload")
        first_taken.set()
        is_shut.wait(60)
        yield account.chunk(np.arange(100.0), 100, "made-by-upload")

    with ThreadPoolExecutor(2) as pool:
        uploading = pool.submit(
            ingestion.store, account.parts, account.id, chunks(), None, is_creating=True
        )
        first_taken.wait(60)
        erasing = pool.submit(erase_tenant, account)
        wait_until_blocked(superuser)
        is_shut.set()
        assert uploading.result().stored == 200
        assert erasing.result().status == "succeeded"
    assert rows(superuser, "tenant_id", account.id) == {}


def test_points_that_are_being_stored_leave_nothing_behind(
    account: Account, superuser: psycopg.Connection
) -> None:
    of = account.make("rides")
    times = np.arange(50) * 1_000_000_000
    with ThreadPoolExecutor(1) as pool:
        with account.parts.database.tenant(account.id) as connection:
            series.lock_one(connection, account.id, "rides")
            erasing = pool.submit(erase_tenant, account)
            wait_until_blocked(superuser)
            points.add(connection, of, Points.checked(times, np.ones(50)))
        assert erasing.result().status == "succeeded"
    assert rows(superuser, "tenant_id", account.id) == {}


def test_an_upload_that_comes_too_late_is_refused(
    account: Account, superuser: psycopg.Connection
) -> None:
    account.make("rides")

    def chunks() -> Iterator[Any]:
        yield account.chunk(np.arange(100.0))
        assert erase_tenant(account).status == "succeeded"

    with pytest.raises(NotFound, match="removed while"):
        ingestion.store(account.parts, account.id, chunks(), "rides")
    assert rows(superuser, "tenant_id", account.id) == {}


def test_a_training_under_way_leaves_nothing_behind(
    account: Account, superuser: psycopg.Connection
) -> None:
    lived_in(account, "rides")
    job = account.add_job("rides")
    with ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(training.train, account.parts, job)
        erase_tenant(account)
        at_work.result()
    assert rows(superuser, "tenant_id", account.id) == {}
