"""Idempotency keys: which request each one stands for, and what it was answered.

Why: who repeats a request because its answer was lost must not make the thing twice. A row is a
claim with a lease while the request is under way, and its answer afterwards. The upkeep asks whose
rows are old and sees no more of them than that; they are deleted as their tenant.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

TABLES = """
CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL CONSTRAINT idempotency_keys_tenant_id_fkey REFERENCES tenants (id),
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    claim_id uuid NOT NULL,
    lease_until timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    status integer,
    media_type text,
    headers jsonb,
    body bytea,
    shown_key text COLLATE "C",
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, key_hash)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
"""

RIGHTS = f"""
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys TO tocsin_server USING (tenant_id = {CURRENT_TENANT});
CREATE POLICY job_scan ON idempotency_keys FOR SELECT TO tocsin_jobs
    USING (created_at < now() - interval '24 hours');
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO tocsin_server;
GRANT SELECT (tenant_id, created_at) ON idempotency_keys TO tocsin_jobs;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE idempotency_keys")
