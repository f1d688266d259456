"""Events for SPs and billing: written with the change that they tell of, and read to catch up (flows.md 14)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, PrimaryKeyConstraint, Table, Text, select, text

from app.db.columns import customer, metadata, optional, partial_index, required
from app.db.rows import AnyRow, Row, insert_rows, matching
from app.db.tables import conversation
from app.db.types import Id, Instant
from app.domain.events import EventStatus
from app.domain.values import value

_OPEN = "status IN ('pending', 'sending')"

# What others are to be told, in the order in which it happened. ``due_at`` is of the gateway's clock, ``leased_until``
# of the machine's.
event = Table(
    "event",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "receiver", "type", "data"),
    *required(Instant, "made_at", "due_at"),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    *optional(Instant, "acknowledged_at", "leased_until"),
    *optional(Text, "leased_by", "error"),
    PrimaryKeyConstraint("bucket", "id"),
    Index("ix_event_id", "id"),
    Index("ix_event_receiver", "receiver", "id"),
    partial_index("ix_event_open", "receiver", "id", where=_OPEN),
    partial_index("ix_event_order", "bucket", "msisdn", "receiver", "id", where=_OPEN),
    partial_index("ix_event_dead", "id", where="status = 'dead'"),
)
_event = event.c


def append_events(connection: Connection, rows: Sequence[Row]) -> None:
    """Write events in the order in which they happened, to be sent at once."""
    waiting = {"status": EventStatus.PENDING, "attempts": 0}
    insert_rows(connection, event, [{**row, **waiting, "due_at": row["made_at"]} for row in rows])


@value
class EventRead:
    """An event with what became of telling its receiver; times are UTC."""

    id: str
    msisdn: str
    tenure: int
    receiver: str
    type: str
    data: str
    made_at: datetime
    status: str
    attempts: int
    acknowledged_at: datetime | None
    error: str | None


_READ: list[Any] = [_event[name] for name in EventRead.__dataclass_fields__]


_IS_PRESENT = select(1).where(matching(event, conversation, ("bucket", "msisdn", "tenure"))).exists()


def _read(row: AnyRow) -> EventRead:
    return EventRead(*row)


def page(
    connection: Connection, *, after: str | None, receiver: str | None, status: str | None, limit: int, former: bool
) -> list[EventRead]:
    """Events behind one, oldest first; what is written later always comes later.

    ``former``: also those about a number's former tenures (safety.md 1).
    """
    conditions = [_event.id < _horizon(connection)] if connection.dialect.name == "postgresql" else []
    if after is not None:
        conditions.append(_event.id > after)
    if receiver is not None:
        conditions.append(_event.receiver == receiver)
    if status is not None:
        conditions.append(_event.status == status)
    if not former:
        conditions.append(_IS_PRESENT)
    statement = select(*_READ).where(*conditions).order_by(_event.id).limit(limit)
    return [_read(row) for row in connection.execute(statement)]


def find(connection: Connection, event_id: str, *, former: bool) -> EventRead | None:
    """An event by its id."""
    present = () if former else (_IS_PRESENT,)
    row = connection.execute(select(*_READ).where(_event.id == event_id, *present)).one_or_none()
    return _read(row) if row else None


_HORIZON = text(
    "SELECT least(min(xact_start), clock_timestamp()) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
)


def _horizon(connection: Connection) -> str:
    """An id that no event that is not committed yet sorts before.

    PostgreSQL commits side by side, so an event with a later id may be there before an earlier one; whoever read the
    later one would never see the other. SQLite writes one after the other.
    """
    begun: datetime = connection.execute(_HORIZON).scalar_one()
    milliseconds = f"{int(begun.timestamp() * 1000):012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-000000000000"
