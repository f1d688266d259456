"""How far questions got that the network has not taken for certain: read from the attempts to hand them over."""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import Connection, and_, func, select

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
    return select(_mt.c.question_id, _mt.c.status, _mt.c.attempts, refused).join_from(_mt, given, mine)


def arrivals(connection: Connection, questions: Sequence[QuestionKey]) -> dict[str, Arrival]:
    """Return how far questions got, by their ids; one of which no message was made yet is left out."""
    found: dict[str, Arrival] = {}
    statement = _messages_of(connection.dialect.name)
    for question_id, status, attempts, refused in fetch(connection, statement, as_keys(_KEY, questions)):
        arrival = _arrival(status, attempts - refused)
        found[question_id] = min(found.get(question_id, arrival), arrival, key=_ORDER.index)
    return found


def _arrival(status: str, unanswered: int) -> Arrival:
    """``unanswered`` counts the attempts that no refusal ended, one that is under way included."""
    if status in _SENT:
        return _SENT[status]
    # A carrier may ask for the same message again after an attempt whose answer got lost: it waits, and may be there.
    may_be_there = status == "unknown" or (status == "queued" and unanswered)
    return Arrival.UNKNOWN if may_be_there else Arrival.UNSENT
