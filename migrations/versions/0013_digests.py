"""Digests: the least and the greatest of each stretch of a long series, for charts.

Why: a chart of millions of points would read all of them. A digest holds what a chart needs of some
hundred points; `series.digested_until` says up to where digests are right, in the row that every
change to points holds anyway. Null there: nothing was digested yet. Only adds.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

COLUMNS = """
ALTER TABLE series ADD COLUMN digest_width interval,
    ADD COLUMN digested_until timestamptz
"""
TABLE = """
CREATE TABLE digests (
    tenant_id uuid NOT NULL,
    series_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    least double precision[] NOT NULL,
    greatest double precision[] NOT NULL,
    expected_sum double precision[],
    judged bigint[],
    lower double precision[],
    upper double precision[],
    CONSTRAINT digests_pkey PRIMARY KEY (tenant_id, series_id, from_at),
    CONSTRAINT digests_tenant_id_series_id_fkey FOREIGN KEY (tenant_id, series_id)
        REFERENCES series (tenant_id, id) ON DELETE CASCADE
)
"""
RIGHTS = f"""
ALTER TABLE digests ENABLE ROW LEVEL SECURITY;
ALTER TABLE digests FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON digests TO tocsin_server
    USING (tenant_id = (SELECT {CURRENT_TENANT}));
CREATE POLICY owner_reads ON digests FOR SELECT TO CURRENT_USER
    USING (current_setting('app.owner_reads', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON digests TO tocsin_server;
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    op.execute(TABLE)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE digests")
    op.execute("ALTER TABLE series DROP COLUMN digest_width, DROP COLUMN digested_until")
