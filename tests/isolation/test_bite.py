"""With any one policy opened the tests of the walls fail: they would notice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

import psycopg
import pytest

from app.store import tables
from tests.isolation import breaches
from tests.isolation.conftest import Pair
from tests.service import Service

MakePair = Callable[[Service], Pair]

TABLES = sorted(tables.metadata.tables)
# Where an id leads straight to rows; to the others the way is by the series' row.
SEEN_OVER_HTTP = ("api_keys", "jobs", "series", "tenants")


@contextmanager
def opened(superuser: psycopg.Connection, table: str) -> Iterator[None]:
    """The policy between tenants lets all through."""
    policy = f"ALTER POLICY tenant ON {table} USING "
    superuser.execute(policy + "(true)")
    try:
        yield
    finally:
        setting = "nullif(current_setting('app.tenant_id', true), '')::uuid"
        superuser.execute(policy + f"({breaches.whose(table)} = {setting})")


def test_every_table_is_opened_once(superuser: psycopg.Connection) -> None:
    assert sorted([*breaches.tables(superuser), "tenants"]) == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_an_open_policy_is_noticed(
    services: dict[str, Service],
    make_pair: MakePair,
    server: psycopg.Connection,
    superuser: psycopg.Connection,
    table: str,
) -> None:
    mine, theirs = make_pair(services["each WHERE forgotten"])
    found = chain(
        breaches.of_statements(server, superuser, mine, theirs), breaches.of_http(mine, theirs)
    )
    with opened(superuser, table):
        assert next(found, None)


@pytest.mark.parametrize("table", SEEN_OVER_HTTP)
def test_an_open_policy_is_noticed_over_http_alone(
    services: dict[str, Service], make_pair: MakePair, superuser: psycopg.Connection, table: str
) -> None:
    pair = make_pair(services["each WHERE forgotten"])
    with opened(superuser, table):
        assert next(breaches.of_http(*pair), None)
