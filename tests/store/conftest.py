"""Two tenants that have a row in every table."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from app.actions import accounts
from app.actions.parts import Parts
from app.detection import Points
from app.store import (
    events,
    feedback,
    idempotency,
    jobs,
    models,
    outbox,
    points,
    series,
    sessions,
    webhooks,
)
from app.store.events import Stretch
from app.store.feedback import Said
from app.store.ids import event_id, new_id
from app.store.series import Series
from tests.conftest import Installed
from tests.store.digested import JUDGE, N, note

START_NS, MINUTE_NS, DAY_MINUTES = 1_704_067_200_000_000_000, 60_000_000_000, 1_440
KIND: outbox.Type = "event.opened"
MOMENT = datetime(2024, 5, 1, tzinfo=UTC)
SCORE = (
    "INSERT INTO {table} (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold, "
    "expected, lower, upper, contributions, reason, model_version, backfilled) "
    "VALUES (%s, %s, %s, '{{1}}', 0.5, true, 0.9, '{{1}}', '{{0}}', '{{2}}', '{{1}}', '', 1, false)"
)

MakeSeries = Callable[..., Series]


@dataclass(frozen=True)
class Owner:
    """A tenant that has a row in every table."""

    id: UUID
    slug: str
    key_id: str
    series: Series


@pytest.fixture
def superuser(installed: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(installed.superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(parts: Parts) -> Owner:
    return make_owner(parts)


@pytest.fixture
def other(parts: Parts) -> Owner:
    return make_owner(parts)


@pytest.fixture
def make_series(parts: Parts) -> MakeSeries:
    """Series of a new tenant, with so many fields."""
    tenant, _, _ = accounts.add_tenant(parts, f"t-{secrets.token_hex(6)}", "", {})

    def make(fields: int = 1) -> Series:
        with parts.database.tenant(tenant.id) as connection:
            names = [f"f{i}" for i in range(fields)]
            return series.add(connection, tenant.id, f"s-{secrets.token_hex(4)}", fields=names)

    return make


@pytest.fixture
def long(parts: Parts, make_series: MakeSeries) -> Series:
    """Two fields, a point a minute but for a gap of days, values missing, the last third of one."""
    of = make_series(fields=2)
    values = np.random.default_rng(0).normal(size=(N, 2)).cumsum(axis=0)
    values[np.random.default_rng(1).random((N, 2)) < 0.2] = np.nan
    values[2 * N // 3 :, 1] = np.nan
    passed = np.arange(N) + np.where(np.arange(N) < N // 2, 0, 5 * DAY_MINUTES)
    made = Points.checked(START_NS + passed * MINUTE_NS, values)
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, made)
        connection.execute(text(JUDGE), {"id": of.id})
        return note(connection, of, N)


def make_owner(parts: Parts) -> Owner:
    slug = f"t-{secrets.token_hex(6)}"
    tenant, key, _ = accounts.add_tenant(parts, slug, slug, {})
    with parts.database.tenant(tenant.id) as connection:
        of = series.add(connection, tenant.id, "rides", fields=["value"])
        jobs.add_or_join(connection, tenant.id, "train", of.id, of.name, {})
        sessions.add(connection, tenant.id, key.id, b"key", b"token")
        idempotency.claim(connection, tenant.id, b"key", b"request", 60.0)
        models.add(
            connection,
            b"model",
            tenant_id=tenant.id,
            series_id=of.id,
            version=1,
            points=1,
            from_at=MOMENT,
            to_at=MOMENT,
            settings={},
            threshold=0.9,
            seconds=0.1,
        )
        raw = connection.connection.cursor()
        place = (tenant.id, of.id, MOMENT)
        raw.execute("INSERT INTO points VALUES (%s, %s, %s, '{1}')", place)
        raw.execute("INSERT INTO digests VALUES (%s, %s, %s, '{1}', '{1}')", place)
        for table in ("scores", "replaced_scores"):
            raw.execute(SCORE.format(table=table), place)
        stretch = Stretch(MOMENT, MOMENT, 1, 0.5, MOMENT, "", 1)
        event = event_id(tenant.id, of.id, 0)
        events.begin(connection, of, event, stretch)
        said = Said("normal", "", key.id)
        feedback.of_event(connection, events.by_id(connection, tenant.id, event), said)
        salt = {"secret_number": 1, "secret_salt": b"salt"}
        webhooks.add(connection, tenant.id, new_id(), url="https://a", types=[KIND], **salt)
        outbox.add(connection, tenant.id, KIND, of.id, {})
    return Owner(tenant.id, slug, key.id, of)
