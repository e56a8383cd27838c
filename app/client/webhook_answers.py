"""What the service answers about webhooks, as objects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.client.reading import Record


@dataclass(frozen=True, kw_only=True)
class Webhook(Record):
    """`status` is enabled or disabled; `disabled_reason` is by_request, gone or failing."""

    id: str
    url: str
    description: str
    types: tuple[str, ...]
    quiet_hours: Mapping[str, str] | None
    status: str
    disabled_reason: str | None
    disabled_at: datetime | None
    failing_since: datetime | None
    previous_until: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewWebhook(Webhook):
    """The only answer that shows the secret, which is empty of a notice."""

    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Attempt(Record):
    """How a call went: the receiver's `status`, or an `error`. A notice that was taken has
    neither."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    seconds: float
    answer: str


@dataclass(frozen=True, kw_only=True)
class Delivery(Record):
    """`status` is pending, delivered or failed; `id` is the header `webhook-id` of its calls."""

    id: str
    type: str
    status: str
    attempt: int
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    last_attempt: Attempt | None

    @property
    def is_over(self) -> bool:
        return self.status != "pending"


@dataclass(frozen=True, kw_only=True)
class FullDelivery(Delivery):
    """With what is sent, and the last attempts, the newest last."""

    data: Mapping[str, Any]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class Replayed(Record):
    """How many deliveries had failed, and are due now."""

    replayed: int
