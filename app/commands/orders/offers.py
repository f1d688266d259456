"""1111: list the services on offer; a number of the list orders that service, once confirmed (flows.md 4, 6)."""

from typing import ClassVar

from app.commands.orders.placing import place_by_sms
from app.commands.parser import Said, parse_offer
from app.commands.question_handlers import Answer, Fit, TimedQuestionHandler
from app.commands.registry import answer, command
from app.commands.replies import number_of, say, shown
from app.commands.vocabulary import LIST_OFFERS, ORDER
from app.domain.catalogue import Service
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.service_numbers import Extension
from app.domain.subscriptions import SubscriptionState
from app.domain.texts import offers as texts
from app.domain.turn import Outcome, Turn
from app.domain.values import value

_LONGEST_NUMBER = 99


@value
class ShownOffer:
    """A numbered line of the list as it was sent; numbers count from 1."""

    number: int
    service_code: str


@value
class ChoosingOffer(QuestionState):
    """The state of a list of offers."""

    kind: ClassVar[str] = "choosing-offer"
    items: tuple[ShownOffer, ...]


def _on_offer(turn: Turn) -> list[Service]:
    """Return the services that the subscriber can order: the operator's own first, then by SP and service code."""
    held = {
        item.service_code
        for item in turn.account.subscriptions.values()
        if item.runs(turn.at) and item.state is not SubscriptionState.ENDING
    }
    services = [
        service
        for service in turn.catalogue.services.values()
        if service.on_offer and service.visible and service.service_code not in held
    ]
    providers = turn.catalogue.providers
    return sorted(services, key=lambda item: (not providers[item.sp_code].own, item.sp_code, item.service_code))


@command(*LIST_OFFERS, menu=texts.HELP, rank=15, reads=())
def list_offers(turn: Turn, _argument: str) -> Outcome:
    """List what is on offer; a number can be sent until the listing window ends, and more than one (safety.md 6)."""
    language = turn.account.language
    replaced = turn.account.close_questions(turn.now, ClosedAs.REPLACED, ChoosingOffer)
    services = _on_offer(turn)
    if not services:
        return Outcome(replies=(say(turn, texts.NOTHING.say(language)),), questions=replaced)
    window = turn.policy.listing_window
    lines = [_line(turn, number, service) for number, service in enumerate(services, 1)]
    pieces = texts.offers(language, lines, window, free_reply=turn.provider.free_mo)
    reply = say(turn, *pieces, question_id=next(turn.ids))
    question = Question(
        id=reply.question_id or "",
        state=ChoosingOffer(tuple(ShownOffer(n, service.service_code) for n, service in enumerate(services, 1))),
        extension=Extension.COMMANDS,
        asked_text=shown(reply),
        asked_at=turn.now,
        expires_at=turn.now + window,
    )
    return Outcome(replies=(reply,), questions=(*replaced, question))


def _line(turn: Turn, number: int, service: Service) -> texts.Offer:
    sp = turn.catalogue.providers[service.sp_code]
    short_name = None if sp.own else sp.short_name
    return texts.Offer(number, service.name, short_name, service.price_fen, service.billing, service.trial_days)


def _example(question: Question) -> str:
    return str(question.state_as(ChoosingOffer).items[0].number)


@answer(ChoosingOffer)
class OfferHandler(TimedQuestionHandler):
    """Orders what a number of the list stands for."""

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Order the service that was shown under a number."""
        number = parse_offer(said)
        if number is None:
            return None
        items = {item.number: item for item in question.state_as(ChoosingOffer).items}
        if question.failed_at is not None:
            return Answer(Outcome(replies=(say(turn, texts.FAILED.say(turn.account.language)),)), kept=False)
        if number not in items:
            wrong = str(min(number, _LONGEST_NUMBER))
            text = texts.WRONG_NUMBER.say(turn.account.language, wrong=wrong, example=_example(question))
            return Answer(Outcome(replies=(say(turn, text),)), Fit.LOOSE, kept=False)
        if not question.is_open(turn.at):
            return Answer(Outcome())
        return Answer(place_by_sms(turn, turn.catalogue.services[items[number].service_code]))

    def repeat(self, turn: Turn, question: Question) -> str:
        """Return how to order from the list."""
        text = texts.FAILED if question.failed_at else texts.REPEAT
        return text.say(turn.account.language, example=_example(question))

    def expired(self, turn: Turn, question: Question) -> str:  # noqa: ARG002  the same for all
        """Return that the list is out of date."""
        return texts.EXPIRED.say(turn.account.language)

    def about(self, turn: Turn, question: Question) -> str:
        """Return an example of an order."""
        # With the keyword before it, an open listing of subscriptions does not take the number as a pick.
        example = f"{ORDER[0]}{_example(question)}"
        return texts.ABOUT.say(turn.account.language, example=example, number=number_of(turn, question))
