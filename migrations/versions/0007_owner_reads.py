"""What lets the owner read every tenant's rows, once it says that it wants to: for backups.

Why: row-level security is forced on the owner too, so it sees nothing, and only a superuser could
make a role that goes past it. The owner may lift the walls anyway; with this it need not, for that
would lock each table against all requests. It has to ask for it in each transaction, so no query
of a migration or of the upkeep reads across tenants by accident. Writing is not opened.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = (
    "tenants",
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


def upgrade() -> None:
    """A table at a time: who holds one and waits for the next might wait for each other."""
    for table in TABLES:
        with op.get_context().autocommit_block():
            op.execute(f"DROP POLICY IF EXISTS owner_reads ON {table}")  # of a try before
            op.execute(
                f"CREATE POLICY owner_reads ON {table} FOR SELECT TO CURRENT_USER "
                "USING (current_setting('app.owner_reads', true) = 'on')"
            )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP POLICY IF EXISTS owner_reads ON {table}")
