"""Refunds: what was given back of a charge, as entries of a ledger that cannot exist twice (flows.md 12, 17)."""

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.records import Record
from app.domain.values import value

# A principal whose second half nobody has decided by then is completed in the customer's favour.
DECIDED_WITHIN = timedelta(days=3)


class RefundPolicy(StrEnum):
    """``double``: our error, twice the fee. ``principal``: unclear yet, the fee now and as much again if confirmed."""

    DOUBLE = "double"
    PRINCIPAL = "principal"
    NONE = "none"


class RefundPart(StrEnum):
    """Which part of a refund an entry is: the fee itself, or as much again."""

    PRINCIPAL = "principal"
    SECOND_HALF = "second_half"


class SecondHalf(StrEnum):
    """What became of the second half, kept with the principal; one that is not spoken of was never in question."""

    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"


@value
class Refund(Record):
    """Money given back, in fen. ``id`` is made of charge and part, so there is one entry for each of them.

    ``who`` is the agent, or what of ours did it; ``ticket_id`` the ticket that it came from.
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
        """Whether the second half has to be decided yet."""
        return self.second_half is SecondHalf.WAITING

    @property
    def decide_by(self) -> datetime:
        """When the second half is paid if nobody has decided (UTC)."""
        return self.made_at + DECIDED_WITHIN


def refund_id(charge_id: str, part: RefundPart) -> str:
    """The id of the one entry for this part of a charge."""
    return f"{charge_id}:{part}"
