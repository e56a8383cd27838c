"""What people are told: the words of each type of message (`announcing` makes the data)."""

from collections.abc import Mapping
from typing import Any

from app.outbound.notices import Text

REASONS = {
    "gone": "its receiver answered 410",
    "failing": "nothing could be delivered for five days",
}


def written(type_: str, data: Mapping[str, Any]) -> Text:
    return WORDS[type_](data)


def _opened(data: Mapping[str, Any]) -> Text:
    event = data["event"]
    since = f"Since {_moment(event['start'])}, score {event['peak']['score']:.4f}."
    body = f"{event['reason']}\n{since}\nEvent {event['id']}"
    return Text(f"{data['series']}: anomaly", body, "warning")


def _closed(data: Mapping[str, Any]) -> Text:
    event = data["event"]
    span = f"From {_moment(event['start'])} to {_moment(event['end'])}"
    worst = f"{event['points']} points, the strongest at {_moment(event['peak']['timestamp'])}"
    body = f"{span}: {worst}.\n{event['reason']}\nEvent {event['id']}"
    return Text(f"{data['series']}: anomaly over", body, "success")


def _training_failed(data: Mapping[str, Any]) -> Text:
    job = data["job"]
    body = f"{job['error']}\nJob {job['id']}, attempt {job['attempt']}"
    return Text(f"{data['series']}: training failed", body, "warning")


def _webhook_disabled(data: Mapping[str, Any]) -> Text:
    webhook = data["webhook"]
    reason = REASONS.get(webhook["reason"], webhook["reason"])
    return Text("Tocsin: a webhook is disabled", f"{webhook['url']}: {reason}", "warning")


def _test(data: Mapping[str, Any]) -> Text:
    return Text("Tocsin: a test", str(data["message"]))


def _moment(told: str) -> str:
    """Of RFC 3339 in UTC, to the second."""
    return f"{told[:19].replace('T', ' ')} UTC"


WORDS = {
    "event.opened": _opened,
    "event.closed": _closed,
    "training.failed": _training_failed,
    "webhook.disabled": _webhook_disabled,
    "webhook.test": _test,
}
