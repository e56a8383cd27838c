"""Feedback: what the owner of a series says of an event or of one verdict, who said it, and when.

Why its own table: verdicts are never changed, and what was said must be there for whatever learns
from it. It goes with what it speaks of: an event's with the event, a verdict's with its series, and
with its point where points are erased. Only adds.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
    tenant_id uuid NOT NULL,
    series_id uuid NOT NULL,
    timestamp timestamptz NOT NULL,
    subject text NOT NULL,
    event uuid,
    label text NOT NULL,
    note text NOT NULL DEFAULT '',
    given_by text,
    given_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feedback_pkey PRIMARY KEY (tenant_id, series_id, timestamp, subject),
    CONSTRAINT feedback_tenant_id_series_id_fkey FOREIGN KEY (tenant_id, series_id)
        REFERENCES series (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT feedback_subject_check
        CHECK (subject IN ('event', 'score') AND (subject = 'event') = (event IS NOT NULL)),
    CONSTRAINT feedback_label_check CHECK (label IN ('anomaly', 'normal'))
)
"""
OF_EVENT = """
ALTER TABLE feedback DROP CONSTRAINT IF EXISTS feedback_tenant_id_event_fkey,
    ADD CONSTRAINT feedback_tenant_id_event_fkey FOREIGN KEY (tenant_id, event)
    REFERENCES events (tenant_id, id) ON DELETE CASCADE
"""

RIGHTS = f"""
CREATE UNIQUE INDEX feedback_event_idx ON feedback (tenant_id, event) WHERE event IS NOT NULL;
ALTER TABLE feedback ENABLE ROW LEVEL SECURITY;
ALTER TABLE feedback FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON feedback TO tocsin_server
    USING (tenant_id = (SELECT {CURRENT_TENANT}));
CREATE POLICY owner_reads ON feedback FOR SELECT TO CURRENT_USER
    USING (current_setting('app.owner_reads', true) = 'on');
GRANT SELECT, INSERT, UPDATE, DELETE ON feedback TO tocsin_server;
"""


def upgrade() -> None:
    """Each key by itself: who holds `series` and waits for `events` might wait for a request that
    has them the other way round."""
    for statement in (TABLE, OF_EVENT):
        with op.get_context().autocommit_block():
            op.execute(statement)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE feedback")
