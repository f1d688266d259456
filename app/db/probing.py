"""Queries of the probe: the gateway's test messages to itself, and their replies."""

from sqlalchemy import Connection, select

from app.db.directory import current_tenure
from app.db.outbound_messages import outbound_message
from app.domain.messages import OutboundStatus
from app.domain.msisdn import bucket_of

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
