"""Deletion of data after its retention period, in small batches: texts and payloads go, hashes and tickets stay."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from app.db import campaigns, inbound_keys
from app.db.campaigns import campaign, campaign_recipient
from app.db.claims import deletion
from app.db.conversations import conversation
from app.db.events import event
from app.db.evidence import evidence
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.keys import ITEM, NUMBER, NumberKey, TenureKey
from app.db.lookups import by_index
from app.db.message_parts import message_part
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.db.record_tables import RECORD_TABLES
from app.db.reports import delivery_report
from app.db.rows import as_keys, one_of
from app.db.simulator import simulator_message
from app.db.subscribers import subscriber
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.domain.account import Subscriber
from app.domain.campaigns import CampaignMessage
from app.domain.events import EventStatus
from app.domain.messages import InboundStatus, OutboundStatus
from app.domain.msisdn import bucket_of
from app.domain.values import value

_RECIPIENT = ("bucket", "campaign_id", "msisdn")


@value
class Page:
    """A batch: the newest id that was looked at, None at the end, and the number of deleted rows."""

    last: str | None
    deleted: int


@value
class NumberPage:
    """A batch: the last number that was looked at, None at the end, and the number of deleted rows."""

    last: NumberKey | None
    deleted: int


def _purge(
    connection: Connection,
    table: Table,
    old: ColumnElement[bool],
    over: ColumnElement[bool],
    after: str | None,
    limit: int,
    further: tuple[str, ...] = (),
) -> tuple[Page, list[dict[str, Any]]]:
    """Delete the rows that are old and over among the next ``limit`` rows by id; ids are in the order of time.

    The purge ends with the first batch in which no row is old. Return the keys of the deleted rows and ``further``
    columns, too.
    """
    behind = [table.c.id > after] if after is not None else []
    columns = [table.c[name] for name in (*ITEM, *further)]
    looked_at = select(*columns, old.label("old"), over.label("over")).where(*behind).order_by(table.c.id).limit(limit)
    found = connection.execute(looked_at).mappings().all()
    purged = [{str(name): row[name] for name in (*ITEM, *further)} for row in found if row["old"] and row["over"]]
    if purged:
        keys = [tuple(row[name] for name in ITEM) for row in purged]
        connection.execute(deletion(connection.dialect.name, table, ITEM), as_keys(keys))
    return Page(found[-1]["id"] if any(row["old"] for row in found) else None, len(purged)), purged


def purge_inbound(connection: Connection, before: datetime, after: str | None, limit: int) -> Page:
    """Delete handled MOs stored before ``before`` (UTC), and what belongs to them, among the next ``limit`` MOs."""
    columns = inbound_message.c
    over = one_of(columns.status, InboundStatus.HANDLED, InboundStatus.JOINED, InboundStatus.IGNORED)
    further = ("provider", "provider_message_id", "part")
    page, purged = _purge(connection, inbound_message, columns.stored_at < before, over, after, limit, further)
    inbound_keys.remove(connection, purged)
    _delete_of(connection, purged, simulator_message)
    return page


def purge_outbound(connection: Connection, before: datetime, after: str | None, limit: int) -> Page:
    """Delete finished MTs made before ``before`` (UTC), and what belongs to them, among the next ``limit`` MTs.

    The text of a question is in its messages, so these are stored for as long as the question is.
    """
    columns, asked = outbound_message.c, question.c
    asks = exists().where(
        asked.bucket == columns.bucket, asked.msisdn == columns.msisdn, asked.id == columns.question_id
    )
    over = (columns.status != OutboundStatus.QUEUED.value) & ~asks
    page, purged = _purge(connection, outbound_message, columns.made_at < before, over, after, limit)
    _delete_of(connection, purged, attempt, message_part, simulator_message)
    return page


def _delete_of(connection: Connection, messages: Sequence[Mapping[str, Any]], *tables: Table) -> None:
    """Delete the rows that belong to messages."""
    keys = [(message["bucket"], message["id"]) for message in messages]
    for table in tables if keys else ():
        connection.execute(deletion(connection.dialect.name, table, ("bucket", "message_id")), as_keys(keys))


def purge_reports(connection: Connection, raw_before: datetime, parked_before: datetime) -> int:
    """Delete old delivery reports, and parked ones (safety.md 31). Return their number; times are UTC."""
    columns = delivery_report.c
    old = or_(columns.stored_at < raw_before, columns.parked & (columns.stored_at < parked_before))
    return connection.execute(delete(delivery_report).where(old)).rowcount


def purge_strangers(connection: Connection, before: datetime, after: NumberKey | None, limit: int) -> NumberPage:
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
    page = connection.execute(select(*key).where(*behind).order_by(*key).limit(limit)).all()
    if not page:
        return NumberPage(None, 0)
    looked_at = tuple_(*key).between(tuple_(*map(literal, page[0])), tuple_(*map(literal, page[-1])))
    idle = select(*key).where(looked_at, columns.tenure == 0, ~wrote, ~timed).with_for_update(skip_locked=True)
    keys = list(map(tuple, connection.execute(idle).all()))
    if keys:
        connection.execute(deletion(connection.dialect.name, conversation, NUMBER), as_keys(keys))
    return NumberPage((page[-1].bucket, page[-1].msisdn), len(keys))


def purge_questions(connection: Connection, before: datetime) -> int:
    """Delete questions whose window ended before ``before`` (UTC); evidence holds their texts. Return their number."""
    columns = question.c
    return connection.execute(delete(question).where(columns.expires_at < before)).rowcount


def purge_recipients(connection: Connection, before: datetime, limit: int) -> int:
    """Delete up to ``limit`` recipients of one campaign that finished before ``before`` (UTC).

    Return the number of deleted recipients; 0 when none are left.
    """
    mine = campaign_recipient.c.campaign_id == campaign.c.id
    old = (campaign.c.done_at < before, select(1).where(mine).exists())
    campaign_id = connection.execute(select(campaign.c.id).where(*old).order_by(campaign.c.id).limit(1)).scalar()
    if campaign_id is None:
        return 0
    columns = [campaign_recipient.c[name] for name in _RECIPIENT]
    page = select(*columns).where(campaign_recipient.c.campaign_id == campaign_id).order_by(*columns).limit(limit)
    keys = list(map(tuple, connection.execute(page).all()))
    statement = deletion(connection.dialect.name, campaign_recipient, _RECIPIENT).returning(campaign_recipient.c.reason)
    deleted = connection.execute(statement, as_keys(keys)).scalars().all()
    campaigns.add_counts(connection, campaign_id, Counter(reason for reason in deleted if reason), Counter())
    return len(deleted)


def tenures(connection: Connection, after: TenureKey | None, limit: int) -> list[TenureKey]:
    """Return the next ``limit`` tenures after ``after``, in the order of their keys."""
    columns = subscriber.c
    key = (columns.bucket, columns.msisdn, columns.tenure)
    statement = select(*key).order_by(*key).limit(limit)
    if after is not None:
        bucket, msisdn, tenure = after
        same = (columns.bucket == bucket) & (columns.msisdn == msisdn)
        statement = statement.where(
            or_(
                columns.bucket > bucket,
                (columns.bucket == bucket) & (columns.msisdn > msisdn),
                same & (columns.tenure > tenure),
            )
        )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


def count_tenures(connection: Connection) -> int:
    """Return the number of tenures, for a progress bar."""
    return connection.execute(select(func.count()).select_from(subscriber)).scalar_one()


def drop_payloads(connection: Connection, msisdn: str, tenure: int, seqs: Sequence[int]) -> None:
    """Delete payloads and salts of evidence. The hashes stay, so the chain still verifies (safety.md 27)."""
    mine = (*_of(evidence, msisdn, tenure), evidence.c.seq.in_(seqs))
    connection.execute(update(evidence).where(*mine).values(payload=None, salt=None))


def _rows_of(
    connection: Connection, table: Table, names: tuple[str, ...], msisdn: str, tenure: int
) -> list[Mapping[str, Any]]:
    found = connection.execute(select(*(table.c[name] for name in names)).where(*_of(table, msisdn, tenure)))
    return [dict(zip(names, row, strict=True)) for row in found]


def drop_personal(connection: Connection, msisdn: str, tenure: int) -> None:
    """Delete all personal data of a tenure. Its emptied row stays, as it holds the head of the chain."""
    received = _rows_of(connection, inbound_message, inbound_keys.NAMES, msisdn, tenure)
    inbound_keys.remove(connection, received)
    _delete_of(connection, received, simulator_message)
    sent = _rows_of(connection, outbound_message, ("bucket", "id"), msisdn, tenure)
    _delete_of(connection, sent, attempt, message_part, delivery_report, simulator_message)
    for table in (
        inbound_message,
        outbound_message,
        question,
        timer,
        subscription,
        *(item.table for item in RECORD_TABLES.values()),
    ):
        connection.execute(delete(table).where(*_of(table, msisdn, tenure)))
    # Events that are not acknowledged yet must still be delivered; they are deleted later.
    finished = event.c.status.not_in((EventStatus.PENDING.value, EventStatus.SENDING.value))
    connection.execute(delete(event).where(*_of(event, msisdn, tenure), finished))
    emptied = {"balance_fen": 0, "points": 0, "vip": False, "plan": None, "password_hash": None}
    connection.execute(update(subscriber).where(*_of(subscriber, msisdn, tenure)).values(**emptied))


def drop_from_campaigns(connection: Connection, subscriber: Subscriber) -> None:
    """Delete a closed tenure from the campaigns that ran during it; their counts stay.

    Recipients that are still to be sent to are left: the campaign skips those who did not have the number when it was
    made.
    """
    msisdn, recipient = subscriber.msisdn, campaign_recipient.c
    began_in_time = campaign.c.made_at <= subscriber.closed_at
    ended_in_time = or_(campaign.c.done_at.is_(None), campaign.c.done_at >= subscriber.created_at)
    mine = (recipient.bucket == bucket_of(msisdn), recipient.msisdn == msisdn, recipient.status != "waiting")
    ran = recipient.campaign_id.in_(select(campaign.c.id).where(began_in_time, ended_in_time))
    was_for = delete(campaign_recipient).where(*mine, ran).returning(recipient.campaign_id, recipient.reason)
    message = RECORD_TABLES[CampaignMessage].table
    got = delete(message).where(*_of(message, msisdn, subscriber.tenure)).returning(message.c.id, message.c.state)
    skipped = {row.campaign_id: Counter([row.reason] if row.reason else []) for row in connection.execute(was_for)}
    states = {row.id: Counter([row.state]) for row in connection.execute(got)}
    # In a fixed order, as other transactions may update the same campaigns.
    for campaign_id in sorted({*skipped, *states}):
        campaigns.add_counts(
            connection, campaign_id, skipped.get(campaign_id, Counter()), states.get(campaign_id, Counter())
        )


def _of(table: Table, msisdn: str, tenure: int) -> tuple[ColumnElement[bool], ...]:
    return table.c.bucket == bucket_of(msisdn), table.c.msisdn == msisdn, table.c.tenure == tenure
