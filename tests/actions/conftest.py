"""An installation of its own for the actions, where no worker or upkeep but the test's runs."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from redis import Redis
from sqlalchemy import select, text

from app.actions import (
    accounts,
    admission,
    digesting,
    feedback,
    history,
    ingestion,
    scoring,
    series,
    sessions,
    training,
    webhooks,
)
from app.actions.asked import Answer, Asked
from app.actions.parts import Parts, assemble
from app.ingest.chunk import Chunk, objects
from app.settings import Settings
from app.store import jobs, migrations, outbox, tables
from app.store.audit import SERVICE, Actor
from app.store.deliveries import Delivery
from app.store.events import WantedEvents
from app.store.feedback import Said
from app.store.ids import ulid
from app.store.jobs import Job
from app.store.scores import Score
from app.store.series import Series
from app.store.times import to_ns
from app.store.webhooks import Webhook
from tests.conftest import Installed, Servers, drop_database, make_database

START_NS = 1_704_067_200_000_000_000
MINUTE_NS = 60_000_000_000
STRETCH = timedelta(minutes=15)  # of a digest, by `Account.digest`
QUICK = {"n_estimators": 10}


@dataclass
class Account:
    """One tenant, and what it asks of the actions, without HTTP."""

    parts: Parts
    id: UUID
    slug: str

    def make(
        self, name: str, fields: tuple[str, ...] = ("value",), retrain: str = "manual"
    ) -> Series:
        return series.add(
            self.parts, self.id, name, fields=list(fields), detector=QUICK, retrain=retrain
        )

    def new_neighbour(self) -> UUID:
        """Another tenant of the same installation."""
        slug = f"t-{secrets.token_hex(6)}"
        return accounts.add_tenant(self.parts, slug, slug, {})[0].id

    def find(self, name: str) -> Series:
        return series.by_name(self.parts, self.id, name)

    def upload(self, name: str, values: NDArray[np.float64], first: int = 0, **how: Any) -> None:
        ingestion.store(self.parts, self.id, [chunk(values, first)], name, **how)

    def chunk(self, values: NDArray[np.float64], first: int = 0, name: str | None = None) -> Chunk:
        """Rows of an upload; each names its series where a name is given."""
        made = chunk(values, first)
        return made if name is None else replace(made, series=objects([name] * len(made.times)))

    def listen(self, url: str = "https://hook.invalid/", **settings: Any) -> Webhook:
        """A webhook that is told of everything, unless it says otherwise."""
        given = {"description": "", "types": list(get_args(outbox.Type)), **settings}
        return webhooks.add(self.parts, self.id, url, **given)[0]

    def told(self, *types: str) -> list[Delivery]:
        """What is in the outbox of all webhooks of the tenant, the oldest first."""
        with self.parts.database.tenant(self.id) as connection:
            rows = connection.execute(select(tables.webhook_deliveries))
            found = [Delivery(**row._mapping) for row in rows]
        found.sort(key=lambda one: one.message_id)
        return [one for one in found if not types or one.type in types]

    def end_deliveries(self) -> None:
        """As if receivers had taken all of them."""
        ended = "UPDATE webhook_deliveries SET status = 'delivered', ended_at = now()"
        with self.parts.database.tenant(self.id) as connection:
            connection.execute(text(ended))

    def add_job(self, name: str, lease_s: float = 60.0) -> Job:
        """A training, claimed as it is made, so that nobody else can."""
        of = self.find(name)
        with self.parts.database.tenant(self.id) as connection:
            job, _ = jobs.add_or_join(connection, self.id, "train", of.id, name, of.detector)
            mine = jobs.claim(connection, self.id, job.id, lease_s, trainings=4)
        assert mine is not None
        return mine

    def train(self, name: str) -> Job:
        job = self.add_job(name)
        assert training.train(self.parts, job) is True
        return training.job_by_id(self.parts, self.id, job.id)

    def score(
        self, name: str, values: NDArray[np.float64], places: Any, is_replacing: bool = False
    ) -> Answer:
        """Points at these minutes."""
        at = np.asarray(places, np.int64)
        table = np.asarray(values, np.float64).reshape(len(at), -1)
        columns = tuple(self.find(name).fields)
        asked = Asked(START_NS + at * MINUTE_NS, table, np.arange(len(at)), columns)
        return scoring.score(self.parts, self.id, {name: asked}, is_replacing=is_replacing)

    def digest(self, name: str) -> None:
        """Digests of stretches so short that a few points have several."""
        of = self.find(name)
        with self.parts.database.tenant(self.id) as connection:
            narrow = "UPDATE series SET digest_width = :width WHERE id = :id"
            connection.execute(text(narrow), {"width": STRETCH, "id": of.id})
        while digesting.make_some(self.parts, self.id, of.id):
            pass

    def say(self, name: str, note: str = "") -> None:
        """Feedback on the newest event of the series, and on the point that opened it."""
        event, *_ = history.events_page(self.parts, self.id, name, WantedEvents(limit=1))
        said, by = Said("normal", note, "KEY"), Actor("key", "KEY")
        feedback.on_event(self.parts, self.id, ulid(event.id), said, by=by)
        opened_ns = to_ns(event.started_at)
        taken = Said("anomaly", "", None)
        feedback.on_score(self.parts, self.id, name, opened_ns, taken, by=by)

    def sign_in(self) -> str:
        """-> the cookie's text."""
        _, key = accounts.add_key(self.parts, self.id, "console", ["read"])
        caller = admission.recognise(self.parts, key)
        assert caller is not None
        return sessions.begin(self.parts, caller, key, by=SERVICE)

    def verdicts(self, name: str, values: NDArray[np.float64], places: Any) -> list[Score]:
        answer = self.score(name, values, places)
        assert answer.errors == {}
        return [answer.scores[i] for i in range(len(places))]


def chunk(values: NDArray[np.float64], first: int = 0) -> Chunk:
    table = np.asarray(values, np.float64).reshape(len(values), -1)
    columns = ("value",) if table.shape[1] == 1 else tuple(f"f{i}" for i in range(table.shape[1]))
    times = START_NS + (first + np.arange(len(table), dtype=np.int64)) * MINUTE_NS
    rows = np.arange(2, 2 + len(table), dtype=np.int64)
    return Chunk(rows, None, times, columns, table, (), len(table))


def waves(n: int, fields: int = 1, seed: int = 0) -> NDArray[np.float64]:
    """A pattern with noise, and one absurd value late in it."""
    noise = np.random.default_rng(seed).normal(size=(n, fields))
    values = 10 * np.sin(np.arange(n)[:, None] / 20) + noise
    values[-n // 10] += 50
    return values


@pytest.fixture(scope="session")
def apart(servers: Servers) -> Iterator[Installed]:
    made = make_database(servers)
    migrations.upgrade(made.owner_url, made.server_url)
    yield made
    drop_database(made)


@pytest.fixture(scope="session")
def alone_settings(apart: Installed, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("alone"),
        database_url=apart.server_url,
        redis_url=apart.servers.other_redis_url,
        job_lease_s=2.0,
        database_connections=16,
    )


@pytest.fixture(scope="session")
def alone(alone_settings: Settings) -> Iterator[Parts]:
    made = assemble(alone_settings)
    yield made
    made.close()


@pytest.fixture(scope="session")
def own_redis(alone_settings: Settings) -> Iterator["Redis"]:
    client = Redis.from_url(alone_settings.required("redis_url"))
    yield client
    client.close()


@pytest.fixture
def account(alone: Parts) -> Account:
    slug = f"t-{secrets.token_hex(6)}"
    tenant, _, _ = accounts.add_tenant(alone, slug, slug, {})
    return Account(alone, tenant.id, slug)
