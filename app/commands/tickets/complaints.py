"""TS and CXTS: open a ticket for a complaint, and list the subscriber's open tickets (flows.md 12)."""

import itertools
import re
import string
import unicodedata
from datetime import timedelta
from typing import ClassVar

from app.commands.charges.labels import label_and_amount
from app.commands.charges.matching import charges_named
from app.commands.parser import Said, normalise, parse_pick
from app.commands.question_handlers import Answer, Fit, TimedQuestionHandler
from app.commands.reading import LONGEST_OPENING, LONGEST_TEXT
from app.commands.registry import Takes, answer, call, command, incomplete
from app.commands.replies import number_of, say, shown
from app.commands.ticketing import OpenedTicket, TicketWithRefunds, open_ticket
from app.commands.vocabulary import BEFORE_TEXT, CLOSING, COMPLAIN, JOINING, OPENING, TICKET_STATE, TRAILING
from app.domain.charges import Charge
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.refusals import RefusalReason
from app.domain.service_numbers import Extension
from app.domain.texts import tickets as texts
from app.domain.texts import wording
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Call, Outcome, TextReceived, Turn, refused
from app.domain.values import value

_WINDOW = timedelta(minutes=10)
# A plus right after the keyword is a separator; after a blank it begins a phone number.
_SEPARATORS = re.compile(rf"[{JOINING}]?[\s{re.escape(BEFORE_TEXT)}]*")


@value
class DescribingComplaint(QuestionState):
    """The question for the text of a complaint, asked when TS came without one."""

    kind: ClassVar[str] = "describing-complaint"


@value
class AgentComplaint(Call[TicketWithRefunds]):
    """A complaint that the agent ``who`` records for a subscriber; ``charge_id`` is the charge it is about, if any."""

    who: str
    text: str
    charge_id: str | None = None


@incomplete
@command(*COMPLAIN, takes=Takes.TEXT, kept=True, menu=texts.HELP, rank=70, reads=(Charge,))
def complain(turn: Turn, argument: str) -> Outcome:
    """Open a ticket; ask for the text if there is none."""
    received = turn.stimulus_as(TextReceived)
    written = received.shown_text[: LONGEST_OPENING + LONGEST_TEXT]
    text = _text_after_keyword(written, _keywords(turn)) if argument else ""
    if not normalise(text).key:
        return _ask_for_text(turn)
    opened = _open_complaint(turn, _mark_incomplete(turn, text), received.actor)
    return merge_outcomes(opened.outcome, _close_earlier_questions(turn))


def _ask_for_text(turn: Turn) -> Outcome:
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
    return merge_outcomes(Outcome(replies=(reply,), questions=(asked,)), _close_earlier_questions(turn))


def _close_earlier_questions(turn: Turn) -> Outcome:
    """Close the questions of earlier TS without a text."""
    return Outcome(questions=turn.account.close_questions(turn.now, ClosedAs.REPLACED, DescribingComplaint))


def _keywords(turn: Turn) -> frozenset[str]:
    """Return the keywords for a complaint, with the aliases of this deployment."""
    aliases = (alias for alias, keyword in turn.policy.aliases.items() if normalise(keyword).key in COMPLAIN)
    return frozenset({*COMPLAIN, *(normalise(alias).key for alias in aliases)})


def _text_after_keyword(text: str, keywords: frozenset[str]) -> str:
    """Return the text after the keyword as written, without quotes and brackets around the whole message."""
    text = _strip_quotes(text)
    keys = [normalise(text[:place]).key for place in range(min(len(text), LONGEST_OPENING) + 1)]
    ends = [place for place, key in enumerate(keys) if key in keywords and key != keys[place - 1]]
    if not ends:
        return text
    opened = [sign for sign in map(_normalized_sign, text[: ends[-1]]) if sign in OPENING]
    rest = _SEPARATORS.sub("", text[ends[-1] :], count=1)
    while opened and rest and _normalized_sign(rest[0]) == _closing(opened.pop()):
        rest = _SEPARATORS.sub("", rest[1:], count=1)
    return rest.rstrip()


def _strip_quotes(text: str) -> str:
    """Remove pairs of quotes or brackets around the whole text."""
    text = text.strip()
    bare = text.rstrip(TRAILING + string.whitespace)
    opening = _normalized_sign(text[:1])
    if len(bare) <= 1 or opening not in OPENING or not opening:
        return text
    closing, signs = _closing(opening), unicodedata.normalize("NFKC", bare)
    inside = signs[1:-1]
    alone = closing not in inside if opening == closing else _is_balanced(inside, opening, closing)
    return _strip_quotes(bare[1:-1]) if signs[-1] == closing and alone else text


def _is_balanced(text: str, opening: str, closing: str) -> bool:
    # The nesting depth after each character.
    depths = [*itertools.accumulate((char == opening) - (char == closing) for char in text)]
    return min(depths, default=0) >= 0 and depths[-1:] in ([], [0])


def _normalized_sign(char: str) -> str:
    return unicodedata.normalize("NFKC", char)


def _closing(opening: str) -> str:
    return CLOSING[OPENING.index(opening)]


def _mark_incomplete(turn: Turn, text: str) -> str:
    """Mark a text of which parts are missing, for whoever reads the ticket."""
    if not turn.stimulus_as(TextReceived).missing:
        return text
    return texts.INCOMPLETE.say(turn.account.language, text=text)


def _open_complaint(turn: Turn, text: str, who: str, charges: tuple[Charge, ...] | None = None) -> OpenedTicket:
    """Open a ticket; reply with its number, deadlines and charges, by default those that the text names."""
    text = text[:LONGEST_TEXT]
    if charges is None:
        charges = charges_named(turn, text)
    opened = open_ticket(turn, TicketKind.COMPLAINT, text, who=who, charge_ids=tuple(charge.id for charge in charges))
    language = turn.account.language
    reply_text = texts.opened(language, opened.ticket, [label_and_amount(turn, charge) for charge in charges])
    reply = say(turn, reply_text, kind=MessageClass.RESULT)
    return OpenedTicket(opened.ticket, merge_outcomes(Outcome(replies=(reply,), verdict="complaint"), opened.outcome))


# ---- the text that a TS without one asked for


@incomplete
@answer(DescribingComplaint)
class ComplaintHandler(TimedQuestionHandler):
    """Takes the text that a TS without one asked for."""

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Take a text to 10086 as the complaint unless it is a pick, yes or no or fits anything else (safety.md 24)."""
        received = turn.stimulus_as(TextReceived)
        dialled = turn.policy.numbers.extension(received.dialled)
        elsewhere = dialled != Extension.COMMANDS and not turn.provider.single_number
        if elsewhere or question.closed_at is not None:
            return None
        too_long_to_be_read = len(received.text) > LONGEST_TEXT
        if not (said.key or too_long_to_be_read) or said.is_yes or said.is_no or parse_pick(said) is not None:
            return None
        closed = Outcome(questions=(question.closed(turn.now, ClosedAs.ANSWERED),))
        text = _mark_incomplete(turn, received.shown_text.strip())
        return Answer(merge_outcomes(_open_complaint(turn, text, received.actor).outcome, closed), Fit.LAST)

    def repeat(self, turn: Turn, question: Question) -> str:  # noqa: ARG002  the same for all
        """Return that the text of the complaint is awaited."""
        return texts.REPEAT.say(turn.account.language)

    def expired(self, turn: Turn, question: Question) -> str:  # noqa: ARG002  the same for all
        """Return that the time for the text is over."""
        return texts.EXPIRED.say(turn.account.language)

    def about(self, turn: Turn, question: Question) -> str:
        """Return the number to send the text to."""
        return texts.ABOUT.say(turn.account.language, number=number_of(turn, question))


# ---- by an agent, and the list of open tickets


@call(AgentComplaint, reads=(Charge,))
def complain_by_agent(turn: Turn) -> Outcome:
    """Open a ticket as by SMS and notify the subscriber; refuse an unknown number or charge."""
    request = turn.stimulus_as(AgentComplaint)
    if turn.account.customer is None:
        return refused(RefusalReason.UNKNOWN_SUBSCRIBER)
    charge = turn.account.record(Charge, request.charge_id) if request.charge_id else None
    if request.charge_id and charge is None:
        return refused(RefusalReason.INVALID, "charge_id: the customer has no such charge.")
    opened = _open_complaint(turn, request.text, request.who, (charge,) if charge else None)
    return request.returning(TicketWithRefunds(turn.subscriber.tenure, opened.ticket), opened.outcome)


@command(*TICKET_STATE, menu=texts.HELP_STATE, rank=71, reads=(Ticket,))
def show_tickets(turn: Turn, _argument: str) -> Outcome:
    """List the subscriber's open tickets with their deadlines."""
    language = turn.account.language
    open_tickets = [ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open]
    if not open_tickets:
        return Outcome(replies=(say(turn, texts.NONE.say(language)),))
    lines = wording.closed(language, [texts.state(language, ticket, turn.now) for ticket in open_tickets])
    return Outcome(replies=(say(turn, texts.STATE_OPENING.say(language), *lines),))
