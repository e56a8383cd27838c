"""Rotation of keys, and the audit log: who did what, when, and from where.

Why: a rotated key is the same key with another secret, so the hash of the one before stands beside
it, and until when that still opens. The audit log holds ids and no names, so that erasing a tenant
leaves nothing of it to change there, and the server may add rows to it and do nothing else; the
time of a row is the database's. Failed jobs get an index, for the operator's overview.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

TABLES = """
ALTER TABLE api_keys
    ADD COLUMN previous_hash bytea,
    ADD COLUMN previous_until timestamptz,
    ADD CONSTRAINT api_keys_previous_check
        CHECK ((previous_hash IS NULL) = (previous_until IS NULL));
CREATE TABLE audit (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),  -- acts of one transaction in their order
    action text NOT NULL,
    actor_kind text NOT NULL,
    actor text,
    subject text,
    from_address text,
    request_id text,
    details jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_at_idx ON audit (at, id);
CREATE INDEX audit_tenant_id_idx ON audit (tenant_id, at, id);
CREATE INDEX jobs_failed_idx ON jobs (finished_at) WHERE status = 'failed';
"""

RIGHTS = f"""
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit TO tocsin_server USING (tenant_id = {CURRENT_TENANT});
CREATE POLICY operator ON audit FOR SELECT TO tocsin_operator USING (true);
GRANT INSERT (tenant_id, id, action, actor_kind, actor, subject, from_address, request_id, details)
    ON audit TO tocsin_server;
GRANT SELECT ON audit TO tocsin_operator;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(
        "DROP INDEX jobs_failed_idx;"
        "DROP TABLE audit;"
        "ALTER TABLE api_keys DROP COLUMN previous_hash, DROP COLUMN previous_until"
    )
