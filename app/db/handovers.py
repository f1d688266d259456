"""Results of attempts to send: recorded on the messages, and on the questions that they ask."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Update,
    bindparam,
    exists,
    or_,
    update,
)

from app.db import message_parts
from app.db.claims import Key, remove_rows
from app.db.columns import CLUSTERED, by_time, customer, metadata
from app.db.keys import ITEM, NUMBER, ItemKey
from app.db.lookups import by_index, is_set
from app.db.message_parts import MessagePart
from app.db.outbound_messages import outbound_message, set_fates
from app.db.outbox import ClaimedMessage, beside, end_leases, is_own, of_row, outbox
from app.db.questions import question
from app.db.rows import Row, as_keys, fetch, given_keys, matching, one_of
from app.db.types import Id, Instant
from app.db.writing import Condition, Given, insert_new_rows
from app.domain.messages import AttemptResult, OutboundStatus
from app.domain.values import value

# Failed attempts to send a message.
attempt = Table(
    "attempt",
    metadata,
    *customer(tenure=False),
    Column("message_id", Id, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", Text, nullable=False),
    Column("error_code", Text),
    PrimaryKeyConstraint("bucket", "message_id", "number"),
    **CLUSTERED,
    **by_time("message_id"),
)

_mt = outbound_message


@value
class Handover:
    """The result of an attempt, as the message's row is to say it. Times are UTC, by the gateway's clock.

    Attributes:
        due_at: when the message is tried again, if it is queued.
        result: None if it was not tried.
        handed_over_at: when the provider accepted it.
        final_at: when it ended, if it has.
        parts: the provider's ids of all segments, in order, if it reports on each.
        progress: what the next attempt must know.
    """

    message: ClaimedMessage
    status: OutboundStatus
    due_at: datetime
    result: AttemptResult | None = None
    provider_message_id: str | None = None
    handed_over_at: datetime | None = None
    final_at: datetime | None = None
    error_code: str | None = None
    parts: tuple[str, ...] = ()
    progress: str | None = None

    @property
    def attempts(self) -> int:
        """How often the message was tried."""
        return self.message.attempts if self.result else self.message.attempts - 1


def record(connection: Connection, provider: str, handovers: Sequence[Handover], now: datetime) -> None:
    """Record results of a provider's attempts. After a lost lease only an acceptance counts."""
    if not handovers:
        return
    _give_back(connection, [item for item in handovers if item.status is OutboundStatus.QUEUED])
    _end(connection, [item for item in handovers if item.status is not OutboundStatus.QUEUED])
    message_parts.save(connection, [row for item in handovers for row in _accepted_parts(provider, item)])
    _record_failures(connection, handovers, now)


def _key_of(message: ClaimedMessage) -> dict[str, object]:
    return {"bucket": message.bucket, "msisdn": message.msisdn, "id": message.id}


def _is_own_or_free(given: Given) -> ColumnElement[bool]:
    """Return the condition: the lease still holds, or it ended and nobody else has leased the message."""
    return or_(is_own(given), outbox.c.leased_by.is_(None))


def _give_back(connection: Connection, handovers: Sequence[Handover]) -> None:
    """Put messages back into the queue that were not taken yet."""
    rows = [
        {
            **_key_of(item.message),
            "leased_by": item.message.leased_by,
            "due_at": item.due_at,
            "attempts": item.attempts,
            "error_code": item.error_code,
            "progress": item.progress,
        }
        for item in handovers
    ]
    end_leases(connection, rows)


def _take_out(connection: Connection, handovers: Sequence[Handover], only: Condition) -> set[Key]:
    rows = [{**_key_of(item.message), "leased_by": item.message.leased_by} for item in handovers]
    return remove_rows(connection, outbox, rows, ITEM, only)


def _is_unknown(_given: Given) -> ColumnElement[bool]:
    return one_of(_mt.c.status, OutboundStatus.UNKNOWN)


def _end(connection: Connection, handovers: Sequence[Handover]) -> None:
    """Take messages out of the outbox that were handed over or ended, and write what became of them."""
    accepted = [item for item in handovers if item.status is OutboundStatus.ACCEPTED]
    others = [item for item in handovers if item.status is not OutboundStatus.ACCEPTED]
    ours = _take_out(connection, accepted, _is_own_or_free) | _take_out(connection, others, is_own)
    fates: dict[Key, Row] = {}
    # Two attempts at a message may end together, if the lease of the first one was over. An acceptance counts, else the
    # last one.
    for item in sorted(handovers, key=lambda item: (item.status is OutboundStatus.ACCEPTED, item.attempts)):
        message = item.message
        fates[message.bucket, message.msisdn, message.id] = {
            **_key_of(message),
            "status": item.status,
            "attempts": item.attempts,
            "segments": len(item.parts) or message.segments,
            "provider_message_id": item.provider_message_id,
            "handed_over_at": item.handed_over_at,
            "final_at": item.final_at,
            "error_code": item.error_code,
        }
    set_fates(connection, [fate for key, fate in fates.items() if key in ours])
    # The lease ended, and what became of the attempt was unknown until now.
    late = [fate for key, fate in fates.items() if key not in ours and fate["status"] is OutboundStatus.ACCEPTED]
    set_fates(connection, late, only=_is_unknown)


def _record_failures(connection: Connection, handovers: Sequence[Handover], now: datetime) -> None:
    # The message itself records the attempt that succeeded; only the others need rows of their own. They may have one,
    # if the database committed them and its answer was lost.
    failed = [item for item in handovers if item.handed_over_at is None and item.result]
    insert_new_rows(
        connection,
        attempt,
        [
            {
                "bucket": item.message.bucket,
                "msisdn": item.message.msisdn,
                "message_id": item.message.id,
                "number": item.message.attempts,
                "at": now,
                "result": item.result,
                "error_code": item.error_code,
            }
            for item in failed
        ],
    )


def _accepted_parts(provider: str, item: Handover) -> Sequence[Row]:
    if len(item.parts) <= 1:
        return ()
    message, accepted = item.message, OutboundStatus.ACCEPTED
    parts = [MessagePart(number, theirs, accepted) for number, theirs in enumerate(item.parts, 1)]
    return message_parts.rows_of(message.bucket, message.msisdn, message.id, provider, parts)


@cache
def _questions_handed_over(dialect: str) -> Update:
    given = given_keys(dialect, question, ITEM)
    is_unfinished = exists().where(
        *(by_index(outbox.c[name], question.c[name]) for name in NUMBER),
        of_row(),
        _mt.c.question_id == question.c.id,
    )
    return (
        update(question)
        .where(
            matching(question, given, ITEM),
            question.c.handed_over_at.is_(None),
            question.c.failed_at.is_(None),
            ~is_unfinished,
        )
        .values(handed_over_at=bindparam("now", type_=Instant))
    )


@cache
def _questions_failed(dialect: str) -> Update:
    given = given_keys(dialect, question, ITEM)
    return (
        update(question)
        .where(matching(question, given, ITEM), question.c.failed_at.is_(None))
        .values(failed_at=bindparam("now", type_=Instant))
    )


@cache
def _questions_refused(dialect: str) -> Update:
    # A message that staff sent again is a copy with the same text; while a copy may have arrived, nothing has failed.
    refused, copy = _mt.alias("refused"), _mt.alias("copy")
    is_sent = exists().where(beside(copy), is_set(outbox.c.leased_by))
    may_be_there = exists().where(
        *(by_index(copy.c[name], refused.c[name]) for name in NUMBER),
        copy.c.question_id == refused.c.question_id,
        copy.c.text == refused.c.text,
        or_(one_of(copy.c.status, "unknown", "accepted", "delivered"), is_sent),
    )
    return _questions_failed(dialect).where(
        exists().where(
            *(by_index(refused.c[name], question.c[name]) for name in NUMBER),
            # A question's id is older than those of its messages; the condition leaves few rows to read.
            refused.c.id > question.c.id,
            refused.c.question_id == question.c.id,
            one_of(refused.c.status, "failed", "expired"),
            ~may_be_there,
        )
    )


def questions_of(messages: Sequence[ClaimedMessage]) -> set[ItemKey]:
    """Return the keys of the questions that messages ask."""
    return {(message.bucket, message.msisdn, message.question_id) for message in messages if message.question_id}


def record_question_refusals(connection: Connection, refused: set[ItemKey], now: datetime) -> None:
    """Mark questions as failed of which a message was refused and no copy may have arrived."""
    if refused:
        keys = as_keys(list(refused))
        fetch(connection, _questions_refused(connection.dialect.name), {**keys, "now": now})


def record_question_arrivals(connection: Connection, taken: set[ItemKey], failed: set[ItemKey], now: datetime) -> None:
    """Mark questions as failed, or as handed over unless another of their messages is unfinished."""
    for keys, statement in ((failed, _questions_failed), (taken, _questions_handed_over)):
        if keys:
            fetch(connection, statement(connection.dialect.name), {**as_keys(list(keys)), "now": now})
