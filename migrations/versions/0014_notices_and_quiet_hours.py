"""Notices, whose address is a secret, and hours in which nobody is told anything.

Why: people are told by mail and chat through what tells webhooks. An address of a chat is all that
it takes to write there, so it is kept sealed, and `url` holds what may be shown of it. What comes
in quiet hours waits for their end, but for what somebody asked for: a test or a replay.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE webhooks ADD COLUMN sealed bytea, ADD COLUMN quiet_hours jsonb;
ALTER TABLE webhook_deliveries ADD COLUMN at_once boolean NOT NULL DEFAULT false;
"""


def upgrade() -> None:
    op.execute(COLUMNS)


def downgrade() -> None:
    op.execute("ALTER TABLE webhook_deliveries DROP COLUMN at_once")
    op.execute("ALTER TABLE webhooks DROP COLUMN sealed, DROP COLUMN quiet_hours")
