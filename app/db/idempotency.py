"""Calls that carried an Idempotency-Key, with their answers."""

from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
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

from app.db.columns import metadata, optional, required
from app.db.rows import insert_new_rows
from app.db.types import Instant
from app.domain.values import value

KEPT = timedelta(hours=24)
# In the place of an answer that was erased.
NOTHING_KEPT = "{}"
# A call that has no answer after this long was cut off by a crash.
_CUT_OFF = timedelta(minutes=2)
_PURGED_AT_ONCE = 100

# ``caller`` is the hash of a token. Times are of the machine's clock: a caller repeats itself in real time.
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
class KnownCall:
    """A call that was made before; ``status`` is None while it is under way."""

    request_hash: str
    begun_at: datetime
    status: int | None
    media_type: str | None
    body: str | None


def begin(connection: Connection, caller: str, key: str, request_hash: str, now: datetime) -> KnownCall | None:
    """Note a call, unless it is known; then what is known of it."""
    _forget_old(connection, now)
    row = {"caller": caller, "key": key, "request_hash": request_hash, "begun_at": now}
    if insert_new_rows(connection, idempotent_call, [row]):
        return None
    columns = (_calls.request_hash, _calls.begun_at, _calls.status, _calls.media_type, _calls.body)
    mine = (_calls.caller == caller, _calls.key == key)
    known = KnownCall(*connection.execute(select(*columns).where(*mine).with_for_update()).one())
    if known.status is None and known.begun_at < now - _CUT_OFF and known.request_hash == request_hash:
        connection.execute(update(idempotent_call).where(*mine).values(begun_at=now))
        return None
    return known


def _forget_old(connection: Connection, now: datetime) -> None:
    old = select(_calls.caller, _calls.key).where(_calls.begun_at < now - KEPT).limit(_PURGED_AT_ONCE)
    for caller, key in connection.execute(old).all():
        drop(connection, caller, key)


def purge(connection: Connection, now: datetime) -> int:
    """Forget all calls that are past their time; how many there were."""
    return connection.execute(delete(idempotent_call).where(_calls.begun_at < now - KEPT)).rowcount


def drop_answers(connection: Connection, msisdn: str) -> None:
    """Keep of calls that were answered with something about a number only that they were made."""
    about = _calls.body.contains(msisdn, autoescape=True)
    connection.execute(update(idempotent_call).where(about).values(body=NOTHING_KEPT))


def end(connection: Connection, caller: str, key: str, status: int, media_type: str, body: str) -> None:
    """Keep the answer."""
    mine = (_calls.caller == caller, _calls.key == key)
    connection.execute(update(idempotent_call).where(*mine).values(status=status, media_type=media_type, body=body))


def drop(connection: Connection, caller: str, key: str) -> None:
    """Forget a call: it may be made again."""
    connection.execute(delete(idempotent_call).where(_calls.caller == caller, _calls.key == key))
