"""Timers: rows that fall due. No schedule is kept in memory."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    bindparam,
    case,
    literal_column,
    select,
    type_coerce,
    update,
)

from app.db.claims import deletion
from app.db.columns import CLUSTERED, QUEUE, customer, metadata, required
from app.db.inbox import inbound_message, is_postponed
from app.db.keys import NUMBER, TENURE, NumberKey, TenureKey
from app.db.readers import RowReader
from app.db.rows import AnySelect, as_keys, fetch, given_keys, matching, one_of
from app.db.shares import Share, of_share
from app.db.types import Instant
from app.db.writing import upsert_rows
from app.domain.turn import HELD_MESSAGE
from app.domain.values import value

timer = Table(
    "timer",
    metadata,
    *customer(),
    *required(Text, "kind", "subject"),
    Column("due_at", Instant, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure", "kind", "subject"),
    Index("ix_timer_due_at", "due_at"),
    **CLUSTERED,
    postgresql_with=QUEUE,
)

_timer = timer
_KEY = (*TENURE, "kind", "subject")
# Bucket, number, tenure, kind and subject.
TimerKey = tuple[int, str, int, str, str]


@value
class StoredTimer:
    """A timer of a tenure.

    Attributes:
        subject: what it is about; with the kind it identifies the timer.
        due_at: UTC, by the gateway's clock.
        data: what the handler of the kind needs, as JSON.
    """

    bucket: int
    msisdn: str
    tenure: int
    kind: str
    subject: str
    due_at: datetime
    data: str


TIMER = RowReader(StoredTimer, _timer)


_NOW = bindparam("now", type_=Instant)


def _behind_a_message(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition: a postponed message was sent before the timer's time (safety.md 21).

    One that is due is handled in the same batch, before the timer. The offset makes PostgreSQL look for the messages of
    each timer by themselves.
    """
    message = inbound_message.c
    mine = (message.bucket == _timer.c.bucket, message.msisdn == _timer.c.msisdn, message.sent_at <= _timer.c.due_at)
    found: Select[tuple[Any]] = select(literal_column("1")).where(*mine, is_postponed(), *conditions)
    return found.limit(literal_column("1")).offset(literal_column("0")).exists()


_BEHIND = _behind_a_message(inbound_message.c.due_at > _NOW)
_DUE_KEYS = (
    select(_timer.c.bucket, _timer.c.msisdn)
    .where(_timer.c.due_at <= _NOW, ~_BEHIND)
    .order_by(_timer.c.due_at)
    .limit(bindparam("limit"))
)


def due_numbers(connection: Connection, now: datetime, limit: int, share: Share | None = None) -> list[NumberKey]:
    """Return the numbers of the ``limit`` timers of a share that fell due first; a number may occur twice."""
    found = fetch(connection, *of_share(connection, _DUE_KEYS, _timer, share, {"now": now, "limit": limit}))
    return [(row[0], row[1]) for row in found]


# Messages held in the quiet hours are sent in the order they were made, which their data start with (flows.md 15).
_ORDER = case((one_of(_timer.c.kind, HELD_MESSAGE), _timer.c.data), else_=_timer.c.subject)


def _due_at() -> ColumnElement[datetime]:
    """Return the due time for timers of given numbers: an expression, so that not all due timers are read by index."""
    return type_coerce(_timer.c.due_at + literal_column("0"), Instant)


@cache
def _due_of(dialect: str) -> AnySelect:
    given = given_keys(dialect, _timer, NUMBER)
    return (
        select(*TIMER.columns)
        .join_from(_timer, given, matching(_timer, given, NUMBER))
        .where(_due_at() <= _NOW, ~_BEHIND)
        .order_by(_due_at(), _timer.c.kind, _ORDER)
    )


def due_of(connection: Connection, numbers: Sequence[NumberKey], now: datetime) -> list[StoredTimer]:
    """Return the due timers of locked numbers, in order of time."""
    found = connection.execute(_due_of(connection.dialect.name), {**as_keys(numbers), "now": now})
    return list(map(TIMER.read, found))


def set_timers(connection: Connection, timers: Sequence[StoredTimer]) -> None:
    """Set timers; one of the same tenure, kind and subject is replaced. The last of several counts."""
    rows = {tuple(getattr(item, key) for key in _KEY): item for item in timers}
    upsert_rows(
        connection,
        _timer,
        [{name: getattr(item, name) for name in StoredTimer.__dataclass_fields__} for item in rows.values()],
        _KEY,
    )


def drop_timers(connection: Connection, keys: Sequence[TimerKey]) -> None:
    """Delete timers by their primary keys."""
    if keys:
        connection.execute(deletion(connection.dialect.name, _timer, _KEY), as_keys(keys))


def data_of(connection: Connection, keys: Sequence[TimerKey]) -> list[StoredTimer]:
    """Return the timers with these primary keys that are set."""
    if not keys:
        return []
    given = given_keys(connection.dialect.name, _timer, _KEY)
    statement = select(*TIMER.columns).join_from(_timer, given, matching(_timer, given, _KEY))
    return list(map(TIMER.read, connection.execute(statement, as_keys(keys))))


def drop_all_of(connection: Connection, tenures: Sequence[TenureKey]) -> None:
    """Delete every timer of ended tenures."""
    connection.execute(deletion(connection.dialect.name, _timer, TENURE), as_keys(tenures))


def postpone_all(connection: Connection, number: NumberKey, until: datetime) -> None:
    """Postpone the timers of a number that are due before ``until`` to that time."""
    bucket, msisdn = number
    due = (_timer.c.bucket == bucket, _timer.c.msisdn == msisdn, _timer.c.due_at < until)
    connection.execute(update(_timer).where(*due).values(due_at=until))


def next_due(after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when the first timer after ``after`` falls due that no postponed message holds back."""
    later = (_timer.c.due_at > after, ~_behind_a_message())
    return select(_timer.c.due_at).where(*later).order_by(_timer.c.due_at).limit(1)
