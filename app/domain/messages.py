"""Messages of carriers (MO), their reports, and messages to customers (MT): classes, statuses, results of attempts."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.matters import Matter
from app.domain.parts import PartOf
from app.domain.stamps import StampForm
from app.domain.values import value

# ---- from carriers

MAX_REPLY_TOKEN = 64  # characters


@value
class Seen:
    """Where a carrier delivered an MO to which it gave no id, so that a repeat in a later session is recognised.

    Attributes:
        slot: of the bind.
        epoch: the number of the session (``session_number``).
        sequence: the number of the MO in its session, from 1.
        octets: all that a repeat has in common with it. Kept as a keyed hash, until the carrier has the answer.
    """

    slot: int
    epoch: int
    sequence: int
    octets: bytes


@value
class InboundMessage:
    """An MO as a carrier delivers it. Raise ValueError if ``reply_token`` is too long.

    Attributes:
        message_id: the carrier's id, by which repeats are recognised.
        sender: the number that sent it, as the carrier writes it.
        dialled: the service number that it was sent to, as the carrier writes it.
        received_at: the carrier's time, with a zone; None if it gave none that is credible.
        part: which part of a long message it is; None: it is whole.
        stamp_form: whether the carrier's time had no zone or was impossible; None: neither.
        reply_token: what the carrier wants back with each answer, at most 64 characters; None: nothing.
        seen: where it was delivered, if its carrier has no ids; ``message_id`` is made of that then.
    """

    message_id: str
    sender: str
    dialled: str
    text: str
    received_at: datetime | None = None
    part: PartOf | None = None
    stamp_form: StampForm | None = None
    reply_token: str | None = None
    seen: Seen | None = None

    def __post_init__(self) -> None:
        if self.reply_token is not None and len(self.reply_token) > MAX_REPLY_TOKEN:
            raise ValueError(f"reply_token has more than {MAX_REPLY_TOKEN} characters")


@value
class InboundResult:
    """The result of storing an MO. ``id`` is the gateway's; a repeat, ``new`` False, has that of the first one."""

    id: str
    new: bool


# ---- to customers


class MessageClass(StrEnum):
    """Why a message is sent; it decides when it may go and how long it is tried (flows.md 15)."""

    REPLY = "reply"
    RESULT = "result"
    CONFIRMATION = "confirmation"
    NOTICE = "notice"
    CARE = "care"
    MARKETING = "marketing"


class Lane(StrEnum):
    """The priority of a message: replies and questions overtake what the gateway sends unasked (delivery.md 11)."""

    PROMPT = "prompt"
    BULK = "bulk"


# How long after it was made a message may be handed over.
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
    """Return the lane of a message class."""
    return Lane.PROMPT if kind in _AT_ANY_HOUR else Lane.BULK


def keeps_quiet_hours(kind: MessageClass) -> bool:
    """Return True if messages of this class are not sent in the quiet hours."""
    return kind not in _AT_ANY_HOUR


class InboundStatus(StrEnum):
    """The status of an MO.

    ``joined``: a part of a long message, which is a message of its own now. ``ignored``: recorded, but not answered.
    ``dead``: handling it raised three times.
    """

    PENDING = "pending"
    JOINED = "joined"
    HANDLED = "handled"
    IGNORED = "ignored"
    DEAD = "dead"


class Ignored(StrEnum):
    """Why an MO is ignored before any turn handles it; its verdict (safety.md 33)."""

    UNREADABLE_SENDER = "unreadable sender"
    NOT_A_SUBSCRIBER = "no subscriber's number"
    FOREIGN_PREFIX = "prefix not allowed"
    CHANGED_REPEAT = "repeat with other content"
    REPEATED_PART = "repeated part"


class OutboundStatus(StrEnum):
    """The status of an MT (delivery.md 8, 12).

    ``unknown``: an attempt ended without an answer, so the message may have arrived. ``accepted``: the provider took
    it. ``failed``: it will not be sent again. ``superseded``: no longer true, so never sent (safety.md 18). The
    others are what delivery reports say.
    """

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


class AttemptResult(StrEnum):
    """The result of an attempt to send an MT. ``unknown``: it ended without an answer."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REFUSED_FOR_NOW = "refused for now"
    UNKNOWN = "unknown"


# A report only raises the rank, so reports in any order end in the same status (delivery.md 12). ``unknown`` is below
# ``accepted``: a report that does not know the message changes nothing.
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


@value
class DeliveryReport:
    """A delivery report of a carrier about an MT.

    Attributes:
        provider_message_id: the carrier's id of the MT, or of one of its segments; empty in a late refusal, which only
            ``reference`` names.
        status: None for one without an equivalent; it is stored, and nothing follows from it.
        error_code: the carrier's reason, if it gave one.
        at: the carrier's time, with a zone.
        reference: the gateway's id of the MT, from carriers that return it. With ACCEPTED or FAILED it is the answer to
            an attempt whose result is unknown.
        part: the segment that it is about, from 1; None: the whole message, or the segment with this id.
        part_key: of a report on some segment without a number or an id: what tells it from reports on the others.
        segments: how many segments the carrier made of the message; None: it does not say.
        sent_to: the number that the MT went to, as the carrier writes it.
        short_reference: the last 16 bits of ``reference``, from carriers that return no more; with ``sent_to``.
        is_doubtful: it is a report only if the MT is known and went to ``sent_to``.
    """

    provider_message_id: str
    status: OutboundStatus | None
    error_code: str | None = None
    at: datetime | None = None
    reference: str | None = None
    part: int | None = None
    part_key: str | None = None
    segments: int | None = None
    sent_to: str | None = None
    short_reference: int | None = None
    is_doubtful: bool = False


def status_after_report(current: OutboundStatus, report: OutboundStatus) -> OutboundStatus:
    """Return the status of a message after a delivery report; it never gets a lower rank."""
    if current in NEVER_SENT:
        return current
    return report if _RANK.get(report, 0) > _RANK.get(current, 0) else current


def status_from_segments(reports: Iterable[tuple[int, OutboundStatus]], segments: int) -> OutboundStatus | None:
    """Return the status of a message from reports on single segments, or None if there are none.

    ``reports`` are pairs of a segment, from 1, and its status; ``segments`` is how many the message has. The message is
    delivered when all are, and undelivered, rejected, … when any is. The order does not matter (safety.md 31).
    """
    reports = list(reports)
    delivered = {number for number, status in reports if status is OutboundStatus.DELIVERED}
    if delivered >= set(range(1, segments + 1)):
        return OutboundStatus.DELIVERED
    others = [status for _, status in reports if status is not OutboundStatus.DELIVERED]
    worst = max(others, key=lambda status: _RANK.get(status, 0), default=None)
    # A delivered segment proves that the network took the message.
    return worst if worst and is_final(worst) else OutboundStatus.ACCEPTED if delivered else worst


def is_final(status: OutboundStatus) -> bool:
    """Return True for a final status: the message was delivered, or failed for good."""
    return _RANK.get(status, 0) > _RANK[OutboundStatus.ACCEPTED]


@value
class Reply:
    """Messages for the subscriber, in order, all from one service number.

    Attributes:
        messages: the signed texts.
        extension: the extension that they are sent from.
        question_id: the question that they ask; its window depends on their delivery.
        about: the matter that they are about, by which they can be superseded.
        notify: start a turn with the delivery outcome of each message.
        any_hour: send them in the quiet hours, too, although their class is not.
        valid_until: until when they may be handed over (UTC); None for the validity of their class.
    """

    messages: tuple[str, ...]
    extension: str
    kind: MessageClass
    question_id: str | None = None
    about: Matter | None = None
    notify: bool = False
    any_hour: bool = False
    valid_until: datetime | None = None
