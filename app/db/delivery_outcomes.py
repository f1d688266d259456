"""Messages of which a turn wants to be told: what became of them comes to it as a timer that is due at once.

It is looked up and not noted down where it happens, so that no way a message may go can forget it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, literal_column, select

from app.db import tables
from app.db.rows import Given, Row, fetch, one_of, update_rows
from app.db.timers import StoredTimer, set_timers
from app.domain.messages import OutboundStatus
from app.domain.turn import MESSAGE_OUTCOME, DeliveryOutcome, MessageOutcome

_mt = tables.outbound_message
# The states of the column ``told``: nobody knows yet, the network took it, and NULL for what no turn waits for.
WAITING = 1
_TAKEN = 2
_MOST = 500
_NOT_DELIVERED = ("undelivered", "expired", "rejected", "deleted", "failed")
_TOLD = {
    "accepted": DeliveryOutcome.TAKEN,
    "delivered": DeliveryOutcome.TAKEN,
    "undelivered": DeliveryOutcome.UNDELIVERED,
    "rejected": DeliveryOutcome.UNDELIVERED,
    "deleted": DeliveryOutcome.UNDELIVERED,
    "failed": DeliveryOutcome.FAILED,
    "expired": DeliveryOutcome.FAILED,
}


def _news(state: int, *statuses: str) -> Select[tuple[int, str, int, str, str, str, int]]:
    columns = _mt.c
    return (
        select(columns.bucket, columns.msisdn, columns.tenure, columns.id, columns.about, columns.status, columns.told)
        .where(columns.told == literal_column(str(state)), one_of(columns.status, *statuses))
        .order_by(columns.id)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    )


_FIRST_NEWS = _news(WAITING, *_TOLD, "superseded")
_SECOND_NEWS = _news(_TAKEN, "delivered", *_NOT_DELIVERED)


def any_news(connection: Connection) -> bool:
    """Whether a turn is still to be told of something."""
    return any(connection.execute(news).first() is not None for news in (_FIRST_NEWS, _SECOND_NEWS))


def collect(connection: Connection, now: datetime) -> bool:
    """Make timers of what became of such messages since the last time; whether there were any."""
    found = [*fetch(connection, _FIRST_NEWS, {}), *fetch(connection, _SECOND_NEWS, {})]
    timers = []
    for bucket, msisdn, tenure, message_id, about, status, told in found:
        what = _what(status, told)
        if what is not None:
            kind = f"{MESSAGE_OUTCOME}:{about.partition(':')[0]}"
            data = MessageOutcome(about, what).data()
            timers.append(StoredTimer(bucket, msisdn, tenure, kind, f"{message_id} {what.value}", now, data))
    set_timers(connection, timers)
    rows: list[Row] = [
        {
            "bucket": bucket,
            "msisdn": msisdn,
            "id": message_id,
            "told": _TAKEN if status == OutboundStatus.ACCEPTED.value else None,
        }
        for bucket, msisdn, _, message_id, _, status, _ in found
    ]
    update_rows(connection, _mt, rows, ("bucket", "msisdn", "id"))
    return bool(found)


def _what(status: str, told: int) -> DeliveryOutcome | None:
    if told == WAITING:
        return _TOLD.get(status)
    return DeliveryOutcome.UNDELIVERED if status in _NOT_DELIVERED else None


def _still_waits(_given: Given) -> ColumnElement[bool]:
    """Queued; and in the words of the index of unfinished messages, so that it serves."""
    return and_(one_of(_mt.c.status, "queued", "sending"), one_of(_mt.c.status, "queued"))


def supersede(connection: Connection, rows: Sequence[Row], now: datetime) -> None:
    """Messages about these matters that still wait are superseded (safety.md 18)."""
    superseded: list[Row] = [{**row, "status": OutboundStatus.SUPERSEDED, "final_at": now} for row in rows]
    update_rows(connection, _mt, superseded, ("bucket", "msisdn", "about"), only=_still_waits)
