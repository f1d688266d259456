"""The outbox: a narrow row for each MT on its way, from the turn that makes it until it was handed over or ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
)

from app.db.claims import Key, claim_rows, deletion, remove_rows
from app.db.columns import QUEUE, customer, metadata, optional, partial_index, required
from app.db.keys import ITEM, NUMBER, NumberKey
from app.db.lookups import by_index, is_set
from app.db.outbound_messages import insert_messages, outbound_message
from app.db.provider_state import provider_lane
from app.db.readers import RowReader
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching, one_of
from app.db.shares import Share, of_share
from app.db.types import Id, Instant
from app.db.writing import Given, insert_rows, update_rows
from app.domain.messages import Lane, OutboundStatus
from app.domain.values import value

# A row is leased while its message is being sent, and deleted in the commit that records what became of that.
outbox = Table(
    "outbox",
    metadata,
    *customer(tenure=False),
    *required(Id, "id"),
    *required(Text, "lane", "provider"),
    # ``due_at`` and ``valid_until`` are by the gateway's clock, ``leased_until`` by the machine's.
    *required(Instant, "due_at", "valid_until"),
    *required(SmallInteger, "attempts"),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    # ``error_code``: why it was not taken yet. ``progress``: what the provider's next attempt must know, such as the
    # segments that were taken. ``reply_token``: that of the MO which it answers.
    *optional(Text, "error_code", "progress", "reply_token"),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_outbox_waiting", "provider", "lane", "id"),
    partial_index("ix_outbox_leased", "leased_until", where="leased_by IS NOT NULL"),
    sqlite_with_rowid=False,
    postgresql_with=QUEUE,
)

_mt = outbound_message
_NEW = (
    "bucket", "msisdn", "id", "lane", "provider", "due_at", "valid_until", "attempts", "leased_by", "leased_until",
    "reply_token",
)  # fmt: skip


def beside(message: FromClause, row: FromClause = outbox) -> ColumnElement[bool]:
    """Return the condition that looks up the outbox's row of a message."""
    return and_(*(by_index(row.c[name], message.c[name]) for name in ITEM))


def of_row(row: FromClause = outbox) -> ColumnElement[bool]:
    """Return the condition that looks up the message of a row of the outbox."""
    return and_(*(by_index(_mt.c[name], row.c[name]) for name in ITEM))


# A message's status, for statements that join the outbox to it: ``sending`` is known to the outbox alone.
STATUS: ColumnElement[str] = case(
    (
        and_(one_of(_mt.c.status, OutboundStatus.QUEUED), outbox.c.leased_by.is_not(None)),
        literal_column("'sending'", Text),
    ),
    else_=_mt.c.status,
)
ATTEMPTS: ColumnElement[int] = func.coalesce(outbox.c.attempts, _mt.c.attempts)
ERROR_CODE: ColumnElement[str | None] = func.coalesce(outbox.c.error_code, _mt.c.error_code)


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
        leased_by: the id of this one lease, so that a worker which lost it cannot overwrite a later attempt; None: it
            is sent within the transaction that claimed it.
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
    leased_by: str | None


@cache
def _busy_numbers(dialect: str) -> AnySelect:
    given = given_keys(dialect, outbox, NUMBER)
    # With columns of the key alone PostgreSQL could read the whole index of it.
    return select(outbox.c.msisdn, outbox.c.lane).join_from(outbox, given, matching(outbox, given, NUMBER))


def busy_numbers(connection: Connection, numbers: Sequence[NumberKey]) -> set[str]:
    """Return those of locked numbers that have messages which are queued or under way."""
    return {row[0] for row in fetch(connection, _busy_numbers(connection.dialect.name), as_keys(numbers))}


def enqueue(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert new messages, and put those of them that are queued into the outbox."""
    insert_messages(connection, rows)
    queued = [row for row in rows if row["status"] is OutboundStatus.QUEUED]
    insert_rows(connection, outbox, queued, _NEW)


# ---- claims


def is_own(given: Given) -> ColumnElement[bool]:
    """Return the condition: the lease still holds. It is compared in a way that no index is used for."""
    return outbox.c.leased_by.is_not_distinct_from(given("leased_by"))


def is_free(_given: Given) -> ColumnElement[bool]:
    """Return the condition for messages that nobody is sending."""
    return outbox.c.leased_by.is_(None)


def behind(earlier: FromClause) -> ColumnElement[bool]:
    """Return the condition that looks up the earlier messages of a row's subscriber and lane.

    The lane is compared in a way that no index is used for.
    """
    number = (by_index(earlier.c[name], outbox.c[name]) for name in NUMBER)
    return and_(*number, earlier.c.id < outbox.c.id, earlier.c.lane.is_not_distinct_from(outbox.c.lane))


def may_go() -> ColumnElement[bool]:
    """Return the condition: due, and no earlier message of the subscriber and lane is under way or still to be sent.

    An earlier message that is queued for another provider is waited for; an expired one is not.
    """
    earlier = outbox.alias("earlier")
    now = bindparam("now", type_=Instant)
    waits = and_(earlier.c.valid_until > now, or_(earlier.c.due_at > now, earlier.c.provider != outbox.c.provider))
    held_back = exists().where(behind(earlier), or_(is_set(earlier.c.leased_by), waits))
    return and_(outbox.c.leased_by.is_(None), outbox.c.due_at <= now, ~held_back)


_CLAIMED_MESSAGE = RowReader(
    ClaimedMessage,
    _mt,
    "leased_by",
    kind=_mt.c["class"],
    lane=outbox.c.lane,
    valid_until=outbox.c.valid_until,
    reply_token=outbox.c.reply_token,
    progress=outbox.c.progress,
    attempts=outbox.c.attempts + 1,
)
_IN_NEW_ROWS = tuple(name for name in ClaimedMessage.__dataclass_fields__ if name not in ("kind", "progress"))
# One lane at a time, in the order of the index: no more rows are read than claimed, however many are queued.
_DUE = (
    select(*_CLAIMED_MESSAGE.columns)
    .join_from(outbox, _mt, of_row())
    .where(outbox.c.provider == bindparam("provider"), outbox.c.lane == bindparam("lane"), may_go())
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
)


def due_messages(
    connection: Connection,
    provider: str,
    now: datetime,
    limit: int,
    leased_by: str | None,
    share: Share | None = None,
) -> list[ClaimedMessage]:
    """Return at most ``limit`` messages of a share that may be sent, prompt ones first.

    The caller has locked the provider's state. ``leased_by`` is the id of the lease that follows.
    """
    found: list[ClaimedMessage] = []
    for lane in (Lane.PROMPT, Lane.BULK):
        given = {"provider": provider, "lane": lane.value, "now": now, "limit": limit - len(found)}
        rows = fetch(connection, *of_share(connection, _DUE, outbox, share, given))
        found += [_CLAIMED_MESSAGE.read(row, leased_by) for row in rows]
        if len(found) == limit:
            break
    return found


def lease(connection: Connection, messages: Sequence[ClaimedMessage], until: datetime) -> list[ClaimedMessage]:
    """Lease those of the messages that are still free until ``until``, by the database's clock, and return them.

    So the lease of a worker that died ends.
    """
    rows = [
        {
            "bucket": message.bucket,
            "msisdn": message.msisdn,
            "id": message.id,
            "attempts": message.attempts,
            "leased_by": message.leased_by,
            "leased_until": until,
        }
        for message in messages
    ]
    ours = claim_rows(connection, outbox, rows, ITEM, is_free)
    return [message for message in messages if (message.bucket, message.msisdn, message.id) in ours]


def lease_new(row: dict[str, Any], leased_by: str, until: datetime) -> ClaimedMessage:
    """Lease a new message before its row is inserted, by changing the row. ``until`` is as for ``lease``."""
    row.update(attempts=1, leased_by=leased_by, leased_until=until)
    return ClaimedMessage(kind=row["class"], progress=None, **{name: row[name] for name in _IN_NEW_ROWS})


def postpone(connection: Connection, messages: Sequence[ClaimedMessage], until: datetime) -> None:
    """Postpone messages that nobody is sending to ``until``, by the gateway's clock."""
    rows = [{"bucket": one.bucket, "msisdn": one.msisdn, "id": one.id, "due_at": until} for one in messages]
    change_free(connection, rows)


def change_free(connection: Connection, rows: Sequence[Row]) -> set[Key]:
    """Change messages that nobody is sending. Return the keys of those that were changed."""
    return claim_rows(connection, outbox, rows, ITEM, is_free)


def _lease_is_over(_given: Given) -> Mapping[str, ColumnElement[Any]]:
    return {"leased_by": null(), "leased_until": null()}


def end_leases(connection: Connection, rows: Sequence[Row]) -> int:
    """Queue messages again that are leased by ``leased_by``, with further changes. Return their number."""
    return update_rows(connection, outbox, rows, ITEM, is_own, _lease_is_over)


def remove(connection: Connection, keys: Sequence[Key]) -> None:
    """Take messages out, whether or not they are being sent: it is known what became of them."""
    if keys:
        connection.execute(deletion(connection.dialect.name, outbox, ITEM), as_keys(keys))


def remove_free(connection: Connection, keys: Sequence[Key]) -> set[Key]:
    """Take messages out that nobody is sending. Return the keys of those that were there."""
    return remove_rows(connection, outbox, [dict(zip(ITEM, key, strict=True)) for key in keys], ITEM, is_free)


_provider = provider_lane
_PAUSED = exists().where(
    by_index(_provider.c.provider, outbox.c.provider), _provider.c.paused_until > bindparam("now", type_=Instant)
)
_MAY_GO = select(outbox.c.id).where(may_go(), ~_PAUSED).limit(1)
_CLAIMED = select(outbox.c.id).where(outbox.c.leased_by.is_not(None)).limit(1)


def is_anything_leased(connection: Connection) -> bool:
    """Return True if a message is being sent."""
    return connection.execute(_CLAIMED).one_or_none() is not None


def anything_to_do(connection: Connection, now: datetime) -> bool:
    """Return True if a message may be sent now, or is being sent."""
    return is_anything_leased(connection) or connection.execute(_MAY_GO, {"now": now}).one_or_none() is not None
