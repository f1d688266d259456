"""The texts of questions, read from the messages that ask them."""

from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import Connection, and_, select

from app.db.keys import ITEM, NUMBER, ItemKey, NumberKey
from app.db.outbound_messages import outbound_message
from app.db.rows import AnySelect, as_keys, fetch, given_keys, matching

_mt = outbound_message


@cache
def _asking_since(dialect: str) -> AnySelect:
    given = given_keys(dialect, _mt, ITEM)
    # One range for each number: with one for each question, the messages of a number would be read many times.
    later = and_(matching(_mt, given, NUMBER), _mt.c.id > given.c.id)
    asking = select(_mt.c.question_id, _mt.c.text).join_from(_mt, given, later)
    return asking.where(_mt.c.question_id.is_not(None)).order_by(_mt.c.id)


def text_of(messages: Iterable[str]) -> str:
    """Return the text that these messages ask, in the order in which they were made.

    A message that staff sent again counts once.
    """
    return "\n".join(dict.fromkeys(messages))


def asked_texts(connection: Connection, questions: Sequence[ItemKey]) -> dict[str, str]:
    """Return by question id the text that its messages ask; empty if there are none."""
    oldest: dict[NumberKey, str] = {}
    messages: dict[str, list[str]] = {}
    for bucket, msisdn, question_id in questions:
        number = bucket, msisdn
        oldest[number] = min(oldest.get(number, question_id), question_id)
        messages[question_id] = []
    if not questions:
        return {}
    # A question's id is older than those of its messages.
    keys = as_keys([(*number, question_id) for number, question_id in oldest.items()])
    for question_id, text in fetch(connection, _asking_since(connection.dialect.name), keys):
        if question_id in messages:
            messages[question_id].append(text)
    return {question_id: text_of(found) for question_id, found in messages.items()}
