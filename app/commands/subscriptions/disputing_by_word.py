"""Unsubscribe words sent to the fees' number: they dispute a charge and still unsubscribe (safety.md 14)."""

from collections.abc import Iterable

from app.commands.charges.disputing import charge_of, complain_about_charges, dispute_all, reminder_may_have_arrived
from app.commands.charges.reminding import DisputingCharge
from app.commands.codes import codes_in
from app.commands.parser import Said, without_unsubscribe_word, without_wish
from app.commands.registry import intercept
from app.commands.subscriptions.matching import match_services
from app.commands.vocabulary import UNSUBSCRIBE_ALONE
from app.domain.charges import Charge, ChargeState
from app.domain.dialogue import Question
from app.domain.service_numbers import Extension
from app.domain.turn import Outcome, Turn
from app.domain.values import value

_MAY_BE_COMPLAINED_OF = (ChargeState.REMINDED, ChargeState.CHARGED)


@value
class _Disputable:
    """A charge and the question of its reminder."""

    charge: Charge
    question: Question


@intercept(Extension.FEES)
def dispute_by_unsubscribe_word(turn: Turn, said: Said) -> Outcome | None:
    """Dispute the charges of the service that the text names, else all open ones; recent ones become a complaint.

    A service that has no charge is only unsubscribed, unless exactly one charge is open. Return None if the text
    disputes nothing, or names a code.
    """
    if _what_to_unsubscribe(said) == said.key and said.key not in UNSUBSCRIBE_ALONE:
        return None
    asked = [question for question in turn.account.questions.values() if isinstance(question.state, DisputingCharge)]
    codes = codes_in(said)
    if any(question.state_as(DisputingCharge).code in codes for question in asked):
        return None
    in_time, late = _charges_meant(turn, said, _in_time(turn, asked), _late(turn, asked))
    if in_time:
        return dispute_all(turn, [item.question for item in in_time])
    return complain_about_charges(turn, tuple(item.charge for item in late)) if late else None


_InTimeAndLate = tuple[list[_Disputable], list[_Disputable]]


def _charges_meant(turn: Turn, said: Said, in_time: list[_Disputable], late: list[_Disputable]) -> _InTimeAndLate:
    """Return the charges that the text disputes in time, or if there are none, late."""
    services, certain = _services_named(turn, said)
    if any(of_services := (_of_services(services, in_time), _of_services(services, late))):
        return of_services[0], [] if of_services[0] else of_services[1]
    if certain and len(in_time) != 1:
        return [], []
    return in_time, [] if in_time else late


def _what_to_unsubscribe(said: Said) -> str:
    return without_unsubscribe_word(without_wish(said.key))


def _in_time(turn: Turn, asked: Iterable[Question]) -> list[_Disputable]:
    """Return the charges that can be disputed in time, in the order of their reminders."""
    open_questions = (
        question
        for question in asked
        if question.is_open(turn.answering(question).at) and reminder_may_have_arrived(turn, question)
    )
    return _with_charges(turn, open_questions)


def _late(turn: Turn, asked: Iterable[Question]) -> list[_Disputable]:
    """Return the charges whose window ended in the last 7 days and that have no ticket of their own."""
    ended = (
        question
        for question in asked
        if question.ended_recently(turn.answering(question).at) and reminder_may_have_arrived(turn, question)
    )
    return [
        item
        for item in _with_charges(turn, ended)
        if item.charge.state in _MAY_BE_COMPLAINED_OF and item.charge.ticket_id is None
    ]


def _with_charges(turn: Turn, questions: Iterable[Question]) -> list[_Disputable]:
    in_order = sorted(questions, key=lambda question: (question.asked_at, question.id))
    return [_Disputable(charge, item) for item in in_order if (charge := charge_of(turn, item))]


def _of_services(services: set[str], disputable: Iterable[_Disputable]) -> list[_Disputable]:
    return [item for item in disputable if item.charge.service_code in services]


def _services_named(turn: Turn, said: Said) -> tuple[set[str], bool]:
    """Return the codes of the services named after an unsubscribe word, and True if the match is certain."""
    matched = match_services(turn, _what_to_unsubscribe(said))
    services = {matched.service.service_code} if matched.service else set()
    services |= {held.service_code for held in matched.held}
    return services, matched.certain and bool(services)
