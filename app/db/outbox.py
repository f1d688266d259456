"""Messages out: made by turns, claimed in order with a lease, and what became of each attempt."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, or_, select, update

from app.db import tables
from app.db.rows import Fields, Row, fetch, insert_rows, one_of, raw, update_rows
from app.db.types import Instant, from_micros
from app.domain.messages import Lane, OutboundStatus
from app.domain.values import value

_mt = tables.outbound_message
ROW = ("bucket", "msisdn", "id")


@value
class ClaimedMessage:
    """An MT that this worker may hand over; ``attempts`` counts the one that is about to begin.

    ``leased_by`` names this claim and no other: whoever has lost it cannot write over a later attempt.
    """

    bucket: int
    msisdn: str
    id: str
    lane: str
    service_number: str
    text: str
    kind: str
    encoding: str
    segments: int
    question_id: str | None
    in_reply_to: str | None
    valid_until: datetime
    attempts: int
    leased_by: str = ""


def enqueue(connection: Connection, rows: Sequence[Row]) -> None:
    """Put new messages into the outbox."""
    insert_rows(connection, _mt, rows)


def unfinished(status: ColumnElement[str]) -> ColumnElement[bool]:
    """In the words of the partial indexes."""
    return one_of(status, "queued", "sending")


def _may_go() -> ColumnElement[bool]:
    """Due, and not behind an earlier message of the same subscriber and lane that waits or is under way.

    One that another provider is to carry is waited for; one whose validity is over never goes.
    """
    earlier = _mt.alias("earlier")
    now = bindparam("now", type_=Instant)
    waits = and_(earlier.c.valid_until > now, or_(earlier.c.due_at > now, earlier.c.provider != _mt.c.provider))
    held_back = exists().where(
        earlier.c.bucket == _mt.c.bucket,
        earlier.c.msisdn == _mt.c.msisdn,
        earlier.c.lane == _mt.c.lane,
        earlier.c.id < _mt.c.id,
        unfinished(earlier.c.status),
        # Written out, or SQLite would plan the query anew each time: the word decides whether the index serves.
        or_(one_of(earlier.c.status, "sending"), waits),
    )
    return and_(unfinished(_mt.c.status), one_of(_mt.c.status, "queued"), _mt.c.due_at <= now, ~held_back)


_CLAIMED_COLUMNS = [
    raw(_mt.c["class" if name == "kind" else name])
    for name in ClaimedMessage.__dataclass_fields__
    if name != "leased_by"
]
# Of one lane, in the order of the index: however many wait, no more is read than is claimed.
_DUE = (
    select(*_CLAIMED_COLUMNS)
    .where(_mt.c.provider == bindparam("provider"), _mt.c.lane == bindparam("lane"), _may_go())
    .order_by(_mt.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True, of=_mt)
)


def due_messages(
    connection: Connection, provider: str, now: datetime, most: int, leased_by: str
) -> list[ClaimedMessage]:
    """Messages that may go now, prompt ones first, for a lease of that name; the provider's lane is locked."""
    found: list[ClaimedMessage] = []
    for lane in (Lane.PROMPT, Lane.BULK):
        given = {"provider": provider, "lane": lane.value, "now": now, "most": most - len(found)}
        found += [_claimed(row, leased_by) for row in fetch(connection, _DUE, given)]
        if len(found) == most:
            break
    return found


def _claimed(row: Fields, leased_by: str) -> ClaimedMessage:
    (bucket, msisdn, id_, lane, number, text, kind, encoding, segments, question, answered, valid_until, attempts) = row
    return ClaimedMessage(
        bucket, msisdn, id_, lane, number, text, kind, encoding, segments, question, answered,
        from_micros(valid_until), attempts + 1, leased_by,
    )  # fmt: skip


def lease(connection: Connection, messages: Sequence[ClaimedMessage], until: datetime) -> None:
    """Take messages until ``until`` by the machine's clock; a worker that dies gives them back by that."""
    rows = [
        {
            "bucket": message.bucket,
            "msisdn": message.msisdn,
            "id": message.id,
            "status": OutboundStatus.SENDING,
            "attempts": message.attempts,
            "leased_by": message.leased_by,
            "leased_until": until,
        }
        for message in messages
    ]
    update_rows(connection, _mt, rows, ROW)


def postpone(connection: Connection, messages: Sequence[ClaimedMessage], until: datetime) -> None:
    """Hand messages over no earlier than that, by the gateway's clock."""
    rows = [{"bucket": one.bucket, "msisdn": one.msisdn, "id": one.id, "due_at": until} for one in messages]
    update_rows(connection, _mt, rows, ROW)


def supersede_queued(connection: Connection, bucket: int, msisdn: str, tenure: int, now: datetime) -> None:
    """What waits for the holder of an ended tenure is never sent; what is being handed over is tried no further."""
    columns = _mt.c
    mine = (
        columns.bucket == bucket,
        columns.msisdn == msisdn,
        columns.tenure == tenure,
        unfinished(columns.status),
    )
    waits, under_way = one_of(columns.status, "queued"), one_of(columns.status, "sending")
    connection.execute(select(columns.id).where(*mine).order_by(columns.id).with_for_update())
    connection.execute(update(_mt).where(*mine, waits).values(status=OutboundStatus.SUPERSEDED.value, final_at=now))
    connection.execute(update(_mt).where(*mine, under_way, columns.valid_until > now).values(valid_until=now))


_LOST = (
    select(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
    .where(
        unfinished(_mt.c.status),
        one_of(_mt.c.status, "sending"),
        or_(_mt.c.leased_until < bindparam("machine_now", type_=Instant), bindparam("all_of_them")),
    )
    .order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
    .with_for_update(skip_locked=True)
)


def give_back_lost(
    connection: Connection, provider: str, machine_now: datetime, now: datetime, *, resend: bool, everything: bool
) -> int:
    """End the leases of workers that died: their attempts are unknown (delivery.md 8); how many there were.

    ``resend``: the provider recognises our reference, so asking again does no harm. ``everything``: no worker is alive.
    """
    lost = _LOST.where(_mt.c.provider == provider)
    rows = [
        {
            "bucket": row.bucket,
            "msisdn": row.msisdn,
            "id": row.id,
            "status": OutboundStatus.QUEUED if resend else OutboundStatus.UNKNOWN,
            "due_at": now,
            "leased_by": None,
            "leased_until": None,
        }
        for row in connection.execute(lost, {"machine_now": machine_now, "all_of_them": everything})
    ]
    update_rows(connection, _mt, rows, ROW)
    return len(rows)


@value
class FailoverRoute:
    """Another way for messages: the provider, the one number of ours that it can show (None: all), whom it reaches."""

    provider: str
    only_number: str | None = None
    prefixes: tuple[str, ...] = ()


def fail_over(connection: Connection, provider: str, detour: FailoverRoute, now: datetime, most: int) -> int:
    """Let another provider carry what waits for one that is out of order; how many messages that were."""
    conditions = [_mt.c.provider == provider, unfinished(_mt.c.status), one_of(_mt.c.status, "queued")]
    if detour.only_number is not None:
        conditions.append(_mt.c.service_number == detour.only_number)
    if detour.prefixes:
        conditions.append(or_(*(_mt.c.msisdn.startswith(prefix, autoescape=True) for prefix in detour.prefixes)))
    waiting = (
        select(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
        .where(*conditions)
        .order_by(_mt.c.lane.desc(), _mt.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    rows = [
        {"bucket": row.bucket, "msisdn": row.msisdn, "id": row.id, "provider": detour.provider, "due_at": now}
        for row in connection.execute(waiting)
    ]
    update_rows(connection, _mt, rows, ROW)
    return len(rows)


def adopt_orphans(connection: Connection, known: Sequence[str], heir: str, machine_now: datetime, now: datetime) -> int:
    """Give what waits for providers that the settings no longer know to ``heir``; how many messages that were.

    What one of them was being handed when its worker died is unknown (delivery.md 8).
    """
    gone = or_(one_of(_mt.c.status, "queued"), _mt.c.leased_until < machine_now)
    found = (
        select(_mt.c.bucket, _mt.c.msisdn, _mt.c.id, _mt.c.status, _mt.c.provider)
        .where(unfinished(_mt.c.status), gone, _mt.c.provider.not_in(known))
        .order_by(_mt.c.bucket, _mt.c.msisdn, _mt.c.id)
        .with_for_update()
    )
    rows = [
        {
            "bucket": row.bucket,
            "msisdn": row.msisdn,
            "id": row.id,
            "provider": heir if row.status == OutboundStatus.QUEUED else row.provider,
            "status": OutboundStatus.QUEUED if row.status == OutboundStatus.QUEUED else OutboundStatus.UNKNOWN,
            "due_at": now,
            "leased_by": None,
            "leased_until": None,
        }
        for row in connection.execute(found)
    ]
    update_rows(connection, _mt, rows, ROW)
    return len(rows)


_lane = tables.provider_lane
_QUEUED_FOR_LANE = exists().where(
    _mt.c.provider == _lane.c.provider, unfinished(_mt.c.status), one_of(_mt.c.status, "queued")
)
_NEXT_DUE = (
    select(_mt.c.due_at)
    .where(unfinished(_mt.c.status), one_of(_mt.c.status, "queued"), _mt.c.due_at > bindparam("after", type_=Instant))
    .order_by(_mt.c.due_at)
    .limit(1)
)
_NEXT_RESUMED = (
    select(_lane.c.paused_until)
    .where(_lane.c.paused_until > bindparam("after", type_=Instant), _QUEUED_FOR_LANE)
    .order_by(_lane.c.paused_until)
    .limit(1)
)


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """When the next queued message is due, or its provider works again, behind an instant."""
    found = [connection.execute(query, {"after": after}).scalar() for query in (_NEXT_DUE, _NEXT_RESUMED)]
    return min((moment for moment in found if moment is not None), default=None)


_PAUSED = exists().where(_lane.c.provider == _mt.c.provider, _lane.c.paused_until > bindparam("now", type_=Instant))
_MAY_GO = select(_mt.c.id).where(_may_go(), ~_PAUSED).limit(1)
_CLAIMED = select(_mt.c.id).where(unfinished(_mt.c.status), one_of(_mt.c.status, "sending")).limit(1)


def anything_to_do(connection: Connection, now: datetime) -> bool:
    """Whether some message may go now, or is being handed over."""
    claimed = connection.execute(_CLAIMED).one_or_none()
    return claimed is not None or connection.execute(_MAY_GO, {"now": now}).one_or_none() is not None


def retry_at(now: datetime, wait: timedelta, valid_until: datetime) -> datetime:
    """The next attempt, or the end of the message's validity, whichever comes first."""
    return min(now + wait, valid_until)
