"""`/v1/webhooks`: where a tenant is told of what happens."""

from typing import Any
from uuid import UUID

from app.actions import webhooks
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import pages
from app.api import webhook_bodies as shown
from app.api.pages import Page
from app.api.webhook_bodies import (
    NewWebhook,
    NewWebhookAnswer,
    WebhookAnswer,
    WebhookChanges,
    WebhookRotation,
)
from app.store.audit import Actor
from app.web.formats import Answer
from app.web.routes import route

LIST = "/v1/webhooks"
ONE = "/v1/webhooks/{webhook_id}"


@route(
    "POST", LIST, scope="admin", body=(NewWebhook,), status=201, answer=NewWebhookAnswer, makes=True
)
def post_webhook(parts: Parts, caller: Caller, actor: Actor, body: NewWebhook) -> Answer:
    """Make a webhook; the secret that its calls are signed by is shown this once."""
    made, secret = webhooks.add(parts, caller.tenant_id, by=actor, **body.model_dump(by_alias=True))
    place = {"Location": f"{LIST}/{made.id}"}
    shown_key = str(made.id) if secret else None
    return Answer(shown.new_webhook(made, secret), 201, place, shown_key=shown_key)


@route("GET", LIST, scope="admin", query=Page, answer=list[WebhookAnswer])
def get_webhooks(parts: Parts, caller: Caller, query: Page) -> dict[str, Any]:
    """List the webhooks, the oldest first."""
    seen = pages.after_one(parts, LIST, query.cursor)
    after = None if seen is None else UUID(seen)
    found = webhooks.page(parts, caller.tenant_id, after, query.rows)
    return pages.page(parts, LIST, query.limit, found, shown.webhook, lambda one: [str(one.id)])


@route("GET", ONE, scope="admin", answer=WebhookAnswer, errors=(404,))
def get_webhook(parts: Parts, caller: Caller, webhook_id: str) -> dict[str, Any]:
    """One webhook, and how it does."""
    return shown.webhook(webhooks.by_id(parts, caller.tenant_id, webhook_id))


@route("PATCH", ONE, scope="admin", body=(WebhookChanges,), answer=WebhookAnswer, errors=(404,))
def patch_webhook(
    parts: Parts, caller: Caller, actor: Actor, webhook_id: str, body: WebhookChanges
) -> dict[str, Any]:
    """Change a webhook, disable it, or enable it again."""
    changes = body.given()
    return shown.webhook(webhooks.change(parts, caller.tenant_id, webhook_id, changes, by=actor))


@route("DELETE", ONE, scope="admin", status=204, errors=(404,))
def delete_webhook(parts: Parts, caller: Caller, actor: Actor, webhook_id: str) -> Answer:
    """Remove a webhook and its deliveries."""
    webhooks.remove(parts, caller.tenant_id, webhook_id, by=actor)
    return Answer(status=204)


@route(
    "POST",
    f"{ONE}/rotate",
    scope="admin",
    body=(WebhookRotation,),
    is_body_optional=True,
    answer=NewWebhookAnswer,
    errors=(404,),
    makes=True,
)
def post_webhook_rotation(
    parts: Parts, caller: Caller, actor: Actor, webhook_id: str, body: WebhookRotation
) -> Answer:
    """Give a webhook a new secret, shown this once; for the grace both sign."""
    rotated, secret = webhooks.rotate(
        parts, caller.tenant_id, webhook_id, body.grace_seconds, by=actor
    )
    return Answer(shown.new_webhook(rotated, secret), shown_key=str(rotated.id))
