"""What became of attempts to hand messages over, on the messages and on the questions that they ask."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, Update, and_, bindparam, exists, or_, update

from app.db import tables
from app.db.outbox import ROW, ClaimedMessage, unfinished
from app.db.rows import Given, as_keys, fetch, from_json, insert_rows, matching, one_of, shape_of, update_rows
from app.db.types import Instant
from app.domain.messages import OutboundStatus
from app.domain.values import value

_mt = tables.outbound_message
QuestionKey = tuple[int, str, str]


@value
class Handover:
    """What became of an attempt, as the row is to say it."""

    message: ClaimedMessage
    status: OutboundStatus
    due_at: datetime
    result: str
    provider_message_id: str | None = None
    handed_over_at: datetime | None = None
    final_at: datetime | None = None
    error_code: str | None = None


def _own_or_late(given: Given) -> ColumnElement[bool]:
    """Still leased to whoever writes, or given up meanwhile and taken by the network all the same."""
    own = and_(one_of(_mt.c.status, "sending"), _mt.c.leased_by == given("leased_by"))
    late = and_(one_of(_mt.c.status, "unknown", "queued"), one_of(given("status"), "accepted"))
    return or_(own, late)


def record(connection: Connection, handovers: Sequence[Handover], now: datetime) -> None:
    """Write what became of attempts. Whoever lost the lease may still say that the network took a message."""
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
            "provider_message_id": item.provider_message_id,
            "handed_over_at": item.handed_over_at,
            "final_at": item.final_at,
            "error_code": item.error_code,
            "leased_by": item.message.leased_by,
            "leased_until": None,
        }
        for item in handovers
    ]
    update_rows(connection, _mt, rows, ROW, only=_own_or_late)
    # The attempt that succeeded is on the message itself; only the others need rows of their own.
    failed = [item for item in handovers if item.handed_over_at is None and item.result]
    insert_rows(
        connection,
        tables.attempt,
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


@cache
def _questions_handed_over(dialect: str) -> Update:
    table = tables.question
    given = from_json(dialect, shape_of(table, ROW))
    waiting = exists().where(
        _mt.c.bucket == table.c.bucket,
        _mt.c.msisdn == table.c.msisdn,
        _mt.c.question_id == table.c.id,
        unfinished(_mt.c.status),
    )
    return (
        update(table)
        .where(matching(table, given, ROW), table.c.handed_over_at.is_(None), table.c.failed_at.is_(None), ~waiting)
        .values(handed_over_at=bindparam("now", type_=Instant))
    )


@cache
def _questions_failed(dialect: str) -> Update:
    table = tables.question
    given = from_json(dialect, shape_of(table, ROW))
    return (
        update(table)
        .where(matching(table, given, ROW), table.c.failed_at.is_(None))
        .values(failed_at=bindparam("now", type_=Instant))
    )


@cache
def _questions_refused(dialect: str) -> Update:
    # What staff sent again is a copy: while another one of the same words may be there, the question is not lost.
    refused, copy = _mt.alias("refused"), _mt.alias("copy")
    may_be_there = exists().where(
        copy.c.bucket == refused.c.bucket,
        copy.c.msisdn == refused.c.msisdn,
        copy.c.question_id == refused.c.question_id,
        copy.c.text == refused.c.text,
        one_of(copy.c.status, "sending", "unknown", "accepted", "delivered"),
    )
    question = tables.question.c
    return _questions_failed(dialect).where(
        exists().where(
            refused.c.bucket == question.bucket,
            refused.c.msisdn == question.msisdn,
            refused.c.question_id == question.id,
            one_of(refused.c.status, "failed", "expired"),
            ~may_be_there,
        )
    )


def tell_questions_refused(connection: Connection, refused: set[QuestionKey], now: datetime) -> None:
    """Write to questions that the network would not take one of their messages, and has no copy of it either."""
    if refused:
        keys = as_keys(ROW, list(refused))
        fetch(connection, _questions_refused(connection.dialect.name), {**keys, "now": now})


def tell_questions(connection: Connection, taken: set[QuestionKey], failed: set[QuestionKey], now: datetime) -> None:
    """Write to questions that the network took all their messages, or that one of them was not delivered."""
    for keys, statement in ((failed, _questions_failed), (taken, _questions_handed_over)):
        if keys:
            fetch(connection, statement(connection.dialect.name), {**as_keys(ROW, list(keys)), "now": now})
