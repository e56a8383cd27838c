"""What the history was when a training was last asked for or begun.

Why: whether one is due again is decided for each point that is scored, by the series' row alone.
Series that have a model count from what they hold now; otherwise all would be trained at once.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE series ADD COLUMN tried_points bigint NOT NULL DEFAULT 0, "
        "ADD COLUMN tried_to_at timestamptz"
    )
    # The owner is held by row-level security too, and sees no row until it is lifted for a moment.
    op.execute("ALTER TABLE series NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE series SET tried_points = points, tried_to_at = last_at WHERE last_version > 0"
    )
    op.execute("ALTER TABLE series FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("ALTER TABLE series DROP COLUMN tried_points, DROP COLUMN tried_to_at")
