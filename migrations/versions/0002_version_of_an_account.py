"""Add ``conversation.version``, the id of the last batch that changed the account (ADR 16)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    op.add_column("conversation", sa.Column("version", ID, nullable=True))


def downgrade() -> None:
    op.drop_column("conversation", "version")
