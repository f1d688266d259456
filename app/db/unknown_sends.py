"""Messages whose delivery is still unknown when their validity ends; each gets a timer (delivery.md 8)."""

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, and_, bindparam, select

from app.db.claims import claim_rows
from app.db.conversations import conversation
from app.db.keys import ITEM, NUMBER
from app.db.lookups import by_index, is_set
from app.db.outbound_messages import outbound_message
from app.db.rows import Row, fetch, raw
from app.db.shares import Share, of_share
from app.db.timers import StoredTimer, set_timers
from app.db.types import Instant, from_micros
from app.db.writing import Given
from app.domain.turn import MESSAGE_UNKNOWN

_mt = outbound_message
_conversation = conversation
_MOST = 500
# Messages sent with ``notify=True`` have a timer of their own, so ``unknown_until`` is not set.
_OVERDUE = (
    select(_mt.c.bucket, _mt.c.msisdn, _mt.c.tenure, _mt.c.id, raw(_mt.c.unknown_until), _conversation.c.tenure)
    .join_from(_mt, _conversation, and_(*(by_index(_conversation.c[name], _mt.c[name]) for name in NUMBER)))
    .where(_mt.c.unknown_until <= bindparam("now", type_=Instant))
    .order_by(_mt.c.unknown_until, _mt.c.id)
    .limit(_MOST)
)


def _is_unknown(_given: Given) -> ColumnElement[bool]:
    return is_set(_mt.c.unknown_until)


def collect(connection: Connection, now: datetime, share: Share | None = None) -> bool:
    """Set a timer for each unknown message of a share whose validity is over, due at its end. Return True if any was.

    Messages of a number's former tenures get none. A delivery report that comes later still counts.
    """
    found = fetch(connection, *of_share(connection, _OVERDUE, _mt, share, {"now": now}))
    rows: list[Row] = [
        {"bucket": bucket, "msisdn": msisdn, "id": message_id, "final_at": from_micros(ended), "unknown_until": None}
        for bucket, msisdn, _, message_id, ended, _ in found
    ]
    ours = claim_rows(connection, _mt, rows, ITEM, _is_unknown)
    timers = [
        StoredTimer(bucket, msisdn, tenure, MESSAGE_UNKNOWN, message_id, from_micros(ended), "")
        for bucket, msisdn, tenure, message_id, ended, present_tenure in found
        if (bucket, msisdn, message_id) in ours and tenure == present_tenure
    ]
    set_timers(connection, timers)
    return bool(ours)


def next_due(after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when the first unknown message after ``after`` ends its validity."""
    ends_at = _mt.c.unknown_until
    return select(ends_at).where(ends_at > after).order_by(ends_at).limit(1)
