"""Answers of the management API that several modules share: evidence and messages."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from app.domain.evidence import ChainViolation
from app.domain.messages import AttemptResult, MessageClass
from app.domain.segments import Encoding
from app.web.access import Private
from app.web.paging import NextCursor
from app.web.times import ShanghaiTime
from app.web.words import EvidenceWord, VerdictWord


class EvidenceOut(BaseModel):
    """A record of the chain. ``payload`` is null once erased; the hashes stay."""

    seq: int
    at: ShanghaiTime
    kind: EvidenceWord
    subject: str
    payload: dict[str, object] | None
    payload_hash: str
    previous_hash: str
    hash: str


class EvidencePageOut(BaseModel):
    """Part of a chain, oldest first."""

    evidence: list[EvidenceOut]
    next_cursor: NextCursor


class VerificationOut(BaseModel):
    """The result of a chain's verification. ``first_bad`` is the number of the first record that does not verify.

    If the head does not verify, it is the number after the last record: the chain was cut (``cut``), or this gateway
    did not sign the head (``not_signed``, ``key_unknown``). A record or head that cannot be read is ``unreadable``.
    """

    ok: bool
    records: int
    first_bad: int | None
    fault: ChainViolation | None = None


class Direction(StrEnum):
    """Where a message goes: from a handset (``mo``) or to one (``mt``)."""

    MO = "mo"
    MT = "mt"


class MessageStatus(StrEnum):
    """The status of a message: the first five are those of an MO, the others those of an MT."""

    PENDING = "pending"
    JOINED = "joined"
    HANDLED = "handled"
    IGNORED = "ignored"
    DEAD = "dead"
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


class MessageOut(BaseModel):
    """An MO or MT."""

    id: str
    direction: Direction
    msisdn: str
    sender: str = Field(serialization_alias="from")
    to: str
    text: Private = None
    kind: MessageClass | None = Field(default=None, serialization_alias="class")
    status: MessageStatus
    at: ShanghaiTime
    provider: str
    provider_message_id: str | None = None
    encoding: Encoding | None = None
    segments: int | None = None
    attempts: int | None = None
    in_reply_to: str | None = None
    handed_over_at: ShanghaiTime | None = None
    final_at: ShanghaiTime | None = None
    valid_until: ShanghaiTime | None = None
    error_code: str | None = None
    verdict: VerdictWord | None = None
    part: int | None = Field(default=None, description="for a part of a long message: its position, from 1")
    parts: int | None = Field(default=None, description="for a part: the number of parts")
    missing: int | None = Field(default=None, description="for a joined message: the number of parts that never came")


class AttemptOut(BaseModel):
    """A failed attempt to hand a message over."""

    number: int
    at: datetime
    result: AttemptResult
    error_code: str | None = None


class ReportOut(BaseModel):
    """A delivery report as the provider sent it."""

    status: MessageStatus
    error_code: str | None = None
    at: datetime


class MessageDetailOut(MessageOut):
    """A message with its failed attempts and delivery reports."""

    failed_attempts: list[AttemptOut]
    reports: list[ReportOut]


class MessagesOut(BaseModel):
    """Messages, newest first."""

    messages: list[MessageOut]
    next_cursor: NextCursor


class DeadLetterOut(MessageOut):
    """An MO whose handling failed three times. ``trace`` says where in the program."""

    trace: str | None


class DeadLettersOut(BaseModel):
    """Dead letters, newest first."""

    dead_letters: list[DeadLetterOut]
    next_cursor: NextCursor


class DoneOut(BaseModel):
    """What was asked for is under way: ``sent again`` as a new message, or ``pending`` once more."""

    id: str
    status: Literal["sent again", "pending"]
