"""Delivery outcomes: messages sent with ``notify=True`` become timers, due at once, when their outcome is known.

Every new status of such a message is marked as news by ``set_fates``, so no code path can forget to report one.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, select

from app.db.claims import claim_rows
from app.db.keys import ITEM, ItemKey
from app.db.lookups import by_index, is_set
from app.db.outbound_messages import outbound_message
from app.db.rows import Row, fetch
from app.db.shares import Share, of_share
from app.db.timers import StoredTimer, set_timers
from app.db.writing import Given
from app.domain.matters import DeliveryOutcome, Matter, MessageOutcome
from app.domain.messages import OutboundStatus

_mt = outbound_message
# Values of the column ``told``: no outcome reported yet; accepted by the network was reported. NULL: nothing to report.
# With every new status ``has_news`` says that one may have to be.
WAITING = 1
_TAKEN = 2
_MOST = 500
_NOT_DELIVERED = ("undelivered", "expired", "rejected", "deleted", "failed")
_OUTCOMES = {
    "accepted": DeliveryOutcome.TAKEN,
    "delivered": DeliveryOutcome.TAKEN,
    "undelivered": DeliveryOutcome.UNDELIVERED,
    "rejected": DeliveryOutcome.UNDELIVERED,
    "deleted": DeliveryOutcome.UNDELIVERED,
    "failed": DeliveryOutcome.FAILED,
    "expired": DeliveryOutcome.FAILED,
}
# Nothing is told after these.
_ENDS = frozenset({"delivered", *_NOT_DELIVERED, "superseded"})

# In the order of the index, and no more than are told at once.
_NEWS = (
    select(
        _mt.c.bucket,
        _mt.c.msisdn,
        _mt.c.tenure,
        _mt.c.id,
        _mt.c.about,
        _mt.c.status,
        _mt.c.told,
        _mt.c.handed_over_at.is_not(None),
    )
    .where(_mt.c.has_news.is_not(None))
    .order_by(_mt.c.id)
    .limit(_MOST)
)


def has_pending(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition: an outcome of a message for which the conditions hold is still to be reported."""
    return exists().where(_mt.c.has_news.is_not(None), *conditions)


def _is_as_found(given: Given) -> ColumnElement[bool]:
    return and_(is_set(_mt.c.has_news), by_index(_mt.c.status, given("status")))


def collect(connection: Connection, now: datetime, share: Share | None = None) -> bool:
    """Set a timer for each new outcome in a share, due at ``now`` (UTC). Return True if there were any."""
    found = fetch(connection, *of_share(connection, _NEWS, _mt, share, {}))
    timers: dict[ItemKey, StoredTimer] = {}
    rows: list[Row] = []
    for bucket, msisdn, tenure, message_id, about, status, told, was_taken in found:
        is_lost = status in _NOT_DELIVERED
        # A report may come before anybody looked: that the message was taken is told first all the same.
        is_taken = told == WAITING and (status == OutboundStatus.ACCEPTED or (was_taken and is_lost))
        left = _TAKEN if is_taken else None if status in _ENDS else told
        key = {"bucket": bucket, "msisdn": msisdn, "id": message_id}
        rows.append({**key, "status": status, "told": left, "has_news": True if is_taken and is_lost else None})
        outcome = DeliveryOutcome.TAKEN if is_taken else _outcome(status, told)
        if outcome is not None:
            matter = Matter.parse(about)
            kind, data = matter.kind.outcome_timer, MessageOutcome(matter, outcome).data()
            subject = f"{message_id} {outcome.value}"
            timers[bucket, msisdn, message_id] = StoredTimer(bucket, msisdn, tenure, kind, subject, now, data)
    ours = claim_rows(connection, _mt, rows, ITEM, _is_as_found)
    set_timers(connection, [timer for key, timer in timers.items() if key in ours])
    return bool(ours)


def _outcome(status: str, told: int) -> DeliveryOutcome | None:
    if told == WAITING:
        return _OUTCOMES.get(status)
    return DeliveryOutcome.UNDELIVERED if status in _NOT_DELIVERED else None
