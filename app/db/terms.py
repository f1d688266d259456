"""Announcements of new terms, and how far their questions have got among those who hold the service (safety.md 3)."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table, Text

from app.db.columns import metadata, optional, partial_index, required
from app.db.types import Id, Instant

_UNDER_WAY = "done_at IS NULL"
# ``at_bucket`` and ``at_id``: the subscription that was reached last.
terms_change = Table(
    "terms_change",
    metadata,
    Column("id", Id, primary_key=True),
    *required(Text, "service_code", "cancel_effect", "who"),
    Column("price_fen", BigInteger, nullable=False),
    *required(Instant, "takes_effect_at", "made_at"),
    Column("at_bucket", SmallInteger),
    *optional(Id, "at_id"),
    *optional(Instant, "done_at"),
    Index("ix_terms_change_service", "service_code", "takes_effect_at"),
    partial_index("ix_terms_change_under_way", "id", where=_UNDER_WAY),
)
