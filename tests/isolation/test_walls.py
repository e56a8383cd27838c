"""No place of any route where an id can stand leads to another tenant's things.

Held by the queries' own conditions, and by row-level security alone where these are forgotten.
"""

from collections import Counter
from collections.abc import Callable

import psycopg

from tests.isolation import breaches
from tests.isolation.attempts import attempts
from tests.isolation.conftest import Pair
from tests.service import Service
from tests.web.asking import GUARDED, PUBLIC, Asking

MakePair = Callable[[Service], Pair]


def test_no_attempt_leads_to_another_s_things_or_changes_them(
    service: Service, make_pair: MakePair, superuser: psycopg.Connection
) -> None:
    mine, theirs = make_pair(service)
    before = breaches.digest(superuser, theirs)
    assert list(breaches.of_http(mine, theirs)) == []
    assert breaches.digest(superuser, theirs) == before


def test_no_statement_of_the_server_meets_another_s_rows(
    services: dict[str, Service],
    make_pair: MakePair,
    server: psycopg.Connection,
    superuser: psycopg.Connection,
) -> None:
    mine, theirs = make_pair(services["as it is"])
    before = breaches.digest(superuser, theirs)
    assert list(breaches.of_statements(server, superuser, mine, theirs)) == []
    assert breaches.digest(superuser, theirs) == before


def test_every_table_of_tenants_holds_rows_that_could_leak(
    services: dict[str, Service], make_pair: MakePair, superuser: psycopg.Connection
) -> None:
    for owner in make_pair(services["as it is"]):
        held = {table: count for table, (count, _) in breaches.digest(superuser, owner).items()}
        assert {table for table, count in held.items() if not count} == set()


def test_ids_are_tried_in_every_place_where_one_can_stand(
    services: dict[str, Service], make_pair: MakePair
) -> None:
    pair = make_pair(services["as it is"])
    tried = Counter(attempt.place.split()[0] for attempt in attempts(GUARDED, *pair))
    assert tried.keys() == {"path", "query", "cursor", "body", "header"}
    assert tried["cursor"] == 2 * len(pair[1].cursors) >= 16


def test_what_anybody_may_ask_tells_of_no_tenant(service: Service, make_pair: MakePair) -> None:
    _, theirs = make_pair(service)
    with service.client() as nobody:
        for route in PUBLIC:
            told = Asking(route).send(nobody).text
            assert [mark for mark in theirs.marks if mark in told] == []
