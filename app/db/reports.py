"""Delivery reports: stored as they came, matched to messages by the provider's id, parked while that is unknown."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

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
    func,
    literal_column,
    select,
)

from app.db.claims import deletion
from app.db.columns import by_time, metadata, optional, partial_index, required
from app.db.keys import ITEM
from app.db.locking import fetch_locked
from app.db.outbound_messages import outbound_message
from app.db.outbox import ATTEMPTS, ERROR_CODE, STATUS, beside, outbox
from app.db.readers import RowReader
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching
from app.db.types import Id, Instant
from app.db.writing import insert_rows
from app.domain.values import value

# Delivery reports as they came. One that is parked has the bucket of its provider's id; if it names a message that is
# being sent by the gateway's reference, it has that message's id and bucket.
delivery_report = Table(
    "delivery_report",
    metadata,
    # ``part``: the segment that the report is about, from 1; 0 is the whole message.
    *required(SmallInteger, "bucket", "part"),
    *required(Id, "id"),
    *optional(Id, "message_id"),
    *required(Text, "provider", "provider_message_id", "status"),
    *optional(Text, "msisdn", "error_code"),
    Column("reported_at", Instant),
    Column("stored_at", Instant, nullable=False),
    Column("parked", Boolean, nullable=False),
    PrimaryKeyConstraint("bucket", "id"),
    Index("ix_delivery_report_provider_id", "provider", "provider_message_id"),
    partial_index("ix_delivery_report_parked", "id", where="message_id IS NULL"),
    **by_time(),
)

_mt = outbound_message
_report = delivery_report
_KEY = ("provider", "provider_message_id")
_BY_ID = ("provider", "id")
_OF_MESSAGE = ("bucket", "message_id")


@value
class ReportedMessage:
    """The message that a report is about; ``question_id`` is that of the question that it asks."""

    bucket: int
    msisdn: str
    id: str
    provider: str
    provider_message_id: str | None
    status: str
    question_id: str | None
    error_code: str | None
    segments: int
    attempts: int


REPORTED_MESSAGE = RowReader(ReportedMessage, _mt, status=STATUS, error_code=ERROR_CODE, attempts=ATTEMPTS)


def has_provider_id(table: Table) -> ColumnElement[bool]:
    """Return the condition of the indexes of providers' ids, so that they are used."""
    return func.coalesce(table.c.provider_message_id, literal_column("''")) != literal_column("''")


@cache
def _messages_by(dialect: str, *key: str) -> AnySelect:
    given = given_keys(dialect, _mt, key)
    found = (
        select(*REPORTED_MESSAGE.columns)
        .join_from(_mt, given, matching(_mt, given, key))
        .outerjoin(outbox, beside(_mt))
        .order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
    )
    return found.where(has_provider_id(_mt)) if key == _KEY else found


def messages_of(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ReportedMessage]:
    """Return the messages with these (provider, provider's id), of several the newest; lock them in a fixed order."""
    statement = _messages_by(connection.dialect.name, *_KEY)
    found = fetch_locked(connection, statement, _mt, ITEM, as_keys(sorted(set(keys))))
    messages = sorted(map(REPORTED_MESSAGE.read, found), key=lambda message: message.id)
    return {(message.provider, message.provider_message_id or ""): message for message in messages}


def messages_by_id(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ReportedMessage]:
    """Return the messages with these (provider, id), locked in a fixed order."""
    found = fetch_locked(connection, _messages_by(connection.dialect.name, *_BY_ID), _mt, ITEM, as_keys(sorted(keys)))
    messages = list(map(REPORTED_MESSAGE.read, found))
    return {(message.provider, message.id): message for message in messages}


def save_reports(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert reports as they came."""
    insert_rows(connection, _report, rows)


@value
class ParkedReport:
    """A report that came before the provider's id of its message was known.

    Attributes:
        message_id: of the message that it named by the gateway's reference, if that was being sent.
        status: an ``OutboundStatus``, or ``other`` for one that has no equivalent.
        part: the segment that it is about, from 1; 0: the whole message.
        reported_at: the provider's time, UTC.
    """

    bucket: int
    id: str
    message_id: str | None
    provider: str
    provider_message_id: str
    status: str
    error_code: str | None
    part: int
    reported_at: datetime | None


_PARKED = RowReader(ParkedReport, _report)


@cache
def _parked(dialect: str) -> AnySelect:
    given = given_keys(dialect, _report, _KEY)
    columns = _PARKED.columns
    return select(*columns).join_from(_report, given, matching(_report, given, _KEY)).where(_report.c.parked)


def parked_reports(connection: Connection, keys: Sequence[tuple[str, str]]) -> list[ParkedReport]:
    """Return the parked reports with these (provider, provider's id)."""
    found = fetch(connection, _parked(connection.dialect.name), as_keys(keys))
    return list(map(_PARKED.read, found))


@cache
def _parked_of(dialect: str) -> AnySelect:
    given = given_keys(dialect, _report, _OF_MESSAGE)
    # The bucket and the id are the key: no more is read than what the bucket got since the message was made.
    same = and_(matching(_report, given, _OF_MESSAGE), _report.c.id > given.c.message_id)
    return select(*_PARKED.columns).join_from(_report, given, same).where(_report.c.parked)


def parked_reports_of(connection: Connection, messages: Sequence[tuple[int, str]]) -> list[ParkedReport]:
    """Return the parked reports that named these messages (bucket, id) by the gateway's references."""
    found = fetch(connection, _parked_of(connection.dialect.name), as_keys(sorted(messages)))
    return list(map(_PARKED.read, found))


def drop_parked(connection: Connection, reports: Sequence[ParkedReport]) -> None:
    """Delete parked reports; they are stored with their message now."""
    keys = [(report.bucket, report.id) for report in reports]
    connection.execute(deletion(connection.dialect.name, _report, ("bucket", "id")), as_keys(keys))
