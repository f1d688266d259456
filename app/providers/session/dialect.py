"""What a session must know of its carrier's protocol. A dialect knows octets, and nothing of sockets or time."""

from enum import StrEnum
from typing import ClassVar, Protocol

from app.domain.messages import DeliveryReport, InboundMessage
from app.domain.values import value
from app.providers.base import SendResult


class EndKind(StrEnum):
    """Why a session ended; it decides when the next one begins (carriers.md 4.8)."""

    LINK = "link"
    PEER = "peer"
    IDENTITY = "identity"
    ALREADY_BOUND = "already bound"
    NO_SUCH_BIND = "no such bind"
    STATE = "state"
    STORAGE = "storage"


@value
class End:
    """The end of a session.

    Attributes:
        reason: is for staff.
        blames_secret: whether the secret may be what was refused, so that another one is tried.
    """

    kind: EndKind
    reason: str
    blames_secret: bool = False


# ---- what a dialect hears


@value
class Bound:
    """The carrier accepted the bind."""


@value
class Answered:
    """The answer to a submit, known by its sequence number alone.

    Attributes:
        end: why the session must be begun anew; None: it goes on.
        check: the setting of ours that is wrong, not the message.
    """

    sequence: int
    result: SendResult
    end: End | None = None
    check: str | None = None


@value
class Tested:
    """The answer to a test of the link."""

    sequence: int


@value
class Incoming:
    """A request that is answered when what it brought is stored.

    Attributes:
        message, report: what is to be stored, if anything. If both are given, it is the message unless the report has
            an effect.
        reply: the answer once it is stored; empty: none.
        refusal: the answer if it can never be stored.
        later: the answer while the database is away; None: none.
        bad: the kind of bad input that it is, if it is not used; None: all is well.
    """

    message: InboundMessage | None
    report: DeliveryReport | None
    reply: bytes
    refusal: bytes = b""
    later: bytes | None = None
    bad: str | None = None


@value
class Reply:
    """What is answered at once. ``bad`` is the kind of bad input that it answers; None: all is well."""

    octets: bytes
    bad: str | None = None


@value
class Ignored:
    """Bad input of a kind that is not answered."""

    bad: str


@value
class Goodbye:
    """The carrier ends the session; ``octets`` answer it."""

    octets: bytes


@value
class GoodbyeAnswered:
    """The carrier answered that the session ends."""


Heard = Bound | End | Answered | Tested | Incoming | Reply | Ignored | Goodbye | GoodbyeAnswered


class Dialect(Protocol):
    """One carrier's protocol in one session. All PDUs begin with their length in four octets.

    Attributes:
        shortest, longest: the lengths of a PDU in octets; with any other the stream is lost.
        least_sequence, greatest_sequence: the range of sequence numbers.
        can_submit: False in a session that only receives.
    """

    shortest: ClassVar[int]
    longest: ClassVar[int]
    least_sequence: ClassVar[int]
    greatest_sequence: ClassVar[int]
    can_submit: bool

    def bind(self, sequence: int) -> bytes:
        """Return the request that begins the session."""

    def submit(self, sequence: int, segment: bytes) -> bytes:
        """Return the request that submits a segment, as ``SessionProvider.segments`` made it."""

    def test(self, sequence: int) -> bytes:
        """Return the request that tests the link."""

    def goodbye(self, sequence: int) -> bytes:
        """Return the request that ends the session."""

    def read(self, pdu: bytes) -> Heard:
        """Return what a PDU of the carrier means. Never raises, whatever the octets are."""
