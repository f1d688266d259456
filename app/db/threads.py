"""What several simulated handsets show and what they are asked: their threads in one order, their open questions."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, select

from app.db.conversations import conversation
from app.db.lookups import by_index
from app.db.outbound_messages import outbound_message
from app.db.questions import question
from app.db.readers import RowReader
from app.db.simulator import IS_STORED, THREAD_MESSAGE, ThreadMessage, messages_of_threads, simulator_message
from app.domain.msisdn import bucket_of
from app.domain.values import value

_sim, _mt, _question = simulator_message, outbound_message, question


@value
class ThreadEntry:
    """A message of a handset.

    Attributes:
        message_class: why an MT was sent; None for an MO.
        question_kind, question_state: the question that an MT asks, its state as it is stored; None if it asks none.
    """

    message: ThreadMessage
    msisdn: str
    message_class: str | None
    question_kind: str | None
    question_state: str | None


_ENTRY = RowReader(
    ThreadEntry,
    _sim,
    message=THREAD_MESSAGE,
    message_class=_mt.c["class"],
    question_kind=_question.c.kind,
    question_state=_question.c.state,
)


def threads_of(
    connection: Connection, numbers: Sequence[str] | None, after: str | None, limit: int
) -> list[ThreadEntry]:
    """Return at most ``limit`` messages of handsets, in the order in which these showed them.

    ``numbers`` None: of all. ``after``: only those behind the message with this id.
    """
    asks = and_(
        by_index(_question.c.bucket, _mt.c.bucket),
        by_index(_question.c.msisdn, _mt.c.msisdn),
        by_index(_question.c.id, _mt.c.question_id),
    )
    statement = select(*_ENTRY.columns).select_from(messages_of_threads().outerjoin(_question, asks)).where(IS_STORED)
    if numbers is not None:
        buckets = sorted({bucket_of(one) for one in numbers})
        statement = statement.where(_sim.c.bucket.in_(buckets), _sim.c.msisdn.in_(numbers))
    if after is not None:
        statement = statement.where(_sim.c.seq > select(_sim.c.seq).where(_sim.c.message_id == after).scalar_subquery())
    return [_ENTRY.read(row) for row in connection.execute(statement.order_by(_sim.c.seq).limit(limit))]


@value
class OpenQuestion:
    """A question that can be answered now; ``state`` as it is stored, ``expires_at`` the last instant (UTC)."""

    msisdn: str
    kind: str
    state: str
    extension: str
    expires_at: datetime


_OPEN = RowReader(OpenQuestion, question)


def open_questions(connection: Connection, numbers: Collection[str] | None, now: datetime) -> list[OpenQuestion]:
    """Return the open questions to the people who have these numbers now, oldest first; None: to all."""
    columns = _question.c
    present = and_(
        by_index(conversation.c.bucket, columns.bucket),
        by_index(conversation.c.msisdn, columns.msisdn),
        conversation.c.tenure == columns.tenure,
    )
    is_open = (columns.closed_at.is_(None), columns.asked_at <= now, columns.expires_at >= now)
    statement = select(*_OPEN.columns).join_from(_question, conversation, present).where(*is_open)
    if numbers is not None:
        buckets = sorted({bucket_of(one) for one in numbers})
        statement = statement.where(columns.bucket.in_(buckets), columns.msisdn.in_(numbers))
    return [_OPEN.read(row) for row in connection.execute(statement.order_by(columns.id))]
