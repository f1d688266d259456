"""Matters that messages are about: a message is superseded by its matter, and its delivery outcome names it."""

from enum import StrEnum
from typing import Self

from app.domain.values import value

# The kind of timer that brings a delivery outcome; it is followed by ``:`` and the kind of matter, such as ``charge``.
MESSAGE_OUTCOME = "message-told"


class MatterKind(StrEnum):
    """What a message can be about."""

    CHARGE = "charge"
    ORDER = "order"
    CAMPAIGN = "campaign"
    SUSPENSION = "suspension"
    LOW_BALANCE = "low-balance"

    @property
    def outcome_timer(self) -> str:
        """The kind of timer that brings the delivery outcomes of messages about such matters."""
        return f"{MESSAGE_OUTCOME}:{self.value}"


@value
class Matter:
    """What a message is about, such as ``charge:c-1/2``.

    ``subject`` is the id of its record, which holds no ``/``; a low balance has none. ``asking`` tells the questions
    about one subject apart: the number of a charge's reminder, from 1, or the two digits of the number that asked about
    an order.
    """

    kind: MatterKind
    subject: str = ""
    asking: str = ""

    def __str__(self) -> str:
        """Return it as it is stored."""
        subject, asking = self.subject and f":{self.subject}", self.asking and f"/{self.asking}"
        return f"{self.kind.value}{subject}{asking}"

    @classmethod
    def parse(cls, stored: str) -> Self:
        """Return the matter that is stored like this. Raise ValueError for anything else."""
        kind, _, rest = stored.partition(":")
        subject, _, asking = rest.partition("/")
        return cls(MatterKind(kind), subject, asking)


class DeliveryOutcome(StrEnum):
    """The outcome of a message: the network took it, refused it for good, or took it but could not deliver it."""

    TAKEN = "taken"
    FAILED = "failed"
    UNDELIVERED = "undelivered"


@value
class MessageOutcome:
    """The outcome of a message about a matter; stored as the data of a timer."""

    about: Matter
    what: DeliveryOutcome

    def data(self) -> str:
        """Return it as the data of a timer."""
        return f"{self.what.value} {self.about}"

    @classmethod
    def parse(cls, data: str) -> Self:
        """Read it from the data of a timer."""
        what, _, about = data.partition(" ")
        return cls(Matter.parse(about), DeliveryOutcome(what))
