"""Refunds: money given back for a charge, at most one entry for each part of it (flows.md 12, 17)."""

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.records import Record
from app.domain.values import value

# A second half that nobody decided on within this time is paid, in the customer's favour.
DECIDED_WITHIN = timedelta(days=3)


class RefundPolicy(StrEnum):
    """The amount of a refund; nothing for ``none``.

    ``double``: twice the fee, for an error of the operator. ``principal``: the fee now, and as much again if the error
    is confirmed.
    """

    DOUBLE = "double"
    PRINCIPAL = "principal"
    NONE = "none"


class RefundPart(StrEnum):
    """The part of a refund that an entry pays: the fee itself, or as much again."""

    PRINCIPAL = "principal"
    SECOND_HALF = "second_half"


class SecondHalf(StrEnum):
    """The state of the second half, stored with the principal; ``closed``: it is not paid."""

    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


@value
class Refund(Record):
    """Money given back, in fen. Its id is made of charge and part, so that no part is paid twice.

    Attributes:
        amount_fen: the refund in fen.
        who: the agent, or the part of the gateway, that paid it.
        ticket_id: the ticket that led to it; None without one.
        second_half: the state of the second half; None in an entry that needs no decision.
    """

    charge_id: str
    part: RefundPart
    service_code: str
    amount_fen: int
    who: str
    ticket_id: str | None = None
    second_half: SecondHalf | None = None

    @property
    def is_open(self) -> bool:
        """True while the second half is undecided."""
        return self.second_half is SecondHalf.WAITING

    @property
    def of_service(self) -> str:
        """The code of its service."""
        return self.service_code

    @property
    def decide_by(self) -> datetime:
        """The time at which the second half is paid unless somebody decided before (UTC)."""
        return self.made_at + DECIDED_WITHIN


def refund_id(charge_id: str, part: RefundPart) -> str:
    """Return the id of the entry for this part of a charge."""
    return f"{charge_id}:{part}"
