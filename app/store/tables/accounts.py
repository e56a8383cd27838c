"""Who asks: tenants and their keys, and what they did."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
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

tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Name, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="active"),
    Column("limits", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    UniqueConstraint("slug"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Name, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Column("last_used_at", Moment),
    # Of the secret before the last rotation, which opens until then.
    Column("previous_hash", LargeBinary),
    Column("previous_until", Moment),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    Index(None, "id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    Column("key_id", Name, nullable=False),
    Column("key_hash", LargeBinary, nullable=False),  # as it was when the session began
    Column("token_hash", LargeBinary, nullable=False),
    # Of the cookie before the last renewal, which is good until then.
    Column("previous_hash", LargeBinary),
    Column("previous_until", Moment),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("renewed_at", Moment, nullable=False, server_default=text("now()")),
    Column("used_at", Moment, nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    Index(None, "id"),
    Index(None, "used_at"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", Uuid, nullable=False),
    Column("key_hash", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),  # of the request that the key stands for
    Column("claim_id", Uuid, nullable=False),
    Column("lease_until", Moment, nullable=False),
    Column("created_at", Moment, nullable=False, server_default=text("now()")),
    Column("status", Integer),  # null while the request is under way
    Column("media_type", Text),
    Column("headers", JSONB),
    Column("body", LargeBinary),
    Column("shown_key", Name),  # id of the key whose secret was answered: then without the body
    PrimaryKeyConstraint("tenant_id", "key_hash"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    Index(None, "created_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("tenant_id", Uuid, nullable=False),  # no foreign key: the log outlives its tenants
    Column("id", Uuid, nullable=False),
    # Not the transaction's time: its acts are in their order.
    Column("at", Moment, nullable=False, server_default=text("clock_timestamp()")),
    Column("action", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor", Text),  # the public id of a key
    Column("subject", Text),  # an id, never a name
    Column("from_address", Text),
    Column("request_id", Text),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    PrimaryKeyConstraint("tenant_id", "id"),
    Index("audit_at_idx", "at", "id"),
    Index("audit_tenant_id_idx", "tenant_id", "at", "id"),
)
