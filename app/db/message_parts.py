"""The segments of MTs whose carrier reports on each: the carrier's ids of them, and what became of them."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    Column,
    Connection,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from app.db.columns import CLUSTERED, HAS_PROVIDER_ID, by_time, customer, metadata, partial_index, required
from app.db.keys import ITEM
from app.db.locking import fetch_locked
from app.db.lookups import by_index, is_set
from app.db.outbound_messages import outbound_message
from app.db.outbox import beside, outbox
from app.db.readers import RowReader
from app.db.reports import REPORTED_MESSAGE, ReportedMessage, has_provider_id
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching, one_of
from app.db.types import Id
from app.db.writing import upsert_rows
from app.domain.messages import OutboundStatus
from app.domain.msisdn import bucket_of
from app.domain.values import value

# ``number``: which segment of the message, from 1. ``provider_message_id``: NULL if the carrier reports on segments by
# their numbers.
message_part = Table(
    "message_part",
    metadata,
    *customer(tenure=False),
    *required(Id, "message_id"),
    *required(SmallInteger, "number"),
    *required(Text, "provider"),
    Column("provider_message_id", Text),
    *required(Text, "status"),
    PrimaryKeyConstraint("bucket", "message_id", "number"),
    partial_index("ix_message_part_provider_id", "provider", "provider_message_id", where=HAS_PROVIDER_ID),
    **CLUSTERED,
    **by_time("message_id"),
)
_mt = outbound_message
_KEY = ("provider", "provider_message_id")
_OF_MESSAGE = ("bucket", "message_id")
# A message's bucket and id.
MessageKey = tuple[int, str]


@value
class MessagePart:
    """A segment of a message; ``number`` is from 1."""

    number: int
    provider_message_id: str | None
    status: OutboundStatus


_PART = RowReader(MessagePart, message_part)


@cache
def _messages(dialect: str) -> AnySelect:
    given = given_keys(dialect, message_part, _KEY)
    return (
        select(*REPORTED_MESSAGE.columns, message_part.c.provider, message_part.c.provider_message_id)
        .join_from(message_part, given, matching(message_part, given, _KEY))
        .join(
            _mt,
            by_index(_mt.c.bucket, message_part.c.bucket)
            & by_index(_mt.c.msisdn, message_part.c.msisdn)
            & by_index(_mt.c.id, message_part.c.message_id),
        )
        .outerjoin(outbox, beside(_mt))
        .where(has_provider_id(message_part))
        .order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
    )


def messages_of(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ReportedMessage]:
    """Return the messages that have segments with these (provider, provider's id), locked in a fixed order.

    Of several the newest counts.
    """
    found = fetch_locked(connection, _messages(connection.dialect.name), _mt, ITEM, as_keys(keys))
    messages = [((row[-2], row[-1]), REPORTED_MESSAGE.read(row)) for row in found]
    return dict(sorted(messages, key=lambda item: item[1].id))


@cache
def _parts(dialect: str) -> AnySelect:
    given = given_keys(dialect, message_part, _OF_MESSAGE)
    columns = (*_PART.columns, message_part.c.bucket, message_part.c.message_id)
    return select(*columns).join_from(message_part, given, matching(message_part, given, _OF_MESSAGE))


def parts_of(connection: Connection, messages: Sequence[MessageKey]) -> dict[MessageKey, dict[int, MessagePart]]:
    """Return the known segments of locked messages, by their numbers."""
    found: dict[MessageKey, dict[int, MessagePart]] = {key: {} for key in messages}
    for row in fetch(connection, _parts(connection.dialect.name), as_keys(messages)):
        part = _PART.read(row)
        found[row[-2], row[-1]][part.number] = part
    return found


def rows_of(bucket: int, msisdn: str, message_id: str, provider: str, parts: Sequence[MessagePart]) -> list[Row]:
    """Return the rows of a message's segments."""
    return [
        {
            "bucket": bucket,
            "msisdn": msisdn,
            "message_id": message_id,
            "number": part.number,
            "provider": provider,
            "provider_message_id": part.provider_message_id,
            "status": part.status,
        }
        for part in parts
    ]


def save(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert segments, or replace those of the same message and number."""
    upsert_rows(connection, message_part, rows, ("bucket", "message_id", "number"))


_KNOWN_PARTS = (
    select(func.count())
    .where(message_part.c.bucket == _mt.c.bucket, message_part.c.message_id == _mt.c.id)
    .scalar_subquery()
)
_UNSETTLED = select(_mt.c.id).where(
    _mt.c.bucket == bindparam("bucket"),
    _mt.c.msisdn == bindparam("msisdn"),
    _mt.c.provider == bindparam("provider"),
    or_(
        # Those that are being sent are queued here; see STATUS.
        and_(one_of(_mt.c.status, OutboundStatus.QUEUED, OutboundStatus.UNKNOWN), ~is_set(_mt.c.provider_message_id)),
        and_(one_of(_mt.c.status, OutboundStatus.ACCEPTED), _mt.c.segments > 1, _mt.c.segments > _KNOWN_PARTS),
    ),
)


def unsettled_ids(connection: Connection, provider: str, msisdn: str) -> list[str]:
    """Return the ids of the messages to a number of which the provider may have ids that nobody has."""
    given = {"bucket": bucket_of(msisdn), "msisdn": msisdn, "provider": provider}
    return list(connection.execute(_UNSETTLED, given).scalars())
