"""Messages to customers (MT): classes, how long each is worth sending, and the states one passes through."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.values import value


class MessageClass(StrEnum):
    """Why a message is sent; it decides when it may go and how long it is tried (flows.md 15)."""

    REPLY = "reply"
    RESULT = "result"
    CONFIRMATION = "confirmation"
    NOTICE = "notice"
    CARE = "care"
    MARKETING = "marketing"


class Lane(StrEnum):
    """Answers and questions overtake what is sent of our own accord (delivery.md 11)."""

    PROMPT = "prompt"
    BULK = "bulk"


VALIDITY = {
    MessageClass.REPLY: timedelta(minutes=10),
    MessageClass.RESULT: timedelta(hours=72),
    MessageClass.CONFIRMATION: timedelta(hours=1),
    MessageClass.NOTICE: timedelta(hours=24),
    MessageClass.CARE: timedelta(hours=24),
    MessageClass.MARKETING: timedelta(hours=24),
}
_AT_ANY_HOUR = frozenset({MessageClass.REPLY, MessageClass.RESULT, MessageClass.CONFIRMATION})


def lane_of(kind: MessageClass) -> Lane:
    """The lane that messages of a class are sent in."""
    return Lane.PROMPT if kind in _AT_ANY_HOUR else Lane.BULK


def keeps_quiet_hours(kind: MessageClass) -> bool:
    """Whether a message of this class waits for the morning."""
    return kind not in _AT_ANY_HOUR


class OutboundStatus(StrEnum):
    """The life of an MT (delivery.md 8, 12; ``superseded``: safety.md 18)."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DELETED = "deleted"
    FAILED = "failed"
    SUPERSEDED = "superseded"


# Statuses move up only, so reports in any order end in the same one (delivery.md 12). A report that knows nothing of
# a message takes nothing back: ``unknown`` is below ``accepted``.
_RANK = {
    OutboundStatus.DELIVERED: 8,
    OutboundStatus.UNDELIVERED: 7,
    OutboundStatus.REJECTED: 6,
    OutboundStatus.EXPIRED: 5,
    OutboundStatus.DELETED: 4,
    OutboundStatus.FAILED: 3,
    OutboundStatus.ACCEPTED: 2,
    OutboundStatus.UNKNOWN: 1,
}
NEVER_SENT = frozenset({OutboundStatus.SUPERSEDED})
UNFINISHED = frozenset({OutboundStatus.QUEUED, OutboundStatus.SENDING})


def status_after_report(current: OutboundStatus, report: OutboundStatus) -> OutboundStatus:
    """The status after a delivery report; reports in any order end in the same one, and none moves a message back."""
    if current in NEVER_SENT:
        return current
    return report if _RANK.get(report, 0) > _RANK.get(current, 0) else current


def status_from_segments(found: Iterable[tuple[int, OutboundStatus]], segments: int) -> OutboundStatus | None:
    """What reports of single segments, counted from 1, say of their message: delivered when all of them are.

    It is undelivered, rejected, … when any is. Which reports there are decides, not their order (safety.md 31).
    """
    reports = list(found)
    delivered = {number for number, status in reports if status is OutboundStatus.DELIVERED}
    if delivered >= set(range(1, segments + 1)):
        return OutboundStatus.DELIVERED
    others = [status for _, status in reports if status is not OutboundStatus.DELIVERED]
    worst = max(others, key=lambda status: _RANK.get(status, 0), default=None)
    # One segment that is delivered shows that the network took the message.
    return worst if worst and is_final(worst) else OutboundStatus.ACCEPTED if delivered else worst


def is_final(status: OutboundStatus) -> bool:
    """Whether a report brings the matter to an end, for better or worse."""
    return _RANK.get(status, 0) > _RANK[OutboundStatus.ACCEPTED]


@value
class Reply:
    """Messages for the subscriber, in order, all from one number of ours.

    ``question_id`` ties them to the question they ask: its window and whether it can be answered depend on
    their delivery. ``about`` names the matter they speak of, such as ``charge:c-1``, so that they can be recalled;
    with ``notify`` a ``MessageOutcome`` timer says what became of each. ``any_hour`` lets one of a class that keeps
    the quiet hours go at once; ``valid_until`` (UTC) takes the place of its class's validity.
    """

    messages: tuple[str, ...]
    extension: str
    kind: MessageClass
    question_id: str | None = None
    about: str | None = None
    notify: bool = False
    any_hour: bool = False
    valid_until: datetime | None = None
