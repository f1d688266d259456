"""Number equal MOs whose answers the carrier may not have, so that two processes do not store one at the same time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound_unconfirmed", sa.Column("number", sa.Integer(), nullable=True))
    op.create_index(
        "ix_inbound_unconfirmed_content",
        "inbound_unconfirmed",
        ["bucket", "provider", "fingerprint", "number"],
        unique=True,
    )


def downgrade() -> None:
    op.drop_index("ix_inbound_unconfirmed_content", table_name="inbound_unconfirmed")
    op.drop_column("inbound_unconfirmed", "number")
