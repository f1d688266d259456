"""Queries over all kinds of work: what is due, how much is queued; and deletion of all data for a reset."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from app.db import campaigns, due, event_queue, events, outbox, provider_state, schema, tokens
from app.db.due import Kind
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.rows import one_of
from app.db.simulator import simulator_message
from app.db.state import current_state
from app.domain.messages import InboundStatus
from app.domain.simulation import Kept


def anything_due(connection: Connection, now: datetime) -> bool:
    """Return True if anything is due, or a message is being sent."""
    if any(moment <= now for moment in due.next_due(connection, (Kind.REPORTS, Kind.TURNS)).values()):
        return True
    return outbox.anything_to_do(connection, now) or campaigns.oldest_unfinished(connection) is not None


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
