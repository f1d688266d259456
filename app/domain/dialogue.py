"""Questions to subscribers: what was asked, how far its messages got, and when an answer counts."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, TypeVar

from app.domain.values import replace, value

# How long after its end a question still gets a reply that says that it is over (flows.md 3, step 4).
_RECENT = timedelta(days=7)
# How far a provider's clock, which dates an MO, may be behind the gateway's clock, which dates the question. An MO
# dated earlier than that is no answer to the question.
_MAX_STAMP_LAG = timedelta(minutes=10)

# The longest attempt to hand a message over. Only its end is recorded; the handset may have got it since its beginning.
_ATTEMPT = timedelta(minutes=1)


class Arrival(StrEnum):
    """The progress of a question's messages, as far as the gateway knows.

    ``UNSENT``: never tried, or every attempt so far was refused. ``UNDER_WAY``: an attempt has not ended yet.
    ``UNKNOWN``: an attempt ended without an answer, so the question may have arrived.
    """

    UNSENT = "unsent"
    UNDER_WAY = "under way"
    UNKNOWN = "unknown"
    TAKEN = "taken"
    FAILED = "failed"


@value
class QuestionState:
    """The contents of a question. Each kind of question is a subclass with its own ``kind``; it is stored as JSON.

    ``must_reach`` is True for questions about money: an answer counts only if the question can have reached the
    subscriber (safety.md 6).
    """

    kind: ClassVar[str]
    must_reach: ClassVar[bool] = False

    @property
    def answer_code(self) -> str | None:
        """The digits that answer only this question, whatever number they are sent to; None if there are none."""
        return None


# Every kind of question, for readers of the API.
QUESTION_KINDS = (
    "choosing-offer",
    "choosing-services",
    "confirming-order",
    "confirming-unsubscribe",
    "describing-complaint",
    "doubting-fee",
)
_S = TypeVar("_S", bound=QuestionState)


class ClosedAs(StrEnum):
    """The end of a question; one whose window ran out has no such value."""

    ANSWERED = "answered"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    UNDELIVERABLE = "undeliverable"


# A late answer to a question that ended like this still gets a reply. For a replaced one its successor replies.
RESPONDING = frozenset({None, ClosedAs.ANSWERED, ClosedAs.UNDELIVERABLE})


@value
class Question:
    """A question to a subscriber. Times are UTC.

    Attributes:
        state: what was asked.
        extension: the extension that asked, and that the answer is sent to.
        asked_text: the text as it was shown.
        asked_at: when the turn made it.
        expires_at: the last instant of its window.
        parent_id: the question whose answer led to this one; None otherwise.
        handed_over_at: when the network had taken all of its messages.
        failed_at: when one of its messages failed for good.
        closed_at, closed_as: when and how it ended; both None while it is open or after its window ran out.
    """

    id: str
    state: QuestionState
    extension: str
    asked_text: str
    asked_at: datetime
    expires_at: datetime
    parent_id: str | None = None
    handed_over_at: datetime | None = None
    failed_at: datetime | None = None
    closed_at: datetime | None = None
    closed_as: ClosedAs | None = None

    def is_open(self, at: datetime) -> bool:
        """Return True if it can be answered at ``at``, the last instant of its window included (flows.md 17)."""
        return self.closed_at is None and self.asked_at - _MAX_STAMP_LAG <= at <= self.expires_at

    def answered_at(self, sent_at: datetime, stored_at: datetime) -> datetime:
        """Return the time that an answer counts from; a date before the question is not believed (safety.md 34)."""
        return sent_at if sent_at >= self.asked_at else max(sent_at, stored_at)

    def was_open(self, at: datetime) -> bool:
        """Return True if it was open at ``at``, even if it was closed after that."""
        return self.is_open(at) or (
            self.closed_at is not None and self.asked_at <= at < min(self.closed_at, self.expires_at)
        )

    def is_stored_before(self, stored_at: datetime) -> bool:
        """Return True if a text was stored before the question was asked, or before it can have reached the handset."""
        return stored_at < self.asked_at or self._is_before_attempt(stored_at)

    def is_dated_before(self, sent_at: datetime) -> bool:
        """Return True if a text is dated before the question; many carriers send whole seconds (safety.md 34)."""
        return sent_at < self.asked_at.replace(microsecond=0) or self._is_before_attempt(sent_at)

    def _is_before_attempt(self, at: datetime) -> bool:
        return self.handed_over_at is not None and at < self.handed_over_at - _ATTEMPT

    def arrived(self, at: datetime) -> "Question":
        """Return the question as handed over at ``at``; an earlier time that is recorded already stays."""
        return self if self.handed_over_at is not None else replace(self, handed_over_at=at)

    def closed(self, at: datetime, how: ClosedAs) -> "Question":
        """Return the question, closed at ``at``."""
        return replace(self, closed_at=at, closed_as=how)

    def state_as(self, kind: type[_S]) -> _S:
        """Return what was asked as this kind. Raise TypeError for another kind."""
        if not isinstance(self.state, kind):
            raise TypeError(f"{type(self.state).__name__} is not a {kind.__name__}")
        return self.state

    def ended_recently(self, at: datetime) -> bool:
        """Return True if it ended, by answer or by time, within 7 days before ``at``."""
        ended = self.closed_at or self.expires_at
        return not self.is_open(at) and at - ended <= _RECENT
