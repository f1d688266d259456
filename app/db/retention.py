"""Deletion of data after its retention period, in pieces: texts go, hashes and tickets stay (flows.md 13)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    exists,
    literal,
    select,
    tuple_,
)

from app.db import campaigns, inbound_keys
from app.db.campaigns import campaign, campaign_recipient
from app.db.claims import deletion
from app.db.conversations import conversation, is_strangers, lock_conversations
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.keys import ITEM, NUMBER, NumberKey
from app.db.lookups import by_index
from app.db.message_parts import message_part
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.db.reports import delivery_report
from app.db.rows import as_keys, one_of
from app.db.simulator import simulator_message
from app.db.timers import timer
from app.domain.messages import InboundStatus, OutboundStatus
from app.domain.msisdn import BUCKETS
from app.domain.values import value

# The order of questions: when they were asked, UTC, and their ids.
AskedAt = tuple[datetime, str]
_RECIPIENT = ("bucket", "campaign_id", "msisdn")
_REPORT = ("bucket", "id")


@value
class Page:
    """A piece: the newest key that was looked at, None if nothing is left, and the number of deleted rows."""

    last: str | NumberKey | AskedAt | None
    deleted: int


def _purge(
    connection: Connection,
    table: Table,
    old: ColumnElement[bool],
    over: ColumnElement[bool],
    after: str | None,
    limit: int,
    below: int,
    further: tuple[str, ...] = (),
) -> tuple[Page, list[dict[str, Any]]]:
    """Delete the rows that are old and over among the next ``limit`` rows by id, below ``below``.

    Ids are in the order of time: the purge ends with the first batch in which no row is old. Return the keys of the
    deleted rows and ``further`` columns, too.
    """
    behind = [table.c.id < str(below), *([] if after is None else [table.c.id > after])]
    columns = [table.c[name] for name in (*ITEM, *further)]
    looked_at = select(*columns, old.label("old"), over.label("over")).where(*behind).order_by(table.c.id).limit(limit)
    found = connection.execute(looked_at).mappings().all()
    purged = [{str(name): row[name] for name in (*ITEM, *further)} for row in found if row["old"] and row["over"]]
    if purged:
        keys = [tuple(row[name] for name in ITEM) for row in purged]
        connection.execute(deletion(connection.dialect.name, table, ITEM), as_keys(keys))
    return Page(found[-1]["id"] if any(row["old"] for row in found) else None, len(purged)), purged


def purge_inbound(connection: Connection, before: datetime, below: int, after: str | None, limit: int) -> Page:
    """Delete handled MOs stored before ``before`` (UTC), and what belongs to them, among the next ``limit`` MOs.

    ``below``: the first id of what is left alone.
    """
    columns = inbound_message.c
    over = one_of(columns.status, InboundStatus.HANDLED, InboundStatus.JOINED, InboundStatus.IGNORED)
    further = ("provider", "provider_message_id", "part")
    page, purged = _purge(connection, inbound_message, columns.stored_at < before, over, after, limit, below, further)
    inbound_keys.remove(connection, purged)
    delete_of(connection, purged, simulator_message)
    return page


def purge_outbound(connection: Connection, before: datetime, below: int, after: str | None, limit: int) -> Page:
    """Delete finished MTs made before ``before`` (UTC), and what belongs to them, among the next ``limit`` MTs.

    The text of a question is in its messages, so these are stored for as long as the question is. ``below``: the first
    id of what is left alone.
    """
    columns, asked = outbound_message.c, question.c
    asks = exists().where(
        asked.bucket == columns.bucket, asked.msisdn == columns.msisdn, asked.id == columns.question_id
    )
    over = (columns.status != OutboundStatus.QUEUED.value) & ~asks
    page, purged = _purge(connection, outbound_message, columns.made_at < before, over, after, limit, below)
    delete_of(connection, purged, attempt, message_part, simulator_message)
    return page


def delete_of(connection: Connection, messages: Sequence[Mapping[str, Any]], *tables: Table) -> None:
    """Delete the rows that belong to messages."""
    keys = [(message["bucket"], message["id"]) for message in messages]
    for table in tables if keys else ():
        connection.execute(deletion(connection.dialect.name, table, ("bucket", "message_id")), as_keys(keys))


def purge_questions(connection: Connection, before: datetime, after: AskedAt | None, limit: int) -> Page:
    """Delete questions whose window ended before ``before`` (UTC) among the next ``limit``; evidence holds their texts.

    One with a long window may outlast many that were asked later.
    """
    columns = question.c
    order, behind = (columns.asked_at, columns.id), []
    if after is not None:
        behind = [tuple_(*order) > tuple_(*map(literal, after, (columns.asked_at.type, columns.id.type)))]
    asked = select(*(columns[name] for name in (*ITEM, "asked_at", "expires_at"))).where(columns.asked_at < before)
    page = connection.execute(asked.where(*behind).order_by(*order).limit(limit)).all()
    keys = [(row.bucket, row.msisdn, row.id) for row in page if row.expires_at < before]
    if keys:
        connection.execute(deletion(connection.dialect.name, question, ITEM), as_keys(keys))
    return Page((page[-1].asked_at, page[-1].id) if page else None, len(keys))


# ---- delivery reports


def purge_reports(connection: Connection, before: datetime, below: int, limit: int) -> int:
    """Delete up to ``limit`` delivery reports stored before ``before`` (UTC). Return their number.

    ``below``: the first id of what is left alone. Reports of a bucket are in the order of time.
    """
    deleted = 0
    for bucket in range(BUCKETS):
        page = _OF_BUCKET.where(delivery_report.c.bucket == bucket, delivery_report.c.id < str(below))
        deleted += _delete_reports(connection, page.limit(limit - deleted), before)
        if deleted == limit:
            break
    return deleted


def purge_parked(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` parked delivery reports stored before ``before`` (UTC; safety.md 31). Return their number.

    0: the oldest are to be kept.
    """
    columns = delivery_report.c
    parked = select(*_KEY_AND_TIME).where(columns.message_id.is_(None)).order_by(columns.id).limit(limit)
    return _delete_reports(connection, parked, before)


_KEY_AND_TIME = [delivery_report.c[name] for name in (*_REPORT, "stored_at")]
_OF_BUCKET = select(*_KEY_AND_TIME).order_by(delivery_report.c.id)


def _delete_reports(connection: Connection, page: Select[Any], before: datetime) -> int:
    keys = [(row.bucket, row.id) for row in connection.execute(page) if row.stored_at < before]
    if keys:
        connection.execute(deletion(connection.dialect.name, delivery_report, _REPORT), as_keys(keys))
    return len(keys)


# ---- numbers that are nobody's, recipients of campaigns


def purge_strangers(connection: Connection, before: datetime, after: NumberKey | None, limit: int) -> Page:
    """Delete conversations of numbers without a subscriber that have sent nothing since ``before`` (UTC).

    They hold nothing but limits. Locked ones are in use and are skipped. Should a message arrive at this moment, the
    row is inserted again when it is missed.
    """
    columns, inbound, timed_at = conversation.c, inbound_message.c, timer.c
    key = (columns.bucket, columns.msisdn)
    mine = (by_index(inbound.bucket, columns.bucket), by_index(inbound.msisdn, columns.msisdn))
    wrote = exists().where(*mine, one_of(inbound.status, InboundStatus.PENDING) | (inbound.stored_at >= before))
    timed = exists().where(by_index(timed_at.bucket, columns.bucket), by_index(timed_at.msisdn, columns.msisdn))
    behind = [] if after is None else [tuple_(*key) > tuple_(*map(literal, after))]
    page = connection.execute(select(*key).where(is_strangers(), *behind).order_by(*key).limit(limit)).all()
    if not page:
        return Page(None, 0)
    looked_at = tuple_(*key).between(tuple_(*map(literal, page[0])), tuple_(*map(literal, page[-1])))
    idle = list(map(tuple, connection.execute(select(*key).where(looked_at, is_strangers(), ~wrote, ~timed)).all()))
    locked = lock_conversations(connection, idle, wait=False) if idle else []
    keys = [(one.bucket, one.msisdn) for one in locked if one.tenure == 0]
    if keys:
        connection.execute(deletion(connection.dialect.name, conversation, NUMBER), as_keys(keys))
    return Page((page[-1].bucket, page[-1].msisdn), len(keys))


def purge_recipients(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` recipients of one campaign that finished before ``before`` (UTC).

    Return the number of deleted recipients; 0 when none are left.
    """
    mine = campaign_recipient.c.campaign_id == campaign.c.id
    old = select(campaign.c.id).join_from(campaign, campaign_recipient, mine).where(campaign.c.done_at < before)
    campaign_id = connection.execute(old.order_by(campaign.c.id).limit(1)).scalar()
    if campaign_id is None:
        return 0
    columns = [campaign_recipient.c[name] for name in _RECIPIENT]
    page = select(*columns).where(campaign_recipient.c.campaign_id == campaign_id).order_by(*columns).limit(limit)
    keys = list(map(tuple, connection.execute(page).all()))
    statement = deletion(connection.dialect.name, campaign_recipient, _RECIPIENT).returning(campaign_recipient.c.reason)
    deleted = connection.execute(statement, as_keys(keys)).scalars().all()
    campaigns.add_counts(connection, campaign_id, Counter(reason for reason in deleted if reason), Counter())
    return len(deleted)
