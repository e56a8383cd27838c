"""What webhooks were told, how it went, and telling it again."""

from typing import Any
from uuid import UUID

from app.actions import deliveries
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import pages
from app.api import webhook_bodies as shown
from app.api.queries import WaitQuery
from app.api.webhook_bodies import (
    DeliveriesQuery,
    DeliveryAnswer,
    FullDeliveryAnswer,
    Replay,
    ReplayAnswer,
)
from app.store.audit import Actor
from app.store.deliveries import Delivery
from app.web.formats import Answer
from app.web.routes import route

WEBHOOK = "/v1/webhooks/{webhook_id}"
LIST = f"{WEBHOOK}/deliveries"
ONE = f"{LIST}/{{delivery_id}}"


@route(
    "GET", LIST, scope="admin", query=DeliveriesQuery, answer=list[DeliveryAnswer], errors=(404,)
)
def get_deliveries(
    parts: Parts, caller: Caller, webhook_id: str, query: DeliveriesQuery
) -> dict[str, Any]:
    """What a webhook was and is to be told, newest first; 30 days of it."""
    seen = pages.after_one(parts, LIST, query.cursor)
    before = None if seen is None else UUID(seen)
    found = deliveries.page(parts, caller.tenant_id, webhook_id, before, query.rows, query.status)
    return pages.page(
        parts, LIST, query.limit, found, shown.delivery, lambda one: [str(one.message_id)]
    )


@route("GET", ONE, scope="admin", answer=FullDeliveryAnswer, errors=(404,))
def get_delivery(parts: Parts, caller: Caller, webhook_id: str, delivery_id: str) -> dict[str, Any]:
    """One delivery, with what is sent and how each attempt went."""
    found = deliveries.by_id(parts, caller.tenant_id, webhook_id, delivery_id)
    return shown.full_delivery(found)


@route(
    "POST",
    f"{ONE}/replay",
    scope="admin",
    query=WaitQuery,
    status=202,
    answer=FullDeliveryAnswer,
    other_answers=(200,),
    errors=(404, 409),
    makes=True,
)
def post_replay(
    parts: Parts,
    caller: Caller,
    actor: Actor,
    webhook_id: str,
    delivery_id: str,
    query: WaitQuery,
) -> Answer:
    """Tell it again, at once and under the same id; 200 if it ended within `wait`."""
    asked = deliveries.replay(parts, caller.tenant_id, webhook_id, delivery_id, by=actor)
    return _ended(deliveries.wait(parts, asked, query.wait))


@route(
    "POST",
    f"{WEBHOOK}/replay",
    scope="admin",
    body=(Replay,),
    is_body_optional=True,
    answer=ReplayAnswer,
    errors=(404, 409),
)
def post_replay_of_failed(
    parts: Parts, caller: Caller, actor: Actor, webhook_id: str, body: Replay
) -> dict[str, Any]:
    """Tell again all that failed, as while the receiver was away; tests are left out."""
    since = pages.moment(body.since)
    replayed = deliveries.replay_failed(parts, caller.tenant_id, webhook_id, since, by=actor)
    return {"replayed": replayed}


@route(
    "POST",
    f"{WEBHOOK}/test",
    scope="admin",
    query=WaitQuery,
    status=202,
    answer=FullDeliveryAnswer,
    other_answers=(200,),
    errors=(404,),
    makes=True,
)
def post_test(
    parts: Parts, caller: Caller, actor: Actor, webhook_id: str, query: WaitQuery
) -> Answer:
    """Call a webhook to try it, once and disabled ones too; 200 if that ended within `wait`."""
    asked = deliveries.try_out(parts, caller.tenant_id, webhook_id, by=actor)
    return _ended(deliveries.wait(parts, asked, query.wait))


def _ended(found: Delivery) -> Answer:
    body = shown.full_delivery(found)
    place = f"/v1/webhooks/{found.webhook_id}/deliveries/{body['id']}"
    return Answer(body, 200 if found.is_over else 202, {"Location": place})
