"""Where a tenant is told of what happens, and how that went."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, Unpack

from app.client import times
from app.client.requests import Listing, Request, get, listing, make, remove, send
from app.client.retries import Ask, Flow, Pause
from app.client.times import Time
from app.client.webhook_answers import Delivery, FullDelivery, NewWebhook, Replayed, Webhook

LIST, ONE = "/v1/webhooks", "/v1/webhooks/{webhook_id}"
DELIVERIES, DELIVERY = f"{ONE}/deliveries", f"{ONE}/deliveries/{{delivery_id}}"
POLL_S = 0.2

Type = Literal["event.opened", "event.closed", "training.failed", "webhook.disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]


QuietHours = TypedDict("QuietHours", {"from": str, "to": str, "time_zone": str})


class WebhookSettings(TypedDict, total=False):
    """`types` are what it is told of: all, where nothing is said. In `quiet_hours` all waits."""

    description: str
    types: Sequence[Type]
    quiet_hours: QuietHours | None


class WebhookChanges(WebhookSettings, total=False):
    url: str
    status: Literal["enabled", "disabled"]


def create_webhook(
    url: str, *, idempotency_key: str | None = None, **settings: Unpack[WebhookSettings]
) -> Request[NewWebhook]:
    """Make a webhook; the `secret` that its calls are signed by is shown this once."""
    return make(NewWebhook, LIST, {"url": url, **settings}, idempotency_key)


def list_webhooks(*, limit: int | None = None) -> Listing[Webhook]:
    """The webhooks, the oldest first."""
    return listing(Webhook, LIST, limit)


def get_webhook(webhook_id: str) -> Request[Webhook]:
    """One webhook, and how it does."""
    return get(Webhook, ONE, webhook_id=webhook_id)


def update_webhook(webhook_id: str, **changes: Unpack[WebhookChanges]) -> Request[Webhook]:
    """Change, disable or enable a webhook; what is not named stays."""
    return send("PATCH", Webhook, ONE, changes, webhook_id=webhook_id)


def delete_webhook(webhook_id: str) -> Request[None]:
    """Remove a webhook with its deliveries, for good."""
    return remove(ONE, webhook_id=webhook_id)


def rotate_webhook(
    webhook_id: str, *, grace_s: int = 86_400, idempotency_key: str | None = None
) -> Request[NewWebhook]:
    """Give a webhook a new secret, shown this once; for the grace both sign."""
    grace = {"grace_seconds": grace_s}
    return make(NewWebhook, f"{ONE}/rotate", grace, idempotency_key, webhook_id=webhook_id)


def try_webhook(
    ask: Ask, webhook_id: str, *, wait_s: float | None = None, idempotency_key: str | None = None
) -> Flow[FullDelivery]:
    """Call a webhook to try it, disabled ones too.

    Without `wait_s` the delivery comes back at once. With it, it comes back when it was tried, or
    as it is after so long: its `status` says whether it was taken.
    """
    asked = make(FullDelivery, f"{ONE}/test", None, idempotency_key, webhook_id=webhook_id)
    return (yield from _tried(ask, webhook_id, asked, wait_s))


def list_deliveries(
    webhook_id: str, *, status: DeliveryStatus | None = None, limit: int | None = None
) -> Listing[Delivery]:
    """What a webhook was and is to be told, newest first."""
    return listing(Delivery, DELIVERIES, limit, {"status": status}, webhook_id=webhook_id)


def get_delivery(webhook_id: str, delivery_id: str) -> Request[FullDelivery]:
    """One delivery, with what is sent and how each attempt went."""
    return get(FullDelivery, DELIVERY, webhook_id=webhook_id, delivery_id=delivery_id)


def replay_delivery(
    ask: Ask,
    webhook_id: str,
    delivery_id: str,
    *,
    wait_s: float | None = None,
    idempotency_key: str | None = None,
) -> Flow[FullDelivery]:
    """Tell it again, at once and under the same id; `wait_s` as of `try_webhook`."""
    names = {"webhook_id": webhook_id, "delivery_id": delivery_id}
    asked = make(FullDelivery, f"{DELIVERY}/replay", None, idempotency_key, **names)
    return (yield from _tried(ask, webhook_id, asked, wait_s))


def replay_failed(webhook_id: str, *, since: Time | None = None) -> Request[Replayed]:
    """Tell again all that failed, of what happened since then."""
    body: dict[str, Any] = {} if since is None else {"since": times.shown(since, "since")}
    return send("POST", Replayed, f"{ONE}/replay", body, webhook_id=webhook_id)


def _tried(
    ask: Ask, webhook_id: str, request: Request[FullDelivery], wait_s: float | None
) -> Flow[FullDelivery]:
    asked = now = yield from ask(request)
    left_s = wait_s or 0.0
    while left_s > 0 and not _is_tried(now, asked.attempt):
        pause_s = min(POLL_S, left_s)
        yield Pause(pause_s)
        left_s -= pause_s
        now = yield from ask(get_delivery(webhook_id, asked.id))
    return now


def _is_tried(delivery: Delivery, attempts_before: int) -> bool:
    last = delivery.last_attempt
    return delivery.is_over or (last is not None and last.number > attempts_before)
