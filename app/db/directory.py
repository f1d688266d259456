"""Queries of the management API: subscribers, subscriptions, messages, attempts and delivery reports."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, FromClause, Table, Text, case, func, literal_column, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from app.db.conversations import conversation
from app.db.handovers import attempt
from app.db.inbox import inbound_message
from app.db.keys import NUMBER
from app.db.outbound_messages import outbound_message
from app.db.outbox import ATTEMPTS, ERROR_CODE, STATUS, beside, outbox
from app.db.pages import Part
from app.db.readers import RowReader
from app.db.reports import delivery_report
from app.db.rows import matching, one_of
from app.db.subscribers import SUBSCRIBER, subscriber
from app.db.subscriptions import SUBSCRIPTION, subscription
from app.domain.account import Subscriber
from app.domain.messages import AttemptResult, InboundStatus
from app.domain.msisdn import bucket_of
from app.domain.subscriptions import Subscription
from app.domain.values import value


def current_tenure(connection: Connection, msisdn: str) -> Subscriber | None:
    """Return the newest tenure of a number; None for one that never had a subscriber."""
    columns = subscriber.c
    statement = (
        select(*SUBSCRIBER.columns)
        .where(columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn)
        .order_by(columns.tenure.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    return SUBSCRIBER.read(row) if row else None


def tenures_held(connection: Connection, msisdn: str) -> list[int]:
    """Return the tenures that a number has had, newest first."""
    columns = subscriber.c
    mine = (columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn)
    return list(connection.execute(select(columns.tenure).where(*mine).order_by(columns.tenure.desc())).scalars())


def tenure_of(connection: Connection, msisdn: str, tenure: int) -> Subscriber | None:
    """Return one tenure of a number; None if there is none."""
    columns = subscriber.c
    mine = (columns.bucket == bucket_of(msisdn), columns.msisdn == msisdn, columns.tenure == tenure)
    row = connection.execute(select(*SUBSCRIBER.columns).where(*mine)).one_or_none()
    return SUBSCRIBER.read(row) if row else None


def subscriptions_of(connection: Connection, msisdn: str, tenure: int) -> list[Subscription]:
    """Return all subscriptions of a tenure, ended ones too, by start, then code."""
    columns = subscription.c
    statement = (
        select(*SUBSCRIPTION.columns)
        .where(
            columns.bucket == bucket_of(msisdn),
            columns.msisdn == msisdn,
            columns.tenure == tenure,
        )
        .order_by(columns.started_at, columns.service_code, columns.id)
    )
    return list(map(SUBSCRIPTION.read, connection.execute(statement)))


@value
class MessageFilter:
    """Which messages to read; None: no condition.

    Attributes:
        tenure: with ``msisdn``: only messages of this tenure or of none.
        direction: ``mo`` or ``mt``.
        former: also messages of former tenures, where ``tenure`` is not given (safety.md 1).
    """

    msisdn: str | None = None
    tenure: int | None = None
    direction: str | None = None
    status: str | None = None
    former: bool = False


@value
class MessageRead:
    """An MO or MT. Fields that only the other direction has are None; times are UTC.

    Attributes:
        direction: ``mo`` or ``mt``.
        provider_message_id: the provider's id, of an MT once the provider took it.
        at: when an MO was stored, or an MT was made.
        kind: the message class of an MT.
        in_reply_to: the id of the MO that an MT answers.
        attempts: how often sending an MT was tried.
        final_at: when nothing more was expected of an MT.
        part: which part of a long message an MO is, from 1.
        parts: of how many parts the long message is.
        missing: how many parts never came.
        trace: where handling an MO raised an error, without values.
        about: the matter that an MT is about, such as ``charge:c-1``.
        stamped_at: when an MO was sent, by the provider's stamp if it is credible.
    """

    id: str
    direction: str
    msisdn: str
    service_number: str
    text: str
    provider: str
    provider_message_id: str | None
    status: str
    at: datetime
    kind: str | None = None
    encoding: str | None = None
    segments: int | None = None
    in_reply_to: str | None = None
    attempts: int | None = None
    handed_over_at: datetime | None = None
    final_at: datetime | None = None
    valid_until: datetime | None = None
    error_code: str | None = None
    verdict: str | None = None
    part: int | None = None
    parts: int | None = None
    missing: int | None = None
    trace: str | None = None
    question_id: str | None = None
    tenure: int | None = None
    about: str | None = None
    stamped_at: datetime | None = None


def _stamped_at() -> ColumnElement[datetime]:
    """Return what ``stamp`` returns of an MO."""
    received, stored = inbound_message.c.received_at, inbound_message.c.stored_at
    return case((received < stored, received), else_=stored)


def _tenure(table: Table) -> ColumnElement[int]:
    """Return the tenure of a message; for an MO not handled yet, the tenure in which it was sent (safety.md 1).

    The first tenure has no known start. NULL: the number had no subscriber.
    """
    if table is not inbound_message:
        return table.c.tenure
    began = or_(subscriber.c.tenure == 1, subscriber.c.created_at <= _stamped_at())
    of_its_time = select(func.max(subscriber.c.tenure)).where(matching(table, subscriber, NUMBER), began)
    return func.coalesce(table.c.tenure, of_its_time.scalar_subquery())


_ONLY_MT = (
    "kind", "encoding", "segments", "in_reply_to", "attempts", "handed_over_at", "final_at", "valid_until",
    "error_code", "question_id", "about",
)  # fmt: skip
_MO = RowReader(
    MessageRead,
    inbound_message,
    direction=literal_column("'mo'", Text),
    service_number=inbound_message.c.dialled,
    at=inbound_message.c.stored_at,
    part=func.nullif(inbound_message.c.part, 0),
    tenure=_tenure(inbound_message),
    stamped_at=_stamped_at(),
    **dict.fromkeys(_ONLY_MT),
)
_MT = RowReader(
    MessageRead,
    outbound_message,
    direction=literal_column("'mt'", Text),
    at=outbound_message.c.made_at,
    kind=outbound_message.c["class"],
    status=STATUS,
    attempts=ATTEMPTS,
    error_code=ERROR_CODE,
    **dict.fromkeys(("verdict", "part", "parts", "missing", "trace", "stamped_at")),
)
# By direction: the table, what its rows are read from, and the reader.
_TABLES: Mapping[str, tuple[Table, FromClause, RowReader[MessageRead]]] = {
    "mo": (inbound_message, inbound_message, _MO),
    "mt": (outbound_message, outbound_message.outerjoin(outbox, beside(outbound_message)), _MT),
}
_AT = {"mo": inbound_message.c.stored_at, "mt": outbound_message.c.made_at}


def list_messages(connection: Connection, wanted: MessageFilter, part: Part) -> list[MessageRead]:
    """Return a part of the messages of one direction or both, by id; the time of a message is ``at``."""
    found: list[MessageRead] = []
    for direction, (table, source, reader) in _TABLES.items():
        if wanted.direction in (None, direction):
            chosen = select(*reader.columns).select_from(source).where(*_conditions(table, wanted))
            statement = part.of(chosen, table.c.id, _AT[direction])
            found += map(reader.read, connection.execute(statement))
    return sorted(found, key=lambda message: message.id, reverse=part.descending)[: part.limit]


def _conditions(table: Table, wanted: MessageFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.msisdn is not None:
        conditions += [table.c.bucket == bucket_of(wanted.msisdn), table.c.msisdn == wanted.msisdn]
    if wanted.tenure is not None:
        tenure = _tenure(table)
        conditions.append(or_(tenure == wanted.tenure, tenure.is_(None)))
    elif not wanted.former:
        conditions.append(_is_present(table))
    if wanted.status is not None:
        conditions.append((STATUS if table is outbound_message else table.c.status) == wanted.status)
    return conditions


def _is_present(table: Table) -> ColumnElement[bool]:
    """Return the condition that a message is of the number's present tenure."""
    return ~select(1).where(matching(table, conversation, NUMBER), conversation.c.tenure != _tenure(table)).exists()


def message_by_id(connection: Connection, message_id: str, *, former: bool = True) -> MessageRead | None:
    """Return a message of either direction, or None; one of a former tenure only with ``former``."""
    for table, source, reader in _TABLES.values():
        present = () if former else (_is_present(table),)
        chosen = select(*reader.columns).select_from(source).where(table.c.id == message_id, *present)
        row = connection.execute(chosen).one_or_none()
        if row is not None:
            return reader.read(row)
    return None


@value
class AttemptRead:
    """An attempt to send a message that did not succeed.

    Attributes:
        number: the attempt's number, from 1.
        at: when it ended, UTC.
        result: any but ``accepted``.
        error_code: the provider's answer, or why there was none.
    """

    number: int
    at: datetime
    result: AttemptResult
    error_code: str | None


_ATTEMPT = RowReader(AttemptRead, attempt)


def attempts_of(connection: Connection, message: MessageRead) -> list[AttemptRead]:
    """Return the failed attempts to send a message, in order."""
    columns = attempt.c
    statement = (
        select(*_ATTEMPT.columns)
        .where(columns.bucket == bucket_of(message.msisdn), columns.message_id == message.id)
        .order_by(columns.number)
    )
    return list(map(_ATTEMPT.read, connection.execute(statement)))


@value
class ReportRead:
    """A delivery report as it came; ``at`` is when it was stored, UTC."""

    status: str
    error_code: str | None
    at: datetime


_REPORT = RowReader(ReportRead, delivery_report, at=delivery_report.c.stored_at)


def reports_of(connection: Connection, message: MessageRead) -> list[ReportRead]:
    """Return all delivery reports of a message in the order they came, contradictory ones included."""
    columns = delivery_report.c
    statement = (
        select(*_REPORT.columns)
        .where(columns.provider == message.provider, columns.provider_message_id == message.provider_message_id)
        .order_by(columns.id)
    )
    return list(map(_REPORT.read, connection.execute(statement)))


def requeue(connection: Connection, message_id: str, now: datetime) -> bool:
    """Put a dead letter back into the queue. Return False if there is no dead letter of this id."""
    columns = inbound_message.c
    dead = (columns.id == message_id, one_of(columns.status, InboundStatus.DEAD))
    statement = update(inbound_message).where(*dead).values(status=InboundStatus.PENDING.value, tries=0, due_at=now)
    return connection.execute(statement).rowcount == 1
