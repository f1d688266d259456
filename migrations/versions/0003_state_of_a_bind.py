"""Add what is known of a carrier's bind to its duty, and the MOs whose answers the carrier may not have (ADR 32)."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

QUEUE = {
    "fillfactor": 80,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 1000,
}
_OF_BIND: dict[str, sa.types.TypeEngine[Any]] = {
    "state": sa.Text(),
    "since": sa.BigInteger(),
    "last_error": sa.Text(),
    "epoch": sa.BigInteger(),
}


def upgrade() -> None:
    for name, kind in _OF_BIND.items():
        op.add_column("duty", sa.Column(name, kind, nullable=True))
    op.create_table(
        "inbound_unconfirmed",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("live_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "provider", "slot", "epoch", "sequence", name=op.f("pk_inbound_unconfirmed")),
        sqlite_with_rowid=False,
        postgresql_with=QUEUE,
    )


def downgrade() -> None:
    op.drop_table("inbound_unconfirmed")
    for name in _OF_BIND:
        op.drop_column("duty", name)
