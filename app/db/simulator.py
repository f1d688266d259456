"""Rows of the simulated network: the threads of its handsets, and the delivery reports that are due.

What a message of a thread says is in its row of ``inbound_message`` or ``outbound_message``.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Join,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    exists,
    func,
    join,
    or_,
    select,
)

from app.db.claims import claim_rows
from app.db.columns import customer, metadata, partial_index, required
from app.db.inbox import inbound_message
from app.db.keys import ITEM, NUMBER
from app.db.lookups import by_index, is_set
from app.db.outbound_messages import outbound_message
from app.db.outbox import ATTEMPTS, ERROR_CODE, STATUS, behind, beside, of_row, outbox
from app.db.readers import RowReader
from app.db.rows import Row, fetch, one_of
from app.db.shares import Share, of_share
from app.db.types import Id, Instant
from app.db.writing import Given, insert_new_rows
from app.domain.messages import OutboundStatus
from app.domain.msisdn import bucket_of
from app.domain.values import value

simulator_message = Table(
    "simulator_message",
    metadata,
    *customer(tenure=False),
    *required(Id, "seq", "message_id"),
    Column("direction", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("report", Text),
    Column("report_due_at", Instant),
    PrimaryKeyConstraint("bucket", "msisdn", "seq"),
    UniqueConstraint("message_id", "bucket"),
    partial_index("ix_simulator_message_report", "report_due_at", where="report_due_at IS NOT NULL"),
)

_sim = simulator_message
_mo, _mt = inbound_message, outbound_message


def add_to_threads(connection: Connection, rows: Sequence[Row]) -> None:
    """Add messages to the threads of handsets, each id once."""
    insert_new_rows(connection, _sim, rows)


@value
class ThreadMessage:
    """A message as a handset shows it.

    Attributes:
        direction: ``mo`` or ``mt``.
        provider: the one that it came or goes by.
        text: that of an MO is masked and escaped, as it is stored.
        at: when it was sent or received, UTC.
        in_reply_to: the id of the MO that an MT answers.
        status: the status of an MT; None for an MO.
    """

    seq: str
    id: str
    direction: str
    provider: str
    service_number: str
    text: str
    at: datetime
    in_reply_to: str | None
    status: str | None


THREAD_MESSAGE = RowReader(
    ThreadMessage,
    _sim,
    id=_sim.c.message_id,
    provider=func.coalesce(_mt.c.provider, _mo.c.provider),
    service_number=func.coalesce(_mt.c.service_number, _mo.c.dialled),
    text=func.coalesce(_mt.c.text, _mo.c.text),
    in_reply_to=_mt.c.in_reply_to,
    status=STATUS,
)


def _is_message(table: Table) -> ColumnElement[bool]:
    key = zip(ITEM, (_sim.c.bucket, _sim.c.msisdn, _sim.c.message_id), strict=True)
    return and_(*(by_index(table.c[name], value) for name, value in key))


# A message may have been purged.
IS_STORED = or_(_mt.c.id.is_not(None), _mo.c.id.is_not(None))


def messages_of_threads() -> Join:
    """Return the messages of threads, each with its row as MO or MT and in the outbox, if there is one."""
    found = join(_sim, _mt, _is_message(_mt), isouter=True).join(_mo, _is_message(_mo), isouter=True)
    return found.outerjoin(outbox, beside(_mt))


def thread_of(connection: Connection, msisdn: str, after: str | None, limit: int) -> list[ThreadMessage]:
    """Return at most ``limit`` messages of a handset in the order of arrival, after the message with id ``after``."""
    bucket = bucket_of(msisdn)
    mine = (_sim.c.bucket == bucket, _sim.c.msisdn == msisdn)
    statement = (
        select(*THREAD_MESSAGE.columns)
        .select_from(messages_of_threads())
        .where(*mine, IS_STORED)
        .order_by(_sim.c.seq)
        .limit(limit)
    )
    if after is not None:
        place = select(_sim.c.seq).where(*mine, _sim.c.message_id == after).scalar_subquery()
        statement = statement.where(_sim.c.seq > place)
    return list(map(THREAD_MESSAGE.read, connection.execute(statement)))


def handsets(connection: Connection) -> list[tuple[str, int, datetime]]:
    """Return the handsets with a thread, latest first: number, number of messages, time of the last one (UTC)."""
    statement = (
        select(_sim.c.msisdn, func.count(), func.max(_sim.c.at, type_=Instant))
        .group_by(_sim.c.msisdn)
        .order_by(func.max(_sim.c.at).desc())
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


@value
class DueReport:
    """A delivery report that the simulated network is to send; ``report`` is its status."""

    bucket: int
    msisdn: str
    seq: str
    message_id: str
    report: str


_DUE_REPORT = RowReader(DueReport, _sim)
# A carrier reports after it has answered. While the answer is not recorded yet, the report is held back.
_STILL_SENDING = exists().where(_is_message(outbox), is_set(outbox.c.leased_by))
_DUE = (
    select(*_DUE_REPORT.columns)
    .where(_sim.c.report_due_at <= bindparam("now", type_=Instant), ~_STILL_SENDING)
    .order_by(_sim.c.report_due_at, _sim.c.seq)
    .limit(bindparam("limit"))
)


def _is_owed(_given: Given) -> ColumnElement[bool]:
    return is_set(_sim.c.report_due_at)


def due_reports(connection: Connection, now: datetime, limit: int, share: Share | None = None) -> list[DueReport]:
    """Return at most ``limit`` reports of a share that are due."""
    due = fetch(connection, *of_share(connection, _DUE, _sim, share, {"now": now, "limit": limit}))
    return list(map(_DUE_REPORT.read, due))


def claim_reports(connection: Connection, due: Sequence[DueReport]) -> list[DueReport]:
    """Mark reports as sent, and return those that nobody else has sent."""
    rows = [{"bucket": one.bucket, "msisdn": one.msisdn, "seq": one.seq, "report_due_at": None} for one in due]
    ours = claim_rows(connection, _sim, rows, (*NUMBER, "seq"), _is_owed)
    return [one for one in due if (one.bucket, one.msisdn, one.seq) in ours]


def next_due(after: BindParameter[datetime]) -> Select[tuple[datetime]]:
    """Return the query for when the first report after ``after`` is due."""
    due_at = _sim.c.report_due_at
    return select(due_at).where(due_at > after).order_by(due_at).limit(1)


@value
class OutboxMessage:
    """An MT that its handset does not show for certain: it is on its way, or was given up.

    Attributes:
        provider: the one that it goes by.
        status: queued, sending, or how it ended (failed, expired).
        attempts: how often it was offered to the network.
        due_at: when it is offered next, UTC; None for one that was given up.
        is_behind: an earlier one of its handset and lane is sent before it.
        error_code: why the last attempt failed, in the network's words.
        is_shown: the handset shows it, but the answer to the attempt was lost.
    """

    id: str
    provider: str
    service_number: str
    status: str
    attempts: int
    made_at: datetime
    due_at: datetime | None
    is_behind: bool
    error_code: str | None
    in_reply_to: str | None
    is_shown: bool


_earlier = outbox.alias("earlier")
_IS_SHOWN = exists().where(by_index(_sim.c.message_id, _mt.c.id), by_index(_sim.c.bucket, _mt.c.bucket))
_OUTBOX_MESSAGE = RowReader(
    OutboxMessage,
    _mt,
    status=STATUS,
    attempts=ATTEMPTS,
    error_code=ERROR_CODE,
    due_at=outbox.c.due_at,
    is_behind=exists().where(behind(_earlier)),
    is_shown=_IS_SHOWN,
)
_GIVEN_UP = and_(one_of(_mt.c.status, OutboundStatus.FAILED, OutboundStatus.EXPIRED), ~_IS_SHOWN)


def outbox_of(connection: Connection, msisdn: str, providers: Sequence[str], limit: int) -> list[OutboxMessage]:
    """Return the newest ``limit`` messages of providers on their way to a handset or given up, oldest first."""
    statement = (
        select(*_OUTBOX_MESSAGE.columns)
        .join_from(_mt, outbox, beside(_mt), isouter=True)
        .where(_mt.c.bucket == bucket_of(msisdn), _mt.c.msisdn == msisdn, _mt.c.provider.in_(providers))
        .where(or_(outbox.c.id.is_not(None), _GIVEN_UP))
        .order_by(_mt.c.id.desc())
        .limit(limit)
    )
    return [_OUTBOX_MESSAGE.read(row) for row in connection.execute(statement)][::-1]


@value
class BeingSent:
    """A message that a provider is being given; ``attempts`` includes this one."""

    id: str
    attempts: int


_BEING_SENT = RowReader(BeingSent, _mt, attempts=ATTEMPTS)


def being_sent(connection: Connection, provider: str, msisdn: str, service_number: str, text: str) -> BeingSent | None:
    """Return the message that a provider is being given for a number, and that says this; None if there is none.

    Of several the oldest that its handset does not show yet.
    """
    statement = (
        select(*_BEING_SENT.columns)
        .join_from(outbox, _mt, of_row())
        .where(outbox.c.bucket == bucket_of(msisdn), outbox.c.msisdn == msisdn, outbox.c.provider == provider)
        .where(is_set(outbox.c.leased_by), _mt.c.service_number == service_number, _mt.c.text == text)
        .order_by(case((_IS_SHOWN, 1), else_=0), _mt.c.id)
        .limit(1)
    )
    found = connection.execute(statement).first()
    return None if found is None else _BEING_SENT.read(found)
