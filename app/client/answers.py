"""What the service answers, as objects; times are aware, in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.client.errors import RowError
from app.client.reading import Record

Value = float | None | Mapping[str, float | None]  # one field stands for itself, several by name


@dataclass(frozen=True, kw_only=True)
class Key(Record):
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    previous_until: datetime | None


@dataclass(frozen=True, kw_only=True)
class NewKey(Key):
    """The only answer that shows the key itself."""

    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Tenant(Record):
    slug: str
    name: str
    status: str
    limits: Mapping[str, float | None]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class NewTenant(Tenant):
    api_key: NewKey


@dataclass(frozen=True, kw_only=True)
class StoredUse(Record):
    series: int
    stored_points: int
    points_per_day: int


@dataclass(frozen=True, kw_only=True)
class TenantInUse(Tenant):
    use: StoredUse


@dataclass(frozen=True, kw_only=True)
class Use(StoredUse):
    concurrent_trainings: int
    model_versions: int


@dataclass(frozen=True, kw_only=True)
class Me(Record):
    """Without tenant and use for an operator key."""

    tenant: Tenant | None
    key: Key
    use: Use | None


@dataclass(frozen=True, kw_only=True)
class Series(Record):
    """`status` is empty, collecting, training, ready or failed."""

    name: str
    description: str
    fields: tuple[str, ...]
    tags: tuple[str, ...]
    detector: Mapping[str, Any]
    retrain: str
    retention_days: int | None
    status: str
    points: int
    first_timestamp: datetime | None
    last_timestamp: datetime | None
    model_version: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Job(Record):
    """`status` is queued, running, succeeded or failed; `progress` is in [0, 1]."""

    id: str
    kind: str
    subject: str
    status: str
    progress: float
    attempt: int
    error: str | None
    model_version: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.status in ("succeeded", "failed")


@dataclass(frozen=True, kw_only=True)
class Model(Record):
    version: int
    is_active: bool
    points: int
    from_timestamp: datetime
    to_timestamp: datetime
    settings: Mapping[str, Any]
    threshold: float
    seconds: float
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What became of an upload, of all its parts together; `job` is the training it made due."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    replaced: int = 0
    rejected: int = 0
    errors: tuple[RowError, ...] = ()
    job: str | None = None
    parts: int = 0


@dataclass(frozen=True, kw_only=True)
class Erased(Record):
    erased: int


@dataclass(frozen=True, kw_only=True)
class Point(Record):
    timestamp: datetime
    value: Value


@dataclass(frozen=True, kw_only=True)
class Score(Record):
    """A verdict: `score` in [0, 1], and what was expected, between `lower` and `upper`."""

    timestamp: datetime
    value: Value
    score: float
    is_anomaly: bool
    alert: bool
    event: str | None
    threshold: float
    expected: Value
    lower: Value
    upper: Value
    reason: str
    contributions: Mapping[str, float] | None = None
    model_version: int | None
    backfilled: bool


@dataclass(frozen=True, kw_only=True)
class SeriesScore(Score):
    series: str


@dataclass(frozen=True, kw_only=True)
class TenantScore(SeriesScore):
    tenant: str


@dataclass(frozen=True, kw_only=True)
class Feedback(Record):
    """What the owner said: `label` is anomaly or normal; `by` is the id of a key."""

    label: str
    note: str
    by: str | None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class PlacedFeedback(Feedback):
    """Of an event, or where that is None of the score at its time."""

    timestamp: datetime
    event: str | None


@dataclass(frozen=True, kw_only=True)
class Anomaly(Score):
    anomaly_detected: bool
    feedback: Feedback | None


@dataclass(frozen=True, kw_only=True)
class Peak(Record):
    timestamp: datetime
    score: float


@dataclass(frozen=True, kw_only=True)
class Event(Record):
    """Anomalous points that belong together; `end` is None while it goes on."""

    id: str
    series: str
    start: datetime
    end: datetime | None
    peak: Peak
    points: int
    reason: str
    feedback: Feedback | None
    model_version: int


@dataclass(frozen=True, kw_only=True)
class PointError(Record):
    """`field` is `points[3]`: the place among the points that were given."""

    field: str
    code: str
    message: str

    @property
    def place(self) -> int:
        return int(self.field.removeprefix("points[").partition("]")[0])


@dataclass(frozen=True, kw_only=True)
class AuditEntry(Record):
    """`actor_kind` is key, operator, cli, service or nobody."""

    id: str
    at: datetime
    action: str
    tenant: str | None
    tenant_id: str | None
    actor_kind: str
    actor: str | None
    subject: str | None
    subject_name: str | None
    from_address: str | None
    request_id: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Overview(Record):
    tenants: int
    series: int
    points: int
    models: int
    jobs_queued: int
    jobs_running: int
    jobs_failed_24h: int
    queue_depth: int | None
    workers: int | None
