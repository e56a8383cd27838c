"""From every revision, with rows in it, to this one: nothing is lost, nobody is refused."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from app import apikeys
from app.actions import admission, scoring, series, training
from app.actions.asked import Asked
from app.actions.parts import Parts, assemble
from app.apikeys import ApiKey
from app.detection import Points, Settings, fit
from app.settings import Settings as Environment
from app.store import migrations, models, points, scores
from app.store.events import WantedEvents
from app.store.events import page as events_page
from app.store.ids import event_id, new_id
from app.store.scores import Wanted
from app.store.times import to_datetime
from tests.conftest import Installed

REVISIONS = migrations.revisions()
EARLIER = REVISIONS[:-1]
TENANT, SERIES = new_id(), new_id()
START_NS, MINUTE_NS = 1_704_067_200_000_000_000, 60_000_000_000
N = 100
START, END = to_datetime(START_NS), to_datetime(START_NS + (N - 1) * MINUTE_NS)
OWNERS = {"tenant": TENANT, "series": SERIES}
MOMENT = datetime(2024, 1, 1, 1, tzinfo=UTC)
SCORE = (
    "INSERT INTO {} (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold, "
    "expected, lower, upper, contributions, reason, model_version, backfilled) VALUES "
    "(%(tenant)s, %(series)s, %(at)s, '{{1.5}}', 0.75, true, 0.9, '{{1}}', '{{0}}', '{{2}}', "
    "'{{1}}', 'because', 1, false)"
)


@pytest.fixture(scope="module")
def history() -> Points:
    values = 10 * np.sin(np.arange(N) / 7) + np.random.default_rng(0).normal(size=N)
    return Points.checked(START_NS + np.arange(N) * MINUTE_NS, values)


@pytest.fixture(scope="module")
def artifact(history: Points) -> bytes:
    return fit(history, Settings(n_estimators=10)).to_bytes()


@pytest.fixture
def environment(empty_database: Installed, tmp_path: Path) -> Environment:
    return Environment(
        data_dir=tmp_path,
        database_url=empty_database.server_url,
        owner_database_url=empty_database.owner_url,
        redis_url=empty_database.servers.redis_url,
    )


@pytest.fixture
def parts(environment: Environment) -> Iterator[Parts]:
    made = assemble(environment)
    yield made
    made.close()


def as_superuser(installed: Installed) -> str:
    return installed.superuser_url


def fill(connection: Any, key: ApiKey, parts: Parts, history: Points, artifact: bytes) -> None:
    """What every revision has a place for, in the columns that the first one had."""
    connection.execute("INSERT INTO tenants (id, slug, name) VALUES (%s, 'old', 'Old')", [TENANT])
    connection.execute(
        "INSERT INTO api_keys (tenant_id, id, name, scopes, secret_hash) "
        "VALUES (%s, %s, 'first', '{admin}', %s)",
        [TENANT, key.id, key.hashed(parts.secret)],
    )
    connection.execute(
        "INSERT INTO series (tenant_id, id, name, fields, points, first_at, last_at, "
        "model_version, last_version, retrain) "
        "VALUES (%s, %s, 'rides', '{value}', %s, %s, %s, 1, 1, 'manual')",
        [TENANT, SERIES, N, START, END],
    )
    for at, value in zip(history.times.tolist(), history.values[:, 0].tolist(), strict=True):
        connection.execute(
            "INSERT INTO points VALUES (%s, %s, %s, %s)", [TENANT, SERIES, to_datetime(at), [value]]
        )
    for table in ("scores", "replaced_scores"):
        connection.execute(SCORE.format(table), {**OWNERS, "at": MOMENT})
    connection.execute(
        "INSERT INTO models (tenant_id, series_id, version, artifact, checksum, points, from_at, "
        "to_at, settings, threshold, seconds) VALUES (%s, %s, 1, %s, %s, %s, %s, %s, '{}', 0.9, 1)",
        [TENANT, SERIES, artifact, models.checksum(artifact), N, MOMENT, MOMENT],
    )
    connection.execute(
        "INSERT INTO jobs (tenant_id, id, kind, series_id, subject) "
        "VALUES (%s, %s, 'train', %s, 'rides')",
        [TENANT, new_id(), SERIES],
    )


LATER = {
    "events": "INSERT INTO events VALUES (%(tenant)s, %(id)s, %(series)s, %(at)s, %(at)s, NULL, "
    "0.75, %(at)s, 1, 'because', 1)",
    "feedback": "INSERT INTO feedback VALUES (%(tenant)s, %(series)s, %(at)s, 'score', NULL, "
    "'normal', '', NULL)",
    "sessions": "INSERT INTO sessions (tenant_id, id, key_id, key_hash, token_hash) "
    "VALUES (%(tenant)s, %(id)s, 'k', 'k', 't')",
    "audit": "INSERT INTO audit (tenant_id, id, action, actor_kind) "
    "VALUES (%(tenant)s, %(id)s, 'tenant.created', 'cli')",
    "idempotency_keys": "INSERT INTO idempotency_keys (tenant_id, key_hash, fingerprint, claim_id, "
    "lease_until) VALUES (%(tenant)s, 'k', 'f', %(id)s, now())",
    "digests": "INSERT INTO digests VALUES (%(tenant)s, %(series)s, %(at)s, '{1}', '{2}')",
    "webhooks": "INSERT INTO webhooks (tenant_id, id, url, types, secret_number, secret_salt) "
    "VALUES (%(tenant)s, %(series)s, 'https://a', '{event.opened}', 1, 'salt')",
    "webhook_deliveries": "INSERT INTO webhook_deliveries (tenant_id, webhook_id, message_id, type,"
    " data) VALUES (%(tenant)s, %(series)s, %(id)s, 'event.opened', '{}')",
}


def fill_later(connection: Any) -> set[str]:
    """Rows of the tables that came later, as far as they are there; -> their names."""
    filled = set()
    for table, statement in LATER.items():
        if connection.execute("SELECT to_regclass(%s)", [table]).fetchone()[0]:
            identity = event_id(TENANT, SERIES, 0) if table == "events" else new_id()
            connection.execute(statement, {**OWNERS, "id": identity, "at": MOMENT})
            filled.add(table)
    return filled


@pytest.mark.parametrize("revision", EARLIER)
def test_rows_of_every_revision_are_read_and_judged_after_the_upgrade(
    revision: str, empty_database: Installed, parts: Parts, history: Points, artifact: bytes
) -> None:
    migrations.upgrade(empty_database.owner_url, empty_database.server_url, revision)
    key = apikeys.mint()
    with psycopg.connect(as_superuser(empty_database)) as superuser:
        fill(superuser, key, parts, history, artifact)
        filled = fill_later(superuser)
    migrations.upgrade(empty_database.owner_url, empty_database.server_url)
    caller = admission.recognise(parts, key)
    assert caller
    assert caller.tenant_id == TENANT
    of = series.by_name(parts, TENANT, "rides")
    assert (of.points, of.model_version, of.retrain) == (N, 1, "manual")
    with parts.database.tenant(TENANT) as connection:
        stored = points.page(connection, TENANT, SERIES, 1_000)
        assert [value for _, (value,) in stored] == history.values[:, 0].tolist()
        (score,) = scores.page(connection, of, Wanted())
        assert (score.timestamp, score.score, score.reason) == (MOMENT, 0.75, "because")
        assert len(events_page(connection, TENANT, WantedEvents())) == ("events" in filled)
    assert [job.status for job in training.jobs_page(parts, TENANT, "rides", None, 10)] == [
        "queued"
    ]
    new = Asked(history.times[-1:] + MINUTE_NS, np.array([[500.0]]), np.arange(1), ("value",))
    (judged,) = scoring.score(parts, TENANT, {"rides": new}).scores.values()
    assert (judged.model_version, judged.is_anomaly) == (1, True)


@dataclass
class Load:
    """A server of the first version, by what it asks of the database: the columns that it knew."""

    url: str
    stop: Event = field(default_factory=Event)
    committed: list[datetime] = field(default_factory=list)

    def write(self, worker: int) -> int:
        """Points with their scores, each in a transaction that locks the series; until the stop."""
        done = 0
        with psycopg.connect(self.url) as connection:
            while not self.stop.is_set():
                at = to_datetime(START_NS + (N + 2 * done + worker) * MINUTE_NS)
                with connection.transaction():
                    self._enter(connection)
                    connection.execute("SELECT id FROM api_keys")
                    connection.execute("SELECT id FROM series WHERE id = %s FOR UPDATE", [SERIES])
                    connection.execute(
                        "INSERT INTO points VALUES (%s, %s, %s, '{1.5}')", [TENANT, SERIES, at]
                    )
                    connection.execute(SCORE.format("scores"), {**OWNERS, "at": at})
                    connection.execute(
                        "UPDATE series SET points = points + 1, revision = revision + 1"
                    )
                    connection.execute("SELECT status FROM tenants")
                self.committed.append(at)
                done += 1
        return done

    def read(self) -> int:
        done = 0
        with psycopg.connect(self.url) as connection:
            while not self.stop.is_set():
                with connection.transaction():
                    self._enter(connection)
                    for table in ("models", "jobs", "replaced_scores", "scores", "points"):
                        rows = f"SELECT * FROM {table} LIMIT 20".encode()
                        # A prepared one would end here; the server names its columns.
                        connection.execute(rows, prepare=False).fetchall()
                done += 1
        return done

    def _enter(self, connection: psycopg.Connection) -> None:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(TENANT)])


def test_requests_go_on_through_all_migrations(
    empty_database: Installed, parts: Parts, history: Points, artifact: bytes
) -> None:
    """None fails, not even by a deadlock, and what they committed is there afterwards."""
    owner, server = empty_database.owner_url, empty_database.server_url
    migrations.upgrade(owner, server, REVISIONS[0])
    with psycopg.connect(as_superuser(empty_database)) as superuser:
        fill(superuser, apikeys.mint(), parts, history, artifact)
    load = Load(server)
    with ThreadPoolExecutor(4) as pool:
        asked: list[Future[int]] = [pool.submit(load.write, worker) for worker in range(2)]
        asked += [pool.submit(load.read) for _ in range(2)]
        try:
            for revision in REVISIONS[1:]:
                before = len(load.committed)
                migrations.upgrade(owner, server, revision)
                while len(load.committed) < before + 5 and not any(one.done() for one in asked):
                    load.stop.wait(0.01)
        finally:
            load.stop.set()
        assert all(one.result() for one in asked)
    of = series.by_name(parts, TENANT, "rides")
    with parts.database.tenant(TENANT) as connection:
        stored = {at for at, _ in points.page(connection, TENANT, SERIES, 1_000_000)}
        judged = {s.timestamp for s in scores.page(connection, of, Wanted(limit=1_000_000))}
    assert set(load.committed) <= stored
    assert set(load.committed) <= judged
    assert of.points == N + len(load.committed)


def test_a_migration_waits_politely_for_a_long_reader_and_then_goes_on(
    empty_database: Installed,
) -> None:
    """Who comes meanwhile is served: the migration gives its place in the queue up."""
    owner, server = empty_database.owner_url, empty_database.server_url
    migrations.upgrade(owner, server, "0006")
    told = Event()
    with ThreadPoolExecutor(1) as pool:
        with psycopg.connect(as_superuser(empty_database)) as reader:
            reader.execute("LOCK TABLE tenants, series, points, scores IN ACCESS SHARE MODE")
            migration = pool.submit(migrations.upgrade, owner, server, "0007", lambda _: told.set())
            assert told.wait(60)
            with psycopg.connect(server) as other:
                other.execute("SELECT set_config('app.tenant_id', %s, true)", [str(UUID(int=0))])
                other.execute("UPDATE series SET points = 0")
            assert not migration.done()
        migration.result(120)
    with psycopg.connect(owner) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == ("0007",)
