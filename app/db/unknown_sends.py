"""Messages of which nobody knows whether they arrived, when it is too late to wait for a report (delivery.md 8)."""

from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, select

from app.db import tables
from app.db.rows import Row, fetch, one_of, raw, update_rows
from app.db.timers import StoredTimer, set_timers
from app.db.types import Instant, from_micros
from app.domain.turn import MESSAGE_UNKNOWN

_mt = tables.outbound_message
_conversation = tables.conversation
_MOST = 500
# In the words of the partial index. A matter that wants to be told of its message has a clock of its own.
_WAITING = and_(one_of(_mt.c.status, "unknown"), _mt.c.final_at.is_(None), _mt.c.told.is_(None))
_OVERDUE = (
    select(_mt.c.bucket, _mt.c.msisdn, _mt.c.tenure, _mt.c.id, raw(_mt.c.valid_until), _conversation.c.tenure)
    .join_from(_mt, _conversation, and_(_conversation.c.bucket == _mt.c.bucket, _conversation.c.msisdn == _mt.c.msisdn))
    .where(_WAITING, _mt.c.valid_until <= bindparam("now", type_=Instant))
    .order_by(_mt.c.valid_until, _mt.c.id)
    .limit(_MOST)
    .with_for_update(skip_locked=True, of=_mt)
)


def collect(connection: Connection, now: datetime) -> bool:
    """Wait no longer for what is not valid any more, and set timers for it, due at that time; whether there was any.

    What was sent to a number's former holder is nobody's matter any more. A late report still counts.
    """
    found = fetch(connection, _OVERDUE, {"now": now})
    rows: list[Row] = []
    timers: list[StoredTimer] = []
    for bucket, msisdn, tenure, message_id, valid_until, present_tenure in found:
        over = from_micros(valid_until)
        rows.append({"bucket": bucket, "msisdn": msisdn, "id": message_id, "final_at": over})
        if tenure == present_tenure:
            timers.append(StoredTimer(bucket, msisdn, tenure, MESSAGE_UNKNOWN, message_id, over, ""))
    update_rows(connection, _mt, rows, ("bucket", "msisdn", "id"))
    set_timers(connection, timers)
    return bool(found)


_NEXT_DUE = (
    select(_mt.c.valid_until)
    .where(_WAITING, _mt.c.valid_until > bindparam("after", type_=Instant))
    .order_by(_mt.c.valid_until)
    .limit(1)
)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """When the next such message is given up, behind an instant."""
    return connection.execute(_NEXT_DUE, {"after": after}).scalar()
