"""What is watched: series, their points and verdicts, and the work on them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.store.tables.columns import Moment, Name, metadata

series = Table(
    "series",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("name", Name, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("fields", ARRAY(Text), nullable=False),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    Column("detector", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("retrain", Text, nullable=False, server_default="auto"),
    Column("retention_days", Integer),
    Column("points", BigInteger, nullable=False, server_default=text("0")),
    Column("first_at", Moment),
    Column("last_at", Moment),
    # Counts every change to the points: a cached window with another number is stale.
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    Column("model_version", Integer),
    Column("last_version", Integer, nullable=False, server_default=text("0")),
    Column("watch", JSONB),  # what the event layer remembers; null: nothing yet
    # The history when a training was last asked for or begun: growth counts from here.
    Column("tried_points", BigInteger, nullable=False, server_default=text("0")),
    Column("tried_to_at", Moment),
    Column("counted_on", Date),  # the day, UTC, whose stored points counted_points are
    Column("counted_points", BigInteger, nullable=False, server_default=text("0")),
    # Stretches of this width that end by then have right digests; null: none has.
    Column("digest_width", Interval),
    Column("digested_until", Moment),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "name"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
)

points = Table(
    "points",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("series_id", Uuid, nullable=False),
    Column("timestamp", Moment, nullable=False),
    Column("value", ARRAY(Double), nullable=False),  # one for each field; NaN is missing
    PrimaryKeyConstraint("tenant_id", "series_id", "timestamp"),
    postgresql_partition_by="RANGE (timestamp)",
)

digests = Table(
    "digests",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("series_id", Uuid, nullable=False),
    Column("from_at", Moment, nullable=False),
    # One for each field, null where none of its points has any.
    Column("least", ARRAY(Double), nullable=False),
    Column("greatest", ARRAY(Double), nullable=False),
    Column("expected_sum", ARRAY(Double)),  # from here on of the scores; null without any
    Column("judged", ARRAY(BigInteger)),  # how many are in the sum
    Column("lower", ARRAY(Double)),
    Column("upper", ARRAY(Double)),
    PrimaryKeyConstraint("tenant_id", "series_id", "from_at"),
    ForeignKeyConstraint(
        ["tenant_id", "series_id"], ["series.tenant_id", "series.id"], ondelete="CASCADE"
    ),
)


def _score_columns() -> list[Column[object]]:
    return [
        Column("tenant_id", Uuid, nullable=False),
        Column("series_id", Uuid, nullable=False),
        Column("timestamp", Moment, nullable=False),
        Column("value", ARRAY(Double), nullable=False),
        Column("score", Double, nullable=False),
        Column("is_anomaly", Boolean, nullable=False),
        Column("threshold", Double, nullable=False),
        Column("expected", ARRAY(Double), nullable=False),
        Column("lower", ARRAY(Double), nullable=False),
        Column("upper", ARRAY(Double), nullable=False),
        Column("contributions", ARRAY(Double), nullable=False),
        Column("reason", Text, nullable=False),
        Column("model_version", Integer, nullable=False),
        Column("backfilled", Boolean, nullable=False),
        Column("scored_at", Moment, nullable=False, server_default=text("now()")),
        Column("alert", Boolean, nullable=False, server_default=text("false")),
        Column("event", Uuid),  # no foreign key: partitions are dropped without asking
    ]


scores = Table(
    "scores",
    metadata,
    *_score_columns(),
    PrimaryKeyConstraint("tenant_id", "series_id", "timestamp"),
    Index(
        "scores_anomalies_idx",
        "tenant_id",
        "timestamp",
        "series_id",
        postgresql_where=text("is_anomaly"),
    ),
    Index(
        "scores_all_anomalies_idx",
        "timestamp",
        "tenant_id",
        "series_id",
        postgresql_where=text("is_anomaly"),
    ),
    postgresql_partition_by="RANGE (timestamp)",
)

replaced_scores = Table(
    "replaced_scores",
    metadata,
    *_score_columns(),
    Column("replaced_at", Moment, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "series_id", "timestamp", "replaced_at"),
)

events = Table(
    "events",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("series_id", Uuid, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=False),  # the last anomalous point so far
    Column("closed_at", Moment),  # null while open
    Column("peak_score", Double, nullable=False),
    Column("peak_at", Moment, nullable=False),
    Column("points", Integer, nullable=False),
    Column("reason", Text, nullable=False),  # of the peak, and so is the version
    Column("model_version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(
        ["tenant_id", "series_id"], ["series.tenant_id", "series.id"], ondelete="CASCADE"
    ),
    Index("events_started_at_idx", "tenant_id", "started_at", "id"),
    Index("events_series_id_idx", "tenant_id", "series_id", "started_at", "id"),
    # One at a time is open in a series.
    Index(
        "events_open_idx",
        "tenant_id",
        "series_id",
        unique=True,
        postgresql_where=text("closed_at IS NULL"),
    ),
)

feedback = Table(
    "feedback",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("series_id", Uuid, nullable=False),
    Column("timestamp", Moment, nullable=False),  # of the score, or where the event started
    Column("subject", Text, nullable=False),  # "event" or "score"
    Column("event", Uuid),  # where it is of one
    Column("label", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("given_by", Text),  # the public id of a key
    Column("given_at", Moment, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "series_id", "timestamp", "subject"),
    ForeignKeyConstraint(
        ["tenant_id", "series_id"], ["series.tenant_id", "series.id"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(
        ["tenant_id", "event"], ["events.tenant_id", "events.id"], ondelete="CASCADE"
    ),
    Index(
        "feedback_event_idx",
        "tenant_id",
        "event",
        unique=True,
        postgresql_where=text("event IS NOT NULL"),
    ),
)

models = Table(
    "models",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("series_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("artifact", LargeBinary, nullable=False),
    Column("checksum", LargeBinary, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("from_at", Moment, nullable=False),
    Column("to_at", Moment, nullable=False),
    Column("settings", JSONB, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "series_id", "version"),
    ForeignKeyConstraint(
        ["tenant_id", "series_id"], ["series.tenant_id", "series.id"], ondelete="CASCADE"
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("series_id", Uuid),  # no foreign key: a job that erases a series outlives it
    Column("subject", Text, nullable=False),  # name of what the job is about; '' once erased
    Column("settings", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("progress", Double, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", Moment),
    Column("error", Text),
    Column("model_version", Integer),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    Index("jobs_series_id_idx", "tenant_id", "series_id", "created_at"),
    # One at a time for a series: a second call finds the job that waits.
    Index(
        "jobs_one_active_idx",
        "tenant_id",
        "series_id",
        "kind",
        unique=True,
        postgresql_where=text("status IN ('queued', 'running')"),
    ),
    Index(
        "jobs_active_idx", "created_at", postgresql_where=text("status IN ('queued', 'running')")
    ),
    Index("jobs_failed_idx", "finished_at", postgresql_where=text("status = 'failed'")),
)
