"""Questions: what we are waiting for from a subscriber, with everything that she was shown."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, TypeVar

from app.domain.values import replace, value

# For how long after its end a question is still remembered as one (flows.md 3, step 4).
REMEMBERED = timedelta(days=7)
# How far a provider's clock, which says when a text was sent, may be behind ours, which says when we asked. A text
# from before that is no answer to the question.
CLOCKS_DIFFER = timedelta(minutes=10)

# The longest time from the beginning of an attempt to hand a question over to its end, which is what we know.
_ATTEMPT = timedelta(minutes=1)


class Arrival(StrEnum):
    """How far the messages of a question got, as far as we know.

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
    """What was asked; each kind of question is a frozen subclass with a ``kind`` of its own.

    ``must_reach``: it is about money, and nothing answers it that cannot have reached her (safety.md 6).
    """

    kind: ClassVar[str]
    must_reach: ClassVar[bool] = False

    @property
    def answer_code(self) -> str | None:
        """The digits that answer this question alone, whatever number they are sent to."""
        return None


_S = TypeVar("_S", bound=QuestionState)


class ClosedAs(StrEnum):
    """How a question ended, unless it simply ran out."""

    ANSWERED = "answered"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    UNDELIVERABLE = "undeliverable"


# One that was replaced or withdrawn never speaks again: its successor does, or nobody.
RESPONDING = frozenset({None, ClosedAs.ANSWERED, ClosedAs.UNDELIVERABLE})


@value
class Question:
    """A question to a subscriber: asked, handed over to the network, answered or run out; kept for the record."""

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
        """Open up to and including the last instant of its window (flows.md 17)."""
        return self.closed_at is None and self.asked_at - CLOCKS_DIFFER <= at <= self.expires_at

    def answered_at(self, sent_at: datetime, stored_at: datetime) -> datetime:
        """When an answer to it counts: a time from before it was asked is not believed (safety.md 34)."""
        return sent_at if sent_at >= self.asked_at else max(sent_at, stored_at)

    def was_open(self, at: datetime) -> bool:
        """Open at that instant, also if it was closed since."""
        return self.is_open(at) or (
            self.closed_at is not None and self.asked_at <= at < min(self.closed_at, self.expires_at)
        )

    @property
    def is_on_its_way(self) -> bool:
        """Whether it waits for an answer, and the network has neither taken it for certain nor failed to."""
        return self.closed_at is None and self.handed_over_at is None and self.failed_at is None

    def is_stored_before(self, stored_at: datetime) -> bool:
        """Whether a text was stored, by our own clock, before it was asked or any attempt that brought it began."""
        return stored_at < self.asked_at or self._is_before_attempt(stored_at)

    def is_dated_before(self, sent_at: datetime) -> bool:
        """Whether a text is dated before it; many carriers' stamps are in whole seconds (safety.md 34)."""
        return sent_at < self.asked_at.replace(microsecond=0) or self._is_before_attempt(sent_at)

    def _is_before_attempt(self, at: datetime) -> bool:
        return self.handed_over_at is not None and at < self.handed_over_at - _ATTEMPT

    def arrived(self, at: datetime) -> "Question":
        """The question as handed over at that instant, unless that is known already."""
        return self if self.handed_over_at is not None else replace(self, handed_over_at=at)

    def closed(self, at: datetime, how: ClosedAs) -> "Question":
        """The question, ended."""
        return Question(
            self.id,
            self.state,
            self.extension,
            self.asked_text,
            self.asked_at,
            self.expires_at,
            self.parent_id,
            self.handed_over_at,
            self.failed_at,
            at,
            how,
        )

    def state_as(self, kind: type[_S]) -> _S:
        """What was asked, by those who deal with one kind of question only."""
        if not isinstance(self.state, kind):
            raise TypeError(f"{type(self.state).__name__} is not a {kind.__name__}")
        return self.state

    def ended_recently(self, at: datetime) -> bool:
        """Closed or run out, and not longer ago than we remember."""
        ended = self.closed_at or self.expires_at
        return not self.is_open(at) and at - ended <= REMEMBERED
