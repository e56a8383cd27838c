"""Two servers on one database where no worker runs: as it is, and with each WHERE forgotten."""

import os
from collections.abc import Callable, Iterator

import psycopg
import pytest

from app.actions import accounts
from app.actions.parts import assemble
from app.settings import Settings
from app.store import migrations
from app.store.database import INSTALLATION
from tests.conftest import Installed, Servers, drop_database, environment_of, make_database
from tests.isolation import owners
from tests.isolation.owners import Owner
from tests.service import Service, running

APPLICATIONS = {
    "as it is": "app.wsgi:application",
    "each WHERE forgotten": "tests.isolation.forgetful:application",
}

Pair = tuple[Owner, Owner]


@pytest.fixture(scope="package")
def walled(servers: Servers) -> Iterator[Installed]:
    made = make_database(servers)
    migrations.upgrade(made.owner_url, made.server_url)
    yield made
    drop_database(made)


@pytest.fixture(scope="package")
def superuser(walled: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(walled.superuser_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="package")
def server(walled: Installed) -> Iterator[psycopg.Connection]:
    """The server's role, by hand."""
    with psycopg.connect(walled.server_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="package")
def services(
    walled: Installed, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Service]]:
    """By what is served; without worker and upkeep, so that rows stay as they were made."""
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("walled"),
        database_url=walled.server_url,
        owner_database_url=walled.owner_url,
        redis_url=walled.servers.other_redis_url,
    )
    parts = assemble(settings)
    _, key = accounts.add_key(parts, INSTALLATION, "tests", ["admin"])
    parts.close()
    environment = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
    environment |= environment_of(settings)
    made = {}
    for number, (what, application) in enumerate(APPLICATIONS.items()):
        made[what] = Service(environment, tmp_path_factory.mktemp("logs"), operator_key=key.text)
        made[what].start_server(f"server{number}", application)
    with running(made["as it is"]), running(made["each WHERE forgotten"]):
        yield made


@pytest.fixture(params=APPLICATIONS)
def service(request: pytest.FixtureRequest, services: dict[str, Service]) -> Service:
    return services[request.param]


@pytest.fixture
def make_pair(
    services: dict[str, Service], superuser: psycopg.Connection
) -> Iterator[Callable[[Service], Pair]]:
    """Who tries, and whose things they are; made on the server as it is, then asked as given."""
    made: list[Owner] = []

    def make(service: Service) -> Pair:
        mine = owners.make(services["as it is"], superuser, 1987, versions=2)
        theirs = owners.make(services["as it is"], superuser, 1991, versions=3)
        made.extend((mine, theirs))
        mine.http.base_url = service.url
        return mine, theirs

    yield make
    for owner in made:
        owner.http.close()
