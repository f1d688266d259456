"""MTs: what they say, and what became of them. Where one stands on its way is a row of the outbox (``outbox.py``)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    and_,
    case,
    literal_column,
)

from app.db.columns import HAS_PROVIDER_ID, by_time, customer, metadata, optional, partial_index, required
from app.db.keys import ITEM
from app.db.rows import Row, one_of
from app.db.types import Id, Instant
from app.db.writing import Condition, Given, insert_rows, update_rows
from app.domain.messages import OutboundStatus

# ``status`` is ``queued`` until the message was handed over or ended; it is in no index, nor is anything else that
# changes with every message, so that PostgreSQL can write the new version of a row beside the old one.
outbound_message = Table(
    "outbound_message",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "service_number", "text", "class", "encoding", "provider"),
    Column("segments", SmallInteger, nullable=False),
    *optional(Id, "question_id", "in_reply_to"),
    Column("about", Text),
    # ``told``: which outcome its turn was told of (see ``delivery_outcomes.py``). ``has_news``: there may be another.
    Column("told", SmallInteger),
    Column("has_news", Boolean),
    *required(Instant, "made_at", "valid_until"),
    Column("status", Text, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    *optional(Text, "provider_message_id", "error_code"),
    # ``unknown_until``: of an unknown send, when staff are asked to look into it (see ``unknown_sends.py``).
    *optional(Instant, "handed_over_at", "final_at", "unknown_until"),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_outbound_message_id", "id"),
    partial_index(
        "ix_outbound_message_provider_id",
        "provider",
        "provider_message_id",
        where=HAS_PROVIDER_ID,
    ),
    partial_index("ix_outbound_message_news", "id", where="has_news IS NOT NULL"),
    partial_index("ix_outbound_message_unknown", "unknown_until", where="unknown_until IS NOT NULL"),
    **by_time(),
)

_mt = outbound_message
_NEW = (
    "bucket", "msisdn", "tenure", "id", "service_number", "text", "class", "encoding", "provider", "segments",
    "question_id", "in_reply_to", "about", "told", "made_at", "valid_until", "status", "attempts", "final_at",
)  # fmt: skip


def insert_messages(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert new messages. The rows may hold more than the columns of the table."""
    insert_rows(connection, _mt, rows, _NEW)


def _consequences(given: Given) -> Mapping[str, ColumnElement[Any]]:
    """Return what follows from every new status: who waits for it has news, or it may never be known."""
    is_awaited = _mt.c.told.is_not(None)
    is_unknown = and_(one_of(given("status"), OutboundStatus.UNKNOWN), _mt.c.told.is_(None))
    return {
        "has_news": case((is_awaited, literal_column("true", Boolean))),
        "unknown_until": case((is_unknown, _mt.c.valid_until)),
    }


def set_fates(connection: Connection, rows: Sequence[Row], only: Condition | None = None) -> None:
    """Write the statuses of messages that were handed over or ended, and of those that reports changed.

    Every change of a status comes this way. ``rows`` have keys, a ``status`` and further columns.
    """
    update_rows(connection, _mt, rows, ITEM, only, _consequences)
