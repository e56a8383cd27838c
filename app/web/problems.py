"""Every error as a problem document (RFC 9457), from one table of status numbers."""

from typing import Any

import orjson
import structlog

from app import errors
from app.errors import (
    FieldError,
    IdempotencyKeyInUse,
    Invalid,
    RateLimited,
    RowError,
    TocsinError,
    Unauthenticated,
    Unavailable,
)
from app.web import failures
from app.web.framework import Request, Response, falcon

MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[TocsinError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.TenantSuspended: 403,
    errors.QuotaExceeded: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.ModelNotReady: 409,
    errors.NotScored: 409,
    errors.IdempotencyKeyInUse: 409,
    errors.IdempotencySecretShown: 409,
    errors.LengthRequired: 411,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Invalid: 422,
    errors.IdempotencyKeyReused: 422,
    errors.RateLimited: 429,
    errors.Misconfigured: 500,
    TocsinError: 500,
    errors.Unavailable: 503,
}

log = structlog.get_logger()


def status_line(status: int) -> str:
    line: str = getattr(falcon, f"HTTP_{status}")
    return line


def document(error: TocsinError, request_id: str) -> dict[str, Any]:
    described = {
        "type": f"urn:tocsin:problem:{error.code}",
        "title": error.title,
        "status": STATUS[type(error)],
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        **error.extra,
    }
    if isinstance(error, Invalid) and error.errors:
        described["errors"] = [described_error(one) for one in error.errors]
    return described


def described_error(error: FieldError | RowError) -> dict[str, Any]:
    if isinstance(error, FieldError):
        return {"field": error.field, "message": error.message}
    return {"row": error.row, "column": error.column, "message": error.message}


def answer(request: Request, response: Response, error: TocsinError) -> None:
    status = STATUS[type(error)]
    if failures.is_asked(request.path):
        status = failures.status(type(error), status)
        told = failures.failure(error, status, request.context.id)
        response.content_type = failures.MEDIA_TYPE
    else:
        told = document(error, request.context.id)
        response.content_type = MEDIA_TYPE
    response.status = status_line(status)
    response.data = orjson.dumps(told)
    response.stream = None
    if isinstance(error, Unauthenticated):
        response.set_header("WWW-Authenticate", 'Bearer realm="tocsin"')
    if isinstance(error, Unavailable | RateLimited | IdempotencyKeyInUse):
        response.set_header("Retry-After", str(error.retry_after_s))


def on_expected(request: Request, response: Response, error: TocsinError, _: Any) -> None:
    answer(request, response, error)


def on_framework(request: Request, response: Response, error: Any, _: Any) -> None:
    """What Falcon itself refuses: an unknown path, a method that the path does not take."""
    status = int(error.status[:3])
    for name, value in (error.headers or {}).items():
        response.set_header(name, value)
    if status == 404:
        ours: TocsinError = errors.NotFound(f"There is no path {request.path}")
    elif status == 405:
        response.set_header("Allow", _with_head(response.get_header("Allow")))
        ours = errors.MethodNotAllowed(f"{request.path} does not take {request.method}")
    else:
        ours = errors.Malformed(str(error.description or error.title or "The request is not valid"))
    answer(request, response, ours)


def _with_head(allowed: str) -> str:
    methods = {one.strip() for one in allowed.split(",")}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def on_unexpected(request: Request, response: Response, error: Exception, _: Any) -> None:
    log.error("unexpected error", exc_info=error, route=request.uri_template)
    answer(request, response, TocsinError("It was logged; the request id names it"))
