"""Events: anomalous points that belong together, and which points alerted.

Why: one alert for one event, however many points it has. What the event layer remembers of a
series stands in the series' row, which every scoring locks anyway, so that it goes on from there in
any process. Only adds: rows that are there alert nobody and belong to no event.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

# Each by itself: requests lock the series first and then write its scores, so that who holds the
# scores and waits for the series would never get it.
COLUMNS = (
    "ALTER TABLE scores ADD COLUMN IF NOT EXISTS alert boolean NOT NULL DEFAULT false, "
    "ADD COLUMN IF NOT EXISTS event uuid",
    "ALTER TABLE replaced_scores ADD COLUMN IF NOT EXISTS alert boolean NOT NULL DEFAULT false, "
    "ADD COLUMN IF NOT EXISTS event uuid",
    "ALTER TABLE series ADD COLUMN IF NOT EXISTS watch jsonb",
)
TABLES = """
CREATE TABLE events (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    series_id uuid NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    closed_at timestamptz,
    peak_score double precision NOT NULL,
    peak_at timestamptz NOT NULL,
    points integer NOT NULL,
    reason text NOT NULL,
    model_version integer NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT events_tenant_id_series_id_fkey FOREIGN KEY (tenant_id, series_id)
        REFERENCES series (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX events_started_at_idx ON events (tenant_id, started_at, id);
CREATE INDEX events_series_id_idx ON events (tenant_id, series_id, started_at, id);
CREATE UNIQUE INDEX events_open_idx ON events (tenant_id, series_id) WHERE closed_at IS NULL;
"""

RIGHTS = f"""
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON events TO tocsin_server USING (tenant_id = {CURRENT_TENANT});
CREATE POLICY operator ON events FOR SELECT TO tocsin_operator USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON events TO tocsin_server;
GRANT SELECT ON events TO tocsin_operator;
"""


def upgrade() -> None:
    for statement in COLUMNS:
        with op.get_context().autocommit_block():
            op.execute(statement)
    op.execute(TABLES)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(
        "DROP TABLE events;"
        "ALTER TABLE series DROP COLUMN watch;"
        "ALTER TABLE replaced_scores DROP COLUMN alert, DROP COLUMN event;"
        "ALTER TABLE scores DROP COLUMN alert, DROP COLUMN event"
    )
