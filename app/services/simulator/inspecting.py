"""Inspection of a message: what the gateway did with it, put together from what everyday work has stored.

Nothing is stored for it. What a text was read as is computed again, and what its turn made is found by its rows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from app.commands.parser import Said
from app.commands.registry import Registry
from app.commands.routes import Handled, Route, RouteKind, route_of
from app.db import directory, inspection
from app.db.catalogue import load_catalogue
from app.db.directory import AttemptRead, MessageRead, ReportRead
from app.db.events import EventRead
from app.db.inspection import Handling
from app.db.keys import TenureKey
from app.db.questions import QuestionRead, questions_of
from app.db.session import Database
from app.db.timers import StoredTimer
from app.domain import actors
from app.domain.escape import unescape
from app.domain.evidence import EvidenceRecord
from app.domain.matters import Matter
from app.domain.messages import InboundStatus
from app.domain.msisdn import bucket_of
from app.domain.policy import Policy, ProviderTraits
from app.domain.refusals import RefusalReason
from app.domain.service_numbers import Extension
from app.domain.values import replace, value
from app.services.paging import Part
from app.services.refusals import RefusedError
from app.services.simulator.answered import question_answered, question_open_at
from app.services.simulator.changes import Change, actor_of, changes_of, subscriber_made

__all__ = ["Inspection", "Inspector", "QuestionRead", "Reception", "Reply"]
_MOST_QUESTIONS = 50
_OF_QUESTIONS = frozenset({RouteKind.ANSWER, RouteKind.LATE_ANSWER, RouteKind.REPEATED_QUESTION})
_NO_ID = "0"


@value
class Reception:
    """An MO and how it was taken.

    Attributes:
        read_as: the text as keywords and questions see it; masked where the stored text is.
        question: the question that it answered, or that was repeated; None for other routes.
    """

    message: MessageRead
    handling: Handling
    read_as: Said
    route: Route
    question: QuestionRead | None


@value
class Reply:
    """An MT of the turn; ``next_attempt_at`` (UTC) is set while it waits."""

    message: MessageRead
    failed_attempts: list[AttemptRead]
    reports: list[ReportRead]
    next_attempt_at: datetime | None


@value
class Inspection:
    """What the gateway did in the turn that handled an MO, or that made an MT.

    Attributes:
        message: the message that was asked for.
        reception: the MO that started the turn; None: it was a timer or a call.
        who: the actor of such a turn, as evidence names it; None if there is no evidence.
        questions: those that the turn asked.
        timers: those about what it changed that are set now.
    """

    message: MessageRead
    reception: Reception | None
    who: str | None
    changes: list[Change]
    evidence: list[EvidenceRecord]
    questions: list[QuestionRead]
    replies: list[Reply]
    events: list[EventRead]
    timers: list[StoredTimer]


@value
class _Turn:
    """A turn that ran at ``at`` (UTC); all that it made has ids after ``begin``, up to its last reply's."""

    tenure: TenureKey
    at: datetime
    begin: str
    replies: list[Reply]
    evidence: list[EvidenceRecord]

    @property
    def end(self) -> str:
        return self.replies[-1].message.id if self.replies else self.begin


class Inspector:
    """Finds what the gateway did with a message."""

    def __init__(
        self, database: Database, registry: Registry, policy: Policy, carriers: Mapping[str, ProviderTraits]
    ) -> None:
        """``carriers``: how to reply to messages, by the provider that they came from."""
        self._database = database
        self._registry = registry
        self.numbers = policy.numbers
        self._creates = policy.auto_create_subscribers
        self._single = {name for name, traits in carriers.items() if traits.single_number}

    async def inspect(self, msisdn: str, message_id: str) -> Inspection:
        """Return what the gateway did with a message of a number. Raise RefusedError if there is no such message."""
        return await self._database.read(partial(self._inspect, msisdn=msisdn, message_id=message_id))

    def _inspect(self, connection: Connection, *, msisdn: str, message_id: str) -> Inspection:
        message = directory.message_by_id(connection, message_id)
        if message is None or message.msisdn != msisdn:
            raise RefusedError(RefusalReason.UNKNOWN, "This number has no message with this id.")
        if message.direction == "mo":
            return self._of_text(connection, message, message)
        cause = message.in_reply_to or inspection.given_up_at(connection, msisdn, message.at)
        text = directory.message_by_id(connection, cause) if cause else None
        return self._of_text(connection, message, text) if text else _of_own_accord(connection, message)

    def _of_text(self, connection: Connection, message: MessageRead, text: MessageRead) -> Inspection:
        handling = inspection.handling_of(connection, text)
        ids = inspection.answers_to(connection, text)
        if text.status == InboundStatus.DEAD and handling.handled_at:
            ids += inspection.unasked_at(connection, text.msisdn, handling.handled_at, text.id)
        tenure, who = _tenure(text), actors.subscriber(text.id)
        records = inspection.evidence_of(connection, tenure, handling.sent_at, None)
        evidence = [record for record in records if actor_of(record) == who]
        turn = _turn(connection, tenure, handling.handled_at or text.at, text.id, ids, evidence)
        questions = _questions(connection, turn, text.id)
        reception = self._reception(connection, text, handling, turn, questions)
        found = _inspection(connection, message, turn, questions, reception, who)
        created = subscriber_made(connection, turn.tenure, text, turn.at) if self._creates else []
        return replace(found, changes=[*created, *found.changes])

    def _reception(
        self,
        connection: Connection,
        text: MessageRead,
        handling: Handling,
        turn: _Turn,
        questions: Sequence[QuestionRead],
    ) -> Reception:
        extension = self.numbers.extension
        replied_from = frozenset(extension(one.message.service_number) for one in turn.replies)
        answered = question_answered(connection, self._registry, text, turn.at, turn.evidence, questions)
        there = question_open_at(questions, text, handling.sent_at, replied_from)
        read_as = self._registry.reader.read(unescape(text.text))
        handled = Handled(
            status=InboundStatus(text.status),
            verdict=text.verdict,
            tries=handling.tries,
            extension=Extension.COMMANDS if text.provider in self._single else extension(text.service_number),
            replied_from=replied_from,
            answered=answered.kind if answered else None,
            asked_there=there.kind if there else None,
        )
        route = route_of(self._registry, load_catalogue(connection), read_as, handled)
        return Reception(text, handling, read_as, route, (answered or there) if route.kind in _OF_QUESTIONS else None)


def _of_own_accord(connection: Connection, message: MessageRead) -> Inspection:
    """Return what the turn of a timer or call did that made an MT; what it made about other matters is left out."""
    tenure = _tenure(message)
    subject = Matter.parse(message.about).subject if message.about else None
    found = inspection.evidence_of(connection, tenure, message.at, subject or None)
    own = [record for record in found if not (actor_of(record) or "").startswith(actors.subscriber(""))]
    who = next(filter(None, map(actor_of, reversed(own))), None)
    # Without a matter the instant must do: of several actors the last one counts.
    evidence = own if subject else [record for record in own if actor_of(record) == who]
    turn = _turn(connection, tenure, message.at, _NO_ID, inspection.unasked_like(connection, message), evidence)
    return _inspection(connection, message, turn, _questions(connection, turn, turn.begin), None, who)


# ---- what a turn made


def _tenure(message: MessageRead) -> TenureKey:
    return bucket_of(message.msisdn), message.msisdn, message.tenure or 0


def _turn(
    connection: Connection,
    tenure: TenureKey,
    at: datetime,
    floor: str,
    reply_ids: Sequence[str],
    evidence: list[EvidenceRecord],
) -> _Turn:
    """Return the turn that made these replies; ``floor`` is an id before all that it made."""
    before = inspection.last_before(connection, tenure[1], reply_ids[0]) if reply_ids else None
    due = inspection.due_again(connection, tenure[1])
    replies = [_reply(connection, one, due.get(one)) for one in reply_ids]
    return _Turn(tenure, at, max(floor, before or floor, key=int), replies, evidence)


def _reply(connection: Connection, message_id: str, next_attempt_at: datetime | None) -> Reply:
    message = directory.message_by_id(connection, message_id)
    if message is None:
        raise LookupError("a message was deleted within a transaction")
    attempts, reports = directory.attempts_of(connection, message), directory.reports_of(connection, message)
    return Reply(message, attempts, reports, next_attempt_at)


def _questions(connection: Connection, turn: _Turn, begin: str) -> list[QuestionRead]:
    """Return the questions that the turn asked, and some of those before it, newest first."""
    _, msisdn, tenure = turn.tenure
    upto = str(max(int(turn.end), int(begin)) + 1)
    return questions_of(connection, msisdn, tenure, Part(_MOST_QUESTIONS, upto, descending=True))


def _inspection(
    connection: Connection,
    message: MessageRead,
    turn: _Turn,
    questions: Sequence[QuestionRead],
    reception: Reception | None,
    who: str | None,
) -> Inspection:
    asked_by = {reply.message.question_id for reply in turn.replies}
    asked = [one for one in reversed(questions) if one.id in asked_by and int(one.id) > int(turn.begin)]
    # Of a turn without a text, what lies before its messages may be of an earlier one.
    begin = turn.begin if reception else turn.end
    changes = changes_of(connection, turn.tenure, turn.evidence, begin, turn.end)
    events = inspection.events_between(connection, turn.tenure, turn.begin, turn.end)
    about = {Matter.parse(one.message.about).subject for one in turn.replies if one.message.about}
    subjects = {change.id for change in changes} | about
    return Inspection(
        message=message,
        reception=reception,
        who=who,
        changes=changes,
        evidence=turn.evidence,
        questions=asked,
        replies=turn.replies,
        events=[one for one in events if one.made_at == turn.at],
        timers=inspection.timers_about(connection, turn.tenure, subjects),
    )
