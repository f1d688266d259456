"""Queries for the inspection of one message: what its turn made, read from the rows that everyday work writes.

No row names the turn that made it. A turn draws the ids of what it makes after those of everything that its subscriber
had before, and those of its messages last. So what it made lies between the messages of the turn before and its own.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Column, Connection, Table, func, literal, null, select
from sqlalchemy.sql.elements import ColumnElement

from app.db.directory import MessageRead
from app.db.events import EVENT_READ, EventRead, event
from app.db.evidence import evidence
from app.db.inbox import inbound_message
from app.db.keys import TenureKey
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.db.readers import RowReader
from app.db.record_tables import RECORD_TABLES
from app.db.rows import one_of
from app.db.timers import TIMER, StoredTimer, timer
from app.domain.evidence import EvidenceRecord
from app.domain.ids import is_id
from app.domain.messages import InboundStatus
from app.domain.msisdn import bucket_of
from app.domain.values import value

_mo, _mt, _event = inbound_message.c, outbound_message.c, event.c
# More than any reply has, and than any number sends at one instant.
_MOST = 500


def _of_number(table: Table, msisdn: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.bucket == bucket_of(msisdn), table.c.msisdn == msisdn


def _of_tenure(table: Table, tenure: TenureKey) -> tuple[ColumnElement[bool], ...]:
    return *_of_number(table, tenure[1]), table.c.tenure == tenure[2]


@value
class Handling:
    """How far an MO is. Times are UTC.

    Attributes:
        sent_at: the time that counts for windows.
        due_at: not handled before.
        handled_at: when its turn ran; None: it waits.
        tries: how often handling it failed.
    """

    sent_at: datetime
    due_at: datetime
    handled_at: datetime | None
    tries: int


_HANDLING = RowReader(Handling, inbound_message)


def handling_of(connection: Connection, message: MessageRead) -> Handling:
    """Return how far an MO is."""
    statement = select(*_HANDLING.columns).where(*_of_number(inbound_message, message.msisdn), _mo.id == message.id)
    return _HANDLING.read(connection.execute(statement).one())


def has_earlier(connection: Connection, message: MessageRead) -> bool:
    """Return True if the number sent an MO before this one."""
    earlier = (*_of_number(inbound_message, message.msisdn), _mo.id < message.id)
    return connection.execute(select(_mo.id).where(*earlier).limit(1)).first() is not None


# ---- messages


def answers_to(connection: Connection, message: MessageRead) -> list[str]:
    """Return the ids of the MTs that answer an MO, in order."""
    return _ids(connection, *_of_number(outbound_message, message.msisdn), _mt.in_reply_to == message.id)


def unasked_at(connection: Connection, msisdn: str, made_at: datetime, after: str) -> list[str]:
    """Return the ids of the MTs of a number that answer no MO and were made at an instant (UTC), after an id."""
    mine = _of_number(outbound_message, msisdn)
    return _ids(connection, *mine, _mt.in_reply_to.is_(None), _mt.made_at == made_at, _mt.id > after)


def unasked_like(connection: Connection, message: MessageRead) -> list[str]:
    """Return the ids of the MTs that were made with one that answers no MO: those about the same matter, in order."""
    mine = _of_number(outbound_message, message.msisdn)
    same = (_is(_mt.about, message.about), _is(_mt.question_id, message.question_id), _mt.made_at == message.at)
    return _ids(connection, *mine, _mt.in_reply_to.is_(None), *same)


def _is(column: Column[str], given: str | None) -> ColumnElement[bool]:
    return column.is_(None) if given is None else column == given


def _ids(connection: Connection, *conditions: ColumnElement[bool]) -> list[str]:
    return list(connection.execute(select(_mt.id).where(*conditions).order_by(_mt.id).limit(_MOST)).scalars())


def given_up_at(connection: Connection, msisdn: str, at: datetime) -> str | None:
    """Return the id of the MO of a number that became a dead letter at an instant (UTC); None if none did."""
    dead = (*_of_number(inbound_message, msisdn), _mo.handled_at == at, one_of(_mo.status, InboundStatus.DEAD))
    return connection.execute(select(_mo.id).where(*dead).order_by(_mo.id).limit(1)).scalar_one_or_none()


def last_before(connection: Connection, msisdn: str, message_id: str) -> str | None:
    """Return the id of the last MT of a number before another one; None if it is the first."""
    mine = _of_number(outbound_message, msisdn)
    found: str | None = connection.execute(
        select(func.max(_mt.id, type_=_mt.id.type)).where(*mine, _mt.id < message_id)
    ).scalar_one()
    return found


def due_again(connection: Connection, msisdn: str) -> dict[str, datetime]:
    """Return by id when the MTs of a number that wait, and that nobody is sending, are tried next (UTC)."""
    waiting = outbox.c.leased_by.is_(None)
    statement = select(outbox.c.id, outbox.c.due_at).where(*_of_number(outbox, msisdn), waiting)
    return {row[0]: row[1] for row in connection.execute(statement)}


@value
class HandledText:
    """A text of a number that was handled."""

    id: str
    text: str
    verdict: str


_HANDLED_TEXT = RowReader(HandledText, inbound_message)


def handled_between(connection: Connection, msisdn: str, after: str, upto: str, at: datetime) -> list[HandledText]:
    """Return the MOs of a number that were handled at an instant (UTC), of the ids after one and up to another."""
    found = (*_of_number(inbound_message, msisdn), _mo.id > after, _mo.id <= upto, _mo.handled_at == at)
    statement = select(*_HANDLED_TEXT.columns).where(*found, _mo.verdict.is_not(None)).order_by(_mo.id).limit(_MOST)
    return list(map(_HANDLED_TEXT.read, connection.execute(statement)))


# ---- what a turn made


def events_between(connection: Connection, tenure: TenureKey, after: str, before: str) -> list[EventRead]:
    """Return the events about a tenure with ids between two others, in order."""
    conditions = (*_of_tenure(event, tenure), _event.id > after, _event.id < before)
    statement = select(*EVENT_READ.columns).where(*conditions).order_by(_event.id)
    return list(map(EVENT_READ.read, connection.execute(statement)))


_EVIDENCE = RowReader(EvidenceRecord, evidence)


def evidence_of(connection: Connection, tenure: TenureKey, at: datetime, subject: str | None) -> list[EvidenceRecord]:
    """Return a tenure's evidence about a subject up to an instant (UTC), or of what happened at it, whatever about."""
    columns = evidence.c
    wanted = (columns.at == at,) if subject is None else (columns.subject == subject, columns.at <= at)
    statement = select(*_EVIDENCE.columns).where(*_of_tenure(evidence, tenure), *wanted).order_by(columns.seq)
    return list(map(_EVIDENCE.read, connection.execute(statement)))


def timers_about(connection: Connection, tenure: TenureKey, subjects: Collection[str]) -> list[StoredTimer]:
    """Return the timers of a tenure about any of these subjects, in order of time."""
    conditions = (*_of_tenure(timer, tenure), timer.c.subject.in_(subjects))
    statement = select(*TIMER.columns).where(*conditions).order_by(timer.c.due_at, timer.c.kind)
    return list(map(TIMER.read, connection.execute(statement)))


@value
class RecordFound:
    """A record in short.

    Attributes:
        table: the table that it is in, such as ``ticket``.
        service_code, state: None for a kind of record that has none.
    """

    table: str
    id: str
    service_code: str | None
    state: str | None


def records_between(
    connection: Connection, tenure: TenureKey, after: str, upto: str, ids: Sequence[str]
) -> list[RecordFound]:
    """Return a tenure's records with one of these ids, and those with ids of the gateway's between two others."""
    found = list(_records(connection, tenure, after, upto, ids))
    return [one for one in found if one.id in ids or is_id(one.id)]


def _records(
    connection: Connection, tenure: TenureKey, after: str, upto: str, ids: Sequence[str]
) -> Iterator[RecordFound]:
    for known in RECORD_TABLES.values():
        columns = known.table.c
        wanted = columns.id.in_(ids) | ((columns.id > after) & (columns.id <= upto))
        short = [columns.get(name, null()).label(name) for name in ("service_code", "state")]
        mine = (*_of_tenure(known.table, tenure), wanted)
        statement = select(literal(known.table.name), columns.id, *short).where(*mine).order_by(columns.id)
        yield from (RecordFound(*row) for row in connection.execute(statement))
