"""Messages whose delivery is still unknown when their validity ends; each gets a timer (delivery.md 8)."""

from datetime import datetime

from sqlalchemy import BindParameter, Connection, Select, and_, bindparam, select

from app.db.conversations import conversation
from app.db.keys import ITEM
from app.db.outbox import outbound_message
from app.db.rows import Row, fetch, one_of, raw, update_rows
from app.db.timers import StoredTimer, set_timers
from app.db.types import Instant, from_micros
from app.domain.turn import MESSAGE_UNKNOWN

_mt = outbound_message
_conversation = conversation
_MOST = 500
# The condition of the partial index. Messages sent with ``notify=True`` have a timer of their own, and are left out.
_UNKNOWN = and_(one_of(_mt.c.status, "unknown"), _mt.c.final_at.is_(None), _mt.c.told.is_(None))
_OVERDUE = (
    select(_mt.c.bucket, _mt.c.msisdn, _mt.c.tenure, _mt.c.id, raw(_mt.c.valid_until), _conversation.c.tenure)
    .join_from(_mt, _conversation, and_(_conversation.c.bucket == _mt.c.bucket, _conversation.c.msisdn == _mt.c.msisdn))
    .where(_UNKNOWN, _mt.c.valid_until <= bindparam("now", type_=Instant))
    .order_by(_mt.c.valid_until, _mt.c.id)
    .limit(_MOST)
    .with_for_update(skip_locked=True, of=_mt)
)


def collect(connection: Connection, now: datetime) -> bool:
    """Set a timer for each unknown message whose validity is over, due at the end of it. Return True if there was any.

    Messages of a number's former tenures get none. A delivery report that comes later still counts.
    """
    found = fetch(connection, _OVERDUE, {"now": now})
    rows: list[Row] = []
    timers: list[StoredTimer] = []
    for bucket, msisdn, tenure, message_id, valid_until, present_tenure in found:
        ended_at = from_micros(valid_until)
        rows.append({"bucket": bucket, "msisdn": msisdn, "id": message_id, "final_at": ended_at})
        if tenure == present_tenure:
            timers.append(StoredTimer(bucket, msisdn, tenure, MESSAGE_UNKNOWN, message_id, ended_at, ""))
    update_rows(connection, _mt, rows, ITEM)
    set_timers(connection, timers)
    return bool(found)


def next_due(after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when the first unknown message after ``after`` ends its validity."""
    return select(_mt.c.valid_until).where(_UNKNOWN, _mt.c.valid_until > after).order_by(_mt.c.valid_until).limit(1)
