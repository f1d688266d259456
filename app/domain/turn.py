"""A turn: what a command gets (stimulus, account, policy, time) and what it returns (an outcome)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Generic, TypeVar

from app.domain import actors
from app.domain.account import Account, Subscriber
from app.domain.catalogue import Catalogue
from app.domain.dialogue import Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.limits import Limits
from app.domain.matters import Matter
from app.domain.messages import Reply
from app.domain.passwords import PasswordCheck, PasswordCheckResult
from app.domain.policy import Policy, ProviderTraits
from app.domain.records import Record
from app.domain.refusals import Refusal, RefusalReason
from app.domain.subscriptions import Subscription
from app.domain.values import replace, value


@value
class Stimulus:
    """Something that happens to a subscriber and starts a turn."""


_S = TypeVar("_S", bound=Stimulus)
_R = TypeVar("_R")


@value
class Call(Stimulus, Generic[_R]):
    """A management call about a subscriber; each is a subclass. ``_R`` is what it returns unless it is refused."""

    def returning(self, result: _R, outcome: "Outcome") -> "Outcome":
        """Return the outcome of this call with its result."""
        return replace(outcome, result=result)


@value
class TextReceived(Stimulus):
    """An MO. Times are UTC.

    Attributes:
        dialled: the service number that it was sent to.
        text: the text as it was sent.
        shown_text: the text as it is stored: passwords masked, unsafe characters escaped.
        sent_at: the time that counts for windows: the stamp if it is believed, else the time of storing (safety.md 21).
        kept: it waited because of the rate limit.
        missing: how many parts of a long message never arrived. Only commands marked ``@incomplete`` get such texts.
        stamped_at: the time that decides whose tenure it belongs to: the stamp, however old, unless it is in the
            future, else the time of storing (safety.md 1). None for ``sent_at``.
        stored_at: when it was stored; None for ``sent_at``.
    """

    id: str
    dialled: str
    text: str
    shown_text: str
    sent_at: datetime
    kept: bool = False
    missing: int = 0
    stamped_at: datetime | None = None
    stored_at: datetime | None = None

    @property
    def actor(self) -> str:
        """The subscriber as the actor of what this message causes."""
        return actors.subscriber(self.id)

    @property
    def arrived_at(self) -> datetime:
        """The time of storing (UTC)."""
        return self.stored_at or self.sent_at


@value
class TimerDue(Stimulus):
    """A timer of the subscriber that fell due at ``due_at`` (UTC)."""

    kind: str
    subject: str
    due_at: datetime
    data: str = ""


# The kind of timer that holds messages until the quiet hours end; its data begins with an id that gives the order.
HELD_MESSAGE = "held-message"
# The kind of timer for a message whose delivery is still unknown when its validity ends; its subject is the message id.
MESSAGE_UNKNOWN = "message-unanswered"


@value
class Need:
    """Evidence about ``subject`` that a command needs in the account."""

    subject: str


@value
class Turn:
    """Everything that a command may use.

    Attributes:
        provider: the provider that replies are sent through.
        at: when the stimulus happened (UTC).
        now: when it is handled (UTC).
        ids: new ids, each greater than the one before.
        randbelow: ``randbelow(n)`` returns a random number from 0 to n - 1.
        password_result: the result of the check that an earlier outcome of the same MO awaited; None on the first pass.
    """

    stimulus: Stimulus
    account: Account
    catalogue: Catalogue
    policy: Policy
    provider: ProviderTraits
    at: datetime
    now: datetime
    ids: Iterator[str]
    randbelow: Callable[[int], int]
    password_result: PasswordCheckResult | None = None

    @property
    def subscriber(self) -> Subscriber:
        """The customer. Raise LookupError if the number is nobody's; commands run for customers only."""
        customer = self.account.customer
        if customer is None:
            raise LookupError("this number is nobody's")
        return customer

    def answering(self, question: Question) -> "Turn":
        """Return the turn with ``at`` set to the time that an answer to this question counts from."""
        stored_at = self.stimulus.arrived_at if isinstance(self.stimulus, TextReceived) else self.at
        at = question.answered_at(self.at, stored_at)
        return self if at == self.at else replace(self, at=at)

    def stimulus_as(self, kind: type[_S]) -> _S:
        """Return the stimulus as this kind. Raise TypeError for another kind."""
        if not isinstance(self.stimulus, kind):
            raise TypeError(f"{type(self.stimulus).__name__} is not a {kind.__name__}")
        return self.stimulus


@value
class TimerSet:
    """A timer to set for ``due_at`` (UTC); it replaces a timer of the same kind and subject."""

    kind: str
    subject: str
    due_at: datetime
    data: str = ""


@value
class TimerDropped:
    """A timer to delete."""

    kind: str
    subject: str


@value
class EventDraft:
    """An event to send to ``receiver``: ``sp:<sp_code>`` or ``billing``."""

    receiver: str
    type: str
    data: Mapping[str, Fact]


@value
class Outcome:
    """Everything that a turn causes; written in one commit or not at all.

    Attributes:
        replies: messages to queue for the subscriber.
        subscriptions, questions, records: whole new values; each replaces the stored one of the same id.
        timers, dropped_timers: timers to set, and timers to delete.
        evidence, events: drafts; the unit of work numbers, chains and stores them.
        subscriber: the new value of the tenure, or a new tenure; None if it does not change.
        tenure_ended: delete the queued messages and timers of the tenure that the turn started with.
        refusal: why a management call is refused; None otherwise.
        limits: the new limits of the number; None if they do not change.
        verdict: how the stimulus was dealt with, in a word or two for people.
        superseded: matters; queued messages about them are not sent any more (safety.md 18).
        former_tenure: the tenure of the former customer who sent the MO; it is recorded only (safety.md 1).
        result: what a management call returns; set by ``Call.returning``.
        understood: False if the replies only say that a text was not understood, which the loop guard counts.
    """

    replies: tuple[Reply, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()
    questions: tuple[Question, ...] = ()
    timers: tuple[TimerSet, ...] = ()
    dropped_timers: tuple[TimerDropped, ...] = ()
    evidence: tuple[EvidenceDraft, ...] = ()
    events: tuple[EventDraft, ...] = ()
    subscriber: Subscriber | None = None
    tenure_ended: bool = False
    refusal: Refusal | None = None
    limits: Limits | None = None
    verdict: str = "answered"
    records: tuple[Record, ...] = ()
    superseded: tuple[Matter, ...] = ()
    former_tenure: int | None = None
    result: object = None
    understood: bool = True


def refused(reason: RefusalReason, detail: str = "") -> Outcome:
    """Return the outcome that refuses a management call; ``detail`` says what is wrong unless the reason says all."""
    return Outcome(refusal=Refusal(reason, detail), verdict="refused")


@value
class Postponed:
    """The MO is kept until ``until`` (UTC), as the rate ``limits`` of its number demand; they are stored."""

    until: datetime
    limits: Limits


@value
class AwaitPassword:
    """The MO waits for the check of a password; only the try is stored."""

    check: PasswordCheck


@value
class AwaitHandOver:
    """The MO waits until the attempt to hand over the question that it answers has ended."""


# What makes an MO stay in the queue: it is handled later, as if for the first time, and nothing else happens now.
Waiting = Postponed | AwaitPassword | AwaitHandOver
Handled = Outcome | Waiting


def apply(account: Account, outcome: Outcome) -> Account:
    """Return the account after an outcome, as the next turn of the same batch gets it."""
    return account.with_changes(
        subscriber=outcome.subscriber,
        subscriptions=outcome.subscriptions,
        questions=outcome.questions,
        limits=outcome.limits,
        records=outcome.records,
    )
