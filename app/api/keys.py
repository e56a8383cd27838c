"""`/v1/keys`: the keys of a tenant."""

from typing import Any

from app.actions import accounts
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.bodies import NewKey, Rotation
from app.api.pages import Page
from app.store.audit import Actor
from app.web.formats import Answer
from app.web.routes import route

LIST = "/v1/keys"


@route(
    "POST",
    LIST,
    scope="admin",
    body=(NewKey,),
    status=201,
    answer=answers.NewKeyAnswer,
    makes=True,
)
def post_key(parts: Parts, caller: Caller, actor: Actor, body: NewKey) -> Answer:
    """Make a key; its secret is shown this once."""
    stored, key = accounts.add_key(
        parts, caller.tenant_id, body.name, body.scopes, pages.moment(body.expires_at), by=actor
    )
    return Answer(shown.new_key(stored, key), 201, shown_key=stored.id)


@route("GET", LIST, scope="admin", query=Page, answer=list[answers.KeyAnswer])
def get_keys(parts: Parts, caller: Caller, query: Page) -> dict[str, Any]:
    """List the keys, revoked ones too."""
    after = pages.after_one(parts, LIST, query.cursor)
    found = accounts.keys_page(parts, caller.tenant_id, after, query.rows)
    return pages.page(parts, LIST, query.limit, found, shown.key, lambda key: [key.id])


@route("DELETE", "/v1/keys/{key_id}", scope="admin", status=204, errors=(404,))
def delete_key(parts: Parts, caller: Caller, actor: Actor, key_id: str) -> Answer:
    """Revoke a key: from this answer on it opens nothing."""
    accounts.revoke_key(parts, caller.tenant_id, key_id, by=actor)
    return Answer(status=204)


@route(
    "POST",
    "/v1/keys/{key_id}/rotate",
    scope="admin",
    body=(Rotation,),
    is_body_optional=True,
    answer=answers.NewKeyAnswer,
    errors=(404, 409),
    makes=True,
)
def post_rotation(
    parts: Parts, caller: Caller, actor: Actor, key_id: str, body: Rotation
) -> Answer:
    """Give a key a new secret, shown this once; the one before works for the grace, then never."""
    stored, key = accounts.rotate_key(parts, caller.tenant_id, key_id, body.grace_seconds, by=actor)
    return Answer(shown.new_key(stored, key), shown_key=stored.id)
