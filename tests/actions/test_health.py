"""What `readiness` says when a part is down, and what still works then."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.actions import health, training
from app.actions.parts import Parts
from app.cache import Cache
from app.jobs import JobQueue
from app.store import Database, migrations
from tests.conftest import Installed
from tests.service import Service, free_port

Account = Any


def nowhere() -> str:
    return f"127.0.0.1:{free_port()}"


def test_without_a_worker_it_is_degraded_but_ready(alone: Parts) -> None:
    found = health.readiness(long_after_its_start(alone))
    assert (found.status, found.is_ready) == ("degraded", True)
    assert found.parts.pop("workers").startswith("none gives a sign of life")
    assert set(found.parts.values()) == {"ok"}


def long_after_its_start(parts: Parts) -> Parts:
    return replace(parts, made_at_s=parts.made_at_s - health.WORKERS_START_WITHIN_S)


def test_right_after_the_start_a_worker_is_expected_rather_than_missed(alone: Parts) -> None:
    just_started = replace(alone, made_at_s=time.monotonic())
    assert health.readiness(just_started).parts["workers"] == "starting"


def test_without_redis_it_is_degraded_but_ready(alone: Parts) -> None:
    url = f"redis://{nowhere()}/0"
    gone = replace(alone, cache=Cache(url, alone.secret, 10), queue=JobQueue(url, alone.secret))
    found = health.readiness(gone)
    assert (found.status, found.is_ready) == ("degraded", True)
    assert found.parts["cache"] == found.parts["queue"] == "does not answer"
    assert found.parts["workers"] == "unknown"


def test_a_redis_that_is_silent_is_waited_for_only_once(
    alone: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host without power tells nobody that it is gone, and who asks gives up after 3 s."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        queue = JobQueue(url, alone.secret)
        monkeypatch.setattr(queue, "workers", lambda: pytest.fail("the queue was asked as well"))
        found = health.readiness(replace(alone, cache=Cache(url, alone.secret, 10), queue=queue))
    assert (found.parts["cache"], found.parts["workers"]) == ("does not answer", "unknown")


def test_without_postgres_it_is_not_ready(alone: Parts) -> None:
    database = Database(f"postgresql://u@{nowhere()}/d", 1)
    found = health.readiness(replace(alone, database=database))
    assert (found.status, found.is_ready) == ("unavailable", False)
    assert found.parts["database"] == "does not answer"


def test_a_postgres_that_hangs_does_not_answer(alone: Parts) -> None:
    """Its kernel goes on to acknowledge what is sent: no timeout of the network sees it."""
    own = Database(alone.settings.required("database_url"), connections=1)
    with own.plain() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    try:
        os.kill(pid, signal.SIGSTOP)
    except PermissionError:
        pytest.skip("the server's processes are another user's")
    try:
        found = health.readiness(replace(alone, database=own))
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (found.status, found.is_ready) == ("unavailable", False)
    assert found.parts["database"] == "does not answer"
    own.close()


def test_before_the_migration_it_is_not_ready_and_says_what_to_do(
    alone: Parts, empty_database: Installed
) -> None:
    database = Database(empty_database.server_url, 1)
    found = health.readiness(replace(alone, database=database))
    assert found.status == "unavailable"
    assert found.parts["database"] == "ok"
    assert "tocsin migrate" in found.parts["migrations"]
    migrations.upgrade(empty_database.owner_url, empty_database.server_url)
    assert health.readiness(replace(alone, database=database)).is_ready
    database.close()


def test_a_job_of_a_tenant_that_is_gone_is_nobodys(alone: Parts) -> None:
    assert training.claim(alone, uuid4(), uuid4()) is None


@pytest.fixture
def without_postgres(service: Service) -> Iterator[Service]:
    url = f"postgresql://u@{nowhere()}/d"
    environment = {**service.environment, "TOCSIN_DATABASE_URL": url}
    own = replace(service, environment=environment, processes={})
    own.start_server("without postgres")
    yield own
    own.stop_all()


def test_a_server_without_postgres_starts_and_answers_503(without_postgres: Service) -> None:
    with without_postgres.client(without_postgres.operator_key) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        for _ in range(3):
            answer = client.get("/v1/tenants")
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["code"] == "unavailable"
