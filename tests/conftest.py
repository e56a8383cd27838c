"""Servers for the tests: those that the environment names, else the embedded ones; never a fake.

The tests may run in several processes: each has a database and numbers in Redis of its own, or
embedded servers of its own.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import settings as property_tests
from redis import ConnectionPool, Redis
from sqlalchemy import Connection

from app import embedded
from app.actions import accounts
from app.actions.parts import Parts, assemble
from app.settings import Settings
from app.store import migrations
from app.store.database import INSTALLATION
from tests.service import Service, Tenant, running

property_tests.register_profile("tocsin", deadline=None)  # the first call of a loop loads it
property_tests.load_profile("tocsin")

PASSWORD = "only-for-tests"
IS_THERE = (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first: as the last of all, one process would wait for another's."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@dataclass(frozen=True)
class Servers:
    """Both numbers in Redis are flushed by tests."""

    superuser_url: str
    redis_url: str
    other_redis_url: str

    def url(self, role: str, database: str) -> str:
        """The same server, as another role, in another database."""
        parts = urlsplit(self.superuser_url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{host}", path=f"/{database}"))


@dataclass(frozen=True)
class Installed:
    """A database of its own, migrated."""

    servers: Servers
    name: str

    @property
    def server_url(self) -> str:
        return self.servers.url("tocsin_server", self.name)

    @property
    def owner_url(self) -> str:
        return self.servers.url("tocsin_test_owner", self.name)

    @property
    def superuser_url(self) -> str:
        return urlunsplit(urlsplit(self.servers.superuser_url)._replace(path=f"/{self.name}"))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    database_url = os.environ.get("TOCSIN_TEST_DATABASE_URL")
    redis_url = os.environ.get("TOCSIN_TEST_REDIS_URL")
    if database_url and redis_url:
        yield Servers(database_url, *_numbers_in(redis_url))
        return
    with embedded.temporary() as own:
        numbers = _numbers_in(redis_url or own.redis_url)
        yield Servers(database_url or own.superuser_url, *numbers)


def _numbers_in(redis_url: str) -> list[str]:
    """Two that no other process of this run takes: the URL's and those above, round at 16."""
    process = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = ConnectionPool.from_url(redis_url).connection_kwargs.get("db") or 0
    server = redis_url.partition("?")[0]
    return [f"{server}?db={(first + 2 * process + n) % 16}" for n in range(2)]


def make_database(servers: Servers) -> Installed:
    """Empty, owned by a role like the one that `tocsin migrate` expects."""
    name = f"tocsin_test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        with contextlib.suppress(*IS_THERE):
            connection.execute(
                f"CREATE ROLE tocsin_test_owner LOGIN CREATEROLE PASSWORD '{PASSWORD}'"
            )
        connection.execute(f"CREATE DATABASE {name} OWNER tocsin_test_owner TEMPLATE template0")
    return Installed(servers, name)


def drop_database(installed: Installed) -> None:
    with psycopg.connect(installed.servers.superuser_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {installed.name} WITH (FORCE)")


@pytest.fixture
def empty_database(servers: Servers) -> Iterator[Installed]:
    """Not migrated."""
    made = make_database(servers)
    yield made
    drop_database(made)


@pytest.fixture(scope="session")
def installed(servers: Servers) -> Iterator[Installed]:
    made = make_database(servers)
    migrations.upgrade(made.owner_url, made.server_url)
    yield made
    drop_database(made)


@pytest.fixture(scope="session")
def settings(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url=installed.server_url,
        owner_database_url=installed.owner_url,
        redis_url=installed.servers.redis_url,
        job_lease_s=2.0,
        webhook_networks="127.0.0.1/32",
    )


@pytest.fixture(scope="session")
def parts(settings: Settings) -> Iterator[Parts]:
    """For tests that call actions or the store themselves."""
    made = assemble(settings)
    yield made
    made.close()


@pytest.fixture(scope="session")
def redis(servers: Servers) -> Iterator["Redis"]:
    client = Redis.from_url(servers.redis_url)
    yield client
    client.close()


@pytest.fixture
def connection(installed: Installed, parts: Parts) -> Iterator[Connection]:
    """The server's role, in a transaction that is undone; it has no tenant yet."""
    with parts.database.engine.connect() as opened:
        yield opened
        opened.rollback()


@pytest.fixture(scope="session")
def service(
    settings: Settings, parts: Parts, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """Server, worker and upkeep, each a process of its own, for the whole session."""
    environment = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
    environment |= environment_of(settings)
    made = Service(environment, tmp_path_factory.mktemp("logs"))
    _, key = accounts.add_key(parts, INSTALLATION, "tests", ["admin"])
    made.operator_key = key.text
    with running(made):
        made.start_server()
        made.start_worker()
        made.start_upkeep()
        yield made


@pytest.fixture
def delivery(service: Service, installed: Installed) -> Iterator[None]:
    """A process that calls webhooks: not those of hundreds of other tests, for which they wait."""
    with psycopg.connect(installed.superuser_url, autocommit=True) as connection:
        connection.execute("DELETE FROM webhook_deliveries WHERE status = 'pending'")
    service.start_delivery()
    yield
    service.stop("delivery")


def environment_of(settings: Settings) -> dict[str, str]:
    return {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "TOCSIN_DATA_DIR": str(settings.data_dir),
        "TOCSIN_DATABASE_URL": settings.required("database_url"),
        "TOCSIN_OWNER_DATABASE_URL": settings.required("owner_database_url"),
        "TOCSIN_REDIS_URL": settings.required("redis_url"),
        "TOCSIN_JOB_LEASE_S": str(settings.job_lease_s),
        "TOCSIN_WEBHOOK_NETWORKS": settings.webhook_networks,
        "TOCSIN_API_THREADS": "8",
        "TOCSIN_METRICS_TENANTS": "1000",
        "TOCSIN_TENANT_REQUESTS_PER_S": "100000",  # but where a test gives a tenant its own
    }


@pytest.fixture
def tenant(service: Service) -> Iterator[Tenant]:
    """New for each test, so that no test sees another's rows."""
    made = service.new_tenant()
    yield made
    made.http.close()


@pytest.fixture
def stranger(service: Service) -> Iterator[Tenant]:
    """A second tenant, who must never see the first one's."""
    made = service.new_tenant()
    yield made
    made.http.close()
