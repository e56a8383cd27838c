"""What routes answer with: the models describe it, the functions make it of stored rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.apikeys import ApiKey
from app.detection import Points, Verdicts
from app.store.jobs import Job
from app.store.keys import StoredKey
from app.store.models import ModelVersion
from app.store.scores import Score
from app.store.series import Series
from app.store.tenants import Tenant
from app.store.times import to_datetime
from app.web.fields import Answered

ANSWERED_VALUE = float | None | dict[str, float | None]


class KeyAnswer(Answered):
    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class NewKeyAnswer(KeyAnswer):
    secret: str = Field(description="The key itself, shown this once")


class TenantAnswer(Answered):
    slug: str
    name: str
    status: str
    limits: dict[str, float | None]
    created_at: str


class NewTenantAnswer(TenantAnswer):
    api_key: NewKeyAnswer


class UseAnswer(Answered):
    """Against the tenant's limits of the same names."""

    series: int
    stored_points: int


class MeAnswer(Answered):
    tenant: TenantAnswer | None = Field(description="null for an operator key")
    key: KeyAnswer
    use: UseAnswer | None = Field(description="null for an operator key")


class SeriesAnswer(Answered):
    name: str
    description: str
    fields: list[str]
    tags: list[str]
    detector: dict[str, Any]
    retrain: str
    retention_days: int | None
    status: str = Field(description="empty, collecting, training, ready or failed")
    points: int
    first_timestamp: str | None
    last_timestamp: str | None
    model_version: int | None
    created_at: str
    updated_at: str


class JobAnswer(Answered):
    id: str
    kind: str
    subject: str = Field(description="Name of the series or tenant")
    status: str = Field(description="queued, running, succeeded or failed")
    progress: float
    attempt: int
    error: str | None
    model_version: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class ModelAnswer(Answered):
    version: int
    is_active: bool
    points: int
    from_timestamp: str
    to_timestamp: str
    settings: dict[str, Any]
    threshold: float
    seconds: float
    created_at: str


class RowErrorAnswer(Answered):
    row: int
    column: str | None
    message: str


class UploadAnswer(Answered):
    received: int
    stored: int
    duplicates: int
    replaced: int
    rejected: int
    errors: list[RowErrorAnswer]
    job: str | None


class ErasedAnswer(Answered):
    erased: int = Field(description="Points, each with its score if it had one")


class PointAnswer(Answered):
    timestamp: str
    value: ANSWERED_VALUE


class ScoreAnswer(Answered):
    timestamp: str
    value: ANSWERED_VALUE
    score: float = Field(ge=0, le=1)
    is_anomaly: bool
    alert: bool | None
    event: str | None
    threshold: float
    expected: ANSWERED_VALUE
    lower: ANSWERED_VALUE
    upper: ANSWERED_VALUE
    reason: str
    contributions: dict[str, float] | None = Field(
        None, description="The share of each field, where there are several"
    )
    model_version: int | None = Field(description="0: too little history, a rule of thumb judged")
    backfilled: bool


class SeriesScoreAnswer(ScoreAnswer):
    series: str


class TenantScoreAnswer(SeriesScoreAnswer):
    tenant: str


class AnomalyAnswer(ScoreAnswer):
    anomaly_detected: bool


class PointErrorAnswer(Answered):
    field: str
    code: str
    message: str


class ScoresAnswer(Answered):
    """In the order of the request; points with an error are named there, and left out here."""

    data: list[ScoreAnswer]
    errors: list[PointErrorAnswer]


class SeriesScoresAnswer(Answered):
    data: list[SeriesScoreAnswer]
    errors: list[PointErrorAnswer]


class DetectAnswer(Answered):
    data: list[ScoreAnswer]


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
    }


def new_key(stored: StoredKey, made: ApiKey) -> dict[str, Any]:
    return {**key(stored), "secret": made.text}


def tenant(stored: Tenant) -> dict[str, Any]:
    return {
        "slug": stored.slug,
        "name": stored.name,
        "status": stored.status,
        "limits": stored.limits,
        "created_at": moment(stored.created_at),
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
    return numbers[0] if len(fields) == 1 else dict(zip(fields, numbers, strict=True))


def point(fields: Sequence[str], at: datetime, numbers: Sequence[float]) -> dict[str, Any]:
    return {"timestamp": moment(at), "value": value(fields, numbers)}


def score(stored: Score) -> dict[str, Any]:
    fields = stored.fields
    shown = {
        "timestamp": moment(stored.timestamp),
        "value": value(fields, stored.value),
        "score": stored.score,
        "is_anomaly": stored.is_anomaly,
        "alert": None,
        "event": None,
        "threshold": stored.threshold,
        "expected": value(fields, stored.expected),
        "lower": value(fields, stored.lower),
        "upper": value(fields, stored.upper),
        "reason": stored.reason,
        "model_version": stored.model_version,
        "backfilled": stored.backfilled,
    }
    if len(fields) > 1:
        shown["contributions"] = value(fields, stored.contributions)
    return shown


def verdicts(fields: Sequence[str], points: Points, judged: Verdicts) -> list[dict[str, Any]]:
    """Verdicts that are stored nowhere, in the form of a score."""
    nobody = UUID(int=0)
    return [
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
                to_datetime(0),
                fields=fields,
            )
        )
        for i in range(len(points))
    ]


def score_of_series(stored: Score) -> dict[str, Any]:
    return {"series": stored.series, **score(stored)}


def score_of_tenant(stored: Score) -> dict[str, Any]:
    return {"tenant": stored.tenant, **score_of_series(stored)}
