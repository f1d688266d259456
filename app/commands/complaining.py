"""TS and CXTS: a complaint becomes a ticket, and she can ask how her tickets stand (flows.md 12)."""

from datetime import timedelta
from typing import ClassVar

from app.commands.naming import fees_named, name_and_amount
from app.commands.parser import Said, normalise, parse_pick
from app.commands.registry import Answer, Fit, Takes, answer, call, command, incomplete
from app.commands.speech import number_of, say, shown
from app.commands.ticketing import open_ticket
from app.commands.vocabulary import ARGUMENT_MARKS, COMPLAIN, TICKET_STATE
from app.domain.charges import Charge
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.messages import MessageClass
from app.domain.service_numbers import Extension
from app.domain.texts import tickets as texts
from app.domain.texts import wording
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, Stimulus, TextReceived, Turn, joined, refused
from app.domain.values import value

_WINDOW = timedelta(minutes=10)
_LONGEST_OPENING = 40


@value
class DescribingComplaint(QuestionState):
    """TS was sent without a word of what it is about."""

    kind: ClassVar[str] = "describing-complaint"


@value
class AgentComplaint(Stimulus):
    """An agent takes down a complaint for a customer; ``charge_id`` is the fee that it is about, if any."""

    who: str
    text: str
    charge_id: str | None = None


@incomplete
@command(*COMPLAIN, takes=Takes.ARGUMENTS, kept=True, menu=texts.HELP, rank=70)
def complain(turn: Turn, argument: str) -> Outcome:
    """Open a ticket; without a text, ask for it."""
    if not argument.strip():
        return _ask(turn)
    received = turn.stimulus_as(TextReceived)
    text = _with_mark(turn, _behind_keyword(received.shown_text))
    return joined(_taken(turn, text, f"mo:{received.id}"), _no_more_asked(turn))


def _ask(turn: Turn) -> Outcome:
    question_id = next(turn.ids)
    reply = say(turn, texts.ask(turn.account.language, _WINDOW), question_id=question_id)
    asked = Question(
        id=question_id,
        state=DescribingComplaint(),
        extension=Extension.COMMANDS,
        asked_text=shown(reply),
        asked_at=turn.now,
        expires_at=turn.now + _WINDOW,
    )
    return joined(Outcome(replies=(reply,), questions=(asked,)), _no_more_asked(turn))


def _no_more_asked(turn: Turn) -> Outcome:
    """An earlier empty TS is no longer waited for."""
    asked = [question for question in turn.account.questions.values() if question.closed_at is None]
    mine = [question for question in asked if isinstance(question.state, DescribingComplaint)]
    return Outcome(questions=tuple(question.closed(turn.now, ClosedAs.REPLACED) for question in mine))


def _behind_keyword(text: str) -> str:
    """What follows the keyword, as she wrote it."""
    for place, char in enumerate(text[:_LONGEST_OPENING]):
        if (char in ARGUMENT_MARKS or char.isspace()) and normalise(text[:place]).key in COMPLAIN:
            return text[place + 1 :].strip()
    return text


def _with_mark(turn: Turn, text: str) -> str:
    """What she wrote; who reads it is to know if parts of it never came."""
    if not turn.stimulus_as(TextReceived).missing:
        return text
    return texts.INCOMPLETE.say(turn.account.language, text=text)


def _taken(turn: Turn, text: str, who: str, charges: tuple[Charge, ...] | None = None) -> Outcome:
    """Open the ticket and say its number, its deadlines and the fees that it is about."""
    fees = fees_named(turn, text) if charges is None else charges
    opened = open_ticket(turn, TicketKind.COMPLAINT, text, who=who, charge_ids=tuple(fee.id for fee in fees))
    language = turn.account.language
    said = texts.opened(language, opened.ticket, [name_and_amount(turn, fee) for fee in fees])
    reply = say(turn, said, kind=MessageClass.RESULT)
    return joined(Outcome(replies=(reply,), verdict="complaint"), opened.outcome)


# ---- the text that an empty TS asked for


def _repeat(turn: Turn, _question: Question) -> str:
    return texts.REPEAT.say(turn.account.language)


def _expired(turn: Turn, _question: Question) -> str:
    return texts.EXPIRED.say(turn.account.language)


def _about(turn: Turn, question: Question) -> str:
    return texts.ABOUT.say(turn.account.language, number=number_of(turn, question))


@incomplete
@answer(DescribingComplaint, repeat=_repeat, expired=_expired, answered=_expired, about=_about)
def take_complaint(turn: Turn, question: Question, said: Said) -> Answer | None:
    """What was sent to 10086 itself, and is no number, yes or no, is the complaint; it ranks last (safety.md 24)."""
    received = turn.stimulus_as(TextReceived)
    dialled = turn.policy.numbers.extension(received.dialled)
    elsewhere = dialled != Extension.COMMANDS and not turn.carrier.single_number
    if elsewhere or question.closed_at is not None:
        return None
    if not said.key or said.is_yes or said.is_no or parse_pick(said) is not None:
        return None
    closed = Outcome(questions=(question.closed(turn.now, ClosedAs.ANSWERED),))
    text = _with_mark(turn, received.shown_text.strip())
    return Answer(joined(_taken(turn, text, f"mo:{received.id}"), closed), Fit.LAST)


# ---- by an agent, and how tickets stand


@call(AgentComplaint)
def complain_for(turn: Turn) -> Outcome:
    """The same ticket as by SMS; she is told its number. An unknown number is refused (404), an unknown fee (422)."""
    given = turn.stimulus_as(AgentComplaint)
    if turn.account.customer is None:
        detail = "No such subscriber: create it with PUT /api/v1/subscribers/{msisdn}."
        return refused(404, detail)
    charge = turn.account.record(Charge, given.charge_id) if given.charge_id else None
    if given.charge_id and charge is None:
        return refused(422, "charge_id: the customer has no such charge.")
    return _taken(turn, given.text, given.who, (charge,) if charge else None)


@command(*TICKET_STATE, menu=texts.HELP_STATE, rank=71, reads=(Ticket,))
def show_tickets(turn: Turn, _argument: str) -> Outcome:
    """Her open tickets, oldest first, with what is to be expected."""
    language = turn.account.language
    waiting = [ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open]
    if not waiting:
        return Outcome(replies=(say(turn, texts.NONE.say(language)),))
    lines = [texts.state(language, ticket, turn.now) for ticket in waiting]
    lines[-1] = wording.sentence(language, lines[-1])
    return Outcome(replies=(say(turn, texts.STATE_OPENING.say(language), *lines),))
