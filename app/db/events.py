"""Events for SPs and billing: written in the transaction of the change, and read by pages (flows.md 14)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Index, Integer, PrimaryKeyConstraint, Table, Text, select, text

from app.db.columns import customer, metadata, optional, partial_index, required
from app.db.conversations import conversation
from app.db.keys import TENURE
from app.db.pages import Part
from app.db.readers import RowReader
from app.db.rows import Row, matching
from app.db.types import Id, Instant
from app.db.writing import insert_rows
from app.domain.events import EventStatus
from app.domain.ids import first_at
from app.domain.values import value

_OPEN = "status IN ('pending', 'sending')"

# Ids follow the order of what happened. ``due_at`` is by the gateway's clock, ``leased_until`` by the machine's.
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
    partial_index("ix_event_leased", "leased_until", where="status = 'sending'"),
    partial_index("ix_event_due_at", "due_at", where="status = 'pending'"),
    partial_index("ix_event_order", "bucket", "msisdn", "receiver", "id", where=_OPEN),
    partial_index("ix_event_dead", "id", where="status = 'dead'"),
)
_event = event.c


def append_events(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert events in the order in which they happened; they are due at once."""
    waiting = {"status": EventStatus.PENDING, "attempts": 0}
    insert_rows(connection, event, [{**row, **waiting, "due_at": row["made_at"]} for row in rows])


@value
class EventRead:
    """An event and its delivery; times are UTC.

    Attributes:
        receiver: the SP's code, or billing.
        data: the body, as JSON.
        error: why the last attempt failed.
    """

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


EVENT_READ = RowReader(EventRead, event)
_IS_PRESENT = select(1).where(matching(event, conversation, TENURE)).exists()


def page(
    connection: Connection, part: Part, *, receiver: str | None, status: str | None, former: bool
) -> list[EventRead]:
    """Return a part of the events, by id; the time of an event is when it was made.

    An event that is written later never sorts before one that was returned. ``former``: also events about a number's
    former tenures (safety.md 1).
    """
    conditions = [_event.id < _horizon(connection)] if connection.dialect.name == "postgresql" else []
    if receiver is not None:
        conditions.append(_event.receiver == receiver)
    if status is not None:
        conditions.append(_event.status == status)
    if not former:
        conditions.append(_IS_PRESENT)
    statement = part.of(select(*EVENT_READ.columns).where(*conditions), _event.id, _event.made_at)
    return list(map(EVENT_READ.read, connection.execute(statement)))


def find(connection: Connection, event_id: str, *, former: bool) -> EventRead | None:
    """Return an event by its id, or None; one about a former tenure only with ``former``."""
    present = () if former else (_IS_PRESENT,)
    row = connection.execute(select(*EVENT_READ.columns).where(_event.id == event_id, *present)).one_or_none()
    return EVENT_READ.read(row) if row else None


_HORIZON = text(
    "SELECT least(min(xact_start), clock_timestamp()) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
)


def _horizon(connection: Connection) -> str:
    """Return an id that all events of running transactions sort after.

    PostgreSQL runs transactions in parallel, so an event may be committed before another one with an earlier id; a
    client that read the later one would never see the earlier one. SQLite has a single writer.
    """
    begun: datetime = connection.execute(_HORIZON).scalar_one()
    return str(first_at(begun))
