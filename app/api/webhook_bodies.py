"""Webhooks in requests and answers: what is taken, what is told, and stored rows in that form."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from app import zones
from app.api import examples, webhook_examples
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
        description="HTTPS, at an address that is public; redirects are not followed. Of a notice "
        "`mailto:…`, `slack://…` and others, as far as the installation sends such: "
        "docs/notices.md",
    ),
]
Types = Annotated[
    list[Type], Field(min_length=1, max_length=len(TYPES), json_schema_extra={"uniqueItems": True})
]


Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class QuietHours(Body):
    """What is due within them waits for their end, but for tests and replays."""

    model_config = examples.shown_as(webhook_examples.QUIET_HOURS)

    from_: Time = Field(alias="from", description="By the clock of the zone")
    to: Time = Field(description="On that day, or where it is not after `from` on the next")
    time_zone: str = Field(
        min_length=1, max_length=64, description="An IANA name such as `Europe/Berlin`"
    )

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, given: str) -> str:
        return zones.checked_name(given)

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.from_ == self.to:
            raise ValueError("from and to must not be the same")
        return self


class _WebhookSettings(Body):
    description: str = Field("", max_length=2000)
    types: Types = Field(default_factory=TYPES.copy, description="What it is told of; default: all")
    quiet_hours: QuietHours | None = Field(
        None, description="When it is left alone; null: it never is"
    )

    @field_validator("types")
    @classmethod
    def _are_distinct(cls, given: list[str]) -> list[str]:
        if len(set(given)) < len(given):
            raise ValueError("must not name a type twice")
        return given


class NewWebhook(_WebhookSettings):
    model_config = examples.shown_as(webhook_examples.NEW_WEBHOOK)

    url: Url


class WebhookChanges(_WebhookSettings):
    model_config = examples.shown_as(webhook_examples.WEBHOOK_CHANGES)

    url: Url | None = Field(None, description="null: as it is")
    status: Literal["enabled", "disabled"] | None = Field(
        None,
        description="null: as it is. Disabled, it is told nothing more, not what waits either; "
        "enabled, it counts as one that never failed",
    )

    def given(self) -> dict[str, Any]:
        said = self.model_dump(exclude_unset=True, by_alias=True)
        return {
            name: value
            for name, value in said.items()
            if value is not None or name == "quiet_hours"
        }


class WebhookRotation(Body):
    model_config = examples.shown_as(webhook_examples.WEBHOOK_ROTATION)

    grace_seconds: Annotated[int, Field(ge=0, le=MOST_GRACE_S), Whole] = Field(
        86_400, description="How long calls are signed by the secret before, too; 30 days at most"
    )


class Replay(Body):
    model_config = examples.shown_as(webhook_examples.REPLAY)

    since: Timestamp | None = Field(None, description="When they happened; null: all of the log")


class ReplayAnswer(Answered):
    model_config = examples.shown_as(webhook_examples.REPLAYED)

    replayed: int = Field(description="Deliveries that had failed, and are due now")


class DeliveriesQuery(Page):
    status: DeliveryStatus | None = None


class QuietHoursAnswer(Answered):
    from_: str = Field(alias="from")
    to: str
    time_zone: str


class WebhookAnswer(Answered):
    model_config = examples.shown_as(webhook_examples.WEBHOOK)

    id: str
    url: str = Field(description="Of a notice by chat only what it begins with: the rest is secret")
    description: str
    types: list[str]
    quiet_hours: QuietHoursAnswer | None
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
    model_config = examples.shown_as(webhook_examples.SHOWN_WEBHOOK)

    secret: str = Field(
        description="By which calls are signed, shown this once; empty: a notice is not signed"
    )


class AttemptAnswer(Answered):
    number: int
    at: str
    status: int | None = Field(
        description="That the receiver answered with; null: it did not, or it is a notice"
    )
    error: str | None = Field(description="Why there was no answer, or none that helps")
    seconds: float
    answer: str = Field(description="Its first 1,000 bytes")


class DeliveryAnswer(Answered):
    model_config = examples.shown_as(webhook_examples.DELIVERY)

    id: str = Field(description="`webhook-id` of all its calls")
    type: str
    status: str = Field(description="pending, delivered or failed")
    attempt: int = Field(description="How often it was tried")
    created_at: str
    due_at: str | None = Field(description="When it is tried next; null where it is over")
    ended_at: str | None
    last_attempt: AttemptAnswer | None


class FullDeliveryAnswer(DeliveryAnswer):
    model_config = examples.shown_as(webhook_examples.FULL_DELIVERY)

    data: Data = Field(description="As it is sent")
    attempts: list[AttemptAnswer] = Field(description="The last 20, the newest last")


def webhook(stored: Webhook) -> dict[str, Any]:
    return {
        "id": str(stored.id),
        "url": stored.url,
        "description": stored.description,
        "types": stored.types,
        "quiet_hours": _quiet_hours(stored.quiet_hours),
        "status": "enabled" if stored.is_enabled else "disabled",
        "disabled_reason": stored.disabled_reason,
        "disabled_at": moment_or_none(stored.disabled_at),
        "failing_since": moment_or_none(stored.failing_since),
        "previous_until": moment_or_none(stored.previous_until),
        "created_at": moment(stored.created_at),
        "updated_at": moment(stored.updated_at),
    }


def _quiet_hours(stored: dict[str, str] | None) -> dict[str, str] | None:
    """In this order: JSONB has one of its own."""
    return stored and {name: stored[name] for name in ("from", "to", "time_zone")}


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
