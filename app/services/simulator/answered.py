"""Which question a text answered, told from what its turn left behind: no row names it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.commands.limits import LOOP, NOT_UNDERSTOOD, OVER_RATE, TOO_MANY_SEGMENTS
from app.commands.registry import Registry
from app.commands.routes import is_keyword
from app.db import inspection
from app.db.directory import MessageRead
from app.db.questions import QuestionRead
from app.domain.dialogue import ClosedAs
from app.domain.escape import unescape
from app.domain.evidence import EvidenceRecord
from app.domain.service_numbers import Extension
from app.services.simulator.changes import payload_of

# Verdicts of texts that answer nothing.
_NO_ANSWERS = frozenset({NOT_UNDERSTOOD, LOOP, OVER_RATE, TOO_MANY_SEGMENTS})


def question_answered(
    connection: Connection,
    registry: Registry,
    text: MessageRead,
    handled_at: datetime,
    evidence: Sequence[EvidenceRecord],
    questions: Sequence[QuestionRead],
) -> QuestionRead | None:
    """Return the question that a text answered, of ``questions``, newest first; None if it answered none.

    That is the one whose text the evidence quotes as asked, the one that a question of the turn follows, or the one
    that the turn closed.
    """
    before = [one for one in questions if one.id < text.id]
    asked = {payload_of(record).get("asked") for record in evidence}
    followed = {one.parent_id for one in questions if one.id > text.id}
    for question in before:
        if question.asked_text in asked or question.id in followed:
            return question
    closed = (one for one in before if one.closed_as == ClosedAs.ANSWERED and one.closed_at == handled_at)
    return next((one for one in closed if _closed_by(connection, registry, one, text, handled_at)), None)


def _closed_by(
    connection: Connection, registry: Registry, question: QuestionRead, text: MessageRead, handled_at: datetime
) -> bool:
    """Return True if no earlier text can have closed the question at that instant: the clock may stand still."""
    found = inspection.handled_between(connection, text.msisdn, question.id, text.id, handled_at)
    read = registry.reader.read
    answers = (
        one.id for one in found if one.verdict not in _NO_ANSWERS and not is_keyword(registry, read(unescape(one.text)))
    )
    return next(answers, None) == text.id


def question_open_at(
    questions: Sequence[QuestionRead], text: MessageRead, sent_at: datetime, extensions: Collection[str]
) -> QuestionRead | None:
    """Return the newest question that a text may be about: asked before it, from a number that the reply came from.

    A reply from the access number itself says nothing about a question. One that ended still gets a reply.
    """
    own = {one for one in extensions if one != Extension.COMMANDS}
    asked = [one for one in questions if one.id < text.id and one.extension in own]
    return next((one for one in asked if _is_open(one, sent_at)), next(iter(asked), None))


def _is_open(question: QuestionRead, at: datetime) -> bool:
    return at <= question.expires_at and (question.closed_at is None or at < question.closed_at)
