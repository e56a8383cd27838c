"""The tenant's policies ask for the setting once a statement instead of once a row.

Why: each row that is stored is checked against the policy, and to look the setting up and make a
uuid of its text was a fifth of what storing a point takes. As a subquery of its own it is evaluated
before the first row; what is compared stays the same. Citus takes no subqueries in policies, so
where it is there they stay as they are (`deploy/citus.sql`).
"""

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CURRENT_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"
TENANT_TABLES = (
    "api_keys",
    "series",
    "points",
    "scores",
    "replaced_scores",
    "events",
    "models",
    "idempotency_keys",
    "jobs",
    "audit",
)
HAS_CITUS = text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')")


def upgrade() -> None:
    if not op.get_bind().scalar(HAS_CITUS):
        _compare_with(f"(SELECT {CURRENT_TENANT})")


def downgrade() -> None:
    _compare_with(CURRENT_TENANT)


def _compare_with(current: str) -> None:
    """A table at a time: who holds one and waits for the next might wait for each other."""
    for table in ("tenants", *TENANT_TABLES):
        identity = "id" if table == "tenants" else "tenant_id"
        with op.get_context().autocommit_block():
            op.execute(f"ALTER POLICY tenant ON {table} USING ({identity} = {current})")
