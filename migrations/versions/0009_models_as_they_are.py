"""The bytes of models are kept as they are, instead of compressed.

Why: they get but a quarter smaller, and to make them so took Postgres several times as long as to
store them; to read them took twice as long. Models of before stay compressed.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE models ALTER COLUMN artifact SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.execute("ALTER TABLE models ALTER COLUMN artifact SET STORAGE EXTENDED")
