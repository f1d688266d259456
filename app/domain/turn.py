"""A turn: a stimulus, the account as it is now and the time go in, an outcome comes out (design: one idea)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from app.domain.account import Account, Subscriber
from app.domain.catalogue import Catalogue
from app.domain.dialogue import Question
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.limits import Limits
from app.domain.messages import Reply
from app.domain.passwords import PasswordCheck, PasswordCheckResult
from app.domain.policy import Policy, ProviderTraits
from app.domain.records import Record
from app.domain.subscriptions import Subscription
from app.domain.values import replace, value


@value
class Stimulus:
    """Something that happens to a subscriber; management calls are subclasses of their own."""


_S = TypeVar("_S", bound=Stimulus)


@value
class TextReceived(Stimulus):
    """An MO. ``text`` is as it was sent; ``shown_text`` as it is stored (passwords masked, escapes in place).

    ``sent_at`` is the time that counts for windows: the provider's, if it is believable, else the time of storing
    (safety.md 21). ``kept`` marks one that waited because of the rate limit. ``missing`` is how many parts of a long
    message never came: who does not say that it takes such texts is not handed one. ``stamped_at`` says whose it is:
    the provider's time, however old, if it is not in the future, else that of storing (safety.md 1); None: ``sent_at``.
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
    def arrived_at(self) -> datetime:
        """When it was stored."""
        return self.stored_at or self.sent_at


@value
class TimerDue(Stimulus):
    """A timer of the subscriber fell due."""

    kind: str
    subject: str
    due_at: datetime
    data: str = ""


# The kind of timer that keeps a message for the morning; its data begins with an id that says in which order.
HELD_MESSAGE = "held-message"
# The kind of timer that says what became of a message, behind it ``:`` and the kind of matter that it is about.
MESSAGE_OUTCOME = "message-told"
# The kind of timer of a message that may have arrived or not, when its time is over; its subject is the message's id.
MESSAGE_UNKNOWN = "message-unanswered"


class DeliveryOutcome(StrEnum):
    """What became of a message: the network took it, would not have it, or took it and could not deliver it."""

    TAKEN = "taken"
    FAILED = "failed"
    UNDELIVERED = "undelivered"


@value
class MessageOutcome:
    """The data of such a timer; ``about`` is the whole name of the matter."""

    about: str
    what: DeliveryOutcome

    def data(self) -> str:
        """As a timer keeps it."""
        return f"{self.what.value} {self.about}"

    @classmethod
    def of(cls, due: "TimerDue") -> "MessageOutcome":
        """From a timer that fell due."""
        what, _, about = due.data.partition(" ")
        return cls(about, DeliveryOutcome(what))


@value
class Need:
    """Something beyond the basic account that a command wants loaded: evidence about ``subject``."""

    subject: str


@value
class Turn:
    """All that a command may know. ``at`` is when it happened, ``now`` when it is handled; both UTC.

    ``ids`` hands out fresh UUIDv7 strings; ``randbelow`` draws a number from 0 up to and without the one it is given.
    ``password_result`` is what came of the password that an outcome of the same message awaited.
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
        """Whose turn it is, for functions that run for customers only, as commands do."""
        found = self.account.customer
        if found is None:
            raise LookupError("this number is nobody's")
        return found

    def answering(self, question: Question) -> "Turn":
        """The turn at the time that an answer to this question counts from."""
        stored_at = self.stimulus.arrived_at if isinstance(self.stimulus, TextReceived) else self.at
        at = question.answered_at(self.at, stored_at)
        return self if at == self.at else replace(self, at=at)

    def stimulus_as(self, kind: type[_S]) -> _S:
        """What happened, for functions that are run by one kind of stimulus only."""
        if not isinstance(self.stimulus, kind):
            raise TypeError(f"{type(self.stimulus).__name__} is not a {kind.__name__}")
        return self.stimulus


@value
class TimerSet:
    """A timer to set; a timer of the same kind and subject is replaced."""

    kind: str
    subject: str
    due_at: datetime
    data: str = ""


@value
class TimerDropped:
    """A timer that is no longer wanted."""

    kind: str
    subject: str


@value
class EventDraft:
    """Something that others are to be told of; ``receiver`` is ``sp:<sp_code>`` or ``billing``."""

    receiver: str
    type: str
    data: Mapping[str, Fact]


@value
class Refusal:
    """A management call that cannot be carried out, as an HTTP status and a sentence that says what to do."""

    status: int
    detail: str


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
        verdict: how the stimulus was dealt with, in a word or two.
        kept_until: leave the MO in the queue until then (UTC) and use nothing of this outcome but ``limits``.
        superseded: ``about`` names; queued messages about them are not sent any more (safety.md 18).
        awaits_password: leave the MO in the queue until this check is done; nothing else of this outcome is used.
        awaits_hand_over: the same until the attempt to hand over an open question has ended.
        former_tenure: the tenure of the former customer who sent the MO; it is recorded only (safety.md 1).
        kept: fields of a management call whose stored values differ from the given ones and stay as they are.
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
    kept_until: datetime | None = None
    records: tuple[Record, ...] = ()
    superseded: tuple[str, ...] = ()
    awaits_password: PasswordCheck | None = None
    awaits_hand_over: bool = False
    former_tenure: int | None = None
    kept: tuple[str, ...] = ()


def refused(status: int, detail: str) -> Outcome:
    """A management call that cannot be carried out: an HTTP status, and a sentence that says what to do."""
    return Outcome(refusal=Refusal(status, detail), verdict="refused")


_IN_ORDER = (
    "replies", "subscriptions", "questions", "timers", "dropped_timers", "evidence", "events", "records", "superseded",
)  # fmt: skip


def merge_outcomes(first: Outcome, *others: Outcome) -> Outcome:
    """Several outcomes of one turn as one: everything that they cause, in order; all else is the first one's.

    What is known of the subscriber, and what is awaited, is the last one's that says something of it.
    """
    every = (first, *others)
    lists: dict[str, Any] = {name: tuple(item for one in every for item in getattr(one, name)) for name in _IN_ORDER}
    subscriber = next((one.subscriber for one in reversed(every) if one.subscriber), None)
    awaits_password = next((one.awaits_password for one in reversed(every) if one.awaits_password), None)
    awaits_hand_over = any(one.awaits_hand_over for one in every)
    return replace(
        first, **lists, subscriber=subscriber, awaits_password=awaits_password, awaits_hand_over=awaits_hand_over
    )


def apply(account: Account, outcome: Outcome) -> Account:
    """The account after an outcome: what the next turn of the same batch sees."""
    return account.with_changes(
        subscriber=outcome.subscriber,
        subscriptions=outcome.subscriptions,
        questions=outcome.questions,
        limits=outcome.limits,
        records=outcome.records,
    )
