"""Whom to tell, and what: webhooks, and their deliveries."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.store.tables.columns import Moment, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("types", ARRAY(Text), nullable=False),
    # The secret follows from them and the installation's secret of that number.
    Column("secret_number", Integer, nullable=False),
    Column("secret_salt", LargeBinary, nullable=False),
    # Of the secret before the last rotation, by which is signed too until then.
    Column("previous_number", Integer),
    Column("previous_salt", LargeBinary),
    Column("previous_until", Moment),
    Column("sealed", LargeBinary),  # the address of a notice, of which `url` shows a part
    Column("quiet_hours", JSONB(none_as_null=True)),  # from, to, time_zone
    Column("failing_since", Moment),  # the first failure since anything was delivered
    Column("disabled_at", Moment),
    Column("disabled_reason", Text),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("updated_at", Moment, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("webhook_id", Uuid, nullable=False),
    Column("message_id", Uuid, nullable=False),  # the same for all webhooks that are told of it
    Column("type", Text, nullable=False),
    Column("series_id", Uuid),  # that it tells of; no foreign key: it outlives its series
    Column("data", JSON, nullable=False),  # not JSONB: sent as it was written
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempt", Integer, nullable=False, server_default=text("0")),  # claims so far
    Column("tries", Integer, nullable=False, server_default=text("0")),  # since the last replay
    Column("due_at", Moment, nullable=False, server_default=text("now()")),
    Column("at_once", Boolean, nullable=False, server_default=text("false")),  # in quiet hours too
    Column("attempts", JSONB, nullable=False, server_default=text("'[]'::jsonb")),  # how they went
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("ended_at", Moment),
    PrimaryKeyConstraint("tenant_id", "webhook_id", "message_id"),
    ForeignKeyConstraint(
        ["tenant_id", "webhook_id"], ["webhooks.tenant_id", "webhooks.id"], ondelete="CASCADE"
    ),
    Index(
        "webhook_deliveries_due_idx",
        "tenant_id",
        "webhook_id",
        "due_at",
        postgresql_where=text("status = 'pending'"),
    ),
    Index(None, "ended_at"),
)
