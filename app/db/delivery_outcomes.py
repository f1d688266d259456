"""Delivery outcomes: messages sent with ``notify=True`` become timers, due at once, when their outcome is known.

Outcomes are polled from the outbox and not written at each transition, so no code path can forget to report one.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, literal_column, or_, select

from app.db.keys import ITEM, NUMBER
from app.db.outbox import outbound_message
from app.db.rows import Given, Row, fetch, one_of, update_rows
from app.db.timers import StoredTimer, set_timers
from app.domain.matters import DeliveryOutcome, Matter, MessageOutcome
from app.domain.messages import OutboundStatus

_mt = outbound_message
# Values of the column ``told``: no outcome reported yet; accepted by the network was reported. NULL: nothing to report.
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


def _unreported(state: int, *statuses: str) -> ColumnElement[bool]:
    return and_(_mt.c.told == literal_column(str(state)), one_of(_mt.c.status, *statuses))


def _all_of(unreported: ColumnElement[bool]) -> Select[tuple[int, str, int, str, str, str, int, bool]]:
    columns = _mt.c
    return (
        select(
            columns.bucket,
            columns.msisdn,
            columns.tenure,
            columns.id,
            columns.about,
            columns.status,
            columns.told,
            columns.handed_over_at.is_not(None),
        )
        .where(unreported)
        .order_by(columns.id)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )


_FIRST, _LATER = _unreported(WAITING, *_OUTCOMES, "superseded"), _unreported(_TAKEN, "delivered", *_NOT_DELIVERED)
_FIRST_OUTCOMES, _LATER_OUTCOMES = _all_of(_FIRST), _all_of(_LATER)


def has_pending() -> ColumnElement[bool]:
    """Return the condition: an outcome is still to be reported."""
    return or_(*(exists().where(unreported) for unreported in (_FIRST, _LATER)))


def collect(connection: Connection, now: datetime) -> bool:
    """Set a timer for each new outcome, due at ``now`` (UTC). Return True if there were any."""
    found = [*fetch(connection, _FIRST_OUTCOMES, {}), *fetch(connection, _LATER_OUTCOMES, {})]
    timers = []
    rows: list[Row] = []
    for bucket, msisdn, tenure, message_id, about, status, told, was_taken in found:
        # A report may come before anybody looked: that the message was taken is told first all the same.
        is_taken = told == WAITING and (
            status == OutboundStatus.ACCEPTED.value or (was_taken and status in _NOT_DELIVERED)
        )
        outcome = DeliveryOutcome.TAKEN if is_taken else _outcome(status, told)
        key = {"bucket": bucket, "msisdn": msisdn, "id": message_id}
        rows.append({**key, "told": _TAKEN if is_taken else None})
        if outcome is not None:
            matter = Matter.parse(about)
            kind, data = matter.kind.outcome_timer, MessageOutcome(matter, outcome).data()
            timers.append(StoredTimer(bucket, msisdn, tenure, kind, f"{message_id} {outcome.value}", now, data))
    set_timers(connection, timers)
    update_rows(connection, _mt, rows, ITEM)
    return bool(found)


def _outcome(status: str, told: int) -> DeliveryOutcome | None:
    if told == WAITING:
        return _OUTCOMES.get(status)
    return DeliveryOutcome.UNDELIVERED if status in _NOT_DELIVERED else None


def _is_queued(_given: Given) -> ColumnElement[bool]:
    """Return the condition for queued messages, with that of the partial index so that the index is used."""
    return and_(one_of(_mt.c.status, "queued", "sending"), one_of(_mt.c.status, "queued"))


def supersede(connection: Connection, rows: Sequence[Row], now: datetime) -> None:
    """Supersede queued messages about the matters in ``rows`` (bucket, msisdn, about) (safety.md 18)."""
    superseded: list[Row] = [{**row, "status": OutboundStatus.SUPERSEDED, "final_at": now} for row in rows]
    update_rows(connection, _mt, superseded, (*NUMBER, "about"), only=_is_queued)
