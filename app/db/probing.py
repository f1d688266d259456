"""Queries of the probe: the gateway's test messages to itself, their replies, and how the last round ended."""

from datetime import datetime

from sqlalchemy import Boolean, Column, Connection, SmallInteger, Table, select

from app.db.columns import metadata
from app.db.directory import current_tenure
from app.db.outbound_messages import outbound_message
from app.db.types import Instant
from app.db.writing import upsert_rows
from app.domain.messages import OutboundStatus
from app.domain.msisdn import bucket_of

# One row: how the last round ended, and when the last good one did, by the database's clock.
probe_state = Table(
    "probe_state",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("up", Boolean, nullable=False),
    Column("answered_at", Instant),
)
_ID = 1
_state = probe_state.c
_mt = outbound_message.c


def is_customer(connection: Connection, *, msisdn: str) -> bool:
    """Return True if the number has a subscriber now."""
    found = current_tenure(connection, msisdn)
    return found is not None and found.closed_at is None


def taken_replies(connection: Connection, msisdn: str, message_id: str) -> list[str]:
    """Return the service numbers from which replies to a message were sent, in order."""
    mine = (_mt.bucket == bucket_of(msisdn), _mt.msisdn == msisdn, _mt.in_reply_to == message_id)
    taken = _mt.status.in_((OutboundStatus.ACCEPTED.value, OutboundStatus.DELIVERED.value))
    return list(connection.execute(select(_mt.service_number).where(*mine, taken).order_by(_mt.id)).scalars())


def last_round(connection: Connection) -> tuple[bool | None, datetime | None]:
    """Return whether the last round was good, None before the first, and when the last good one ended (UTC)."""
    row = connection.execute(select(_state.up, _state.answered_at).where(_state.id == _ID)).first()
    return (None, None) if row is None else (row.up, row.answered_at)


def record_round(connection: Connection, *, up: bool, now: datetime) -> None:
    """Note how a round ended, at ``now`` (UTC)."""
    _, answered_at = last_round(connection)
    row = {"id": _ID, "up": up, "answered_at": now if up else answered_at}
    upsert_rows(connection, probe_state, [row], ("id",))
