"""`/v1/session`: the console's. It begins with a key; a cookie stands for the key from then on."""

from app.actions import accounts, sessions
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import console_answers, console_shown
from app.errors import Unauthenticated
from app.store.audit import Actor
from app.web import cookies
from app.web.formats import Answer
from app.web.framework import Request
from app.web.routes import route

PATH = "/v1/session"


@route("POST", PATH, scope="any", status=204, takes_operator=True)
def post_session(parts: Parts, caller: Caller, actor: Actor, request: Request) -> Answer:
    """Sign in with the key of this request: a cookie stands for it from then on."""
    key = request.context.key
    if key is None:
        raise Unauthenticated("A session begins with a key, not with another session")
    text = sessions.begin(parts, caller, key, by=actor)
    cookie = cookies.kept(request, text, parts.settings.trusted_proxies)
    return Answer(status=204, cookie=cookie)


@route("GET", PATH, scope="any", answer=console_answers.SessionAnswer, takes_operator=True)
def get_session(parts: Parts, caller: Caller, request: Request) -> Answer:
    """Who is signed in, and the token that changes need beside the cookie."""
    key = accounts.key_by_id(parts, caller.tenant_id, caller.key_id)
    tenant = accounts.tenant_by_id(parts, caller.tenant_id)
    session = request.context.session
    token = session and sessions.csrf_token(parts, session)
    text = session and sessions.renewed(parts, session)
    cookie = text and cookies.kept(request, text, parts.settings.trusted_proxies)
    return Answer(console_shown.session(tenant, key, session, token), cookie=cookie)


@route("DELETE", PATH, scope="any", status=204, takes_operator=True)
def delete_session(parts: Parts, actor: Actor, request: Request) -> Answer:
    """Sign out."""
    if request.context.session is not None:
        sessions.end(parts, request.context.session, by=actor)
    cookie = cookies.dropped(request, parts.settings.trusted_proxies)
    return Answer(status=204, cookie=cookie)
