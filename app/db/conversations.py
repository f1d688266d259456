"""Conversations: the row of each number is the lock and the queue head of its messages."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    literal_column,
    select,
)

from app.db.columns import CLUSTERED, UPDATED_IN_PLACE, customer, metadata, partial_index
from app.db.distribution import pieces_with
from app.db.keys import NUMBER, NumberKey
from app.db.readers import RowReader
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching
from app.db.shares import of_share
from app.db.types import Id
from app.db.writing import insert_new_rows, update_rows
from app.domain.msisdn import bucket_of
from app.domain.values import value

# The lock and the queue head of a number; inserted by intake, never updated by it. ``version`` is the id of the last
# batch of turns that changed the number's account or made a message for it: newer than all ids of that batch.
conversation = Table(
    "conversation",
    metadata,
    *customer(tenure=False),
    Column("tenure", Integer, nullable=False),
    Column("guards", Text),
    Column("version", Id),
    PrimaryKeyConstraint("bucket", "msisdn"),
    partial_index("ix_conversation_stranger", "bucket", "msisdn", where="tenure = 0"),
    **CLUSTERED,
    postgresql_with=UPDATED_IN_PLACE,
)


@value
class LockedConversation:
    """A number's conversation row, locked for this transaction.

    Attributes:
        tenure: the number's present tenure, from 1; 0 if it has no subscriber.
        guards: the number's limits, as JSON.
        version: the id of the last batch that changed the account, hand-overs of questions aside, or made a message;
            None: there was none.
    """

    bucket: int
    msisdn: str
    tenure: int
    guards: str | None
    version: str | None


CONVERSATION = RowReader(LockedConversation, conversation)


def is_strangers() -> ColumnElement[bool]:
    """Return the condition for numbers without a subscriber; there is an index of them."""
    return conversation.c.tenure == literal_column("0")


@cache
def _lock(dialect: str, *, wait: bool) -> AnySelect:
    given = given_keys(dialect, conversation, NUMBER)
    statement = (
        select(*CONVERSATION.columns)
        .join_from(conversation, given, matching(conversation, given, NUMBER))
        .order_by(conversation.c.bucket, conversation.c.msisdn)
    )
    return statement.with_for_update(skip_locked=not wait, of=conversation)


def lock_conversations(connection: Connection, numbers: Sequence[NumberKey], *, wait: bool) -> list[LockedConversation]:
    """Lock conversations in a fixed order, so that two transactions cannot deadlock.

    With ``wait`` False conversations that others have locked are skipped (workers), else waited for (management calls).
    """
    statement, keys = _lock(connection.dialect.name, wait=wait), as_keys(sorted(set(numbers)))
    found: list[LockedConversation] = []
    for piece in pieces_with(connection, (bucket for bucket, _ in numbers)):
        rows = fetch(connection, *of_share(connection, statement, conversation, piece, keys))
        found += map(CONVERSATION.read, rows)
    return found


def open_conversations(connection: Connection, msisdns: Sequence[str]) -> int:
    """Insert missing conversation rows, and return their number.

    Existing ones are not touched, so no lock is waited for.
    """
    rows = [{"bucket": bucket_of(msisdn), "msisdn": msisdn, "tenure": 0} for msisdn in set(msisdns)]
    return insert_new_rows(connection, conversation, sorted(rows, key=lambda row: (row["bucket"], row["msisdn"])))


def save_conversations(connection: Connection, rows: Sequence[Row]) -> None:
    """Write tenure, limits and version of locked conversations."""
    update_rows(connection, conversation, rows, NUMBER)
