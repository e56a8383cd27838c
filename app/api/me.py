"""`/v1/me`: who the key says you are."""

from typing import Any

from app.actions import accounts, models, series, training
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, shown
from app.web.routes import route


@route("GET", "/v1/me", scope="any", answer=answers.MeAnswer, takes_operator=True)
def get_me(parts: Parts, caller: Caller) -> dict[str, Any]:
    """Tenant, key and use of the caller."""
    key = accounts.key_by_id(parts, caller.tenant_id, caller.key_id)
    tenant = accounts.tenant_by_id(parts, caller.tenant_id)
    if caller.is_operator:
        return {"tenant": None, "key": shown.key(key), "use": None}
    use = series.use(parts, caller.tenant_id)
    return {
        "tenant": shown.tenant(parts.settings, tenant),
        "key": shown.key(key),
        "use": {
            **shown.stored_use(use),
            "concurrent_trainings": training.running(parts, caller.tenant_id),
            "model_versions": models.most_versions(parts, caller.tenant_id),
        },
    }
