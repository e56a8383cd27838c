"""First at each request and last at each answer: request id, path parameters, log line, metrics."""

import math
import re
import secrets
import time
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, unbind_contextvars

from app import metrics, tracing
from app.actions.parts import Parts
from app.errors import FieldError, Invalid
from app.web import addresses, large
from app.web.formats import has_body
from app.web.framework import Request, Response, falcon
from app.web.routes import DECLARED

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
OTHER_METHOD = "other"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger()


class Guard:
    """Falcon's middleware."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def process_request(self, request: Request, response: Response) -> None:
        metrics.started()
        context = request.context
        given = request.env.get("HTTP_X_REQUEST_ID", "")
        context.id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        context.parts = self._parts
        context.address = addresses.client(request, self._parts.settings.trusted_proxies)
        context.path = {}
        context.rate_levels = ()
        context.has_place = False
        context.key = context.session = context.caller = None
        context.started = time.perf_counter()
        bind_contextvars(request_id=context.id)
        context.span = tracing.request_began(request.env.get("HTTP_TRACEPARENT"))
        response.set_header("X-Request-Id", context.id)
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("Cache-Control", "no-store")

    def process_resource(
        self, request: Request, _response: Response, _resource: Any, path: dict[str, str]
    ) -> None:
        """Hug lets a query overwrite a parameter of the path: handlers get the path from here."""
        request.context.path = dict(path)
        _refuse_unheard_of(request)
        if both := sorted(path.keys() & request.params.keys()):
            raise Invalid(
                "A name in the query stands in the path already",
                [
                    FieldError(name, "stands in the path; leave it out of the query")
                    for name in both
                ],
            )

    def process_response(
        self, request: Request, response: Response, _resource: Any, _succeeded: bool
    ) -> None:
        large.leave_place(request)
        _tell_limits(request, response)
        _close_after_unread_body(request, response)
        seconds = time.perf_counter() - request.context.started
        template = request.uri_template or "unknown"
        status = int(response.status[:3])
        metrics.ended()
        # Clients may send any word as one.
        method = request.method if request.method in METHODS else OTHER_METHOD
        metrics.note_request(method, template, status, seconds)
        log.info(
            "request",
            method=method,
            route=template,
            status=status,
            ms=round(seconds * 1000, 2),
        )
        if request.context.span is not None:
            _end_span(request, method, template, status)
        unbind_contextvars("tenant_id")  # which the authenticator bound: threads go on to others


def _end_span(request: Request, method: str, route: str, status: int) -> None:
    told = {"tocsin.request_id": request.context.id}
    if request.context.caller is not None:
        told["tocsin.tenant_id"] = request.context.caller.tenant
    tracing.request_ended(request.context.span, method, route, status, told)


def _refuse_unheard_of(request: Request) -> None:
    """Falcon answers 405 to methods that it knows, and 400 to others."""
    if request.method not in falcon.COMBINED_METHODS:
        taken = {one.method for one in DECLARED if one.path == request.uri_template}
        raise falcon.HTTPMethodNotAllowed(sorted(taken | {"OPTIONS"}))


def _close_after_unread_body(request: Request, response: Response) -> None:
    """The HTTP server ends a connection whose body was not read: a client that does not know sends
    its next request into nothing."""
    if has_body(request) and not (request.content_length and request.bounded_stream.is_exhausted):
        response.set_header("Connection", "close")


def _tell_limits(request: Request, response: Response) -> None:
    """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
    levels = request.context.rate_levels
    if not levels:
        return
    policies = [bucket.policy for bucket, _, _ in levels]
    left = [
        f'"{bucket.name}";r={room};t={math.ceil(empty_in_s)}' for bucket, room, empty_in_s in levels
    ]
    response.set_header("RateLimit-Policy", ", ".join(policies))
    response.set_header("RateLimit", ", ".join(left))
