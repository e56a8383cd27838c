"""The first tables: tenants, keys, series, points, scores, models and jobs.

Why: tenant_id leads every primary key and row-level security is forced from the start, so that no
later table is ever the first to get it right. Points and scores are partitioned by year of their
timestamp: old data goes by dropping a table, and few enough partitions are left for planning to
stay quick. What lies outside the years goes to a default partition.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FIRST_YEAR, LAST_YEAR = 2010, 2028
PARTITIONED = ("points", "scores")
TENANT_TABLES = ("api_keys", "series", "points", "scores", "replaced_scores", "models", "jobs")
CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"

TABLES = """
CREATE TABLE tenants (
    id uuid CONSTRAINT tenants_pkey PRIMARY KEY,
    slug text COLLATE "C" NOT NULL CONSTRAINT tenants_slug_key UNIQUE,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    limits jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'erasing'))
);
CREATE TABLE api_keys (
    tenant_id uuid NOT NULL CONSTRAINT api_keys_tenant_id_fkey REFERENCES tenants (id),
    id text COLLATE "C" NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    secret_hash bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, id)
);
CREATE INDEX api_keys_id_idx ON api_keys (id);
CREATE TABLE series (
    tenant_id uuid NOT NULL CONSTRAINT series_tenant_id_fkey REFERENCES tenants (id),
    id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text NOT NULL DEFAULT '',
    fields text[] NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    detector jsonb NOT NULL DEFAULT '{}',
    retrain text NOT NULL DEFAULT 'auto',
    retention_days integer,
    points bigint NOT NULL DEFAULT 0,
    first_at timestamptz,
    last_at timestamptz,
    revision bigint NOT NULL DEFAULT 0,
    model_version integer,
    last_version integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT series_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT series_tenant_id_name_key UNIQUE (tenant_id, name)
) WITH (fillfactor = 60);  -- updated with every score: room for the new version on the same page
CREATE TABLE points (
    tenant_id uuid NOT NULL,
    series_id uuid NOT NULL,
    timestamp timestamptz NOT NULL,
    value double precision[] NOT NULL,
    CONSTRAINT points_pkey PRIMARY KEY (tenant_id, series_id, timestamp)
) PARTITION BY RANGE (timestamp);
CREATE TABLE scores (
    tenant_id uuid NOT NULL,
    series_id uuid NOT NULL,
    timestamp timestamptz NOT NULL,
    value double precision[] NOT NULL,
    score double precision NOT NULL,
    is_anomaly boolean NOT NULL,
    threshold double precision NOT NULL,
    expected double precision[] NOT NULL,
    lower double precision[] NOT NULL,
    upper double precision[] NOT NULL,
    contributions double precision[] NOT NULL,
    reason text NOT NULL,
    model_version integer NOT NULL,
    backfilled boolean NOT NULL,
    scored_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT scores_pkey PRIMARY KEY (tenant_id, series_id, timestamp)
) PARTITION BY RANGE (timestamp);
CREATE INDEX scores_anomalies_idx ON scores (tenant_id, timestamp, series_id) WHERE is_anomaly;
CREATE INDEX scores_all_anomalies_idx ON scores (timestamp, tenant_id, series_id) WHERE is_anomaly;
CREATE TABLE replaced_scores (
    LIKE scores INCLUDING DEFAULTS,
    replaced_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT replaced_scores_pkey PRIMARY KEY (tenant_id, series_id, timestamp, replaced_at)
);
CREATE TABLE models (
    tenant_id uuid NOT NULL,
    series_id uuid NOT NULL,
    version integer NOT NULL,
    artifact bytea NOT NULL,
    checksum bytea NOT NULL,
    points bigint NOT NULL,
    from_at timestamptz NOT NULL,
    to_at timestamptz NOT NULL,
    settings jsonb NOT NULL,
    threshold double precision NOT NULL,
    seconds double precision NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT models_pkey PRIMARY KEY (tenant_id, series_id, version),
    CONSTRAINT models_tenant_id_series_id_fkey FOREIGN KEY (tenant_id, series_id)
        REFERENCES series (tenant_id, id) ON DELETE CASCADE
);
CREATE TABLE jobs (
    tenant_id uuid NOT NULL CONSTRAINT jobs_tenant_id_fkey REFERENCES tenants (id),
    id uuid NOT NULL,
    kind text NOT NULL,
    series_id uuid,
    subject text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'queued',
    progress double precision NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    error text,
    model_version integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT jobs_pkey PRIMARY KEY (tenant_id, id),
    CONSTRAINT jobs_kind_check CHECK (kind IN ('train', 'erase_series', 'erase_tenant')),
    CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'failed'))
);
CREATE INDEX jobs_series_id_idx ON jobs (tenant_id, series_id, created_at);
CREATE UNIQUE INDEX jobs_one_active_idx ON jobs (tenant_id, series_id, kind)
    WHERE status IN ('queued', 'running');
CREATE INDEX jobs_active_idx ON jobs (created_at) WHERE status IN ('queued', 'running');
"""

# The server's rights: rows of tenants, never the tables themselves. The roles are made by
# `tocsin migrate` before this runs, since they belong to the cluster and not to the database.
RIGHTS = f"""
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants TO tocsin_server USING (id = {CURRENT_TENANT});
CREATE POLICY operator ON tenants TO tocsin_operator USING (true);
CREATE POLICY recognised_key ON api_keys FOR SELECT TO tocsin_server
    USING (id = nullif(current_setting('app.key_id', true), ''));
CREATE POLICY operator ON series FOR SELECT TO tocsin_operator USING (true);
CREATE POLICY operator ON scores FOR SELECT TO tocsin_operator USING (true);
CREATE POLICY job_scan ON jobs FOR SELECT TO tocsin_jobs USING (true);
GRANT SELECT ON tenants, alembic_version TO tocsin_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON {", ".join(TENANT_TABLES)} TO tocsin_server;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenants TO tocsin_operator;
GRANT SELECT ON series, scores TO tocsin_operator;
GRANT SELECT ON jobs TO tocsin_jobs;
"""


def upgrade() -> None:
    op.execute(TABLES)
    for table in TENANT_TABLES:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO tocsin_server "
            f"USING (tenant_id = {CURRENT_TENANT});"
        )
    for table in PARTITIONED:
        add_partitions(table)
    op.execute(RIGHTS)
    # The tenant that stands for the installation: operator keys and jobs are rows of it. Inserted
    # while the owner may still see the table.
    op.execute("ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO tenants (id, slug, name) "
        "VALUES ('00000000-0000-0000-0000-000000000000', '', 'installation')"
    )
    op.execute("ALTER TABLE tenants FORCE ROW LEVEL SECURITY")


def add_partitions(table: str) -> None:
    """Nobody has rights on a partition itself, and forced security without a policy denies all."""
    op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    names = [f"{table}_default"]
    for year in range(FIRST_YEAR, LAST_YEAR + 1):
        op.execute(
            f"CREATE TABLE {table}_{year} PARTITION OF {table} "
            f"FOR VALUES FROM ('{year}-01-01Z') TO ('{year + 1}-01-01Z')"
        )
        names.append(f"{table}_{year}")
    for name in names:
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute(
        "DROP TABLE jobs, models, replaced_scores, scores, points, series, api_keys, tenants"
    )
