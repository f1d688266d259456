"""Answers to a listing: numbers, ranges, 全部 and 查2 (flows.md 5.2)."""

from collections.abc import Iterator, Mapping, Sequence

from app.commands.parser import Said, Span, is_all, name_key, parse_origin_question, parse_pick
from app.commands.question_handlers import Answer, Fit, TimedQuestionHandler
from app.commands.registry import answer
from app.commands.replies import number_of, say
from app.commands.subscriptions.confirming import (
    ConfirmingUnsubscribe,
    ServiceToEnd,
    ask_yes_or_no,
    reply_only,
    request_of,
    target_of,
    unsubscribe,
)
from app.commands.subscriptions.listing import ChoosingServices, ShownItem
from app.commands.subscriptions.origin import explain_origin
from app.domain.dialogue import ClosedAs, Question
from app.domain.service_numbers import Extension
from app.domain.texts import answers, wording
from app.domain.texts import unsubscribing as texts
from app.domain.texts.listing import example_of, items_in
from app.domain.turn import Need, Outcome, TextReceived, Turn

# A reply names at most this many wrong numbers, each cut at this many characters.
_MOST_NUMBERS = 5
_LONGEST_NUMBER = 8


def _items(question: Question) -> tuple[ShownItem, ...]:
    return question.state_as(ChoosingServices).items


def _example(question: Question) -> str:
    return example_of(tuple(item.number for item in _items(question)))


@answer(ChoosingServices)
class ListingHandler(TimedQuestionHandler):
    """Reads numbers, ranges, 全部 and questions about the origin of a service."""

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Handle numbers, ranges, 全部 or 查2; return None for a text with anything else in it."""
        origin = parse_origin_question(said)
        everything = is_all(said)
        spans = parse_pick(said, lambda number: _names(turn, question, number))
        if origin is None and spans is None and not everything:
            return None
        if question.failed_at is not None:
            return Answer(reply_only(turn, answers.LISTING_FAILED.say(turn.account.language)))
        if origin is not None:
            return _explain_origin(turn, question, origin)
        if spans is not None:
            return _pick(turn, question, spans)
        return Answer(ask_all(turn, _items(question), question))

    def repeat(self, turn: Turn, question: Question) -> str:
        """Return an example of a pick."""
        text = answers.LISTING_FAILED if question.failed_at else answers.REPEAT_LISTING
        return text.say(turn.account.language, example=_example(question))

    def expired(self, turn: Turn, question: Question) -> str:  # noqa: ARG002  the same for all
        """Return that the listing is out of date."""
        return answers.LISTING_EXPIRED.say(turn.account.language)

    def about(self, turn: Turn, question: Question) -> str:
        """Return the number to send a pick to."""
        return answers.ABOUT_LISTING.say(turn.account.language, number=number_of(turn, question))

    def needs(self, question: Question, said: Said) -> tuple[Need, ...]:
        """Return the evidence of the service whose origin is asked for."""
        number = parse_origin_question(said)
        item = None if number is None else question.state_as(ChoosingServices).item(number)
        return (Need(item.subscription_id),) if item else ()


def _explain_origin(turn: Turn, question: Question, number: int) -> Answer:
    item = question.state_as(ChoosingServices).item(number)
    if item is None:
        text = answers.WRONG_NUMBERS.say(
            turn.account.language, wrong=_shortened(str(number)), example=_example(question)
        )
        return Answer(reply_only(turn, text), kept=False)
    return Answer(reply_only(turn, explain_origin(turn, item.label, item.subscription_id)), kept=False)


# ---- numbers


def _names(turn: Turn, question: Question, number: int) -> Iterator[str]:
    """Yield the names that may follow a number, as shown: without the SP, with it, and with the price."""
    item = question.state_as(ChoosingServices).item(number)
    if item is None:
        return
    held = turn.account.subscriptions.get(item.subscription_id)
    name = turn.catalogue.services[held.service_code].name if held else item.label
    if item.label.removeprefix(name)[:1] in ("", "("):
        yield name_key(name)
    yield name_key(item.label)
    yield from map(name_key, items_in(question.asked_text, number))


def _pick(turn: Turn, question: Question, spans: tuple[Span, ...]) -> Answer:
    shown = {item.number: item for item in _items(question)}
    wrong = [span for span in spans if span.first not in shown or span.last not in shown]
    if wrong:
        return Answer(reply_only(turn, _wrong_numbers_text(turn, question, wrong, shown)), Fit.LOOSE)
    numbers = dict.fromkeys(number for span in spans for number in range(span.first, span.last + 1))
    picked = [shown[number] for number in numbers]
    if _means_earlier_list(turn, question, picked):
        return Answer(reply_only(turn, answers.LISTING_REPLACED.say(turn.account.language)))
    targets = [target_of(turn, item) for item in picked]
    return Answer(
        unsubscribe(turn, targets, request_of(turn, question), _close_unanswered_all(turn, question), question)
    )


def _means_earlier_list(turn: Turn, question: Question, picked: Sequence[ShownItem]) -> bool:
    """Return True if the pick was sent before this listing was made and means other services in the one before.

    A time before both listings is not trusted: the pick then means this one (safety.md 34).
    """
    state = question.state_as(ChoosingServices)
    before, since = state.before, state.before_asked_at
    if since is None or not since <= turn.stimulus_as(TextReceived).sent_at < question.asked_at:
        return False
    return any(before[item.number - 1 : item.number] != (item.subscription_id,) for item in picked)


def _close_unanswered_all(turn: Turn, question: Question) -> tuple[Question, ...]:
    """Close an unanswered 全部 of this listing: a number instead of a yes is a pick."""
    return tuple(
        other.closed(turn.now, ClosedAs.REPLACED)
        for other in turn.account.unclosed_questions(ConfirmingUnsubscribe)
        if other.parent_id == question.id and other.state_as(ConfirmingUnsubscribe).everything
    )


def _wrong_numbers_text(turn: Turn, question: Question, wrong: Sequence[Span], shown: Mapping[int, ShownItem]) -> str:
    """Name the numbers that were not shown, and suggest commas if they may be missing between digits."""
    example = _commas_between_digits(wrong, shown) or _example(question)
    names: list[str] = []
    for span in wrong:
        if span.first == span.last:
            names.append(span.as_written)
        else:
            beyond = range(span.first, min(span.last, span.first + len(shown) + _MOST_NUMBERS) + 1)
            names += [str(number) for number in beyond if number not in shown]
    named = ",".join(_shortened(name) for name in names[:_MOST_NUMBERS])
    return answers.WRONG_NUMBERS.say(turn.account.language, wrong=named, example=example)


def _commas_between_digits(wrong: Sequence[Span], shown: Mapping[int, ShownItem]) -> str | None:
    """Return ``1,2,3`` for ``123`` if those numbers were shown, else None."""
    written = wrong[0].as_written
    if len(wrong) > 1 or not written.isdigit():
        return None
    digits = dict.fromkeys(int(digit) for digit in written)
    return ",".join(map(str, digits)) if len(digits) > 1 and digits.keys() <= shown.keys() else None


def _shortened(number: str) -> str:
    return number if len(number) <= _LONGEST_NUMBER else number[:_LONGEST_NUMBER] + "..."


# ---- everything


def ask_all(turn: Turn, items: Sequence[ShownItem], listing: Question | None) -> Outcome:
    """Ask whether to unsubscribe all these services, saying how many and which."""
    language = turn.account.language
    if not turn.policy.allow_unsubscribe_all:
        example = example_of(tuple(item.number for item in items))
        return reply_only(turn, texts.ALL_SWITCHED_OFF.say(language, example=example))
    targets = [(item, target_of(turn, item).subscription) for item in items]
    remaining = [(item, held) for item, held in targets if held is not None and held.can_be_unsubscribed(turn.at)]
    if not remaining:
        return reply_only(turn, texts.ALL_DONE.say(language))
    names = [item.label + (texts.IN_PLAN_MARK.say(language) if held.in_plan else "") for item, held in remaining]
    comma = wording.names(language, ["", ""])
    question_id = next(turn.ids)
    reply = say(
        turn,
        texts.ASK_ALL.say(language, count=str(len(remaining))),
        *(name + comma for name in names[:-1]),
        names[-1] + texts.ASK_ALL_HOW.say(language),
        extension=Extension.LISTING,
        question_id=question_id,
    )
    to_end = tuple(ServiceToEnd(held.id, item.label) for item, held in remaining)
    asked = ask_yes_or_no(turn, question_id, reply, to_end, listing, everything=True)
    return Outcome(replies=(reply,), questions=asked)
