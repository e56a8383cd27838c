"""Errors of routes of Prometheus's HTTP API, whose clients read no problem documents."""

from typing import Any

from pydantic import ConfigDict

from app import errors
from app.errors import FieldError, Invalid, TocsinError
from app.web.fields import Answered

PREFIX, MEDIA_TYPE = "/prometheus/", "application/json"

KINDS: dict[type[TocsinError], str] = {
    errors.Unauthenticated: "unauthorized",
    errors.Forbidden: "forbidden",
    errors.TenantSuspended: "forbidden",
    errors.RateLimited: "too_many_requests",
    errors.NotFound: "not_found",
    errors.MethodNotAllowed: "not_found",
    errors.Unavailable: "unavailable",
}
BAD_DATA, INTERNAL = "bad_data", "internal"
BAD_REQUEST = 400


class Failure(Answered):
    """An error, as Prometheus tells it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "error",
                    "errorType": "bad_data",
                    "error": 'invalid parameter "step": must be longer than nothing',
                    "code": "invalid",
                    "request_id": "eae25dd79ed92eb9",
                }
            ]
        }
    )

    status: str
    errorType: str  # noqa: N815 - Prometheus's name
    error: str
    code: str
    request_id: str


def is_asked(path: str) -> bool:
    return path.startswith(PREFIX)


def status(kind: type[TocsinError], usual: int) -> int:
    return BAD_REQUEST if issubclass(kind, Invalid) else usual


def failure(error: TocsinError, answered: int, request_id: str) -> dict[str, Any]:
    """answered: with which status."""
    return {
        "status": "error",
        "errorType": KINDS.get(type(error), BAD_DATA if answered < 500 else INTERNAL),
        "error": _words(error),
        "code": error.code,
        "request_id": request_id,
    }


def _words(error: TocsinError) -> str:
    wrong = error.errors[0] if isinstance(error, Invalid) and error.errors else None
    if isinstance(wrong, FieldError):
        return f'invalid parameter "{wrong.field}": {wrong.message}'
    return error.detail
