"""Words that stop something, sent to the fees' own number: they doubt a fee there, and are obeyed (safety.md 14)."""

from collections.abc import Iterable

from app.commands.charges.disputing import charge_of, complain, dispute_all, may_be_meant
from app.commands.charges.reminding import DisputingCharge
from app.commands.codes import codes_in
from app.commands.parser import Said, without_unsubscribe_word
from app.commands.registry import intercept
from app.commands.subscriptions.matching import match_services
from app.commands.vocabulary import LIST_SERVICES
from app.domain.charges import Charge, ChargeState
from app.domain.dialogue import Question
from app.domain.service_numbers import Extension
from app.domain.turn import Outcome, Turn
from app.domain.values import value

# Words for the list that speak of stopping; 0000 only asks what there is.
_LISTING_UNSUBSCRIBES = frozenset(word for word in LIST_SERVICES if not word.isdigit())
_MAY_BE_COMPLAINED_OF = (ChargeState.REMINDED, ChargeState.CHARGED)


@value
class _Disputable:
    """A fee that she was told of, and its reminder."""

    charge: Charge
    question: Question


@intercept(Extension.FEES)
def dispute_by_unsubscribe_word(turn: Turn, said: Said) -> Outcome | None:
    """A word that stops doubts the fee of the service that it names, else all that are open there, else those of late.

    One that names a service without a fee means that service only, unless a single fee is open.
    """
    if without_unsubscribe_word(said.key) == said.key and said.key not in _LISTING_UNSUBSCRIBES:
        return None
    asked = [question for question in turn.account.questions.values() if isinstance(question.state, DisputingCharge)]
    codes = codes_in(said)
    if any(question.state_as(DisputingCharge).code in codes for question in asked):
        return None
    in_time, late = _meant(turn, said, _open(turn, asked), _of_late(turn, asked))
    if in_time:
        return dispute_all(turn, [item.question for item in in_time])
    return complain(turn, tuple(item.charge for item in late)) if late else None


_Both = tuple[list[_Disputable], list[_Disputable]]


def _meant(turn: Turn, said: Said, waiting: list[_Disputable], late: list[_Disputable]) -> _Both:
    """Which of the fees that can be doubted in time, or else late, a word means."""
    services, certain = _named(turn, said)
    if any(mine := (_of(services, waiting), _of(services, late))):
        return mine[0], [] if mine[0] else mine[1]
    if certain and len(waiting) != 1:
        return [], []
    return waiting, [] if waiting else late


def _open(turn: Turn, asked: Iterable[Question]) -> list[_Disputable]:
    """Those that can be doubted in time, in the order in which she was told."""
    found = (
        question for question in asked if question.is_open(turn.answering(question).at) and may_be_meant(turn, question)
    )
    return _with_charges(turn, found)


def _of_late(turn: Turn, asked: Iterable[Question]) -> list[_Disputable]:
    """Those whose window is over, and which no ticket of their own is about."""
    over = (
        question
        for question in asked
        if question.lately_ended(turn.answering(question).at) and may_be_meant(turn, question)
    )
    return [
        item
        for item in _with_charges(turn, over)
        if item.charge.state in _MAY_BE_COMPLAINED_OF and item.charge.ticket_id is None
    ]


def _with_charges(turn: Turn, questions: Iterable[Question]) -> list[_Disputable]:
    in_order = sorted(questions, key=lambda question: (question.asked_at, question.id))
    return [_Disputable(charge, item) for item in in_order if (charge := charge_of(turn, item))]


def _of(services: set[str], disputable: Iterable[_Disputable]) -> list[_Disputable]:
    return [item for item in disputable if item.charge.service_code in services]


def _named(turn: Turn, said: Said) -> tuple[set[str], bool]:
    """The services behind a word that stops, by order keyword or name, and whether they are meant for certain."""
    meant = match_services(turn, without_unsubscribe_word(said.key))
    services = {meant.service.service_code} if meant.service else set()
    services |= {held.service_code for held in meant.held}
    return services, meant.certain and bool(services)
