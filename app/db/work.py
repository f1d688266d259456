"""Queries over all kinds of work: what is due, how much is queued; and deletion of all data for a reset."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, or_, select

from app.db import campaigns, due, event_queue, events, outbox, provider_state, schema, tokens
from app.db.due import Kind
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.rows import one_of
from app.db.simulator import simulator_message
from app.db.state import current_state
from app.db.timers import timer
from app.domain.messages import InboundStatus
from app.domain.simulation import Kept


def anything_due(connection: Connection, now: datetime, *, with_events: bool = False) -> bool:
    """Return True if anything is due, or a message is being sent; ``with_events``: or an event for others."""
    if with_events and event_queue.anything_to_do(connection, now):
        return True
    if any(moment <= now for moment in due.next_due(connection, (Kind.REPORTS, Kind.TURNS)).values()):
        return True
    return outbox.anything_to_do(connection, now) or campaigns.oldest_unfinished(connection) is not None


def waiting(connection: Connection, now: datetime) -> dict[str, int]:
    """Return how much of each kind is due and not done, or under way; without what there is none of."""
    due_events = select(func.count()).where(
        or_(
            one_of(events.event.c.status, "sending"),
            and_(one_of(events.event.c.status, "pending"), events.event.c.due_at <= now),
        )
    )
    queries = {
        "messages to handle": select(func.count()).where(
            one_of(inbound_message.c.status, InboundStatus.PENDING), inbound_message.c.due_at <= now
        ),
        "timers": select(func.count()).where(timer.c.due_at <= now),
        "messages to send": select(func.count()).where(
            or_(outbox.outbox.c.due_at <= now, outbox.outbox.c.leased_by.is_not(None))
        ),
        "delivery reports": select(func.count()).where(simulator_message.c.report_due_at <= now),
        "campaigns": select(func.count()).where(campaigns.campaign.c.done_at.is_(None)),
        "events": due_events,
    }
    found = {name: int(connection.execute(query).scalar() or 0) for name, query in queries.items()}
    return {name: number for name, number in found.items() if number}


_KEPT = {Kept.TOKENS: tokens.api_token}


def empty(connection: Connection, keep: Collection[Kept] = frozenset()) -> None:
    """Delete all data but what is to ``keep``."""
    kept = [_KEPT[one] for one in keep]
    for table in schema.RESET:
        if table not in kept:
            connection.execute(delete(table))
    provider_state.reset(connection)


def is_empty(connection: Connection) -> bool:
    """Return True if no gateway ever stored anything here."""
    return not any(connection.execute(select(1).select_from(table).limit(1)).first() for table in schema.RESET)


def newest_id(connection: Connection) -> str | None:
    """Return the newest id in the tables whose order follows ids; new ids must sort after it. None without rows."""
    ordered = (
        inbound_message.c.id,
        outbound_message.c.id,
        events.event.c.id,
        simulator_message.c.seq,
    )
    found = [connection.execute(select(column).order_by(column.desc()).limit(1)).scalar() for column in ordered]
    return max((value for value in found if value), default=None)


def counts(connection: Connection) -> dict[str, int]:
    """Return for the metrics how many messages and events are queued, by queue; small tables and indexes are counted.

    ``unknown``: sends of which a delivery report may still tell what became of them, before staff are asked.
    """
    inbound = inbound_message.c.status
    queries = {
        "pending": select(func.count()).where(one_of(inbound, InboundStatus.PENDING)),
        "unsent": select(func.count()).select_from(outbox.outbox),
        "unknown": select(func.count()).where(outbound_message.c.unknown_until.is_not(None)),
        "dead": select(func.count()).where(one_of(inbound, InboundStatus.DEAD)),
    }
    found = {name: int(connection.execute(query).scalar() or 0) for name, query in queries.items()}
    return {**found, **event_queue.counts(connection, current_state(connection).now)}
