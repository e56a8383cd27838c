"""Sessions of the console: who signed in with which key, for a while.

Why in Postgres: every process of every host answers, and what is signed out or revoked is so
everywhere at once. A row holds hashes, of the cookie and of the key as it was; neither can be had
from them. The server finds one row by the id that a cookie names, and then is its tenant.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

TABLE = """
CREATE TABLE sessions (
    tenant_id uuid NOT NULL CONSTRAINT sessions_tenant_id_fkey REFERENCES tenants (id),
    id uuid NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    key_hash bytea NOT NULL,
    token_hash bytea NOT NULL,
    previous_hash bytea,
    previous_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    renewed_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX sessions_id_idx ON sessions (id);
CREATE INDEX sessions_used_at_idx ON sessions (used_at);
"""

RIGHTS = f"""
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sessions TO tocsin_server
    USING (tenant_id = (SELECT {CURRENT_TENANT}));
CREATE POLICY presented_session ON sessions FOR SELECT TO tocsin_server
    USING (id = nullif(current_setting('app.session_id', true), '')::uuid);
CREATE POLICY owner_reads ON sessions FOR SELECT TO CURRENT_USER
    USING (current_setting('app.owner_reads', true) = 'on');
CREATE POLICY job_scan ON sessions FOR SELECT TO tocsin_jobs
    USING (used_at < now() - interval '12 hours' OR created_at < now() - interval '7 days');
GRANT SELECT, INSERT, UPDATE, DELETE ON sessions TO tocsin_server;
GRANT SELECT (tenant_id, used_at, created_at) ON sessions TO tocsin_jobs;
"""


def upgrade() -> None:
    op.execute(TABLE)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE sessions")
