"""`/v1/me`: who the key says you are."""

from typing import Any

from app.actions import accounts
from app.actions.accounts import Caller
from app.actions.parts import Parts
from app.api import answers
from app.web.routes import route


@route("GET", "/v1/me", scope="any", answer=answers.MeAnswer, takes_operator=True)
def get_me(parts: Parts, caller: Caller) -> dict[str, Any]:
    """Tenant and key of the caller."""
    key = accounts.key_by_id(parts, caller.tenant_id, caller.key_id)
    tenant = accounts.tenant_by_id(parts, caller.tenant_id)
    shown = None if caller.is_operator else answers.tenant(tenant)
    return {"tenant": shown, "key": answers.key(key)}
