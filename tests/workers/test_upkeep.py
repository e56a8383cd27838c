"""Upkeep does what it can and puts off the rest; it ends over nothing that passes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex

import pytest
from redis.exceptions import RedisError
from sqlalchemy import text

from app.actions import accounts, digesting, forgetting, idempotency
from app.actions import series as actions_series
from app.actions.parts import Parts
from app.errors import Unavailable
from app.jobs import JobQueue
from app.settings import Settings
from app.store import Database, digests, jobs, sessions
from app.store.database import INSTALLATION
from app.store.idempotency import Claim
from app.store.jobs import Job
from app.store.series import Series
from tests.service import free_port
from workers import upkeep

MINUTES = (
    "INSERT INTO points SELECT :tenant, :id, :begin + n * interval '1 minute', ARRAY[n] "
    "FROM generate_series(0, :n - 1) AS n"
)
AS_LONG = (
    "UPDATE series SET points = :n, first_at = :begin, "
    "last_at = :begin + (:n - 1) * interval '1 minute' WHERE id = :id"
)


@pytest.fixture
def waiting(parts: Parts) -> Iterator[Job]:
    """A job whose worker died."""
    with parts.database.tenant(INSTALLATION) as connection:
        settings = {"tenant_id": str(INSTALLATION.int + 1)}
        job = jobs.add(connection, INSTALLATION, "train", "nothing", settings)
        claimed = jobs.claim(connection, INSTALLATION, job.id, lease_s=-1.0, trainings=4)
    assert claimed is not None
    yield claimed
    with parts.database.tenant(INSTALLATION) as connection:
        jobs.finish(connection, jobs.by_id(connection, INSTALLATION, job.id))


def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


def test_a_queue_that_is_down_puts_the_waking_off(parts: Parts, waiting: Job) -> None:
    without = replace(parts, queue=JobQueue(f"redis://{nowhere()}/0", parts.secret))
    waker = upkeep.Waker(without)
    with pytest.raises(RedisError):
        waker.wake()
    assert upkeep.attempt("jobs", waker.wake) is False


def test_a_database_that_is_down_puts_the_waking_off(parts: Parts) -> None:
    without = replace(parts, database=Database(f"postgresql://u@{nowhere()}/d", 1))
    assert upkeep.attempt("jobs", upkeep.Waker(without).wake) is False


def test_partitions_that_cannot_be_made_are_put_off(settings: Settings) -> None:
    url = f"postgresql://u@{nowhere()}/d"
    without = Settings(**{**settings.model_dump(), "owner_database_url": url})
    assert upkeep.attempt("partitions", lambda: upkeep.add_partitions(without)) is False


def test_idempotency_keys_are_forgotten_after_a_day(parts: Parts) -> None:
    old, fresh = (idempotency.claim(parts, INSTALLATION, key, b"request") for key in ("old", "new"))
    assert isinstance(old, Claim)
    with parts.database.tenant(INSTALLATION) as connection:
        a_day = "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' "
        connection.execute(text(a_day + "WHERE key_hash = :key_hash"), {"key_hash": old.key_hash})
    assert forgetting.forget_old(parts, forgetting.IDEMPOTENCY_KEYS) >= 1
    with parts.database.tenant(INSTALLATION) as connection:
        left = set(connection.scalars(text("SELECT claim_id FROM idempotency_keys")))
    assert isinstance(fresh, Claim)
    assert fresh.id in left
    assert old.id not in left


def test_sessions_that_are_over_are_forgotten(parts: Parts) -> None:
    with parts.database.tenant(INSTALLATION) as connection:
        over, good = (sessions.add(connection, INSTALLATION, "k", b"k", b"t") for _ in range(2))
        quiet = "UPDATE sessions SET used_at = now() - interval '12 hours 1 second' WHERE id = :id"
        connection.execute(text(quiet), {"id": over})
    assert forgetting.forget_old(parts, forgetting.SESSIONS) >= 1
    with parts.database.tenant(INSTALLATION) as connection:
        left = set(connection.scalars(text("SELECT id FROM sessions")))
    assert good in left
    assert over not in left


def test_without_an_owner_no_partition_is_tried(settings: Settings) -> None:
    without = settings.model_copy(update={"owner_database_url": None})
    assert upkeep.attempt("partitions", lambda: upkeep.add_partitions(without)) is True


@pytest.mark.parametrize("error", [Unavailable("now"), RedisError()])
def test_what_passes_is_put_off(error: Exception) -> None:
    assert upkeep.attempt("anything", raising(error)) is False


def test_what_does_not_pass_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        upkeep.attempt("anything", raising(ZeroDivisionError()))


@pytest.fixture
def long(parts: Parts) -> Iterator[Series]:
    """A series that is just long enough for digests, a point a minute."""
    tenant, _, _ = accounts.add_tenant(parts, f"t-{token_hex(6)}", "", {})
    of = actions_series.add(parts, tenant.id, "rides", fields=["value"])
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    given = {"tenant": tenant.id, "id": of.id, "begin": begin, "n": digests.LEAST_POINTS}
    with parts.database.tenant(tenant.id) as connection:
        connection.execute(text(MINUTES), given)
        connection.execute(text(AS_LONG), given)
    yield of
    actions_series.remove(parts, tenant.id, "rides")


def test_digests_are_made_of_long_series(parts: Parts, long: Series) -> None:
    digester = upkeep.Digester(parts)
    digester.turn()
    while (long.tenant_id, long.id) in digesting.behind(parts):
        digester.turn()
    now = actions_series.by_name(parts, long.tenant_id, "rides")
    assert now.digested_until is not None
    assert now.digest_width is not None
    assert now.last_at is not None
    assert now.digested_until + digests.BEHIND * now.digest_width > now.last_at


def test_where_all_digests_are_made_nobody_looks_for_a_while(parts: Parts, long: Series) -> None:
    digester = upkeep.Digester(parts)
    while digesting.behind(parts):
        digester.turn()
    assert digester.turn() == 0
    with parts.database.tenant(long.tenant_id) as connection:
        connection.execute(text("UPDATE series SET digested_until = first_at"))
    assert digester.turn() == 0
    assert upkeep.Digester(parts).turn() > 0


def raising(error: Exception) -> Callable[[], None]:
    def step() -> None:
        raise error

    return step
