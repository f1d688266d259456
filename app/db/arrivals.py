"""How far questions got that the network has not certainly taken, derived from the attempts to send them."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from app.db.handovers import attempt
from app.db.keys import ITEM, NUMBER, ItemKey
from app.db.lookups import by_index
from app.db.outbound_messages import outbound_message
from app.db.outbox import ATTEMPTS, STATUS, beside, outbox
from app.db.questions import question
from app.db.rows import AnySelect, as_keys, fetch, given_keys, matching, one_of
from app.domain.dialogue import Arrival
from app.domain.messages import AttemptResult

_mt = outbound_message
_attempt = attempt
_SENT = {"sending": Arrival.UNDER_WAY, "accepted": Arrival.TAKEN, "delivered": Arrival.TAKEN}
# A question has arrived as far as the message of it that got least far.
_ORDER = tuple(Arrival)


@cache
def _messages_of(dialect: str) -> AnySelect:
    given = given_keys(dialect, question, ITEM)
    refused = (
        select(func.count())
        .where(
            by_index(_attempt.c.bucket, _mt.c.bucket),
            by_index(_attempt.c.message_id, _mt.c.id),
            one_of(_attempt.c.result, AttemptResult.REFUSED, AttemptResult.REFUSED_FOR_NOW),
        )
        .scalar_subquery()
    )
    # A question's id is older than those of its messages; the condition leaves few rows to read.
    mine = and_(matching(_mt, given, NUMBER), _mt.c.id > given.c.id, _mt.c.question_id == given.c.id)
    columns = (_mt.c.question_id, _mt.c.text, STATUS, ATTEMPTS, refused)
    return select(*columns).join_from(_mt, given, mine).outerjoin(outbox, beside(_mt))


def arrivals(connection: Connection, questions: Sequence[ItemKey]) -> dict[str, Arrival]:
    """Return how far questions got, by their ids; questions without messages are left out.

    A message that staff sent again counts as far as its best copy got.
    """
    copies: dict[tuple[str, str], Arrival] = {}
    statement = _messages_of(connection.dialect.name)
    for question_id, text, status, attempts, refused in fetch(connection, statement, as_keys(questions)):
        arrival = _arrival(status, attempts - refused)
        copies[question_id, text] = max(copies.get((question_id, text), arrival), arrival, key=_ORDER.index)
    found: dict[str, Arrival] = {}
    for (question_id, _), arrival in copies.items():
        found[question_id] = min(found.get(question_id, arrival), arrival, key=_ORDER.index)
    return found


@cache
def _followed(dialect: str) -> AnySelect:
    given = given_keys(dialect, question, ITEM)
    is_sent = and_(one_of(STATUS, "sending", "unknown"), _mt.c.valid_until >= question.c.asked_at)
    # Made before the question, and handed over after it or perhaps so. What is made after it is recorded at that time.
    made_before = and_(
        matching(_mt, given, NUMBER),
        _mt.c.id < given.c.id,
        _mt.c.service_number == bindparam("number"),
    )
    return (
        select(question.c.id)
        .join_from(question, given, matching(question, given, ITEM))
        .join(_mt, made_before)
        .outerjoin(outbox, beside(_mt))
        .where(or_(_mt.c.handed_over_at >= question.c.asked_at, is_sent))
    )


def interrupted(connection: Connection, questions: Sequence[ItemKey], access_number: str) -> set[str]:
    """Return the ids of questions that were followed by an older message from the bare access number."""
    statement = _followed(connection.dialect.name)
    return {row[0] for row in fetch(connection, statement, {**as_keys(questions), "number": access_number})}


def _arrival(status: str, unanswered: int) -> Arrival:
    """Return how far a message got; ``unanswered`` is the number of attempts that did not end in a refusal."""
    if status in _SENT:
        return _SENT[status]
    # After an attempt whose answer got lost a message may be queued again: the carrier may have it all the same.
    may_be_there = status == "unknown" or (status == "queued" and unanswered)
    return Arrival.UNKNOWN if may_be_there else Arrival.UNSENT
