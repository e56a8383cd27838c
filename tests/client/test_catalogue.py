"""The client is in step with the API: its routes, queries, bodies, answers and codes."""

import re
from collections.abc import Iterator
from dataclasses import fields
from inspect import signature
from types import NoneType
from typing import Any, get_args, get_type_hints

import pytest

import app.client.answers
from app import errors
from app.api import answers, bodies, operator_answers, webhook_bodies
from app.api.detectors import Detector
from app.client import AsyncTocsin, Tocsin
from app.client import errors as client_errors
from app.client.calls import operator, series, webhooks
from app.client.catalogue import Catalogue, one, rows, several
from app.client.reading import Record
from app.client.requests import Listing, Request
from app.client.retries import Work
from app.store import outbox
from app.web.routes import Route
from tests.web.asking import ROUTES, name_of

# Of each parameter that a method may have, something that is right.
ARGUMENTS: dict[str, Any] = {
    "action": "key.created",
    "anomalies_only": True,
    "confirm": "acme",
    "data": [("rides", "2024-01-01", 1.0)],
    "event_id": "01HKF0T8M0ABCDEFGHJKMNPQRS",
    "grace_s": 60,
    "is_open": True,
    "job": "01890a5d-ac96-774b-bcce-b302099a8057",
    "job_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "label": "normal",
    "key_id": "0123456789ABCDEF",
    "min_score": 0.5,
    "name": "rides",
    "on_conflict": "replace",
    "on_error": "skip",
    "order": "desc",
    "prefix": "r",
    "scopes": ["read"],
    "series": "rides",
    "slug": "acme",
    "status": "failed",
    "start": 0,
    "tag": "city",
    "tenant": "acme",
    "time": 0,
    "timestamp_column": "at",
    "value": 1.0,
    "value_column": "v",
    "version": 1,
    "create": True,
    "delivery_id": "msg_01HKF0T8M1ABCDEFGHJKMNPQRS",
    "end": 1,
    "url": "https://hook.invalid/hook",
    "webhook_id": "01890a5d-ac96-774b-bcce-b302099a8059",
}
WITHOUT_METHOD = {  # by a pattern of their paths: why
    r"(?!/v1/).*": "for browsers, probes and scrapers, each of which is a client of its own",
    r"/v1/admin/metrics": "for Prometheus, which scrapes it",
    r"/v1/session": "for browsers: it turns a key into a cookie",
    r"/v1/(overview|preview|series/{series_name}/chart)": "for pages, which draw what they answer",
}
METHODS = {
    name: method
    for name, method in vars(Catalogue).items()
    if isinstance(method, one | several | rows) and name != "request"
}


class _Asked(Exception):
    def __init__(self, request: Request[Any]) -> None:
        self.request = request


def asked(method: Any) -> Request[Any]:
    """The first request of a method that is given all that it takes."""

    def ask(request: Request[Any]) -> None:
        raise _Asked(request)

    names = signature(method.call).parameters.keys() & ARGUMENTS.keys()
    given = {name: ARGUMENTS[name] for name in names}
    if isinstance(method, one):
        request: Request[Any] = method.call(**given)
        return request
    if isinstance(method, rows):
        listing: Listing[Any] = method.call(**given)
        return listing.first()
    flow = method.call(ask, **given)
    try:
        step = next(flow)
        while True:
            assert isinstance(step, Work)
            step = flow.send(step.do())
    except _Asked as found:
        return found.request
    finally:
        flow.close()


def bare(path: str) -> str:
    """However its names are called."""
    return re.sub(r"{\w+}", "{}", path)


ASKED = {(request.method, bare(request.route)): request for request in map(asked, METHODS.values())}
WITH_METHOD = [route for route in ROUTES if (route.method, bare(route.path)) in ASKED]


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_each_route_has_a_method_or_a_reason_to_have_none(route: Route) -> None:
    reasons = [why for path, why in WITHOUT_METHOD.items() if re.fullmatch(path, route.path)]
    assert bool(reasons) != ((route.method, bare(route.path)) in ASKED)


def test_no_method_asks_for_what_is_not_there() -> None:
    assert ASKED.keys() <= {(route.method, bare(route.path)) for route in ROUTES}


@pytest.mark.parametrize("route", WITH_METHOD, ids=name_of)
def test_a_method_can_say_all_that_its_route_takes_in_the_query(route: Route) -> None:
    request = ASKED[route.method, bare(route.path)]
    declared = route.query.model_fields if route.query else {}
    known = {field.alias or name for name, field in declared.items()}
    # A client looks after the job by itself: a thread of the service that waits serves nobody.
    assert known - {"limit", "cursor", "wait"} == request.params.keys() - {"limit", "cursor"}


def test_both_clients_have_the_same_methods() -> None:
    own = {"close", "run", "rows", "ask", "request"}
    for kind in (Tocsin, AsyncTocsin):
        assert {name for name in dir(kind) if not name.startswith("_")} == {*METHODS, *own}


def test_each_method_says_what_it_does() -> None:
    assert all(method.call.__doc__ for method in METHODS.values())


def records(base: type[Record]) -> Iterator[type[Record]]:
    for kind in base.__subclasses__():
        yield kind
        yield from records(kind)


@pytest.mark.parametrize(
    "kind", [*records(Record), app.client.answers.Upload], ids=lambda kind: kind.__name__
)
def test_an_answer_has_the_fields_that_the_api_declares(kind: type[Any]) -> None:
    names = {"AuditEntry": "Audit", "Replayed": "Replay"}
    name = f"{names.get(kind.__name__, kind.__name__)}Answer"
    rooms = (answers, operator_answers, webhook_bodies)
    room = next(one for one in rooms if hasattr(one, name))
    declared = getattr(room, name).model_fields
    hints = get_type_hints(kind)
    own = {one.name for one in fields(kind)} - {"raw", "parts"}
    assert own == declared.keys()
    for name in own:
        may_be_null = NoneType in get_args(declared[name].annotation)
        assert (NoneType in get_args(hints[name])) == may_be_null, name


@pytest.mark.parametrize(
    ("given", "body"),
    [
        (series.Detector, Detector),
        (series.SeriesSettings, bodies.SeriesChanges),
        (operator.Limits, bodies.TenantLimits),
        (operator.TenantChanges, bodies.TenantChanges),
        (webhooks.WebhookChanges, webhook_bodies.WebhookChanges),
    ],
)
def test_what_can_be_set_is_what_the_api_takes(given: Any, body: Any) -> None:
    assert get_type_hints(given).keys() == body.model_fields.keys()


@pytest.mark.parametrize(
    ("names", "declared"),
    [(webhooks.Type, outbox.Type), (webhooks.DeliveryStatus, webhook_bodies.DeliveryStatus)],
)
def test_names_to_choose_from_are_those_of_the_api(names: Any, declared: Any) -> None:
    assert get_args(names) == get_args(declared)


def codes(base: type[Exception]) -> set[str]:
    return {code for kind in base.__subclasses__() for code in (kind.code, *codes(kind))}  # type: ignore[attr-defined]


def test_each_error_of_the_client_is_one_of_the_service() -> None:
    assert client_errors.BY_CODE.keys() <= {*codes(errors.TocsinError), errors.TocsinError.code}


@pytest.mark.parametrize("code", sorted(client_errors.BY_CODE))
def test_an_error_is_told_by_its_code(code: str) -> None:
    error = client_errors.refused(400, {"code": code, "detail": "d", "request_id": "r"})
    assert (type(error).code, error.code, error.request_id) == (code, code, "r")


def test_a_code_that_is_not_known_is_an_error_all_the_same() -> None:
    error = client_errors.refused(418, {"code": "teapot", "detail": "d"})
    assert type(error) is client_errors.ServiceError
    assert (error.code, error.status, error.detail) == ("teapot", 418, "d")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (413, client_errors.TooLarge),
        (429, client_errors.RateLimited),
        (502, client_errors.Unavailable),
        (404, client_errors.ServiceError),
    ],
)
def test_what_a_proxy_answers_is_told_by_its_status(status: int, kind: type[Any]) -> None:
    assert type(client_errors.refused(status, {"detail": "nginx"})) is kind
