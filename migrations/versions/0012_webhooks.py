"""Webhooks, and what each of them is to be told: an outbox.

Why: an event opens or closes, or a training fails, in a transaction; what is told of it is a row of
the same transaction, so that nothing is told that was undone, and nothing lost that was done. Of a
secret only a salt is stored, from which and the installation's secret it follows. A process of its
own looks over all tenants for what is due, and sees no more of it than whose it is; it also sees
whose rows are old.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

TABLES = """
CREATE TABLE webhooks (
    tenant_id uuid NOT NULL CONSTRAINT webhooks_tenant_id_fkey REFERENCES tenants (id),
    id uuid NOT NULL,
    url text NOT NULL,
    description text NOT NULL DEFAULT '',
    types text[] NOT NULL,
    secret_number integer NOT NULL,
    secret_salt bytea NOT NULL,
    previous_number integer,
    previous_salt bytea,
    previous_until timestamptz,
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhooks_previous_check CHECK (
        (previous_salt IS NULL) = (previous_until IS NULL)
        AND (previous_salt IS NULL) = (previous_number IS NULL)),
    CONSTRAINT webhooks_disabled_check CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
);
CREATE TABLE webhook_deliveries (
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    message_id uuid NOT NULL,
    type text NOT NULL,
    series_id uuid,
    data json NOT NULL,
    status text NOT NULL DEFAULT 'pending',
    attempt integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (tenant_id, webhook_id, message_id),
    CONSTRAINT webhook_deliveries_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id)
        REFERENCES webhooks (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_status_check
        CHECK (status IN ('pending', 'delivered', 'failed')),
    CONSTRAINT webhook_deliveries_ended_check CHECK ((status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX webhook_deliveries_due_idx ON webhook_deliveries (tenant_id, webhook_id, due_at)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_ended_at_idx ON webhook_deliveries (ended_at);
"""

RIGHTS = """
CREATE POLICY job_scan ON webhook_deliveries FOR SELECT TO tocsin_jobs
    USING (status = 'pending' OR ended_at < now() - interval '30 days');
GRANT SELECT (tenant_id, webhook_id, status, due_at, ended_at)
    ON webhook_deliveries TO tocsin_jobs;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in ("webhooks", "webhook_deliveries"):
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO tocsin_server "
            f"USING (tenant_id = (SELECT {CURRENT_TENANT}));"
            f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER "
            "USING (current_setting('app.owner_reads', true) = 'on');"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO tocsin_server;"
        )
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE webhook_deliveries, webhooks")
