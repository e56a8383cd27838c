"""`/v1/keys`: the keys of a tenant."""

from typing import Any

from app.actions import accounts
from app.actions.accounts import Caller
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.bodies import NewKey
from app.api.pages import Page
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
)
def post_key(parts: Parts, caller: Caller, body: NewKey) -> Answer:
    """Make a key; its secret is shown this once."""
    stored, key = accounts.add_key(
        parts, caller.tenant_id, body.name, body.scopes, pages.moment(body.expires_at)
    )
    return Answer(shown.new_key(stored, key), 201)


@route("GET", LIST, scope="admin", query=Page, answer=list[answers.KeyAnswer])
def get_keys(parts: Parts, caller: Caller, query: Page) -> dict[str, Any]:
    """List the keys, revoked ones too."""
    after = pages.after_one(parts, LIST, query.cursor)
    found = accounts.keys_page(parts, caller.tenant_id, after, query.rows)
    return pages.page(parts, LIST, query.limit, found, shown.key, lambda key: [key.id])


@route("DELETE", "/v1/keys/{key_id}", scope="admin", status=204, errors=(404,))
def delete_key(parts: Parts, caller: Caller, key_id: str) -> Answer:
    """Revoke a key: from this answer on it opens nothing."""
    accounts.revoke_key(parts, caller.tenant_id, key_id)
    return Answer(status=204)
