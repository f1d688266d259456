"""How far questions got that the network has not taken for certain: read from the attempts to hand them over."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from app.db import tables
from app.db.rows import AnySelect, as_keys, fetch, from_json, one_of, shape_of
from app.domain.dialogue import Arrival

_mt = tables.outbound_message
_attempt = tables.attempt
_KEY = ("bucket", "msisdn", "id")
QuestionKey = tuple[int, str, str]
_SENT = {"sending": Arrival.UNDER_WAY, "accepted": Arrival.TAKEN, "delivered": Arrival.TAKEN}
# A question got as far as the message of it that got least far.
_ORDER = tuple(Arrival)


@cache
def _messages_of(dialect: str) -> AnySelect:
    given = from_json(dialect, shape_of(tables.question, _KEY))
    refused = (
        select(func.count())
        .where(
            _attempt.c.bucket == _mt.c.bucket,
            _attempt.c.message_id == _mt.c.id,
            one_of(_attempt.c.result, "refused", "refused for now"),
        )
        .scalar_subquery()
    )
    # The id of a question is drawn before those of its messages, which leaves few rows to look at.
    mine = and_(
        _mt.c.bucket == given.c.bucket,
        _mt.c.msisdn == given.c.msisdn,
        _mt.c.id > given.c.id,
        _mt.c.question_id == given.c.id,
    )
    return select(_mt.c.question_id, _mt.c.text, _mt.c.status, _mt.c.attempts, refused).join_from(_mt, given, mine)


def arrivals(connection: Connection, questions: Sequence[QuestionKey]) -> dict[str, Arrival]:
    """Return how far questions got, by their ids; one of which no message was made yet is left out.

    A message that was sent again got as far as the copy that got farthest.
    """
    copies: dict[tuple[str, str], Arrival] = {}
    statement = _messages_of(connection.dialect.name)
    for question_id, text, status, attempts, refused in fetch(connection, statement, as_keys(_KEY, questions)):
        arrival = _arrival(status, attempts - refused)
        copies[question_id, text] = max(copies.get((question_id, text), arrival), arrival, key=_ORDER.index)
    found: dict[str, Arrival] = {}
    for (question_id, _), arrival in copies.items():
        found[question_id] = min(found.get(question_id, arrival), arrival, key=_ORDER.index)
    return found


@cache
def _followed(dialect: str) -> AnySelect:
    question = tables.question
    given = from_json(dialect, shape_of(question, _KEY))
    mine = and_(*(question.c[name] == given.c[name] for name in _KEY))
    # Made before the question and handed over after it, or perhaps; what was made after it is noted when it is made.
    late = and_(
        _mt.c.bucket == given.c.bucket,
        _mt.c.msisdn == given.c.msisdn,
        _mt.c.id < given.c.id,
        _mt.c.service_number == bindparam("number"),
        or_(
            _mt.c.handed_over_at >= question.c.asked_at,
            and_(one_of(_mt.c.status, "sending", "unknown"), _mt.c.valid_until >= question.c.asked_at),
        ),
    )
    return select(question.c.id).join_from(question, given, mine).join(_mt, late)


def interrupted(connection: Connection, questions: Sequence[QuestionKey], access_number: str) -> set[str]:
    """Return which questions other text from the bare access number followed, though it was made before them."""
    statement = _followed(connection.dialect.name)
    return {row[0] for row in fetch(connection, statement, {**as_keys(_KEY, questions), "number": access_number})}


def _arrival(status: str, unanswered: int) -> Arrival:
    """``unanswered`` counts the attempts that no refusal ended, one that is under way included."""
    if status in _SENT:
        return _SENT[status]
    # A carrier may ask for the same message again after an attempt whose answer got lost: it waits, and may be there.
    may_be_there = status == "unknown" or (status == "queued" and unanswered)
    return Arrival.UNKNOWN if may_be_there else Arrival.UNSENT
