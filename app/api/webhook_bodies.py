"""Webhooks in requests and answers: what is taken, what is told, and stored rows in that form."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from app.api import examples
from app.api.bodies import MOST_GRACE_S
from app.api.messages import Data
from app.api.pages import Page
from app.api.shown import moment, moment_or_none
from app.outbound.addresses import MOST_CHARACTERS
from app.store.deliveries import Delivery, shown_id
from app.store.outbox import Type
from app.store.webhooks import Webhook
from app.web.fields import Answered, Body, Timestamp, Whole

TYPES = list(get_args(Type))
DeliveryStatus = Literal["pending", "delivered", "failed"]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description="HTTPS, at an address that is public; redirects are not followed",
    ),
]
Types = Annotated[
    list[Type], Field(min_length=1, max_length=len(TYPES), json_schema_extra={"uniqueItems": True})
]


class _WebhookSettings(Body):
    description: str = Field("", max_length=2000)
    types: Types = Field(default_factory=TYPES.copy, description="What it is told of; default: all")

    @field_validator("types")
    @classmethod
    def _are_distinct(cls, given: list[str]) -> list[str]:
        if len(set(given)) < len(given):
            raise ValueError("must not name a type twice")
        return given


class NewWebhook(_WebhookSettings):
    model_config = examples.shown_as(examples.NEW_WEBHOOK)

    url: Url


class WebhookChanges(_WebhookSettings):
    model_config = examples.shown_as(examples.WEBHOOK_CHANGES)

    url: Url | None = Field(None, description="null: as it is")
    status: Literal["enabled", "disabled"] | None = Field(
        None,
        description="null: as it is. Disabled, it is told nothing more, not what waits either; "
        "enabled, it counts as one that never failed",
    )

    def given(self) -> dict[str, Any]:
        said = self.model_dump(exclude_unset=True)
        return {name: value for name, value in said.items() if value is not None}


class WebhookRotation(Body):
    model_config = examples.shown_as(examples.WEBHOOK_ROTATION)

    grace_seconds: Annotated[int, Field(ge=0, le=MOST_GRACE_S), Whole] = Field(
        86_400, description="How long calls are signed by the secret before, too; 30 days at most"
    )


class Replay(Body):
    model_config = examples.shown_as(examples.REPLAY)

    since: Timestamp | None = Field(None, description="When they happened; null: all of the log")


class ReplayAnswer(Answered):
    model_config = examples.shown_as(examples.REPLAYED)

    replayed: int = Field(description="Deliveries that had failed, and are due now")


class DeliveriesQuery(Page):
    status: DeliveryStatus | None = None


class WebhookAnswer(Answered):
    model_config = examples.shown_as(examples.WEBHOOK)

    id: str
    url: str
    description: str
    types: list[str]
    status: str = Field(description="enabled or disabled")
    disabled_reason: str | None = Field(
        description="by_request, gone (the receiver answered 410), or failing (for five days)"
    )
    disabled_at: str | None
    failing_since: str | None = Field(
        description="The first failure since anything was delivered; null where the last call went "
        "well"
    )
    previous_until: str | None = Field(
        description="Until when the secret from before the last rotation signs too"
    )
    created_at: str
    updated_at: str


class NewWebhookAnswer(WebhookAnswer):
    model_config = examples.shown_as(examples.SHOWN_WEBHOOK)

    secret: str = Field(description="By which calls are signed, shown this once")


class AttemptAnswer(Answered):
    number: int
    at: str
    status: int | None = Field(description="That the receiver answered with; null: it did not")
    error: str | None = Field(description="Why there was no answer, or none that helps")
    seconds: float
    answer: str = Field(description="Its first 1,000 bytes")


class DeliveryAnswer(Answered):
    model_config = examples.shown_as(examples.DELIVERY)

    id: str = Field(description="`webhook-id` of all its calls")
    type: str
    status: str = Field(description="pending, delivered or failed")
    attempt: int = Field(description="How often it was tried")
    created_at: str
    due_at: str | None = Field(description="When it is tried next; null where it is over")
    ended_at: str | None
    last_attempt: AttemptAnswer | None


class FullDeliveryAnswer(DeliveryAnswer):
    model_config = examples.shown_as(examples.FULL_DELIVERY)

    data: Data = Field(description="As it is sent")
    attempts: list[AttemptAnswer] = Field(description="The last 20, the newest last")


def webhook(stored: Webhook) -> dict[str, Any]:
    return {
        "id": str(stored.id),
        "url": stored.url,
        "description": stored.description,
        "types": stored.types,
        "status": "enabled" if stored.is_enabled else "disabled",
        "disabled_reason": stored.disabled_reason,
        "disabled_at": moment_or_none(stored.disabled_at),
        "failing_since": moment_or_none(stored.failing_since),
        "previous_until": moment_or_none(stored.previous_until),
        "created_at": moment(stored.created_at),
        "updated_at": moment(stored.updated_at),
    }


def new_webhook(stored: Webhook, secret: str) -> dict[str, Any]:
    return {**webhook(stored), "secret": secret}


def delivery(stored: Delivery) -> dict[str, Any]:
    return {
        "id": shown_id(stored.message_id),
        "type": stored.type,
        "status": stored.status,
        "attempt": stored.attempt,
        "created_at": moment(stored.created_at),
        "due_at": None if stored.is_over else moment(stored.due_at),
        "ended_at": moment_or_none(stored.ended_at),
        "last_attempt": _attempt(stored.attempts[-1]) if stored.attempts else None,
    }


def full_delivery(stored: Delivery) -> dict[str, Any]:
    attempts = [_attempt(one) for one in stored.attempts]
    return {**delivery(stored), "data": stored.data, "attempts": attempts}


def _attempt(stored: dict[str, Any]) -> dict[str, Any]:
    """In this order: JSONB has one of its own."""
    return {name: stored[name] for name in AttemptAnswer.model_fields}
