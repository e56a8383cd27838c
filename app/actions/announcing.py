"""What webhooks are told: each in the transaction of what it tells of.

The forms of `data` are promised to receivers (docs/webhooks.md): fields are only ever added.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.store import Connection, outbox
from app.store.events import Event, Stretch
from app.store.ids import ulid
from app.store.jobs import Job
from app.store.series import Series
from app.store.webhooks import Webhook


def event_opened(connection: Connection, of: Series, event_id: UUID, stretch: Stretch) -> None:
    event = Event(of.tenant_id, event_id, of.id, closed_at=None, series=of.name, **vars(stretch))
    data = _of_event(event, is_closed=False)
    outbox.add(connection, of.tenant_id, "event.opened", of.id, data)


def events_closed(connection: Connection, closed: Iterable[Event]) -> None:
    """Events as they are at last; that some of them may have been erased is not told."""
    for event in closed:
        data = _of_event(event, is_closed=True)
        outbox.add(connection, event.tenant_id, "event.closed", event.series_id, data)


def _of_event(event: Event, is_closed: bool) -> dict[str, Any]:
    event_id = ulid(event.id)
    return {
        "series": event.series,
        "event": {
            "id": event_id,
            "series": event.series,
            "start": event.started_at,
            "end": event.ended_at if is_closed else None,
            "peak": {"timestamp": event.peak_at, "score": event.peak_score},
            "points": event.points,
            "reason": event.reason,
            "model_version": event.model_version,
        },
        "links": {"event": f"/v1/events/{event_id}", "series": f"/v1/series/{event.series}"},
    }


def training_failed(connection: Connection, job: Job) -> None:
    """Of a job of another kind nothing is told."""
    if job.kind != "train":
        return
    data = {
        "series": job.subject,
        "job": {"id": str(job.id), "kind": job.kind, "attempt": job.attempt, "error": job.error},
        "links": {"job": f"/v1/jobs/{job.id}", "series": f"/v1/series/{job.subject}"},
    }
    outbox.add(connection, job.tenant_id, "training.failed", job.series_id, data)


def webhook_disabled(connection: Connection, of: Webhook, reason: str) -> None:
    """To the other webhooks: this one hears nothing any more."""
    shown = {"id": str(of.id), "url": of.url, "reason": reason}
    links = {"webhook": f"/v1/webhooks/{of.id}"}
    data = {"webhook": shown, "links": links}
    outbox.add(connection, of.tenant_id, "webhook.disabled", None, data)
