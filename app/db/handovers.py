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
    and_,
    bindparam,
    exists,
    or_,
    update,
)

from app.db import message_parts
from app.db.columns import CLUSTERED, customer, metadata
from app.db.keys import ITEM, ItemKey
from app.db.message_parts import MessagePart
from app.db.outbox import ClaimedMessage, outbound_message, unfinished
from app.db.questions import question
from app.db.rows import (
    Given,
    Row,
    as_keys,
    fetch,
    given_keys,
    insert_rows,
    matching,
    one_of,
    update_rows,
)
from app.db.types import Id, Instant
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


def _own_or_late(given: Given) -> ColumnElement[bool]:
    """Return the condition: the lease still holds, or it expired and the network accepted the message nevertheless."""
    own = and_(one_of(_mt.c.status, "sending"), _mt.c.leased_by == given("leased_by"))
    late = and_(one_of(_mt.c.status, "unknown", "queued"), one_of(given("status"), "accepted"))
    return or_(own, late)


def record(connection: Connection, provider: str, handovers: Sequence[Handover], now: datetime) -> None:
    """Record results of a provider's attempts. After a lost lease only an acceptance counts."""
    if not handovers:
        return
    rows = [
        {
            "bucket": item.message.bucket,
            "msisdn": item.message.msisdn,
            "id": item.message.id,
            "status": item.status,
            "due_at": item.due_at,
            "attempts": item.message.attempts if item.result else item.message.attempts - 1,
            "segments": len(item.parts) or item.message.segments,
            "provider_message_id": item.provider_message_id,
            "progress": item.progress,
            "handed_over_at": item.handed_over_at,
            "final_at": item.final_at,
            "error_code": item.error_code,
            "leased_by": item.message.leased_by,
            "leased_until": None,
        }
        for item in handovers
    ]
    update_rows(connection, _mt, rows, ITEM, only=_own_or_late)
    message_parts.save(connection, [row for item in handovers for row in _accepted_parts(provider, item)])
    _record_failures(connection, handovers, now)


def _record_failures(connection: Connection, handovers: Sequence[Handover], now: datetime) -> None:
    # The message itself records the attempt that succeeded; only the others need rows of their own.
    failed = [item for item in handovers if item.handed_over_at is None and item.result]
    insert_rows(
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
        _mt.c.bucket == question.c.bucket,
        _mt.c.msisdn == question.c.msisdn,
        _mt.c.question_id == question.c.id,
        unfinished(_mt.c.status),
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
    may_be_there = exists().where(
        copy.c.bucket == refused.c.bucket,
        copy.c.msisdn == refused.c.msisdn,
        copy.c.question_id == refused.c.question_id,
        copy.c.text == refused.c.text,
        one_of(copy.c.status, "sending", "unknown", "accepted", "delivered"),
    )
    return _questions_failed(dialect).where(
        exists().where(
            refused.c.bucket == question.c.bucket,
            refused.c.msisdn == question.c.msisdn,
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
