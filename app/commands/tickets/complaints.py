"""TS and CXTS: a complaint becomes a ticket, and she can ask how her tickets stand (flows.md 12)."""

import itertools
import re
import string
import unicodedata
from datetime import timedelta
from typing import ClassVar

from app.commands.charges.matching import charges_named, name_and_amount
from app.commands.parser import Said, normalise, parse_pick
from app.commands.reading import LONGEST_OPENING, LONGEST_TEXT
from app.commands.registry import Answer, Fit, Takes, answer, call, command, incomplete
from app.commands.replies import number_of, say, shown
from app.commands.ticketing import open_ticket
from app.commands.vocabulary import BEFORE_TEXT, CLOSING, COMPLAIN, JOINING, OPENING, TICKET_STATE, TRAILING
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
# A plus joins the text to its keyword; behind a blank it begins a number of hers.
_MARKS = re.compile(rf"[{JOINING}]?[\s{re.escape(BEFORE_TEXT)}]*")


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
@command(*COMPLAIN, takes=Takes.TEXT, kept=True, menu=texts.HELP, rank=70)
def complain(turn: Turn, argument: str) -> Outcome:
    """Open a ticket; without a text, ask for it."""
    received = turn.stimulus_as(TextReceived)
    written = received.shown_text[: LONGEST_OPENING + LONGEST_TEXT]
    text = _behind_keyword(written, _keywords(turn)) if argument else ""
    if not normalise(text).key:
        return _ask(turn)
    return joined(_taken(turn, _with_mark(turn, text), f"mo:{received.id}"), _no_more_asked(turn))


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


def _keywords(turn: Turn) -> frozenset[str]:
    """The words that complain, with the aliases of this deployment."""
    aliases = (alias for alias, keyword in turn.policy.aliases.items() if normalise(keyword).key in COMPLAIN)
    return frozenset({*COMPLAIN, *(normalise(alias).key for alias in aliases)})


def _behind_keyword(text: str, keywords: frozenset[str]) -> str:
    """What follows the keyword, as she wrote it; quotes and brackets around the whole text are no part of it."""
    text = _unwrapped(text)
    keys = [normalise(text[:place]).key for place in range(min(len(text), LONGEST_OPENING) + 1)]
    ends = [place for place, key in enumerate(keys) if key in keywords and key != keys[place - 1]]
    if not ends:
        return text
    opened = [sign for sign in map(_sign, text[: ends[-1]]) if sign in OPENING]
    behind = _MARKS.sub("", text[ends[-1] :], count=1)
    while opened and behind and _sign(behind[0]) == _closing(opened.pop()):
        behind = _MARKS.sub("", behind[1:], count=1)
    return behind.rstrip()


def _unwrapped(text: str) -> str:
    """Without the quotes or brackets that stand around the whole of it."""
    text = text.strip()
    bare = text.rstrip(TRAILING + string.whitespace)
    opening = _sign(text[:1])
    if len(bare) <= 1 or opening not in OPENING or not opening:
        return text
    closing, signs = _closing(opening), unicodedata.normalize("NFKC", bare)
    inside = signs[1:-1]
    alone = closing not in inside if opening == closing else _is_balanced(inside, opening, closing)
    return _unwrapped(bare[1:-1]) if signs[-1] == closing and alone else text


def _is_balanced(text: str, opening: str, closing: str) -> bool:
    depths = [*itertools.accumulate((char == opening) - (char == closing) for char in text)]
    return min(depths, default=0) >= 0 and depths[-1:] in ([], [0])


def _sign(char: str) -> str:
    return unicodedata.normalize("NFKC", char)


def _closing(opening: str) -> str:
    return CLOSING[OPENING.index(opening)]


def _with_mark(turn: Turn, text: str) -> str:
    """What she wrote; who reads it is to know if parts of it never came."""
    if not turn.stimulus_as(TextReceived).missing:
        return text
    return texts.INCOMPLETE.say(turn.account.language, text=text)


def _taken(turn: Turn, text: str, who: str, charges: tuple[Charge, ...] | None = None) -> Outcome:
    """Open the ticket and say its number, its deadlines and the fees that it is about."""
    text = text[:LONGEST_TEXT]
    fees = charges_named(turn, text) if charges is None else charges
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
    too_long_to_be_read = len(received.text) > LONGEST_TEXT
    if not (said.key or too_long_to_be_read) or said.is_yes or said.is_no or parse_pick(said) is not None:
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
