"""A route is not served unless it says who may call it, and its handler is short."""

import ast
import inspect
import textwrap
from types import ModuleType

import pytest

from app.api import answers, webhook_bodies
from app.errors import Misconfigured
from app.web import application, auth, routes
from app.web.formats import Answer
from app.web.framework import hug
from app.web.routes import Route
from tests.web.asking import ROUTES, name_of

STATEMENTS = 8
READING_POSTS = ("/v1/detect", "/v1/preview", "/v1/session")


def served(path: str, requires: tuple[object, ...]) -> object:
    """A Hug API of one route."""
    module = ModuleType("module_of_one_route")
    api = hug.API(f"tocsin-{path.strip('/')}", future=True)
    handler = eval("lambda: None", module.__dict__)  # noqa: S307
    hug.http(path, accept=("GET",), requires=requires, api=api)(handler)
    return api


def refusal(path: str, *requires: object) -> str:
    with pytest.raises(Misconfigured) as refused:
        application.refuse_unguarded(served(path, requires))
    return refused.value.detail


def test_a_route_without_an_authenticator_stops_the_start() -> None:
    assert "GET /v1/open has no authenticator" in refusal("/v1/open")


def test_a_public_route_that_is_not_listed_stops_the_start() -> None:
    assert "GET /v1/public has no authenticator" in refusal("/v1/public", auth.public)


def test_a_check_behind_public_is_no_authenticator() -> None:
    assert "has no authenticator" in refusal("/v1/half", auth.public, auth.authenticator("read"))


def test_a_function_that_is_no_authenticator_of_ours_stops_the_start() -> None:
    assert "has no authenticator" in refusal("/v1/other", lambda **_: True)


def test_a_listed_route_with_an_authenticator_stops_the_start() -> None:
    assert "GET /healthz" in refusal("/healthz", auth.authenticator("read"))


def test_a_route_that_was_not_declared_stops_the_start() -> None:
    assert "not declared" in refusal("/v1/undeclared", auth.authenticator("read"))


def test_the_public_list_is_short() -> None:
    public = {(route.method, route.path) for route in ROUTES if route.scope == "public"}
    assert public == application.PUBLIC
    assert all(method == "GET" and not path.startswith("/v1") for method, path in public)


def test_each_route_is_declared_once() -> None:
    names = [(route.method, route.path) for route in routes.DECLARED]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_reading_changes_nothing_and_writing_needs_more_than_read(route: Route) -> None:
    if route.method != "GET" and route.path not in READING_POSTS and not route.takes_form:
        assert route.scope in ("write", "admin", "operator")


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "POST"], ids=name_of)
def test_what_makes_something_takes_an_idempotency_key(route: Route) -> None:
    shows_a_secret = route.answer in (answers.NewKeyAnswer, webhook_bodies.NewWebhookAnswer)
    assert route.makes == (shows_a_secret or route.status in (201, 202))
    if route.makes:
        assert inspect.signature(route.handler).return_annotation is Answer


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_a_handler_says_what_it_does_in_few_statements(route: Route) -> None:
    source = textwrap.dedent(inspect.getsource(route.handler))
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    described, *statements = function.body
    assert isinstance(described, ast.Expr)
    assert len(list(nested(statements))) <= STATEMENTS


def nested(statements: list[ast.stmt]) -> list[ast.stmt]:
    """These statements, and those within them."""
    return [node for one in statements for node in ast.walk(one) if isinstance(node, ast.stmt)]
