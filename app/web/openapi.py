"""The OpenAPI 3.1 document, made of the declared routes and the models that validate."""

import re
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

from app import __version__, errors
from app.web import failures, idempotency, messages
from app.web.failures import Failure
from app.web.fields import Answered, Query
from app.web.formats import CSV, JSON
from app.web.parameters import FORM
from app.web.problems import MEDIA_TYPE, STATUS
from app.web.routes import DECLARED, Route

SYSTEM, PROMETHEUS = "system", "prometheus"
REF = "#/components/schemas/{model}"
TEXT = {"schema": {"type": "string"}}
OF_REPEATS = {
    errors.IdempotencyKeyInUse,
    errors.IdempotencyKeyReused,
    errors.IdempotencySecretShown,
}
USUAL_ERRORS = (401, 403, 422, 429, 500, 503)


class FieldProblem(Answered):
    field: str
    message: str


class RowProblem(Answered):
    row: int
    column: str | None
    message: str


class Problem(BaseModel):
    """RFC 9457; `code` is stable, the words are not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:tocsin:problem:not_found",
                    "title": "There is no such thing here",
                    "status": 404,
                    "detail": "There is no series rides",
                    "code": "not_found",
                    "request_id": "eae25dd79ed92eb9",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem | RowProblem] | None = None


@cache
def document() -> dict[str, Any]:
    refs, definitions = _schemas()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin",
            "version": __version__,
            "summary": "Anomaly detection for time series, for many tenants",
            "description": "Error codes: " + ", ".join(sorted({e.code for e in STATUS})),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"header": []}],
        "tags": [{"name": name} for name in [*sorted({*map(_tag, DECLARED)} - {SYSTEM}), SYSTEM]],
        "paths": _paths(refs),
        "webhooks": _webhooks(refs),
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    """References to the models of all routes, and their definitions."""
    bodies = {(model, "validation") for route in DECLARED for model in route.body}
    answers = {(model, "serialization") for route in DECLARED for model in _models(route.answer)}
    answers |= {(Problem, "serialization"), (Failure, "serialization")}
    answers |= {(model, "serialization") for model in messages.DECLARED.values()}
    wanted = sorted(bodies | answers, key=lambda pair: (pair[0].__name__, pair[1]))
    refs, schema = models_json_schema(wanted, ref_template=REF)  # type: ignore[arg-type]
    return refs, schema.get("$defs", {})


def _models(answer: Any) -> list[type[BaseModel]]:
    if answer is None:
        return []
    return [one for arg in (get_args(answer) or (answer,)) for one in [arg]]


def _paths(refs: dict[Any, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in sorted(DECLARED, key=lambda route: (route.path, route.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, refs)
    return paths


def _webhooks(refs: dict[Any, Any]) -> dict[str, Any]:
    """Calls that are made, not taken."""
    return {
        type_: {
            "post": {
                "summary": (model.__doc__ or "").rstrip("."),
                "description": "Signed as Standard Webhooks says: docs/webhooks.md, notices.md.",
                "security": [],
                "parameters": [
                    {"name": f"webhook-{name}", "in": "header", "required": True, **TEXT}
                    for name in ("id", "timestamp", "signature")
                ],
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": refs[(model, "serialization")]}},
                },
                "responses": {
                    "2XX": {"description": "Taken"},
                    "410": {"description": "Tell nothing more: the webhook is disabled"},
                    "default": {"description": "Not taken: it is tried again"},
                },
            }
        }
        for type_, model in messages.DECLARED.items()
    }


def _operation(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route, refs),
    }
    if route.scope == "public":
        operation["security"] = []
    else:
        operation["description"] = f"Scope: {route.scope}."
    if route.body or route.uploads:
        operation["requestBody"] = _request_body(route, refs)
    if route.takes_form and route.query:
        operation["requestBody"] = _form(route.query)
    return operation


def _tag(route: Route) -> str:
    own, _, path = route.path.partition("/v1/")
    if failures.is_asked(route.path):
        return PROMETHEUS
    return SYSTEM if own else re.split(r"[/{]", path)[0]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, **TEXT}
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None or route.query is Query or route.takes_form:
        return []
    schema = route.query.model_json_schema(by_alias=True)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": field,
        }
        for name, field in schema["properties"].items()
    ]


def _headers(route: Route) -> list[dict[str, Any]]:
    if not route.makes:
        return []
    schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": idempotency.MOST_CHARACTERS,
        "pattern": f"^{idempotency.KEY.pattern}$",
    }
    described = {
        "description": "Names this request for 24 hours: who repeats it, word for word and under "
        "the same key, is given the first answer instead of making another one. A secret is not "
        "given again: 409 `idempotency_secret_shown`, with `key_id` or "
        "`webhook_id`"
    }
    return [{"name": idempotency.HEADER, "in": "header", "schema": schema, **described}]


def _request_body(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    schemas = [refs[(model, "validation")] for model in route.body]
    content: dict[str, Any] = {}
    if schemas:
        content[JSON] = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    content |= {form: TEXT for form in route.uploads if form != JSON}
    return {"required": not route.is_body_optional, "content": content}


def _form(model: type[BaseModel]) -> dict[str, Any]:
    """What may stand in the query, or here."""
    return {"required": False, "content": {FORM: {"schema": model.model_json_schema()}}}


def _responses(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    responses = {
        str(status): {"description": "Done", **_content(route, refs), **_replayed(route)}
        for status in (route.status, *route.other_answers)
    }
    form: tuple[str, type[BaseModel]] = MEDIA_TYPE, Problem
    if failures.is_asked(route.path):
        form = failures.MEDIA_TYPE, Failure
    content = {form[0]: {"schema": refs[(form[1], "serialization")]}}
    for status in _error_statuses(route):
        responses[str(status)] = {"description": _codes(status, route), "content": content}
    return responses


def _codes(status: int, route: Route) -> str:
    """The codes of errors of this status that the route may answer with."""
    return "; ".join(
        f"`{kind.code}`: {kind.title[:1].lower()}{kind.title[1:]}"
        for kind, number in STATUS.items()
        if _answered(kind, number, route) == status and (route.makes or kind not in OF_REPEATS)
    )


def _answered(kind: type[errors.TocsinError], usual: int, route: Route) -> int:
    return failures.status(kind, usual) if failures.is_asked(route.path) else usual


def _replayed(route: Route) -> dict[str, Any]:
    if not route.makes:
        return {}
    described = {"description": "The first answer, given again", "schema": {"const": "true"}}
    return {"headers": {idempotency.REPLAYED: described}}


def _error_statuses(route: Route) -> list[int]:
    statuses = set(route.errors)
    if route.scope != "public":
        statuses.update(
            _answered(errors.Invalid, 422, route) if s == 422 else s for s in USUAL_ERRORS
        )
    if route.takes_form:
        statuses |= {411, 413, 415}
    if route.body or route.uploads:
        statuses |= {400, 411, 413, 415}
    if route.makes:
        statuses.add(409)
    return sorted(statuses)


def _content(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    if route.text is not None:
        return {"content": {route.text: TEXT}}
    if route.answer is None:
        return {}
    schemas = [refs[(model, "serialization")] for model in _models(route.answer)]
    if get_origin(route.answer) is list:
        schema = _listed(schemas[0])
    else:
        schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    content: dict[str, Any] = {JSON: {"schema": schema}}
    if route.exports_csv:
        content[CSV] = TEXT
    return {"content": content}


def _listed(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["data", "next"],
        "properties": {
            "data": {"type": "array", "items": item},
            "next": {"type": ["string", "null"], "description": "Cursor of the next page"},
        },
    }
