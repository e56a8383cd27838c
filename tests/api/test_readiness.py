"""`/readyz` tells the truth, and SIGTERM leaves no accepted request without its answer."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from app.actions import accounts
from app.actions.parts import Parts
from app.store import Database, migrations
from app.store.database import INSTALLATION
from tests.conftest import Installed
from tests.service import Service, Tenant, free_port, wait_until

Serving = Callable[..., Service]


@pytest.fixture
def serving(service: Service) -> Iterator[Serving]:
    """Starts a server as `tocsin serve` runs it, with other settings than the session's."""
    started: list[Service] = []

    def serve(**settings: str) -> Service:
        port = str(free_port())
        environment = {**service.environment, "TOCSIN_PORT": port, **settings}
        url = f"http://127.0.0.1:{port}"
        own = replace(service, environment=environment, url=url, processes={})
        started.append(own)
        own.start("served", "app.cli.served")
        wait_until(own._answers, "the server answers")
        return own

    yield serve
    for own in started:
        own.stop_all()


def readiness(of: Service) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{of.url}/readyz", timeout=30)
    return answer.status_code, answer.json()


def test_without_redis_it_answers_and_says_that_it_is_degraded(serving: Serving) -> None:
    status, told = readiness(serving(TOCSIN_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"))
    assert (status, told["status"]) == (200, "degraded")
    assert (told["cache"], told["queue"], told["workers"]) == (
        "does not answer",
        "does not answer",
        "unknown",
    )


def test_without_postgres_it_is_unavailable(serving: Serving) -> None:
    url = f"postgresql://u@127.0.0.1:{free_port()}/d"
    status, told = readiness(serving(TOCSIN_DATABASE_URL=url))
    assert (status, told["status"], told["database"]) == (503, "unavailable", "does not answer")


def test_before_the_migration_it_is_unavailable_and_says_what_to_do(
    serving: Serving, empty_database: Installed
) -> None:
    status, told = readiness(serving(TOCSIN_DATABASE_URL=empty_database.server_url))
    assert (status, told["status"], told["database"]) == (503, "unavailable", "ok")
    assert "tocsin migrate" in told["migrations"]


def test_a_database_that_takes_no_writes_is_named_and_is_503_until_it_does(
    serving: Serving, parts: Parts, empty_database: Installed
) -> None:
    migrations.upgrade(empty_database.owner_url, empty_database.server_url)
    database = Database(empty_database.server_url, 1)
    _, key = accounts.add_key(
        replace(parts, database=database), INSTALLATION, "of its own", ["admin"]
    )
    database.close()
    with psycopg.connect(empty_database.owner_url, autocommit=True) as owner:
        read_only = f"ALTER DATABASE {empty_database.name} SET default_transaction_read_only = "
        owner.execute(read_only + "on")
        own = serving(TOCSIN_DATABASE_URL=empty_database.server_url)
        with own.client(key.text) as client:
            status, told = readiness(own)
            assert (status, told["status"], told["migrations"]) == (503, "unavailable", "ok")
            assert told["database"].startswith("read-only")
            assert client.get("/v1/tenants").status_code == 200
            late = {"slug": "late", "name": "Late"}
            refused = client.post("/v1/tenants", json=late)
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            owner.execute(read_only + "off")
            wait_until(lambda: readiness(own)[0] == 200, "a new connection says so")
            wait_until(
                lambda: client.post("/v1/tenants", json=late).status_code == 201, "it stores again"
            )


def test_draining_says_so_and_answers_until_the_time_is_up(
    serving: Serving, tenant: Tenant
) -> None:
    own = serving(TOCSIN_DRAIN_S="600")
    server = own.processes["served"]
    server.send_signal(signal.SIGTERM)
    wait_until(lambda: readiness(own)[0] == 503, "it says that it drains")
    for _ in range(10):  # a connection each: every process knows
        status, told = readiness(own)
        assert (status, told["status"], told["database"]) == (503, "draining", "ok")
    with own.client(tenant.key) as client:
        assert client.post("/v1/series", json={"name": "late"}).status_code == 201
    server.send_signal(signal.SIGTERM)
    assert server.wait(30) == 0


def test_sigterm_lets_a_request_that_is_under_way_be_answered(
    serving: Serving, tenant: Tenant
) -> None:
    own = serving()
    server = own.processes["served"]
    owner_url = own.environment["TOCSIN_OWNER_DATABASE_URL"]
    with (
        own.client(tenant.key) as client,
        psycopg.connect(owner_url) as owner,
        ThreadPoolExecutor(1) as aside,
    ):
        owner.execute("LOCK TABLE series IN EXCLUSIVE MODE")
        answer = aside.submit(client.post, "/v1/series", json={"name": "slow"})
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'series'::regclass"
        with psycopg.connect(owner_url, autocommit=True) as looking:
            wait_until(lambda: looking.execute(waiting).fetchone(), "the request waits")
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: not own._answers(), "no other request is accepted")
        owner.rollback()
        assert answer.result().status_code == 201
    assert server.wait(30) == 0
