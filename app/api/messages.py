"""What webhooks are told; `app.actions.announcing` makes it, and fields are only ever added."""

from typing import Any, Literal

from pydantic import Field

from app.api import examples, webhook_examples
from app.api.answers import PeakAnswer
from app.web.fields import Answered
from app.web.messages import message


class EventTold(Answered):
    """The fields of the same names in `GET /v1/events/{event_id}`, as they were then."""

    id: str
    series: str
    start: str
    end: str | None = Field(description="Its last anomalous point; null while it is open")
    peak: PeakAnswer
    points: int
    reason: str
    model_version: int


class EventLinks(Answered):
    event: str
    series: str


class EventData(Answered):
    series: str
    event: EventTold
    links: EventLinks


class JobTold(Answered):
    id: str
    kind: str
    attempt: int
    error: str | None


class TrainingLinks(Answered):
    job: str
    series: str


class TrainingData(Answered):
    series: str
    job: JobTold
    links: TrainingLinks


class WebhookTold(Answered):
    id: str
    url: str
    reason: str = Field(description="gone, or failing")


class WebhookLinks(Answered):
    webhook: str


class DisabledData(Answered):
    webhook: WebhookTold
    links: WebhookLinks


class TestData(Answered):
    message: str
    links: WebhookLinks


Data = EventData | TrainingData | DisabledData | TestData


class _Message(Answered):
    timestamp: str = Field(description="When it happened")


def _shown(type_: str, data: dict[str, Any]) -> Any:
    return examples.shown_as({"type": type_, "timestamp": examples.MADE, "data": data})


@message("event.opened")
class EventOpened(_Message):
    """A point alerts."""

    model_config = _shown("event.opened", webhook_examples.EVENT_DATA)

    type: Literal["event.opened"]
    data: EventData


@message("event.closed")
class EventClosed(_Message):
    """No further point joins the event."""

    model_config = _shown("event.closed", webhook_examples.EVENT_DATA)

    type: Literal["event.closed"]
    data: EventData


@message("training.failed")
class TrainingFailed(_Message):
    """A training ended without a model, after all its attempts."""

    model_config = _shown("training.failed", webhook_examples.TRAINING_DATA)

    type: Literal["training.failed"]
    data: TrainingData


@message("webhook.disabled")
class WebhookDisabled(_Message):
    """Another webhook of the tenant is told nothing any more."""

    model_config = _shown("webhook.disabled", webhook_examples.DISABLED_DATA)

    type: Literal["webhook.disabled"]
    data: DisabledData


@message("webhook.test")
class WebhookTested(_Message):
    """Somebody tries the webhook."""

    model_config = _shown("webhook.test", webhook_examples.TEST_DATA)

    type: Literal["webhook.test"]
    data: TestData
