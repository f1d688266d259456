"""The queue of events: claim them in order for each receiver and subscriber, and record each attempt."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    update,
)

from app.db.claims import claim_rows
from app.db.events import event
from app.db.keys import NUMBER
from app.db.lookups import by_index
from app.db.readers import RowReader
from app.db.rows import one_of
from app.db.shares import Share, of_share
from app.db.types import Instant
from app.db.writing import Given, update_rows
from app.domain.events import TRIED_FOR, EventStatus
from app.domain.values import value

_event = event.c
_KEY = ("bucket", "id")
_NOW = bindparam("now", type_=Instant)


@value
class ClaimedEvent:
    """An event that this process has leased.

    Attributes:
        data: the body, as JSON.
        made_at: UTC, by the gateway's clock.
        attempts: the number of attempts, the coming one included.
        leased_by: the id of the lease.
    """

    bucket: int
    id: str
    receiver: str
    type: str
    data: str
    made_at: datetime
    attempts: int
    leased_by: str


def _open(status: ColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition of the partial indexes, so that they are used."""
    return one_of(status, "pending", "sending")


_RECEIVER = select(func.min(_event.receiver)).where(_open(_event.status), _event.receiver > bindparam("behind"))


def open_receivers(connection: Connection) -> list[str]:
    """Return the receivers that have unfinished events; one index look-up for each."""
    found: list[str] = []
    while receiver := connection.execute(_RECEIVER, {"behind": found[-1] if found else ""}).scalar():
        found.append(receiver)
    return found


_EARLIER = event.alias("earlier")
_BEHIND_ANOTHER = exists().where(
    *(by_index(_EARLIER.c[name], _event[name]) for name in (*NUMBER, "receiver")),
    _EARLIER.c.id < _event.id,
    _open(_EARLIER.c.status),
)
_FREE = and_(_event.status == EventStatus.PENDING.value, _event.due_at <= _NOW)
_CLAIMED = RowReader(ClaimedEvent, event, "leased_by", attempts=_event.attempts + 1)
_FIRST_DUE = (
    select(*_CLAIMED.columns)
    .where(_event.receiver == bindparam("receiver"), _open(_event.status), _FREE, ~_BEHIND_ANOTHER)
    .order_by(_event.id)
    .limit(bindparam("limit"))
)


def is_due(connection: Connection, receiver: str, now: datetime, share: Share | None = None) -> bool:
    """Return True if a receiver has a due event about a number of a share."""
    given = {"receiver": receiver, "now": now, "limit": 1}
    return connection.execute(*of_share(connection, _FIRST_DUE, event, share, given)).first() is not None


def next_due(after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when, after ``after``, the next event is due that no other one holds back."""
    waiting = (one_of(_event.status, "pending"), _event.due_at > after, ~_BEHIND_ANOTHER)
    return select(_event.due_at).where(*waiting).order_by(_event.due_at).limit(1)


_UNDER_WAY = select(_event.id).where(one_of(_event.status, "sending")).limit(1)


def anything_to_do(connection: Connection, now: datetime) -> bool:
    """Return True if an event is due that no other one holds back, or is being posted."""
    if connection.execute(_UNDER_WAY).first() is not None:
        return True
    return any(is_due(connection, receiver, now) for receiver in open_receivers(connection))


def next_lapse() -> Select[tuple[datetime]]:
    """Return the query for when the first lease of an event lapses, by the database's clock."""
    return select(func.min(_event.leased_until)).where(one_of(_event.status, "sending"))


_LAPSED = select(_event.bucket, _event.id, _event.leased_by).where(
    one_of(_event.status, "sending"), _event.leased_until < bindparam("machine_now", type_=Instant)
)


def end_lapsed(connection: Connection, machine_now: datetime) -> int:
    """Queue events again whose worker died; the receiver recognises them by their ids. Return their number.

    ``machine_now`` is by the database's clock.
    """
    found = connection.execute(_LAPSED, {"machine_now": machine_now}).mappings()
    rows = [{**row, "status": EventStatus.PENDING, "leased_until": None} for row in found]
    return update_rows(connection, event, rows, (*_KEY, "leased_by"))


def due_events(
    connection: Connection,
    receiver: str,
    now: datetime,
    limit: int,
    leased_by: str,
    share: Share | None = None,
) -> list[ClaimedEvent]:
    """Return for a receiver the first unfinished event of each subscriber of a share, if it is due; oldest first."""
    given = {"receiver": receiver, "now": now, "limit": limit}
    found = connection.execute(*of_share(connection, _FIRST_DUE, event, share, given))
    return [_CLAIMED.read(row, leased_by) for row in found]


def _is_as_found(given: Given) -> ColumnElement[bool]:
    """Return the condition that nobody has claimed an event since it was found: each claim counts an attempt."""
    return and_(_open(_event.status), _event.attempts == given("attempts") - literal_column("1"))


def lease(connection: Connection, events: Sequence[ClaimedEvent], until: datetime) -> list[ClaimedEvent]:
    """Lease those events that are as they were found until ``until``, by the database's clock, and return them."""
    rows = [
        {
            "bucket": one.bucket,
            "id": one.id,
            "status": EventStatus.SENDING,
            "attempts": one.attempts,
            "leased_by": one.leased_by,
            "leased_until": until,
        }
        for one in events
    ]
    ours = claim_rows(connection, event, rows, _KEY, _is_as_found)
    return [one for one in events if (one.bucket, one.id) in ours]


@value
class PostResult:
    """The result of an attempt to post an event.

    Attributes:
        status: the event's status from now on.
        due_at: when it is posted next, UTC.
        is_alarm: it could not be delivered for three days.
    """

    event: ClaimedEvent
    status: EventStatus
    due_at: datetime
    error: str | None = None
    is_alarm: bool = False


def record(connection: Connection, results: Sequence[PostResult], now: datetime) -> None:
    """Record the results of attempts whose lease is still valid."""
    rows = [
        {
            "bucket": one.event.bucket,
            "id": one.event.id,
            "leased_by": one.event.leased_by,
            "status": one.status,
            "due_at": one.due_at,
            "error": one.error,
            "acknowledged_at": now if one.status is EventStatus.ACKNOWLEDGED else None,
            "leased_until": None,
        }
        for one in results
    ]
    update_rows(connection, event, rows, (*_KEY, "leased_by"))


def mark_unaddressed(connection: Connection, receiver: str, limit: int) -> int:
    """Mark at most ``limit`` pending events of a receiver that has no URL as unaddressed. Return their number."""
    waiting = (
        select(_event.bucket, _event.id)
        .where(_event.receiver == receiver, _open(_event.status), one_of(_event.status, "pending"))
        .order_by(_event.id)
        .limit(limit)
    )
    rows = [
        {"bucket": row.bucket, "id": row.id, "status": EventStatus.UNADDRESSED} for row in connection.execute(waiting)
    ]
    return update_rows(connection, event, rows, _KEY, only=_is_pending)


def _is_pending(_given: Given) -> ColumnElement[bool]:
    return one_of(_event.status, EventStatus.PENDING)


def requeue(connection: Connection, event_id: str, now: datetime) -> bool:
    """Queue an event again that was given up or had no URL. Return False if there is no such event."""
    given_up = (_event.id == event_id, _event.status.in_((EventStatus.DEAD.value, EventStatus.UNADDRESSED.value)))
    statement = update(event).where(*given_up).values(status=EventStatus.PENDING.value, due_at=now)
    return connection.execute(statement).rowcount == 1


_OVERDUE = select(func.count()).where(_open(_event.status), _event.made_at <= bindparam("before", type_=Instant))
_WAITING = select(func.count()).where(_open(_event.status))
_DEAD = select(func.count()).where(one_of(_event.status, "dead"))


def counts(connection: Connection, now: datetime) -> dict[str, int]:
    """Return for the metrics how many events are queued, were given up, and are queued for over three days."""
    queries = {"events": _WAITING, "events_dead": _DEAD, "events_overdue": _OVERDUE}
    given = {"before": now - TRIED_FOR}
    return {
        name: int(connection.execute(query, given if name == "events_overdue" else {}).scalar() or 0)
        for name, query in queries.items()
    }
