"""Stored rows in the form of answers, made by hand: validating what is ours would cost more."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.actions.limits import TenantLimits
from app.apikeys import ApiKey
from app.detection import Alarms, Points, Verdicts
from app.settings import Settings
from app.store.audit import Entry
from app.store.database import INSTALLATION
from app.store.events import Event
from app.store.feedback import Feedback
from app.store.ids import ulid
from app.store.jobs import Job
from app.store.keys import StoredKey
from app.store.models import ModelVersion
from app.store.scores import Score
from app.store.series import Series
from app.store.tenants import Tenant
from app.store.times import to_datetime
from app.store.usage import Use


def moment(at: datetime) -> str:
    at = at.astimezone(UTC)
    digits = "microseconds" if at.microsecond else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=digits) + "Z"


def moment_or_none(at: datetime | None) -> str | None:
    return None if at is None else moment(at)


def key(stored: StoredKey) -> dict[str, Any]:
    return {
        "id": stored.id,
        "name": stored.name,
        "scopes": stored.scopes,
        "created_at": moment(stored.created_at),
        "expires_at": moment_or_none(stored.expires_at),
        "revoked_at": moment_or_none(stored.revoked_at),
        "last_used_at": moment_or_none(stored.last_used_at),
        "previous_until": moment_or_none(stored.previous_until),
    }


def new_key(stored: StoredKey, made: ApiKey) -> dict[str, Any]:
    return {**key(stored), "secret": made.text}


def tenant(settings: Settings, stored: Tenant) -> dict[str, Any]:
    return {
        "slug": stored.slug,
        "name": stored.name,
        "status": stored.status,
        "limits": asdict(TenantLimits.of(settings, stored.limits)),
        "created_at": moment(stored.created_at),
    }


def tenant_in_use(settings: Settings, found: tuple[Tenant, Use]) -> dict[str, Any]:
    stored, use = found
    return {**tenant(settings, stored), "use": stored_use(use)}


def stored_use(use: Use) -> dict[str, int]:
    return {
        "series": use.series,
        "stored_points": use.stored_points,
        "points_per_day": use.points_today,
    }


def series(stored: Series) -> dict[str, Any]:
    return {
        "name": stored.name,
        "description": stored.description,
        "fields": stored.fields,
        "tags": stored.tags,
        "detector": stored.detector,
        "retrain": stored.retrain,
        "retention_days": stored.retention_days,
        "status": stored.status,
        "points": stored.points,
        "first_timestamp": moment_or_none(stored.first_at),
        "last_timestamp": moment_or_none(stored.last_at),
        "model_version": stored.model_version,
        "created_at": moment(stored.created_at),
        "updated_at": moment(stored.updated_at),
    }


def job(stored: Job) -> dict[str, Any]:
    return {
        "id": str(stored.id),
        "kind": stored.kind,
        "subject": stored.subject,
        "status": stored.status,
        "progress": stored.progress,
        "attempt": stored.attempt,
        "error": stored.error,
        "model_version": stored.model_version,
        "created_at": moment(stored.created_at),
        "started_at": moment_or_none(stored.started_at),
        "finished_at": moment_or_none(stored.finished_at),
    }


def model(stored: ModelVersion, active: int | None) -> dict[str, Any]:
    return {
        "version": stored.version,
        "is_active": stored.version == active,
        "points": stored.points,
        "from_timestamp": moment(stored.from_at),
        "to_timestamp": moment(stored.to_at),
        "settings": stored.settings,
        "threshold": stored.threshold,
        "seconds": stored.seconds,
        "created_at": moment(stored.created_at),
    }


def value(fields: Sequence[str], numbers: Sequence[float]) -> Any:
    """One field stands for itself, several by name; NaN is written as null."""
    return numbers[0] if len(fields) <= 1 else dict(zip(fields, numbers, strict=True))


def point(fields: Sequence[str], at: datetime, numbers: Sequence[float]) -> dict[str, Any]:
    return {"timestamp": moment(at), "value": value(fields, numbers)}


def score(stored: Score) -> dict[str, Any]:
    made = score_of_series(stored)
    del made["series"]
    return made


def score_of_series(stored: Score) -> dict[str, Any]:
    """A page has a thousand of them: to add to a dictionary what comes first would take as long as
    to make it, and times are left to whoever writes them as JSON."""
    fields, numbers = stored.fields, (stored.value, stored.expected, stored.lower, stored.upper)
    if len(fields) <= 1:
        (given,), (expected,), (lower,), (upper,) = numbers
    else:
        given, expected, lower, upper = (value(fields, one) for one in numbers)
    made = {
        "series": stored.series,
        "timestamp": stored.timestamp,
        "value": given,
        "score": stored.score,
        "is_anomaly": stored.is_anomaly,
        "alert": stored.alert,
        "event": None if stored.event is None else ulid(stored.event),
        "threshold": stored.threshold,
        "expected": expected,
        "lower": lower,
        "upper": upper,
        "reason": stored.reason,
        "model_version": stored.model_version,
        "backfilled": stored.backfilled,
    }
    if len(fields) > 1:
        made["contributions"] = value(fields, stored.contributions)
    return made


def verdicts(
    fields: Sequence[str], points: Points, judged: Verdicts, alarms: Alarms
) -> list[dict[str, Any]]:
    """Verdicts that are stored nowhere, in the form of a score; their events are numbered."""
    nobody = UUID(int=0)
    made = [
        score(
            Score(
                nobody,
                nobody,
                to_datetime(int(points.times[i])),
                points.values[i].tolist(),
                float(judged.score[i]),
                bool(judged.is_anomaly[i]),
                float(judged.threshold[i]),
                judged.expected[i].tolist(),
                judged.lower[i].tolist(),
                judged.upper[i].tolist(),
                judged.contributions[i].tolist(),
                judged.reasons[i],
                None,
                False,
                alert=bool(alarms.is_alert[i]),
                fields=fields,
            )
        )
        for i in range(len(points))
    ]
    for one, number in zip(made, alarms.event.tolist(), strict=True):
        one["event"] = str(number) if number >= 0 else None
    return made


def score_of_tenant(stored: Score) -> dict[str, Any]:
    return {"tenant": stored.tenant, **score_of_series(stored)}


def event(stored: Event) -> dict[str, Any]:
    return {
        "id": ulid(stored.id),
        "series": stored.series,
        "start": moment(stored.started_at),
        "end": None if stored.closed_at is None else moment(stored.ended_at),
        "peak": {"timestamp": moment(stored.peak_at), "score": stored.peak_score},
        "points": stored.points,
        "reason": stored.reason,
        "feedback": None if stored.label is None else _feedback(stored),
        "model_version": stored.model_version,
    }


def _feedback(said: Event | Feedback) -> dict[str, Any]:
    return {
        "label": said.label,
        "note": said.note,
        "by": said.given_by,
        "at": moment_or_none(said.given_at),
    }


def placed_feedback(said: Feedback) -> dict[str, Any]:
    event = None if said.event is None else ulid(said.event)
    return {"timestamp": moment(said.timestamp), "event": event, **_feedback(said)}


def anomaly(judged: Score, said: Feedback | None) -> dict[str, Any]:
    return {
        "anomaly_detected": judged.is_anomaly,
        **score(judged),
        "feedback": None if said is None else _feedback(said),
    }


def entry(stored: Entry) -> dict[str, Any]:
    is_of_tenant = stored.tenant_id != INSTALLATION
    return {
        "id": str(stored.id),
        "at": moment(stored.at),
        "action": stored.action,
        "tenant": stored.tenant or None,
        "tenant_id": str(stored.tenant_id) if is_of_tenant else None,
        "actor_kind": stored.actor_kind,
        "actor": stored.actor,
        "subject": stored.subject,
        "subject_name": stored.series,
        "from_address": stored.from_address,
        "request_id": stored.request_id,
        "details": stored.details,
    }
