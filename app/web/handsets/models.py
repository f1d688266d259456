"""The answer that says what the gateway did with a message."""

from typing import Literal

from pydantic import BaseModel, Field

from app.commands.routes import RouteKind
from app.domain.dialogue import ClosedAs
from app.domain.events import EventStatus
from app.domain.messages import AttemptResult, InboundStatus, MessageClass, OutboundStatus
from app.domain.segments import Encoding
from app.domain.sp_events import EventType
from app.web.api.models import EvidenceOut
from app.web.times import ShanghaiTime
from app.web.words import QuestionWord, TimerWord, VerdictWord


class BothOut(BaseModel):
    """A text in both languages."""

    en: str
    zh: str


class VerdictOut(BothOut):
    """How the text was dealt with: the stored word, and what it means."""

    word: VerdictWord


class AskedOut(BaseModel):
    """A question; ``sender`` is the number that asked it and takes the answer."""

    id: str
    kind: QuestionWord
    sender: str = Field(serialization_alias="from")
    text: str
    asked_at: ShanghaiTime
    expires_at: ShanghaiTime
    closed_at: ShanghaiTime | None
    closed_as: ClosedAs | None


class ReceivedOut(BaseModel):
    """The text as it is stored: passwords are masked.

    ``sent_at`` counts for windows, ``at`` is when it was stored. ``due_at``: when a text that waits is handled.
    """

    id: str
    sender: str = Field(serialization_alias="from")
    to: str
    text: str
    provider: str
    status: InboundStatus
    at: ShanghaiTime
    sent_at: ShanghaiTime
    due_at: ShanghaiTime | None
    handled_at: ShanghaiTime | None
    tries: int
    part: int | None
    parts: int | None
    missing: int | None
    trace: str | None = Field(description="where in the program handling it raised an error")


class TakenOut(BaseModel):
    """What took the text, and why. ``function`` is its place in the program."""

    by: RouteKind
    why: BothOut
    keyword: str | None
    argument: str | None
    question: AskedOut | None
    function: str | None


class ChangeOut(BaseModel):
    """What was changed or made, with its state before and after; null: none is on record."""

    what: str
    id: str
    service_code: str | None
    service: str | None
    before: str | None
    after: str | None


class FailedAttemptOut(BaseModel):
    """An attempt to hand a message over that did not succeed."""

    number: int
    at: ShanghaiTime
    result: AttemptResult
    error_code: str | None


class DeliveryReportOut(BaseModel):
    """A delivery report as it came."""

    status: OutboundStatus
    at: ShanghaiTime
    error_code: str | None


class ReplyOut(BaseModel):
    """A message of the turn, with all that became of it. ``next_attempt_at`` is set while it waits."""

    id: str
    sender: str = Field(serialization_alias="from")
    text: str
    kind: MessageClass = Field(serialization_alias="class")
    status: OutboundStatus
    at: ShanghaiTime
    segments: int
    encoding: Encoding
    provider: str
    provider_message_id: str | None
    about: str | None = Field(description="the matter that it speaks of, such as `charge:c-1`")
    attempts: int
    failed_attempts: list[FailedAttemptOut]
    next_attempt_at: ShanghaiTime | None
    valid_until: ShanghaiTime | None
    handed_over_at: ShanghaiTime | None
    reports: list[DeliveryReportOut]
    final_at: ShanghaiTime | None
    error_code: str | None


class SentEventOut(BaseModel):
    """An event to an SP or billing, and the state of its delivery."""

    id: str
    receiver: str
    type: EventType
    data: dict[str, object]
    status: EventStatus
    attempts: int
    acknowledged_at: ShanghaiTime | None
    error: str | None


class TimerOut(BothOut):
    """A timer that is set now, and what becomes due then."""

    kind: TimerWord
    subject: str
    due_at: ShanghaiTime


class LinkOut(BaseModel):
    """A call that shows a part of this: its path, and its place in the API reference."""

    shows: Literal["received", "changes", "evidence", "questions", "replies", "events"]
    path: str
    reference: str


class InspectionOut(BaseModel):
    """A message and the turn that handled or made it.

    ``received``, ``read_as``, ``taken`` and ``verdict`` are null if nobody asked for the message; ``who`` is the actor
    that the evidence names then, such as ``timer`` or ``api:billing``.
    """

    id: str
    direction: Literal["mo", "mt"]
    msisdn: str
    received: ReceivedOut | None
    read_as: str | None = Field(description="the text as it is matched: normalised, without quotes and signature")
    taken: TakenOut | None
    verdict: VerdictOut | None
    who: str | None
    changes: list[ChangeOut]
    evidence: list[EvidenceOut]
    questions: list[AskedOut] = Field(description="the questions that the turn asked")
    replies: list[ReplyOut]
    events: list[SentEventOut]
    timers: list[TimerOut] = Field(description="those about what was changed that are set now")
    links: list[LinkOut]
