"""What routes answer with, as the OpenAPI document describes it; `app.api.shown` makes it."""

from typing import Any, Literal

from pydantic import Field

from app.api import examples
from app.web.fields import Answered

ANSWERED_VALUE = float | None | dict[str, float | None]


class KeyAnswer(Answered):
    model_config = examples.shown_as(examples.KEY)

    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    previous_until: str | None = Field(
        description="Until when the secret from before the last rotation works"
    )


class NewKeyAnswer(KeyAnswer):
    model_config = examples.shown_as(examples.SHOWN_KEY)

    secret: str = Field(description="The key itself, shown this once")


class TenantAnswer(Answered):
    model_config = examples.shown_as(examples.TENANT)

    slug: str
    name: str
    status: str
    limits: dict[str, float | None]
    created_at: str


class NewTenantAnswer(TenantAnswer):
    model_config = examples.shown_as(examples.MADE_TENANT)

    api_key: NewKeyAnswer


class StoredUseAnswer(Answered):
    """Against the tenant's limits of the same names."""

    model_config = examples.shown_as(examples.STORED_USE)

    series: int
    stored_points: int
    points_per_day: int = Field(description="Points stored since midnight UTC")


class TenantInUseAnswer(TenantAnswer):
    model_config = examples.shown_as(examples.TENANT_IN_USE)

    use: StoredUseAnswer


class UseAnswer(StoredUseAnswer):
    """Against the tenant's limits of the same names."""

    model_config = examples.shown_as(examples.USE)

    concurrent_trainings: int
    model_versions: int = Field(description="Of the series that has most")


class MeAnswer(Answered):
    model_config = examples.shown_as(examples.ME)

    tenant: TenantAnswer | None = Field(description="null for an operator key")
    key: KeyAnswer
    use: UseAnswer | None = Field(description="null for an operator key")


class SeriesAnswer(Answered):
    model_config = examples.shown_as(examples.SERIES)

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
    model_config = examples.shown_as(examples.JOB)

    id: str
    kind: str
    subject: str = Field(description="Name of the series or tenant; empty once it is erased")
    status: str = Field(description="queued, running, succeeded or failed")
    progress: float
    attempt: int
    error: str | None
    model_version: int | None
    created_at: str
    started_at: str | None
    finished_at: str | None


class ModelAnswer(Answered):
    model_config = examples.shown_as(examples.MODEL)

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
    model_config = examples.shown_as(examples.UPLOAD)

    received: int
    stored: int
    duplicates: int
    replaced: int
    rejected: int
    errors: list[RowErrorAnswer]
    job: str | None = Field(
        description="The training that waits for these points, or is under way; null where there "
        "is none, and where several series have one: each is among the jobs of its series"
    )


class ErasedAnswer(Answered):
    model_config = examples.shown_as(examples.ERASED)

    erased: int = Field(description="Points, each with its score if it had one")


class PointAnswer(Answered):
    model_config = examples.shown_as(examples.POINT)

    timestamp: str
    value: ANSWERED_VALUE


class ScoreAnswer(Answered):
    model_config = examples.shown_as(examples.SCORE)

    timestamp: str
    value: ANSWERED_VALUE
    score: float = Field(ge=0, le=1)
    is_anomaly: bool
    alert: bool = Field(description="It opens an event")
    event: str | None = Field(description="Id of the event that the point belongs to")
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
    model_config = examples.shown_as(examples.SERIES_SCORE)

    series: str


class TenantScoreAnswer(SeriesScoreAnswer):
    model_config = examples.shown_as(examples.TENANT_SCORE)

    tenant: str


class FeedbackAnswer(Answered):
    model_config = examples.shown_as(examples.FEEDBACK)

    label: Literal["anomaly", "normal"]
    note: str
    by: str | None = Field(description="Id of the key that gave it")
    at: str


class PlacedFeedbackAnswer(FeedbackAnswer):
    model_config = examples.shown_as(examples.PLACED_FEEDBACK)

    timestamp: str = Field(description="Of the score, or where the event started")
    event: str | None = Field(description="Id of the event it speaks of; null: of the score")


class AnomalyAnswer(ScoreAnswer):
    model_config = examples.shown_as(examples.ANOMALY)

    anomaly_detected: bool
    feedback: FeedbackAnswer | None


class PeakAnswer(Answered):
    timestamp: str
    score: float = Field(ge=0, le=1)


class EventAnswer(Answered):
    model_config = examples.shown_as(examples.EVENT)

    id: str
    series: str
    start: str
    end: str | None = Field(description="Its last anomalous point; null while it is open")
    peak: PeakAnswer
    points: int = Field(description="Anomalous points in it")
    reason: str = Field(description="Of the peak")
    feedback: FeedbackAnswer | None
    model_version: int = Field(description="That judged the peak; 0: a rule of thumb did")


class PointErrorAnswer(Answered):
    model_config = examples.shown_as(examples.POINT_ERROR)

    field: str
    code: str
    message: str


class ScoresAnswer(Answered):
    """In the order of the request; points with an error are named there, and left out here."""

    model_config = examples.shown_as(examples.SCORES)

    data: list[ScoreAnswer]
    errors: list[PointErrorAnswer]


class SeriesScoresAnswer(Answered):
    model_config = examples.shown_as(examples.SERIES_SCORES)

    data: list[SeriesScoreAnswer]
    errors: list[PointErrorAnswer]


class DetectAnswer(Answered):
    model_config = examples.shown_as(examples.DETECTED)

    data: list[ScoreAnswer]
