"""Note where a database lies, so that a copy that was restored from a backup is known as one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_state", sa.Column("place", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("gateway_state", "place")
