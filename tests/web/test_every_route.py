"""Rules that hold on each route that is declared, whatever it does."""

import re
from typing import Any

import httpx
import pytest

from app.web import failures
from app.web.routes import Route
from tests.web.asking import (
    CHARTS,
    GUARDED,
    NAMES,
    PUBLIC,
    ROUTES,
    STRICT,
    WITH_BODY,
    Asking,
    name_of,
)

Clients = dict[str, httpx.Client]

LACKING = {
    "read": ("write", "operator"),
    "write": ("read", "operator"),
    "admin": ("read", "write", "operator"),
    "operator": ("admin",),
}
# An upload is read last: the series is looked for before, and is absent here. See test_points.
READING_BODY = [r for r in WITH_BODY if r.path != "/v1/series/{series_name}/points"]
BAD_KEYS = [
    "tcs_",
    "tcs_0123456789ABCDEF_short",
    "tcs_op_0123456789ABCDEF_" + "a" * 49,
    "kéy".encode().decode("latin-1"),
]


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, which must be whole; of Prometheus's API, an error in its form."""
    if failures.is_asked(answer.request.url.path):
        return failure(answer, 400 if status == 422 else status, code)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document.keys() >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


def failure(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    document: dict[str, Any] = answer.json()
    assert document.keys() == {"status", "errorType", "error", "code", "request_id"}
    assert (document["status"], document["code"]) == ("error", code)
    assert document["request_id"] == answer.headers["X-Request-Id"]
    return document


def wrong_fields(document: dict[str, Any]) -> list[str]:
    """Prometheus names the first."""
    if "errors" in document:
        return [error["field"] for error in document["errors"]]
    return re.findall('^invalid parameter "(.*?)"', document["error"])


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
def test_without_a_key_the_answer_is_401_and_names_the_scheme(
    clients: Clients, route: Route
) -> None:
    answer = Asking(route).send(clients["nobody"])
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_a_key_that_cannot_be_one_is_401(clients: Clients, header: str, key: str) -> None:
    given = f"Bearer {key}" if header == "Authorization" else key
    answer = clients["nobody"].get("/v1/me", headers={header.encode(): given.encode("latin-1")})
    problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize("authorization", ["Basic dTpw", "Bearer", "Bearer x y", "tcs_x"])
def test_another_scheme_is_401(clients: Clients, authorization: str) -> None:
    answer = clients["nobody"].get("/v1/me", headers={"Authorization": authorization})
    problem(answer, 401, "unauthenticated")


@pytest.mark.parametrize("route", [r for r in GUARDED if r.scope != "any"], ids=name_of)
def test_a_key_without_the_scope_is_403(clients: Clients, route: Route) -> None:
    for kind in LACKING[route.scope]:
        if kind == "operator" and route.takes_operator:
            continue
        problem(Asking(route).send(clients[kind]), 403, "forbidden")


@pytest.mark.parametrize("route", [r for r in STRICT if r.scope in LACKING], ids=name_of)
def test_the_key_that_is_meant_is_let_through(clients: Clients, route: Route) -> None:
    answer = Asking(route, query={"absent_name": "1"}).send(clients[route.scope])
    problem(answer, 422, "invalid")  # behind the guard, and before anything is done


def test_admin_includes_the_other_scopes(clients: Clients) -> None:
    for route in STRICT:
        if route.scope in ("read", "write"):
            answer = Asking(route, query={"absent_name": "1"}).send(clients["admin"])
            problem(answer, 422, "invalid")


@pytest.mark.parametrize("route", CHARTS, ids=name_of)
def test_of_prometheus_s_api_an_unknown_parameter_is_left_alone(
    clients: Clients, route: Route
) -> None:
    for kind in ("read", "admin"):
        answer = Asking(route, query={"dedup": "true"}).send(clients[kind])
        assert (answer.status_code, answer.json()["status"]) == (200, "success")


@pytest.mark.parametrize("route", STRICT, ids=name_of)
def test_an_unknown_query_parameter_is_named(clients: Clients, route: Route) -> None:
    kind = "admin" if route.scope in ("read", "write", "any") else route.scope
    answer = Asking(route, query={"unheard_of": "1"}).send(clients[kind])
    errors = problem(answer, 422, "invalid")["errors"]
    assert {"field": "unheard_of", "message": "there is no such field"} in errors


@pytest.mark.parametrize("route", [r for r in GUARDED if "{" in r.path], ids=name_of)
def test_a_query_cannot_name_what_stands_in_the_path(clients: Clients, route: Route) -> None:
    kind = "operator" if route.scope == "operator" else "admin"
    for name in NAMES:
        if f"{{{name}}}" in route.path:
            answer = Asking(route, query={name: "other"}).send(clients[kind])
            assert wrong_fields(problem(answer, 422, "invalid")) == [name]


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_query_cannot_stand_in_for_what_the_handler_is_given(
    clients: Clients, route: Route
) -> None:
    """Hug merges query and parameters; ours come from directives only."""
    internal = dict.fromkeys(("parts", "caller", "request", "query", "body", "upload"), "1")
    kind = "operator" if route.scope == "operator" else "admin"
    answer = Asking(route, query={**internal, "api_version": "9"}).send(clients[kind])
    assert answer.status_code == (200 if route in PUBLIC or route in CHARTS else 422)


@pytest.mark.parametrize("route", [r for r in GUARDED if "{" in r.path], ids=name_of)
def test_a_path_with_nul_or_broken_utf8_names_nothing(clients: Clients, route: Route) -> None:
    kind = "operator" if route.scope == "operator" else "admin"
    query = {"confirm": "nobody"} if route.method == "DELETE" and kind == "operator" else {}
    for hostile in ("%00", "a%00b", "%ff%fe", "%ed%a0%80", "..%2f..", "x" * 3000):
        asking = Asking(route, dict.fromkeys(NAMES, hostile), query)
        right = (400, 404) if route in CHARTS else (404, 422)
        assert asking.send(clients[kind]).status_code in right, asking.path


@pytest.mark.parametrize("route", [r for r in GUARDED if r.query], ids=name_of)
def test_a_query_with_nul_is_refused(clients: Clients, route: Route) -> None:
    assert route.query is not None
    kind = "operator" if route.scope == "operator" else "admin"
    for name in route.query.model_json_schema(by_alias=True)["properties"]:
        answer = Asking(route, query={name: "a\0"}).send(clients[kind])
        assert wrong_fields(problem(answer, 422, "invalid"))[0] == name


@pytest.mark.parametrize("route", [r for r in STRICT if r.query], ids=name_of)
def test_a_query_parameter_cannot_be_given_twice(clients: Clients, route: Route) -> None:
    assert route.query is not None
    kind = "operator" if route.scope == "operator" else "admin"
    for name in route.query.model_json_schema(by_alias=True)["properties"]:
        answer = Asking(route, query={name: ["1", "1"]}).send(clients[kind])
        assert problem(answer, 422, "invalid")["errors"][0]["field"] == name


@pytest.mark.parametrize("route", WITH_BODY, ids=name_of)
def test_a_body_needs_length_and_type_and_must_be_json(clients: Clients, route: Route) -> None:
    client = clients["operator" if route.scope == "operator" else "admin"]
    json_type = {"Content-Type": "application/json"}

    def send(body: object, headers: dict[str, str]) -> httpx.Response:
        # The server closes a connection whose body it left unread: none is used again.
        alone = {**headers, "Connection": "close"}
        return Asking(route).send(client, content=body, headers=alone, json=None)

    problem(send(iter([b"{}"]), json_type), 411, "length_required")
    problem(send(b"{}", {"Content-Type": "text/xml"}), 415, "unsupported_media_type")
    problem(send(b"{}", {}), 415, "unsupported_media_type")
    latin = {"Content-Type": "application/json; charset=latin-1"}
    problem(send(b"{}", latin), 415, "unsupported_media_type")
    brotli = {**json_type, "Content-Encoding": "br"}
    problem(send(b"{}", brotli), 415, "unsupported_media_type")
    if route not in READING_BODY:
        return
    for malformed in (b"{", b"[]", b"1", b'"x"', b'{"a": NaN}', b'{"a": -Infinity}', b"\xff{}"):
        problem(send(malformed, json_type), 400, "malformed")
    versioned = {"Content-Type": 'application/json; charset="UTF-8"; v=1; xcharset=latin-1'}
    problem(send(b"{", versioned), 400, "malformed")
    problem(send(b'{"name": "a", "name": "b"}', json_type), 400, "malformed")
    problem(send(b"[" * 100_000, json_type), 400, "malformed")


@pytest.mark.parametrize("route", [r for r in WITH_BODY if not r.is_body_optional], ids=name_of)
def test_a_required_body_that_is_missing_is_411(clients: Clients, route: Route) -> None:
    client = clients["operator" if route.scope == "operator" else "admin"]
    request = client.build_request(route.method, Asking(route).path)
    request.headers.pop("Content-Length", None)
    problem(client.send(request), 411, "length_required")


@pytest.mark.parametrize("route", READING_BODY, ids=name_of)
def test_an_unknown_field_of_a_body_is_named(clients: Clients, route: Route) -> None:
    client = clients["operator" if route.scope == "operator" else "admin"]
    errors = problem(Asking(route).send(client, json={"unheard_of": 1}), 422, "invalid")["errors"]
    assert {"field": "unheard_of", "message": "there is no such field"} in errors


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "GET", "QUERY"])
def test_another_method_is_405_and_says_which_are_taken(clients: Clients, method: str) -> None:
    for path in {route.path for route in ROUTES}:
        taken = {route.method for route in ROUTES if route.path == path}
        if method in taken:
            continue
        asking = Asking(next(route for route in ROUTES if route.path == path))
        answer = clients["nobody"].request(method, asking.path)
        problem(answer, 405, "method_not_allowed")
        assert taken <= set(answer.headers["Allow"].replace(" ", "").split(",")), path


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/nothing", "/v2/v1/series", "/v1/v1/series", "/v9/healthz", "/v1/series/", "/%00"],
)
def test_a_path_that_is_not_declared_is_404(clients: Clients, path: str) -> None:
    document = problem(clients["admin"].get(path), 404, "not_found")
    assert "series_name" not in document["detail"]


@pytest.mark.parametrize("route", PUBLIC, ids=name_of)
def test_a_public_route_needs_no_key_and_looks_at_none(clients: Clients, route: Route) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-API-Version": "7"}):
        answer = Asking(route).send(clients["nobody"], headers=headers)
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_every_answer_is_neither_sniffed_nor_stored(clients: Clients, route: Route) -> None:
    """But for files that pages load, which are the same for all."""
    answer = Asking(route).send(clients["nobody"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    is_file = route.path.startswith("/assets/")
    assert ("no-store" in answer.headers["Cache-Control"]) != is_file


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=name_of)
def test_head_is_get_without_a_body(clients: Clients, route: Route) -> None:
    client = clients["operator" if route.scope == "operator" else "admin"]
    get, head = (
        client.request(method, Asking(route).path, headers={"X-Request-Id": "same"})
        for method in ("GET", "HEAD")
    )
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


@pytest.mark.parametrize("method", ["QUERY", "HEAD"])
def test_a_method_that_nobody_takes_is_405(clients: Clients, method: str) -> None:
    answer = clients["admin"].request(method, "/v1/detect")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "OPTIONS, POST"
