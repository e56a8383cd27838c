"""Who asks, and may they: an authenticator for each scope. One that does not raise lets through."""

from collections.abc import Callable
from typing import Any, Literal

from structlog.contextvars import bind_contextvars

from app import apikeys
from app.actions import admission, limits, refusals, sessions
from app.actions.caller import Caller
from app.cache.rates import Taken
from app.errors import Forbidden, Unauthenticated
from app.store.audit import Actor
from app.web import cookies
from app.web.framework import Request

Scope = Literal["public", "any", "read", "write", "admin", "operator"]

Authenticator = Callable[..., None]
SAFE = {"GET", "HEAD", "OPTIONS"}

AUTHENTICATORS: set[Authenticator] = set()  # all that were made here; a route needs one of them


def authenticator(scope: Scope, takes_operator: bool = False) -> Authenticator:
    """For Hug's `requires`, which would let a request through on False: it raises instead."""

    def authenticate(request: Request, **_: Any) -> None:
        caller, taken = admitted(request)
        request.context.rate_levels = taken.levels
        limits.refuse_beyond(taken)
        bind_contextvars(tenant_id=caller.tenant)
        request.context.caller = caller
        request.context.actor = _actor(request, caller)
        try:
            _refuse(caller, scope, takes_operator)
        except Forbidden:
            _note_refusal(request, scope)
            raise

    AUTHENTICATORS.add(authenticate)
    return authenticate


def public(**_: Any) -> None:
    """Stands where anybody may ask; the application checks the list of such routes."""


def admitted(request: Request) -> tuple[Caller, Taken]:
    """Every request of a valid key counts, one that is refused for its scope too."""
    text = _presented(request)
    if text is None:
        return _signed_in(request)
    parts, unknown = request.context.parts, _actor(request)
    key = request.context.key = apikeys.parse(text)
    if key is None:
        refusals.note_malformed(parts, unknown)
    found = key and admission.admit(parts, key, by=unknown)
    if not found:
        raise Unauthenticated(
            "The key is not valid: mistyped, rotated, revoked, expired or unknown"
        )
    return found


def _signed_in(request: Request) -> tuple[Caller, Taken]:
    """By the cookie of a session; what changes something needs the page's token beside it."""
    cookie = cookies.presented(request)
    if cookie is None:
        raise Unauthenticated("Send a key: `Authorization: Bearer <key>` or `X-API-Key: <key>`")
    parts = request.context.parts
    found = sessions.recognise(parts, cookie)
    if found is None:
        raise Unauthenticated("The session is over: sign in again")
    caller, request.context.session = found
    if request.method not in SAFE and not sessions.holds_csrf_token(
        parts, request.context.session, request.env.get("HTTP_X_CSRF_TOKEN", "")
    ):
        raise Forbidden("Beside a session's cookie X-CSRF-Token is needed: `GET /v1/session`")
    return caller, limits.count_request(parts, caller)


def _actor(request: Request, caller: Caller | None = None) -> Actor:
    """Who asks, for the audit log."""
    place = request.context.address, request.context.id
    if caller is None:
        return Actor("nobody", None, *place)
    return Actor("operator" if caller.is_operator else "key", caller.key_id, *place)


def _note_refusal(request: Request, scope: Scope) -> None:
    route = f"{request.method} {request.uri_template}"
    tenant_id = request.context.caller.tenant_id
    refusals.note_scope(request.context.parts, tenant_id, request.context.actor, scope, route)


def _presented(request: Request) -> str | None:
    scheme, _, given = request.env.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and given:
        return str(given).strip()
    key: str | None = request.env.get("HTTP_X_API_KEY")
    return key


def _refuse(caller: Caller, scope: Scope, takes_operator: bool) -> None:
    if scope == "operator":
        if not caller.is_operator:
            raise Forbidden("This needs an operator key")
    elif caller.is_operator:
        if not takes_operator:
            raise Forbidden("An operator key belongs to no tenant; use a key of the tenant")
    elif scope != "any" and not caller.may(scope):
        raise Forbidden(f"The key lacks the scope {scope}")
