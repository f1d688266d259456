"""Add by how much the gateway's clock is ahead of the database's while it runs, in demo and test."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway_state", sa.Column("clock_ahead", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("gateway_state", "clock_ahead")
