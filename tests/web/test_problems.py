"""Request ids, and what goes wrong inside: told to the log, not to the client."""

import re
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.service import Service, Tenant, wait_until

Clients = dict[str, httpx.Client]


@pytest.mark.parametrize("given", ["a", "trace-1.b_C", "x" * 64])
def test_a_request_id_is_taken_over(clients: Clients, given: str) -> None:
    answer = clients["admin"].get("/v1/series/absent", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given
    assert answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", 'a"b', "a,b", "ä"])
def test_another_request_id_is_replaced(clients: Clients, given: str) -> None:
    headers = {b"X-Request-Id": given.encode("latin-1")}
    answer = clients["admin"].get("/v1/series/absent", headers=headers)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.headers["X-Request-Id"])
    assert answer.headers["X-Request-Id"] != given
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_each_request_gets_an_id_of_its_own(clients: Clients) -> None:
    ids = {clients["nobody"].get("/healthz").headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20


def test_a_request_is_logged_with_its_id_and_without_its_key(
    service: Service, owner: Tenant
) -> None:
    owner.http.get("/v1/series/absent", headers={"X-Request-Id": "to-be-found"})
    log = Path(service.log_dir / "server.log")
    wait_until(lambda: '"request_id":"to-be-found"' in log.read_text(), "the request is logged")
    assert owner.key not in log.read_text()


def test_the_unexpected_is_a_problem_document_that_says_nothing_of_the_inside(
    service: Service, owner: Tenant
) -> None:
    """A table that is gone stands for every fault that nobody foresaw."""
    owner.http.post("/v1/series", json={"name": "broken"})
    with psycopg.connect(service.environment["TOCSIN_OWNER_DATABASE_URL"], autocommit=True) as own:
        rename = sql.SQL("ALTER TABLE {} RENAME TO {}")
        own.execute(rename.format(sql.Identifier("models"), sql.Identifier("lost")))
        try:
            answer = owner.http.get("/v1/series/broken/models")
        finally:
            own.execute(rename.format(sql.Identifier("lost"), sql.Identifier("models")))
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:tocsin:problem:internal",
        "title": "Something went wrong",
        "status": 500,
        "detail": "It was logged; the request id names it",
        "code": "internal",
        "request_id": answer.headers["X-Request-Id"],
    }
    assert owner.http.get("/v1/series/broken/models").status_code == 200
