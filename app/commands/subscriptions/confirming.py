"""Carrying out an unsubscribe, and the yes or no that a warning or 全部 asks for (flows.md 5.2, 17)."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from app.commands.parser import Said
from app.commands.registry import Answer, answer
from app.commands.replies import number_of, say, shown
from app.commands.subscriptions.unsubscribing import (
    EndedTarget,
    UnsubscribeRequest,
    UnsubscribeResult,
    UnsubscribeTarget,
    as_outcome,
    end_services,
)
from app.domain.account import Channel
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.messages import MessageClass, Reply
from app.domain.service_numbers import Extension
from app.domain.texts import answers, wording
from app.domain.texts import unsubscribing as texts
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import replace, value

# More names than these are summed up where they are not what the customer decides on.
_NAMED = 4


class Picked(Protocol):
    """Something that was shown and stands for a subscription."""

    @property
    def label(self) -> str:
        """The name as it was shown."""

    @property
    def subscription_id(self) -> str:
        """What it stands for."""


@value
class ToEnd:
    """A service that waits for a yes."""

    subscription_id: str
    label: str


@value
class ConfirmingUnsubscribe(QuestionState):
    """Really? ``everything``: it was 全部, and warnings are still to come; else the warning has been read."""

    kind: ClassVar[str] = "confirming-unsubscribe"
    items: tuple[ToEnd, ...]
    everything: bool

    def names(self, turn: Turn) -> str:
        """What it is about, as an enumeration; a long one is summed up."""
        return _names(turn, [item.label for item in self.items])


def _names(turn: Turn, labels: Sequence[str]) -> str:
    language = turn.account.language
    if len(labels) > _NAMED:
        return texts.MANY.say(language, first=labels[0], count=str(len(labels)))
    return wording.names(language, labels)


def plain(turn: Turn, text: str, *, verdict: str = "answered") -> Outcome:
    """An answer from the listing's number that changes nothing."""
    return Outcome(replies=(say(turn, text, extension=Extension.LISTING),), verdict=verdict)


def target_of(turn: Turn, item: Picked) -> UnsubscribeTarget:
    """The wish to end what was shown."""
    return UnsubscribeTarget(item.label, turn.account.subscriptions.get(item.subscription_id))


def request_of(
    turn: Turn, question: Question | None, *, warned_already: bool = False, guessed: bool = False
) -> UnsubscribeRequest:
    """Her own message as the ground of a change."""
    received = turn.stimulus_as(TextReceived)
    return UnsubscribeRequest(
        f"mo:{received.id}",
        Channel.SMS,
        asked=question.asked_text if question else None,
        answer=received.shown_text,
        warned_already=warned_already,
        guessed=guessed,
    )


def carry_out(
    turn: Turn,
    targets: list[UnsubscribeTarget],
    request: UnsubscribeRequest,
    closed: tuple[Question, ...],
    parent: Question | None,
) -> Outcome:
    """End what can be ended, ask about what carries a warning, and say all of it in one reply."""
    language = turn.account.language
    ended = end_services(turn, targets, request)
    changed = any(item.result is UnsubscribeResult.DONE for item in ended)
    warned = [item for item in ended if item.result is UnsubscribeResult.WARNED]
    lines = [item.text for item in (*(item for item in ended if item.result is not UnsubscribeResult.WARNED), *warned)]
    if warned:
        names = _names(turn, [item.target.label for item in warned])
        lines.append(texts.ASK_WARNED.say(language, names=names))
    else:
        lines.append(texts.MORE.say(language))
    question_id = next(turn.ids) if warned else None
    kind = MessageClass.RESULT if changed else MessageClass.REPLY
    reply = say(turn, *lines, extension=Extension.LISTING, kind=kind, question_id=question_id)
    questions = {question.id: question for question in closed}
    if question_id is not None:
        asked = ask_yes_or_no(turn, question_id, reply, _to_end(warned), parent, everything=False)
        # One that this answer closes is not closed a second time as replaced.
        questions = {question.id: question for question in asked} | questions
    outcome = as_outcome(turn, ended, request)
    return replace(
        outcome,
        replies=(reply,),
        questions=(*outcome.questions, *questions.values()),
        verdict="unsubscribed" if changed else "answered",
    )


def _to_end(ended: Sequence[EndedTarget]) -> tuple[ToEnd, ...]:
    return tuple(ToEnd(item.target.subscription.id, item.target.label) for item in ended if item.target.subscription)


def ask_yes_or_no(
    turn: Turn, question_id: str, reply: Reply, items: tuple[ToEnd, ...], parent: Question | None, *, everything: bool
) -> tuple[Question, ...]:
    """A new yes/no replaces the one before on this number; it lives as long as its listing (flows.md 17)."""
    replaced = tuple(
        other.closed(turn.now, ClosedAs.REPLACED)
        for other in turn.account.questions.values()
        if isinstance(other.state, ConfirmingUnsubscribe) and other.closed_at is None
    )
    asked = Question(
        id=question_id,
        state=ConfirmingUnsubscribe(items, everything),
        extension=Extension.LISTING,
        asked_text=shown(reply),
        asked_at=turn.now,
        expires_at=parent.expires_at if parent else turn.now + turn.policy.listing_window,
        parent_id=parent.id if parent else None,
    )
    return (*replaced, asked)


def _repeat_confirmation(turn: Turn, question: Question) -> str:
    state = question.state_as(ConfirmingUnsubscribe)
    return answers.REPEAT_UNSUBSCRIBE.say(turn.account.language, names=state.names(turn))


def _confirmation_expired(turn: Turn, _question: Question) -> str:
    return answers.UNSUBSCRIBE_EXPIRED.say(turn.account.language)


def _confirmation_answered(turn: Turn, _question: Question) -> str:
    return answers.UNSUBSCRIBE_ANSWERED.say(turn.account.language)


def _about_confirmation(turn: Turn, question: Question) -> str:
    names = question.state_as(ConfirmingUnsubscribe).names(turn)
    return answers.ABOUT_UNSUBSCRIBE.say(turn.account.language, names=names, number=number_of(turn, question))


@answer(
    ConfirmingUnsubscribe,
    repeat=_repeat_confirmation,
    expired=_confirmation_expired,
    answered=_confirmation_answered,
    about=_about_confirmation,
)
def confirm_unsubscribe(turn: Turn, question: Question, said: Said) -> Answer | None:
    """Yes ends them, no keeps them; a number is a pick and belongs to the listing."""
    if not (said.is_yes or said.is_no):
        return None
    if question.failed_at is not None:
        return Answer(plain(turn, answers.UNSUBSCRIBE_FAILED.say(turn.account.language)))
    state = question.state_as(ConfirmingUnsubscribe)
    closed = (question.closed(turn.now, ClosedAs.ANSWERED),)
    if said.is_no:
        text = texts.KEPT.say(turn.account.language, names=state.names(turn))
        reply = say(turn, text, extension=Extension.LISTING, kind=MessageClass.RESULT)
        return Answer(Outcome(replies=(reply,), questions=closed))
    parent = turn.account.questions.get(question.parent_id or "")
    targets = [target_of(turn, item) for item in state.items]
    request = request_of(turn, question, warned_already=not state.everything)
    return Answer(carry_out(turn, targets, request, closed, parent))
