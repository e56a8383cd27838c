"""`Idempotency-Key`: whatever becomes of an answer, the request may be sent again."""

import re
import secrets
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.histories import QUICK, csv
from tests.conftest import Installed
from tests.service import Service, Tenant, wait_until
from tests.web.asking import ROUTES, Asking, name_of

Holding = Callable[..., httpx.Client]
Rows = Callable[..., list[Any]]

MAKING = [route for route in ROUTES if route.makes]
SHOWING = [
    route
    for route in MAKING
    if re.search("keys|^/v1/tenants$|^/v1/webhooks$|webhook_id}/rotate", route.path)
]
SERIES = {"name": "rides", "tags": ["taxi"]}
BAD_KEYS = [b"", b"x" * 256, b"caf\xe9", b"a\tb"]


@pytest.fixture
def superuser(installed: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(installed.superuser_url) as connection:
        yield connection


def post(http: httpx.Client, key: str, path: str = "/v1/series", **given: Any) -> httpx.Response:
    given.setdefault("json", SERIES)
    return http.post(path, headers={"Idempotency-Key": key}, **given)


def is_replayed(answer: httpx.Response) -> bool:
    return "Idempotency-Replayed" in answer.headers


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@contextmanager
def nothing_is_stored(service: Service) -> Iterator[None]:
    """Whoever makes a series waits until this ends."""
    with psycopg.connect(service.environment["TOCSIN_OWNER_DATABASE_URL"]) as owner:
        owner.execute("LOCK TABLE series IN EXCLUSIVE MODE")
        yield
        owner.rollback()


def wait_until_claimed(tenant: Tenant, rows: Rows) -> None:
    wait_until(lambda: rows(tenant, "SELECT FROM idempotency_keys"), "the request is under way")


def test_the_first_answer_is_given_again(tenant: Tenant) -> None:
    first = post(tenant.http, "once")
    assert first.status_code == 201
    assert not is_replayed(first)
    for again in (post(tenant.http, "once"), post(tenant.http, "once")):
        assert again.headers["Idempotency-Replayed"] == "true"
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert len(tenant.http.get("/v1/series").json()["data"]) == 1


def test_a_replay_is_the_answer_of_then(tenant: Tenant) -> None:
    first = post(tenant.http, "once")
    tenant.http.delete("/v1/series/rides")
    assert post(tenant.http, "once").json() == first.json()
    assert tenant.http.get("/v1/series/rides").status_code == 404


def test_another_key_is_another_request(tenant: Tenant) -> None:
    post(tenant.http, "one")
    assert problem(post(tenant.http, "two")) == (409, "conflict")


def test_twenty_at_once_make_one_series(tenant: Tenant) -> None:
    def ask(_: int) -> httpx.Response:
        def answered() -> httpx.Response | None:
            answer = post(tenant.http, "once")
            if answer.status_code != 409:
                return answer
            assert problem(answer) == (409, "idempotency_key_in_use")
            return None

        found: httpx.Response = wait_until(answered, "the first is done")
        return found

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(ask, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum(not is_replayed(answer) for answer in answers) == 1
    assert len(tenant.http.get("/v1/series").json()["data"]) == 1


def test_while_the_first_is_under_way_the_second_is_told_to_wait(
    tenant: Tenant, service: Service, rows: Rows
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with nothing_is_stored(service):
            first = pool.submit(post, tenant.http, "once")
            wait_until_claimed(tenant, rows)
            second = post(tenant.http, "once")
        assert problem(second) == (409, "idempotency_key_in_use")
        assert int(second.headers["Retry-After"]) >= 1
        assert first.result().status_code == 201
    assert is_replayed(post(tenant.http, "once"))


def test_the_key_of_a_server_that_was_killed_is_free_after_its_lease(
    tenant: Tenant, service: Service, rows: Rows, tmp_path: Path
) -> None:
    doomed = replace(service, log_dir=tmp_path, processes={})
    with ThreadPoolExecutor(1) as pool:
        try:
            doomed.start_server()
            with nothing_is_stored(service), doomed.client(tenant.key) as client:
                first = pool.submit(post, client, "once")
                wait_until_claimed(tenant, rows)
                doomed.stop("server", signal.SIGKILL)
                assert isinstance(first.exception(), httpx.TransportError)
        finally:
            doomed.stop_all()
    assert problem(post(tenant.http, "once")) == (409, "idempotency_key_in_use")
    lease = "lease_until BETWEEN now() AND now() + interval '1 minute'"
    assert rows(tenant, f"SELECT FROM idempotency_keys WHERE {lease}")
    rows(tenant, "UPDATE idempotency_keys SET lease_until = now() RETURNING 1")
    made = post(tenant.http, "once")
    assert made.status_code == 201
    assert not is_replayed(made)
    assert is_replayed(post(tenant.http, "once"))


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/v1/series", {"json": {"name": "another"}}),
        ("/v1/series", {"json": {**SERIES, "description": ""}}),
        ("/v1/keys", {"json": {"name": "rides", "scopes": ["read"]}}),
        ("/v1/series/rides/train", {"json": {}}),
    ],
)
def test_a_key_of_another_body_or_path_is_refused(
    tenant: Tenant, path: str, given: dict[str, Any]
) -> None:
    post(tenant.http, "once")
    assert problem(post(tenant.http, "once", path, **given)) == (422, "idempotency_key_reused")


def test_another_query_is_another_request(tenant: Tenant) -> None:
    path = "/v1/series/absent/train"
    assert post(tenant.http, "once", path, json={}).status_code == 404
    again = post(tenant.http, "once", path, json={}, params={"wait": 1})
    assert problem(again) == (422, "idempotency_key_reused")


def test_how_the_body_is_written_does_not_matter(tenant: Tenant) -> None:
    post(tenant.http, "once")
    written = b'{ "tags": ["taxi"],\n "name": "\\u0072ides" }'
    headers = {"Idempotency-Key": "once", "Content-Type": "application/json"}
    assert is_replayed(tenant.http.post("/v1/series", content=written, headers=headers))


def test_a_key_is_its_tenant_s_own(tenant: Tenant, stranger: Tenant) -> None:
    post(tenant.http, "once")
    theirs = post(stranger.http, "once", json={"name": "another"})
    assert theirs.status_code == 201
    assert not is_replayed(theirs)


def test_another_api_key_of_the_tenant_may_repeat_if_it_may_do_it(
    tenant: Tenant, holding: Holding
) -> None:
    post(tenant.http, "once")
    assert is_replayed(post(holding(tenant, "admin"), "once"))
    assert problem(post(holding(tenant, "write"), "once")) == (403, "forbidden")


def test_what_the_action_refused_is_answered_again(tenant: Tenant) -> None:
    path = "/v1/series/rides/train"
    first = post(tenant.http, "once", path, json={})
    assert first.status_code == 404
    tenant.make_series("rides")
    again = post(tenant.http, "once", path, json={})
    assert (again.status_code, again.content) == (404, first.content)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert is_replayed(again)
    assert problem(post(tenant.http, "another", path, json={})) == (422, "invalid")


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "rides", "unheard_of": 1}, []])
def test_what_is_refused_before_it_is_begun_leaves_the_key_free(tenant: Tenant, body: Any) -> None:
    assert post(tenant.http, "once", json=body).status_code in (400, 422)
    assert post(tenant.http, "once").status_code == 201


def test_an_unexpected_error_leaves_the_key_free(tenant: Tenant, service: Service) -> None:
    """A table that is gone stands for every fault that nobody foresaw."""
    tenant.http.event_hooks = {}
    with psycopg.connect(service.environment["TOCSIN_OWNER_DATABASE_URL"], autocommit=True) as own:
        own.execute("ALTER TABLE series RENAME TO lost")
        try:
            assert post(tenant.http, "once").status_code == 500
        finally:
            own.execute("ALTER TABLE lost RENAME TO series")
    made = post(tenant.http, "once")
    assert made.status_code == 201
    assert not is_replayed(made)


def test_a_training_is_begun_once(tenant: Tenant) -> None:
    tenant.make_series("rides", detector=QUICK)
    tenant.upload("rides", csv(100))
    path, wait = "/v1/series/rides/train", {"wait": 60}
    first = tenant.http.post(path, headers={"Idempotency-Key": "k"}, params=wait, timeout=90)
    assert first.json()["status"] == "succeeded"
    again = tenant.http.post(path, headers={"Idempotency-Key": "k"}, params=wait)
    assert again.json() == first.json()
    assert len(tenant.http.get("/v1/series/rides/jobs").json()["data"]) == 1


@pytest.mark.parametrize("route", SHOWING, ids=name_of)
def test_a_secret_is_shown_once_and_stored_nowhere(
    tenant: Tenant, operator: httpx.Client, superuser: psycopg.Connection, route: Any
) -> None:
    client = operator if route.scope == "operator" else tenant.http
    body: dict[str, Any] = {"name": "k", "scopes": ["read"]}
    if route.path == "/v1/webhooks":
        body = {"url": "https://hook.invalid/"}
    if route.path == "/v1/tenants":
        body = {"slug": f"t-{secrets.token_hex(6)}", "name": "new"}
    if route.path.endswith("/rotate"):
        body = {}
    other = tenant.http.post("/v1/keys", json={"name": "k", "scopes": ["read"]}).json()
    hook = tenant.http.post("/v1/webhooks", json={"url": "https://hook.invalid/"}).json()
    names = {"slug": tenant.slug, "key_id": other["id"], "webhook_id": hook["id"]}
    path = route.path.format(**names)
    key = secrets.token_hex(8)
    made = post(client, key, path, json=body)
    assert made.status_code == route.status
    shown = made.json().get("api_key", made.json())
    again = post(client, key, path, json=body)
    assert problem(again) == (409, "idempotency_secret_shown")
    what = "webhook_id" if "webhook" in path else "key_id"
    assert again.json()[what] == shown["id"]
    assert shown["secret"] not in again.text
    for row in superuser.execute("SELECT k::text, body FROM idempotency_keys k"):
        assert shown["secret"] not in row[0]
        assert shown["secret"].encode() not in (row[1] or b"")


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("route", MAKING, ids=name_of)
def test_a_key_that_cannot_be_one_is_refused_and_the_header_named(
    tenant: Tenant, operator: httpx.Client, route: Any, key: bytes
) -> None:
    client = operator if route.scope == "operator" else tenant.http
    answer = Asking(route).send(client, headers={b"Idempotency-Key": key})
    assert problem(answer) == (422, "invalid")
    (error,) = answer.json()["errors"]
    assert error["field"] == "Idempotency-Key"
    assert "1 to 255 printable ASCII" in error["message"]


@pytest.mark.parametrize("key", ["k", "x" * 255, "!~ a", '"quoted"'])
def test_a_key_may_be_any_printable_text(tenant: Tenant, key: str) -> None:
    assert post(tenant.http, key).status_code == 201
    assert is_replayed(post(tenant.http, key))


def test_where_repeating_is_safe_by_itself_the_header_is_ignored(tenant: Tenant) -> None:
    tenant.make_series("rides")
    body = {"points": [{"timestamp": 1, "value": 1}]}
    for stored in (1, 0):
        answer = post(tenant.http, "k", "/v1/series/rides/points", json=body)
        assert answer.json()["stored"] == stored
        assert "Idempotency-Replayed" not in answer.headers
