"""Let tokens expire and be replaced by new ones under their names, and note when one was last used."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("expires_at", "last_used_at", "replaced_until"):
        op.add_column("api_token", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("api_token", sa.Column("replaced_hash", sa.Text(), nullable=True))
    op.create_index("ix_api_token_replaced_hash", "api_token", ["replaced_hash"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_api_token_replaced_hash", table_name="api_token")
    for name in ("replaced_hash", "replaced_until", "last_used_at", "expires_at"):
        op.drop_column("api_token", name)
