"""How a route is declared: once, for Hug, for its guard and for the OpenAPI document alike.

Every parameter of a handler is filled by a directive, never by Hug's merging of path, query and
body, in which a client could overwrite one with another.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, TypeVar

from pydantic import BaseModel

from app.ingest.json import parse_json
from app.web import formats, idempotency, parameters
from app.web.auth import Scope, authenticator, public
from app.web.fields import Query
from app.web.framework import Request
from app.web.interface import Router
from app.web.parameters import Parameters
from app.web.problems import status_line

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    scope: Scope
    handler: Callable[..., Any]
    summary: str
    query: type[BaseModel] | None = None
    body: tuple[type[BaseModel], ...] = ()
    plain_body: Callable[[bytes], BaseModel | None] | None = None  # reads the usual one sooner
    is_body_optional: bool = False
    uploads: tuple[str, ...] = ()
    status: int = 200
    answer: Any = None
    other_answers: tuple[int, ...] = ()
    exports_csv: bool = False
    text: str | None = None  # the media type of an answer that is not JSON
    errors: tuple[int, ...] = ()
    takes_operator: bool = False
    takes_form: bool = False  # a body that is a query, as Prometheus's clients send it
    makes: bool = False  # a repeat would make another one: it takes an `Idempotency-Key`


DECLARED: list[Route] = []


class _Given:
    """A Hug directive: what a handler asks for, found in the request."""

    directive = True

    def __init__(self, find: Callable[[Request], Any]) -> None:
        self.find = find

    def __call__(self, *_: Any, request: Request, **__: Any) -> Any:
        return self.find(request)


def route(
    method: str, path: str, *, scope: Scope, **described: Any
) -> Callable[[Handler], Handler]:
    """Declare a handler. It may ask for `parts`, `caller`, `actor`, `query`, `body`, `upload`,
    `request` and the names in its path."""

    def declare(handler: Handler) -> Handler:
        summary = (inspect.getdoc(handler) or "").split("\n")[0].rstrip(".")
        declared = Route(method, path, scope, handler, summary, **described)
        DECLARED.append(declared)
        require = public if scope == "public" else authenticator(scope, declared.takes_operator)
        serving = _once(declared) if declared.makes else handler
        Router(
            path,
            accept=(method,),
            requires=(require,) if scope == "public" else (require, _query_check(declared)),
            args=_directives(declared, serving),
            output=formats.render,
            parse_body=False,
            status=status_line(declared.status),
        )(_bare(serving))
        return handler

    return declare


def _bare(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Without annotations: where it is given no directive, Hug calls them on what is returned."""
    assert isinstance(handler, FunctionType)
    bare = FunctionType(
        handler.__code__,
        handler.__globals__,
        handler.__name__,
        handler.__defaults__,
        handler.__closure__,
    )
    bare.__module__ = handler.__module__  # by which Hug knows the API that the route belongs to
    return bare


def _once(declared: Route) -> Callable[[Request], formats.Answer]:
    """The handler of a route that makes something, behind a look at the idempotency key."""
    directives = _directives(declared, declared.handler)

    def serve(request: Request) -> formats.Answer:
        given = {name: directive.find(request) for name, directive in directives.items()}
        return idempotency.once(request, given.get("body"), lambda: declared.handler(**given))

    serve.__module__ = declared.handler.__module__
    return serve


def _directives(declared: Route, function: Callable[..., Any]) -> dict[str, _Given]:
    known: dict[str, Callable[[Request], Any]] = {
        "parts": lambda request: request.context.parts,
        "caller": lambda request: request.context.caller,
        "actor": lambda request: request.context.actor,
        "request": lambda request: request,
        "query": lambda request: request.context.query,
        "body": lambda request: _body(declared, request),
        "upload": lambda request: _upload(declared, request),
    }
    asked = inspect.signature(function).parameters
    return {name: _Given(known.get(name) or _path_parameter(name)) for name in asked}


def _path_parameter(name: str) -> Callable[[Request], str]:
    return lambda request: request.context.path[name]


def _query_check(declared: Route) -> Callable[..., None]:
    """Before the body is read, and on routes without a query too: a name mistyped is an error."""

    def check(request: Request, **_: Any) -> None:
        formats.refuse_nul(request)
        model = declared.query or Query
        if issubclass(model, Parameters):
            request.context.query = parameters.checked(model, request, declared.takes_form)
        else:
            request.context.query = formats.checked_query(model, request)

    return check


def _body(declared: Route, request: Request) -> BaseModel:
    if declared.is_body_optional and not formats.has_body(request):
        return formats.checked_body(declared.body, {})
    text = formats.json_text(request, request.context.parts.settings.json_bytes)
    plain = declared.plain_body(text) if declared.plain_body else None
    return plain or formats.checked_body(declared.body, parse_json(text))


def _upload(declared: Route, request: Request) -> formats.Upload:
    return formats.upload(request, declared.uploads, request.context.caller.limits.upload_bytes)
