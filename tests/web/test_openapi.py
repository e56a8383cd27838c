"""The OpenAPI document is valid, whole, and says what the server does."""

import re
from typing import Any, get_args

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from app.errors import Refused, TocsinError
from app.store import outbox
from app.web import messages, openapi, problems
from app.web.failures import Failure
from app.web.routes import Route
from tests.web.asking import CHARTS, GUARDED, ROUTES, Asking, name_of

Clients = dict[str, httpx.Client]


@pytest.fixture
def document(clients: Clients) -> Any:
    return clients["nobody"].get("/openapi.json").json()


def subclasses(kind: type[TocsinError]) -> set[type[TocsinError]]:
    return {kind}.union(*map(subclasses, kind.__subclasses__()))


def test_it_is_valid(document: Any) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_what_is_served_is_what_is_declared(document: Any) -> None:
    assert document == openapi.document()
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", GUARDED, ids=name_of)
def test_each_declared_route_is_served(clients: Clients, route: Route) -> None:
    assert Asking(route).send(clients["nobody"]).status_code == 401


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_each_route_is_described_with_its_errors(document: Any, route: Route) -> None:
    operation = document["paths"][route.path][route.method.lower()]
    assert operation["summary"]
    assert operation["responses"].keys() >= {str(route.status), *map(str, route.errors)}
    assert ("security" in operation) == (route.scope == "public")
    has_body = bool(route.body or route.uploads or route.takes_form)
    assert ("requestBody" in operation) == has_body
    if route.scope != "public":
        invalid = "400" if route in CHARTS else "422"
        assert operation["responses"].keys() >= {"401", "403", invalid, "500", "503"}
        assert route.scope in operation["description"]
    if route.body or route.takes_form:
        assert operation["responses"].keys() >= {"400", "411", "413", "415"}
    if "{series_name}" in route.path or "_id}" in route.path:
        assert "404" in operation["responses"]


def test_each_answer_has_a_schema(document: Any) -> None:
    for route in GUARDED:
        answer = document["paths"][route.path][route.method.lower()]["responses"][str(route.status)]
        assert (route.status == 204) == ("content" not in answer), name_of(route)


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_the_idempotency_key_is_described_where_it_is_taken(document: Any, route: Route) -> None:
    operation = document["paths"][route.path][route.method.lower()]
    headers = [one["name"] for one in operation["parameters"] if one["in"] == "header"]
    assert headers == (["Idempotency-Key"] if route.makes else [])
    described = operation["responses"][str(route.status)].get("headers", {})
    assert list(described) == (["Idempotency-Replayed"] if route.makes else [])
    if route.makes:
        assert "409" in operation["responses"]


def test_each_message_to_webhooks_is_described(document: Any) -> None:
    assert set(document["webhooks"]) == {*get_args(outbox.Type), outbox.TEST}
    for type_, described in document["webhooks"].items():
        content = described["post"]["requestBody"]["content"]["application/json"]
        model = messages.DECLARED[type_]
        assert content["schema"]["$ref"].endswith(f"/{model.__name__}")
        assert described["post"]["summary"]


def models() -> set[type[BaseModel]]:
    """Of all bodies and answers."""
    answered = {model for route in ROUTES for model in openapi._models(route.answer)}
    taken = {model for route in ROUTES for model in route.body}
    return taken | answered | {openapi.Problem, Failure, *messages.DECLARED.values()}


@pytest.mark.parametrize("model", sorted(models(), key=str))
def test_each_body_and_answer_has_an_example_that_fits_it(model: type[BaseModel]) -> None:
    examples = model.model_json_schema()["examples"]
    assert examples
    for example in examples:
        model.model_validate(example)


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_each_error_of_a_route_names_its_codes(document: Any, route: Route) -> None:
    responses = document["paths"][route.path][route.method.lower()]["responses"]
    for status, response in responses.items():
        of = {"400", "422"} if route in CHARTS and status == "400" else {status}
        codes = {kind.code for kind, number in problems.STATUS.items() if str(number) in of}
        assert int(status) < 400 or set(re.findall("`([a-z_]+)`", response["description"])) & codes


def test_operation_ids_are_distinct(document: Any) -> None:
    ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(set(ids)) == len(ids)


def test_each_error_code_is_described(document: Any) -> None:
    description = document["info"]["description"]
    for kind in subclasses(TocsinError) - {Refused}:
        assert re.search(rf"\b{kind.code}\b", description), kind


def test_each_error_has_a_status_and_a_title() -> None:
    # The others are their parents to who asks by HTTP, and are met on the command line alone.
    raised = {kind for kind in subclasses(TocsinError) if "code" in vars(kind)} - {Refused}
    assert raised == set(problems.STATUS)
    assert len({kind.code for kind in raised}) == len(raised)
    for kind in raised:
        assert kind.title
        assert problems.status_line(problems.STATUS[kind])


def test_the_docs_name_every_route(clients: Clients) -> None:
    page = clients["nobody"].get("/docs").text
    for route in ROUTES:
        assert f"<code>{route.path}</code>" in page
