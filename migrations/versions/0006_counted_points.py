"""How many points a series stored today, for the limit of its tenant.

Why: the series' row is locked and written by every change to its points anyway, so counting there
costs nothing, and the sum over a tenant's series is read every few seconds only.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE series ADD COLUMN counted_on date, "
        "ADD COLUMN counted_points bigint NOT NULL DEFAULT 0"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE series DROP COLUMN counted_on, DROP COLUMN counted_points")
