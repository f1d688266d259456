"""API calls that carried an Idempotency-Key, and their stored answers."""

from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    delete,
    select,
    update,
)

from app.db.claims import deletion
from app.db.clock import clock_of
from app.db.columns import metadata, optional, required
from app.db.readers import RowReader
from app.db.rows import as_keys
from app.db.types import Instant
from app.db.writing import insert_new_rows
from app.domain.values import value

KEPT_FOR = timedelta(hours=24)
# Replaces the body of an answer that was erased.
ERASED_BODY = "{}"
# A call that has no answer after this time was interrupted by a crash.
_CUT_OFF = timedelta(minutes=2)
_PURGED_AT_ONCE = 100

# ``caller`` is a hash of the token's name. Times are by the database's clock, as callers repeat calls in real time.
idempotent_call = Table(
    "idempotent_call",
    metadata,
    *required(Text, "caller", "key", "request_hash"),
    Column("begun_at", Instant, nullable=False),
    Column("status", SmallInteger),
    *optional(Text, "media_type", "body"),
    PrimaryKeyConstraint("caller", "key"),
    Index("ix_idempotent_call_begun_at", "begun_at"),
)
_calls = idempotent_call.c


@value
class RecordedCall:
    """A call that was made before.

    Attributes:
        begun_at: UTC, by the database's clock.
        status: the answer's HTTP status; None while the call is running.
    """

    request_hash: str
    begun_at: datetime
    status: int | None
    media_type: str | None
    body: str | None


_RECORDED = RowReader(RecordedCall, idempotent_call)


def begin(connection: Connection, caller: str, key: str, request_hash: str) -> RecordedCall | None:
    """Record a call, and return None if it may proceed: it is new, or a crash interrupted it.

    Else return the earlier call with the same key.
    """
    now = clock_of(connection)()
    _purge(connection, now, _PURGED_AT_ONCE)
    row = {"caller": caller, "key": key, "request_hash": request_hash, "begun_at": now}
    if insert_new_rows(connection, idempotent_call, [row]):
        return None
    mine = (_calls.caller == caller, _calls.key == key)
    recorded = _RECORDED.read(connection.execute(select(*_RECORDED.columns).where(*mine).with_for_update()).one())
    if recorded.status is None and recorded.begun_at < now - _CUT_OFF and recorded.request_hash == request_hash:
        connection.execute(update(idempotent_call).where(*mine).values(begun_at=now))
        return None
    return recorded


def purge(connection: Connection, limit: int) -> int:
    """Delete up to ``limit`` calls that are older than 24 hours. Return their number."""
    return _purge(connection, clock_of(connection)(), limit)


def _purge(connection: Connection, now: datetime, limit: int) -> int:
    old = select(_calls.caller, _calls.key).where(_calls.begun_at < now - KEPT_FOR).limit(limit)
    keys = list(map(tuple, connection.execute(old).all()))
    if keys:
        connection.execute(deletion(connection.dialect.name, idempotent_call, ("caller", "key")), as_keys(keys))
    return len(keys)


def drop_answers(connection: Connection, msisdn: str) -> None:
    """Erase the answers of calls that contain a number; the calls remain."""
    about = _calls.body.contains(msisdn, autoescape=True)
    connection.execute(update(idempotent_call).where(about).values(body=ERASED_BODY))


def end(
    connection: Connection, caller: str, key: str, request_hash: str, *, status: int, media_type: str, body: str
) -> None:
    """Store the answer of a call, unless its row has gone and another call has used the key since."""
    mine = _mine(caller, key, request_hash)
    connection.execute(update(idempotent_call).where(*mine).values(status=status, media_type=media_type, body=body))


def drop(connection: Connection, caller: str, key: str, request_hash: str) -> None:
    """Delete a call, so that it may be made again; not the one that has used the key since its row has gone."""
    connection.execute(delete(idempotent_call).where(*_mine(caller, key, request_hash)))


def _mine(caller: str, key: str, request_hash: str) -> tuple[ColumnElement[bool], ...]:
    return _calls.caller == caller, _calls.key == key, _calls.request_hash == request_hash
