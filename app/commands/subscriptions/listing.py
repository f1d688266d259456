"""0000: list the sender's running services with numbers (flows.md 5.1)."""

import itertools
from collections.abc import Iterator
from datetime import datetime
from operator import attrgetter
from typing import ClassVar

from app.commands.registry import command
from app.commands.replies import say, shown
from app.commands.vocabulary import LIST_SERVICES
from app.domain.account import Account, Brand
from app.domain.catalogue import Catalogue
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.messages import Reply
from app.domain.segments import Passage
from app.domain.service_numbers import Extension
from app.domain.subscriptions import Subscription, SubscriptionState, Terms
from app.domain.texts import listing as texts
from app.domain.turn import Outcome, Turn
from app.domain.values import value


@value
class ShownItem:
    """A numbered line of the listing as it was sent; numbers count from 1."""

    number: int
    subscription_id: str
    label: str
    in_plan: bool


@value
class ChoosingServices(QuestionState):
    """The state of a listing.

    ``before`` are the subscription ids, in the order of their numbers, of the listing that this one replaced, and
    ``before_asked_at`` (UTC) is when that was made. They reveal an answer to the earlier listing.
    """

    kind: ClassVar[str] = "choosing-services"
    items: tuple[ShownItem, ...]
    before: tuple[str, ...] = ()
    before_asked_at: datetime | None = None

    def item(self, number: int) -> ShownItem | None:
        """Return the item that was shown under a number, or None."""
        return self.items[number - 1] if 1 <= number <= len(self.items) else None


@value
class _Sheet:
    """What a listing says to everybody who has the same services under the same terms.

    Attributes:
        passages: the texts, one for the services outside the plan, one for those in it.
        numbered: of each number, from 1, the place of its service in the order of their beginnings.
        labels: of each number, the service's name with its SP's.
    """

    passages: tuple[Passage, ...]
    numbered: tuple[int, ...]
    labels: tuple[str, ...]


# A service as far as the text of a listing depends on it.
_Traits = tuple[str, SubscriptionState, bool, Terms, bool, datetime | None, datetime | None]
_beginning = attrgetter("started_at", "service_code")
_MOST_SHEETS = 2_000


class _Sheets:
    """The sheets that were written from one catalogue, as many customers have the same services."""

    def __init__(self) -> None:
        # Replaced together, as turns may run in several threads.
        self._held = Catalogue(), dict[tuple[object, ...], _Sheet]()

    def of(self, catalogue: Catalogue) -> dict[tuple[object, ...], _Sheet]:
        """Return the sheets of a catalogue, by all that they depend on; empty for another one than before."""
        known, written = self._held
        if known is not catalogue or len(written) >= _MOST_SHEETS:
            written = {}
            self._held = catalogue, written
        return written


_sheets = _Sheets()


def label_of(catalogue: Catalogue, subscription: Subscription) -> str:
    """Return a service's name as subscribers see it, with its SP's unless the service is the operator's own."""
    return texts.service_label(catalogue, subscription.service_code, subscription.terms.sp_code)


@command(*LIST_SERVICES, menu=texts.HELP, rank=10, reads=())
def list_services(turn: Turn, _argument: str) -> Outcome:
    """List the running services and close earlier questions of the listing's number; numbers make it a question."""
    account = turn.account
    brand = _brand(account)
    closed = close_listing_questions(account, turn.now)
    listed = _listed(turn)
    if not listed:
        beside_plan = any(item.runs(turn.now) for item in account.subscriptions.values())
        text = texts.no_services(account.language, brand, beside_plan=beside_plan)
        return Outcome(replies=(say(turn, text, extension=Extension.LISTING),), questions=closed)
    sheet = _sheet(turn, brand, listed)
    question_id = next(turn.ids) if sheet.numbered else None
    replies = tuple(
        say(turn, *passage.pieces, extension=Extension.LISTING, question_id=question_id) for passage in sheet.passages
    )
    if question_id is None:
        return Outcome(replies=replies, questions=closed)
    return Outcome(replies=replies, questions=(*closed, _question(turn, question_id, _items(sheet, listed), replies)))


def _brand(account: Account) -> Brand:
    return account.customer.brand if account.customer else Brand.EASYOWN


def close_listing_questions(account: Account, at: datetime) -> tuple[Question, ...]:
    """Close all open questions of the listing's number, which has one conversation at a time (flows.md 17)."""
    return tuple(
        question.closed(at, ClosedAs.REPLACED)
        for question in account.unclosed_questions()
        if question.extension == Extension.LISTING
    )


def _listed(turn: Turn) -> list[Subscription]:
    """Return the running services that are listed, in the order of their beginnings."""
    running = [item for item in turn.account.subscriptions.values() if item.runs(turn.now)]
    listed = running if turn.policy.list_in_plan else [item for item in running if not item.in_plan]
    listed.sort(key=_beginning)
    return listed


def _sheet(turn: Turn, brand: Brand, listed: list[Subscription]) -> _Sheet:
    catalogue, policy, language = turn.catalogue, turn.policy, turn.account.language
    traits = tuple([_traits(catalogue, item) for item in listed])
    facts = policy.listing_window, policy.allow_unsubscribe_all, turn.provider.free_mo
    written = _sheets.of(catalogue)
    sheet = written.get((language, brand, facts, traits))
    if sheet is None:
        sheet = written[language, brand, facts, traits] = _written(turn, brand, listed)
    return sheet


def _traits(catalogue: Catalogue, item: Subscription) -> _Traits:
    state = item.state
    by_sms = item.can_be_unsubscribed_by_sms(catalogue.services[item.service_code])
    trial_ends_at = item.trial_ends_at if state is SubscriptionState.TRIAL else None
    ends_at = item.ends_at if state is SubscriptionState.ENDING else None
    return item.service_code, state, item.in_plan, item.terms, by_sms, trial_ends_at, ends_at


def _written(turn: Turn, brand: Brand, listed: list[Subscription]) -> _Sheet:
    """Write the sheet: the operator's own services, then the SPs', then those in the plan."""
    catalogue = turn.catalogue

    def group(place: int) -> tuple[bool, bool]:
        item = listed[place]
        return item.in_plan, not catalogue.providers[item.terms.sp_code].own

    places = sorted(range(len(listed)), key=group)
    numbers = itertools.count(1)
    lines = [_line(catalogue, listed[place], numbers) for place in places]
    numbered = [(place, line) for place, line in zip(places, lines, strict=True) if line.number is not None]
    return _Sheet(
        tuple(_passages(turn, brand, lines)),
        tuple(place for place, _ in numbered),
        tuple(texts.label(line.name, line.sp_short_name) for _, line in numbered),
    )


def _items(sheet: _Sheet, listed: list[Subscription]) -> tuple[ShownItem, ...]:
    return tuple(
        [
            ShownItem(number, listed[place].id, label, listed[place].in_plan)
            for number, (place, label) in enumerate(zip(sheet.numbered, sheet.labels, strict=True), 1)
        ]
    )


def _line(catalogue: Catalogue, subscription: Subscription, numbers: Iterator[int]) -> texts.Line:
    """Return a service's line, with the next number if the service can be picked."""
    service = catalogue.services[subscription.service_code]
    sp = catalogue.providers[subscription.terms.sp_code]
    ending = subscription.state is SubscriptionState.ENDING
    by_sms = subscription.can_be_unsubscribed_by_sms(service)
    return texts.Line(
        name=service.name,
        sp_short_name=None if sp.own else sp.short_name,
        price_fen=subscription.terms.price_fen,
        billing=subscription.terms.billing,
        in_plan=subscription.in_plan,
        number=next(numbers) if by_sms and not ending else None,
        trial_ends_at=subscription.trial_ends_at if subscription.state is SubscriptionState.TRIAL else None,
        ends_at=subscription.ends_at if ending else None,
        cancel_how=None if by_sms else service.cancel_how,
    )


def _passages(turn: Turn, brand: Brand, lines: list[texts.Line]) -> list[Passage]:
    """Return the text of the services outside the plan, then of those in the plan."""
    language = turn.account.language
    outside = [line for line in lines if not line.in_plan]
    inside = [line for line in lines if line.in_plan]
    how = texts.HowToAnswer(
        window=turn.policy.listing_window,
        picks=tuple(line.number for line in lines if line.number is not None),
        all_allowed=turn.policy.allow_unsubscribe_all,
        free_reply=turn.provider.free_mo,
    )
    passages = [texts.outside_plan(language, brand, outside, how)] if outside else []
    if inside:
        passages.append(texts.inside_plan(language, brand, inside, how, alone=not outside))
    return passages


def _question(turn: Turn, question_id: str, items: tuple[ShownItem, ...], replies: tuple[Reply, ...]) -> Question:
    """Return the question that a listing asks; its window begins when the listing is made."""
    before = open_listing(turn)
    items_before = before.state_as(ChoosingServices).items if before else ()
    state = ChoosingServices(
        items, tuple(item.subscription_id for item in items_before), before.asked_at if before else None
    )
    return Question(
        id=question_id,
        state=state,
        extension=Extension.LISTING,
        asked_text=shown(*replies),
        asked_at=turn.now,
        expires_at=turn.now + turn.policy.listing_window,
    )


def items_listed_now(turn: Turn) -> tuple[ShownItem, ...]:
    """Return the numbered items that a listing made now would show."""
    listed = _listed(turn)
    return _items(_sheet(turn, _brand(turn.account), listed), listed)


def open_listing(turn: Turn) -> Question | None:
    """Return the listing that can still be answered, or None."""
    listings = (
        question for question in turn.account.questions.values() if isinstance(question.state, ChoosingServices)
    )
    return next((question for question in listings if question.is_open(turn.answering(question).at)), None)
