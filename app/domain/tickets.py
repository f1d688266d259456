"""Tickets: what a person has to answer, with deadlines by the customer's tier (flows.md 12)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.account import Brand, Subscriber
from app.domain.records import Record
from app.domain.values import value

FIRST_RESPONSE = timedelta(hours=48)
CALL_BACK = timedelta(hours=72)
_HANDLED = {"vip": timedelta(hours=8), "gotone": timedelta(hours=24), "ordinary": timedelta(hours=48)}
# Without 0, O, 1 and I, which nobody can tell apart over the telephone.
_READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER_LENGTH = 8


class TicketKind(StrEnum):
    """What it is about."""

    COMPLAINT = "complaint"
    FEE_DISPUTE = "fee_dispute"
    DEAD_LETTER = "dead_letter"


class TicketState(StrEnum):
    """``open`` until it is decided."""

    OPEN = "open"
    RESOLVED = "resolved"


class Decision(StrEnum):
    """How it was decided."""

    CANCELLED = "cancelled"
    UPHELD = "upheld"
    DONE = "done"


@value
class Ticket(Record):
    """A matter for staff; never deleted. ``number`` can be read out. Times are UTC."""

    number: str
    kind: TicketKind
    state: TicketState
    text: str
    tier: str
    first_response_due: datetime
    due: datetime
    first_response_at: datetime | None = None
    breached: bool = False
    charge_id: str | None = None
    decision: Decision | None = None
    resolved_at: datetime | None = None
    who: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided it."""
        return self.state is TicketState.OPEN


def tier_of(subscriber: Subscriber) -> str:
    """How fast she is served: vip if ``vip``, else gotone, else ordinary (http-api.md)."""
    if subscriber.vip:
        return "vip"
    return "gotone" if subscriber.brand is Brand.GOTONE else "ordinary"


def handled_within(tier: str) -> timedelta:
    """How long a complaint may take in all."""
    return _HANDLED[tier]


def ticket_number(dice: Callable[[int], int]) -> str:
    """A short number that can be read out."""
    return "".join(_READABLE[dice(len(_READABLE))] for _ in range(_NUMBER_LENGTH))
