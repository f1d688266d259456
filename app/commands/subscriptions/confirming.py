"""Carry out an unsubscribe, and ask for a yes or no where a warning or 全部 needs one (flows.md 5.2, 17)."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from app.commands.parser import Said
from app.commands.question_handlers import Answer, TimedQuestionHandler
from app.commands.registry import answer
from app.commands.replies import number_of, say, shown
from app.commands.subscriptions.unsubscribing import (
    TargetResult,
    UnsubscribeRequest,
    UnsubscribeResult,
    UnsubscribeTarget,
    as_outcome,
    end_services,
)
from app.domain.dialogue import ClosedAs, Question, QuestionState
from app.domain.messages import MessageClass, Reply
from app.domain.service_numbers import Extension
from app.domain.subscriptions import Channel
from app.domain.texts import answers, wording
from app.domain.texts import unsubscribing as texts
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import replace, value

# A list of more names is summed up, where the subscriber does not decide on it.
_MOST_NAMES = 4


class ShownService(Protocol):
    """A subscription as it was shown to the subscriber."""

    @property
    def label(self) -> str:
        """The name as it was shown."""

    @property
    def subscription_id(self) -> str:
        """The id of the subscription."""


@value
class ServiceToEnd:
    """A service to unsubscribe after a yes."""

    subscription_id: str
    label: str


@value
class ConfirmingUnsubscribe(QuestionState):
    """The state of a yes/no question before an unsubscribe.

    ``everything`` says that it follows 全部, so that a yes leads to the services' warnings. Else the question itself
    was the warning.
    """

    kind: ClassVar[str] = "confirming-unsubscribe"
    items: tuple[ServiceToEnd, ...]
    everything: bool

    def names(self, turn: Turn) -> str:
        """Return the names of the services as an enumeration, summed up if it is long."""
        return _name_list(turn, [item.label for item in self.items])


def _name_list(turn: Turn, labels: Sequence[str]) -> str:
    language = turn.account.language
    if len(labels) > _MOST_NAMES:
        return texts.MANY.say(language, first=labels[0], count=str(len(labels)))
    return wording.names(language, labels)


def reply_only(turn: Turn, text: str) -> Outcome:
    """Return a reply from the listing's number that changes nothing."""
    return Outcome(replies=(say(turn, text, extension=Extension.LISTING),))


def target_of(turn: Turn, item: ShownService) -> UnsubscribeTarget:
    """Return the unsubscribe target for a service that was shown."""
    return UnsubscribeTarget(item.label, turn.account.subscriptions.get(item.subscription_id))


def request_of(
    turn: Turn, question: Question | None, *, warned_already: bool = False, guessed: bool = False
) -> UnsubscribeRequest:
    """Return an unsubscribe request by the subscriber's own message; the flags are those of the request."""
    received = turn.stimulus_as(TextReceived)
    return UnsubscribeRequest(
        received.actor,
        Channel.SMS,
        asked=question.asked_text if question else None,
        answer=received.shown_text,
        warned_already=warned_already,
        guessed=guessed,
    )


def unsubscribe(
    turn: Turn,
    targets: list[UnsubscribeTarget],
    request: UnsubscribeRequest,
    closed: tuple[Question, ...],
    parent: Question | None,
) -> Outcome:
    """Unsubscribe what needs no warning, ask about the rest, and say both in one reply.

    ``closed`` are questions that the answer closes; ``parent`` is the listing that a new question belongs to.
    """
    language = turn.account.language
    ended = end_services(turn, targets, request)
    changed = any(item.result is UnsubscribeResult.DONE for item in ended)
    warned = [item for item in ended if item.result is UnsubscribeResult.WARNED]
    judged = [item.text for item in ended if item.result is not UnsubscribeResult.WARNED]
    lines = [*wording.closed(language, judged), *(item.text for item in warned)]
    if warned:
        names = _name_list(turn, [item.target.label for item in warned])
        lines.append(texts.ASK_WARNED.say(language, names=names))
    else:
        lines.append(texts.MORE.say(language))
    question_id = next(turn.ids) if warned else None
    kind = MessageClass.RESULT if changed else MessageClass.REPLY
    reply = say(turn, *lines, extension=Extension.LISTING, kind=kind, question_id=question_id)
    questions = {question.id: question for question in closed}
    if question_id is not None:
        asked = ask_yes_or_no(turn, question_id, reply, _to_end(warned), parent, everything=False)
        # A question that this answer closes is not closed again as replaced.
        questions = {question.id: question for question in asked} | questions
    outcome = as_outcome(turn, ended, request)
    return replace(
        outcome,
        replies=(reply,),
        questions=(*outcome.questions, *questions.values()),
        verdict="unsubscribed" if changed else "answered",
    )


def _to_end(ended: Sequence[TargetResult]) -> tuple[ServiceToEnd, ...]:
    return tuple(
        ServiceToEnd(item.target.subscription.id, item.target.label) for item in ended if item.target.subscription
    )


def ask_yes_or_no(
    turn: Turn,
    question_id: str,
    reply: Reply,
    items: tuple[ServiceToEnd, ...],
    parent: Question | None,
    *,
    everything: bool,
) -> tuple[Question, ...]:
    """Return a new yes/no question and the closed ones that it replaces; it expires with its listing (flows.md 17)."""
    replaced = turn.account.close_questions(turn.now, ClosedAs.REPLACED, ConfirmingUnsubscribe)
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


@answer(ConfirmingUnsubscribe)
class UnsubscribeHandler(TimedQuestionHandler):
    """Reads a yes or a no."""

    def answer(self, turn: Turn, question: Question, said: Said) -> Answer | None:
        """Unsubscribe after a yes, keep the services after a no; a number is left to the listing as a pick."""
        if not (said.is_yes or said.is_no):
            return None
        if question.failed_at is not None:
            return Answer(reply_only(turn, answers.UNSUBSCRIBE_FAILED.say(turn.account.language)))
        state = question.state_as(ConfirmingUnsubscribe)
        closed = (question.closed(turn.now, ClosedAs.ANSWERED),)
        if said.is_no:
            text = texts.KEPT.say(turn.account.language, names=state.names(turn))
            reply = say(turn, text, extension=Extension.LISTING, kind=MessageClass.RESULT)
            return Answer(Outcome(replies=(reply,), questions=closed))
        parent = turn.account.questions.get(question.parent_id or "")
        targets = [target_of(turn, item) for item in state.items]
        request = request_of(turn, question, warned_already=not state.everything)
        return Answer(unsubscribe(turn, targets, request, closed, parent))

    def repeat(self, turn: Turn, question: Question) -> str:
        """Return what a yes unsubscribes."""
        state = question.state_as(ConfirmingUnsubscribe)
        return answers.REPEAT_UNSUBSCRIBE.say(turn.account.language, names=state.names(turn))

    def expired(self, turn: Turn, question: Question) -> str:  # noqa: ARG002  the same for all
        """Return that the time to confirm is over."""
        return answers.UNSUBSCRIBE_EXPIRED.say(turn.account.language)

    def answered(self, turn: Turn, question: Question) -> str:  # noqa: ARG002  the same for all
        """Return that it was answered before."""
        return answers.UNSUBSCRIBE_ANSWERED.say(turn.account.language)

    def about(self, turn: Turn, question: Question) -> str:
        """Return what a yes unsubscribes and the number to answer."""
        names = question.state_as(ConfirmingUnsubscribe).names(turn)
        return answers.ABOUT_UNSUBSCRIBE.say(turn.account.language, names=names, number=number_of(turn, question))
