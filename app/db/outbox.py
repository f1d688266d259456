"""The outbox: queue the MTs that turns make, and claim them in order with a lease."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    or_,
    select,
)

from app.db.columns import customer, metadata, optional, partial_index, required
from app.db.keys import ITEM, NUMBER, TENURE, NumberKey, TenureKey
from app.db.provider_state import provider_lane
from app.db.readers import RowReader
from app.db.rows import (
    AnySelect,
    Given,
    Row,
    as_keys,
    fetch,
    given_keys,
    insert_rows,
    matching,
    one_of,
    update_rows,
)
from app.db.types import Id, Instant
from app.domain.messages import Lane, OutboundStatus
from app.domain.values import value

_HAS_PROVIDER_ID = "provider_message_id IS NOT NULL"
_UNSENT = "status IN ('queued', 'sending')"
_UNKNOWN_SEND = "status = 'unknown' AND final_at IS NULL AND told IS NULL"
outbound_message = Table(
    "outbound_message",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "service_number", "text", "class", "lane", "encoding", "provider"),
    Column("segments", SmallInteger, nullable=False),
    *optional(Id, "question_id", "in_reply_to"),
    Column("about", Text),
    Column("told", SmallInteger),
    *required(Instant, "made_at", "valid_until"),
    Column("status", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    # ``progress``: what the provider's next attempt must know, such as the segments that were taken.
    *optional(Text, "leased_by", "provider_message_id", "error_code", "reply_token", "progress"),
    *optional(Instant, "leased_until", "handed_over_at", "final_at"),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_outbound_message_id", "id"),
    partial_index("ix_outbound_message_provider_id", "provider", "provider_message_id", where=_HAS_PROVIDER_ID),
    partial_index("ix_outbound_message_unfinished", "provider", "lane", "id", where=_UNSENT),
    partial_index("ix_outbound_message_unknown", "id", where="status = 'unknown'"),
    partial_index("ix_outbound_message_unanswered", "valid_until", where=_UNKNOWN_SEND),
    partial_index("ix_outbound_message_told", "told", "status", where="told IS NOT NULL"),
    partial_index("ix_outbound_message_order", "bucket", "msisdn", "lane", "id", where=_UNSENT),
)

_mt = outbound_message


@value
class ClaimedMessage:
    """An MT that this worker has leased.

    Attributes:
        kind: the message class.
        in_reply_to: the id of the MO that it answers.
        valid_until: UTC, by the gateway's clock; not sent later.
        reply_token: that of the MO which it answers, for the provider that the MO came from.
        progress: what the last attempt left for this one.
        attempts: the number of attempts, the coming one included.
        leased_by: the id of this one lease, so that a worker which lost it cannot overwrite a later attempt.
    """

    bucket: int
    msisdn: str
    id: str
    lane: str
    service_number: str
    text: str
    kind: str
    encoding: str
    segments: int
    question_id: str | None
    in_reply_to: str | None
    valid_until: datetime
    reply_token: str | None
    progress: str | None
    attempts: int
    leased_by: str


@cache
def _busy_numbers(dialect: str) -> AnySelect:
    given = given_keys(dialect, _mt, NUMBER)
    return select(_mt.c.msisdn).join_from(_mt, given, matching(_mt, given, NUMBER)).where(unfinished(_mt.c.status))


def busy_numbers(connection: Connection, numbers: Sequence[NumberKey]) -> set[str]:
    """Return those of locked numbers that have messages which are queued or under way."""
    return {row[0] for row in fetch(connection, _busy_numbers(connection.dialect.name), as_keys(numbers))}


def enqueue(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert messages into the outbox."""
    insert_rows(connection, _mt, rows)


def unfinished(status: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition of the partial indexes, so that they are used."""
    return one_of(status, "queued", "sending")


def may_go() -> ColumnElement[bool]:
    """Return the condition: due, and no earlier message of the subscriber and lane is under way or still to be sent.

    An earlier message that is queued for another provider is waited for; an expired one is not.
    """
    earlier = _mt.alias("earlier")
    now = bindparam("now", type_=Instant)
    waits = and_(earlier.c.valid_until > now, or_(earlier.c.due_at > now, earlier.c.provider != _mt.c.provider))
    held_back = exists().where(
        earlier.c.bucket == _mt.c.bucket,
        earlier.c.msisdn == _mt.c.msisdn,
        earlier.c.lane == _mt.c.lane,
        earlier.c.id < _mt.c.id,
        unfinished(earlier.c.status),
        # A literal: as a parameter, SQLite would plan the query anew each time to see whether the index can be used.
        or_(one_of(earlier.c.status, "sending"), waits),
    )
    return and_(unfinished(_mt.c.status), one_of(_mt.c.status, "queued"), _mt.c.due_at <= now, ~held_back)


_CLAIMED_MESSAGE = RowReader(
    ClaimedMessage,
    _mt,
    "leased_by",
    kind=_mt.c["class"],
    attempts=_mt.c.attempts + 1,
)
_IN_NEW_ROWS = tuple(name for name in ClaimedMessage.__dataclass_fields__ if name not in ("kind", "progress"))
# One lane at a time, in the order of the index: no more rows are read than claimed, however many are queued.
_DUE = (
    select(*_CLAIMED_MESSAGE.columns)
    .where(_mt.c.provider == bindparam("provider"), _mt.c.lane == bindparam("lane"), may_go())
    .order_by(_mt.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, of=_mt)
)


def due_messages(
    connection: Connection, provider: str, now: datetime, limit: int, leased_by: str
) -> list[ClaimedMessage]:
    """Lock and return at most ``limit`` messages that may be sent, prompt ones first.

    The caller has locked the provider's state. ``leased_by`` is the id of the lease that follows.
    """
    found: list[ClaimedMessage] = []
    for lane in (Lane.PROMPT, Lane.BULK):
        given = {"provider": provider, "lane": lane.value, "now": now, "limit": limit - len(found)}
        found += [_CLAIMED_MESSAGE.read(row, leased_by) for row in fetch(connection, _DUE, given)]
        if len(found) == limit:
            break
    return found


def lease(connection: Connection, messages: Sequence[ClaimedMessage], until: datetime) -> None:
    """Lease messages until ``until``, by the machine's clock; so the lease of a worker that died ends."""
    rows = [
        {
            "bucket": message.bucket,
            "msisdn": message.msisdn,
            "id": message.id,
            "status": OutboundStatus.SENDING,
            "attempts": message.attempts,
            "leased_by": message.leased_by,
            "leased_until": until,
        }
        for message in messages
    ]
    update_rows(connection, _mt, rows, ITEM)


def lease_new(row: dict[str, Any], leased_by: str, until: datetime) -> ClaimedMessage:
    """Lease a new message before its row is inserted, by changing the row. ``until`` is as for ``lease``."""
    row.update(status=OutboundStatus.SENDING, attempts=1, leased_by=leased_by, leased_until=until)
    return ClaimedMessage(kind=row["class"], progress=None, **{name: row[name] for name in _IN_NEW_ROWS})


def postpone(connection: Connection, messages: Sequence[ClaimedMessage], until: datetime) -> None:
    """Postpone messages to ``until``, by the gateway's clock."""
    rows = [{"bucket": one.bucket, "msisdn": one.msisdn, "id": one.id, "due_at": until} for one in messages]
    update_rows(connection, _mt, rows, ITEM)


@cache
def _unfinished_of(dialect: str) -> AnySelect:
    given = given_keys(dialect, _mt, TENURE)
    mine = select(_mt.c.id).join_from(_mt, given, matching(_mt, given, TENURE)).where(unfinished(_mt.c.status))
    return mine.order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id).with_for_update(of=_mt)


def _is_queued(_given: Given) -> ColumnElement[bool]:
    return and_(unfinished(_mt.c.status), one_of(_mt.c.status, "queued"))


def _may_be_tried_again(given: Given) -> ColumnElement[bool]:
    under_way = and_(unfinished(_mt.c.status), one_of(_mt.c.status, "sending"))
    return and_(under_way, _mt.c.valid_until > given("valid_until"))


def supersede_queued(connection: Connection, tenures: Sequence[TenureKey], now: datetime) -> None:
    """Supersede queued messages of ended tenures; messages under way are not tried again."""
    fetch(connection, _unfinished_of(connection.dialect.name), as_keys(tenures))
    keys = [dict(zip(TENURE, tenure, strict=True)) for tenure in tenures]
    over = {"status": OutboundStatus.SUPERSEDED, "final_at": now}
    update_rows(connection, _mt, [{**key, **over} for key in keys], TENURE, only=_is_queued)
    update_rows(connection, _mt, [{**key, "valid_until": now} for key in keys], TENURE, only=_may_be_tried_again)


_provider = provider_lane
_PAUSED = exists().where(
    _provider.c.provider == _mt.c.provider, _provider.c.paused_until > bindparam("now", type_=Instant)
)
_MAY_GO = select(_mt.c.id).where(may_go(), ~_PAUSED).limit(1)
_CLAIMED = select(_mt.c.id).where(unfinished(_mt.c.status), one_of(_mt.c.status, "sending")).limit(1)


def anything_to_do(connection: Connection, now: datetime) -> bool:
    """Return True if a message may be sent now, or is being sent."""
    claimed = connection.execute(_CLAIMED).one_or_none()
    return claimed is not None or connection.execute(_MAY_GO, {"now": now}).one_or_none() is not None


def retry_at(now: datetime, wait: timedelta, valid_until: datetime) -> datetime:
    """Return the time of the next attempt, or the end of the message's validity if that is earlier."""
    return min(now + wait, valid_until)
