"""Erasure of a tenure on request: its personal data go, the hashes of its evidence and counts stay (safety.md 27)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, or_, select, update

from app.db import campaigns, inbound_keys
from app.db.campaigns import campaign, campaign_recipient
from app.db.events import event
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.message_parts import message_part
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.db.record_tables import RECORD_TABLES
from app.db.reports import delivery_report
from app.db.retention import delete_of
from app.db.simulator import simulator_message
from app.db.subscribers import subscriber
from app.db.subscriptions import subscription
from app.db.timers import timer
from app.domain.account import Subscriber
from app.domain.campaigns import CampaignMessage
from app.domain.events import EventStatus
from app.domain.msisdn import bucket_of


def _rows_of(
    connection: Connection, table: Table, names: tuple[str, ...], msisdn: str, tenure: int
) -> list[Mapping[str, Any]]:
    found = connection.execute(select(*(table.c[name] for name in names)).where(*_of(table, msisdn, tenure)))
    return [dict(zip(names, row, strict=True)) for row in found]


def drop_personal(connection: Connection, msisdn: str, tenure: int) -> None:
    """Delete all personal data of a tenure. Its emptied row stays, as it holds the head of the chain."""
    received = _rows_of(connection, inbound_message, inbound_keys.NAMES, msisdn, tenure)
    inbound_keys.remove(connection, received)
    delete_of(connection, received, simulator_message)
    sent = _rows_of(connection, outbound_message, ("bucket", "id"), msisdn, tenure)
    delete_of(connection, sent, attempt, message_part, delivery_report, simulator_message)
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
