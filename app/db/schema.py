"""The metadata of all tables, which of them a reset empties, and the newest schema without its history."""

from sqlalchemy import Connection

from app.db import (  # noqa: F401  each adds its tables
    access,
    campaigns,
    catalogue,
    columns,
    conversations,
    duties,
    events,
    evidence,
    handovers,
    idempotency,
    inbound_keys,
    inbox,
    message_parts,
    outbound_messages,
    outbox,
    probing,
    provider_state,
    questions,
    record_tables,
    reports,
    revisions,
    scheduled_tasks,
    simulator,
    simulator_handsets,
    state,
    subscribers,
    subscriptions,
    terms,
    timers,
    tokens,
    unconfirmed,
    workers,
)

metadata = columns.metadata
# The tables that a reset empties. The environment's mark stays, the version of the catalogue never goes back, and
# running processes keep their worker numbers and duties.
RESET = tuple(
    table
    for table in metadata.sorted_tables
    if table
    not in (
        state.gateway_state,
        provider_state.provider_lane,
        workers.worker,
        duties.duty,
        scheduled_tasks.scheduled_task,
    )
)


def create(connection: Connection) -> None:
    """Create the newest schema in an empty database, without Alembic, whose import takes longer than all tables."""
    metadata.create_all(connection)
    revisions.stamp(connection)
