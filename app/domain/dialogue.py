"""Questions: what we are waiting for from a subscriber, with everything that she was shown."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, TypeVar

from app.domain.values import value

# For how long after its end a question is still remembered as one (flows.md 3, step 4).
REMEMBERED = timedelta(days=7)
# How far a provider's clock, which says when a text was sent, may be behind ours, which says when we asked. A text
# from before that is no answer to the question.
_CLOCKS_DIFFER = timedelta(minutes=10)

# The same, where it must not be more: a yes that was on its way before the question is not a yes to it.
_AT_ONCE = timedelta(minutes=1)


@value
class QuestionState:
    """What was asked; each kind of question is a frozen subclass with a ``kind`` of its own.

    ``must_reach``: an answer counts only if the network took the question before (safety.md 6).
    """

    kind: ClassVar[str]
    must_reach: ClassVar[bool] = False


_S = TypeVar("_S", bound=QuestionState)


class ClosedAs(StrEnum):
    """How a question ended, unless it simply ran out."""

    ANSWERED = "answered"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


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
        return self.closed_at is None and self.asked_at - _CLOCKS_DIFFER <= at <= self.expires_at

    def can_be_answered(self, at: datetime) -> bool:
        """Whether what was sent at that instant can be an answer to it at all, on time or late."""
        if not self.state.must_reach:
            return True
        return self.failed_at is None and self.handed_over_at is not None and self.handed_over_at - _AT_ONCE <= at

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

    def lately_ended(self, at: datetime) -> bool:
        """Closed or run out, and not longer ago than we remember."""
        ended = self.closed_at or self.expires_at
        return not self.is_open(at) and at - ended <= REMEMBERED
