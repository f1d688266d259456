"""Add what the simulated network does with the messages of one handset alone."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "simulator_handset",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("fault_mode", sa.Text(), nullable=True),
        sa.Column("fault_rate_ppm", sa.Integer(), nullable=False, server_default="1000000"),
        sa.Column("fault_count", sa.Integer(), nullable=True),
        sa.Column("report_status", sa.Text(), nullable=True),
        sa.Column("report_delay_seconds", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("bucket", "msisdn", name=op.f("pk_simulator_handset")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("simulator_handset")
