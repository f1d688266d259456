"""Tickets: what a person has to answer, with deadlines by the customer's tier (flows.md 12)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.domain.account import Brand, Subscriber
from app.domain.records import Record
from app.domain.values import replace, value

FIRST_RESPONSE = timedelta(hours=48)
CALL_BACK = timedelta(hours=72)
# How much of the time to a deadline has passed when staff are warned.
_WARNED_AFTER = 0.8
_HANDLED = {"vip": timedelta(hours=8), "gotone": timedelta(hours=24), "ordinary": timedelta(hours=48)}
# Without 0, O, 1 and I, which nobody can tell apart over the telephone.
_READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER_LENGTH = 8
# Who resolved what was open when the customer gave the number up.
TENURE_ENDED = "tenure-ended"


class TicketKind(StrEnum):
    """What it is about."""

    COMPLAINT = "complaint"
    FEE_DISPUTE = "fee_dispute"
    DEAD_LETTER = "dead_letter"
    UNREACHED = "unreached"
    UNANSWERED = "unanswered"


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
    """A matter for staff; never deleted. ``number`` can be read out. Times are UTC.

    ``charge_id`` is the fee that it is about, ``other_charge_ids`` more that a complaint named. ``warned``: four fifths
    of the time to a deadline were over with nothing done. ``who`` resolved it, ``responded_by`` answered first.
    """

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
    responded_by: str | None = None
    warned: bool = False
    other_charge_ids: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided it."""
        return self.state is TicketState.OPEN

    @property
    def charge_ids(self) -> tuple[str, ...]:
        """The fees that it is about."""
        return (self.charge_id, *self.other_charge_ids) if self.charge_id else self.other_charge_ids

    @property
    def deadline(self) -> datetime:
        """The earliest that is still to be met; of one that is resolved, as it stood."""
        return self.due if self.first_response_at else min(self.first_response_due, self.due)

    def with_deadlines_checked(self, at: datetime) -> Self:
        """The ticket with what its deadlines say at that moment; only ``warned`` and ``breached`` change."""
        waiting = self._waiting_for()
        warned = self.warned or any(self._warning(due) <= at for due in waiting)
        return replace(self, warned=warned, breached=self.breached or any(due <= at for due in waiting))

    def next_deadline_check(self, at: datetime) -> datetime | None:
        """When its deadlines are to be looked at again; None if nothing more can be missed."""
        moments = [moment for due in self._waiting_for() for moment in (self._warning(due), due) if moment > at]
        return min(moments, default=None)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Nobody is left to be called back."""
        if not self.is_open:
            return self
        return replace(self, state=TicketState.RESOLVED, decision=Decision.DONE, resolved_at=at, who=TENURE_ENDED)

    def _waiting_for(self) -> tuple[datetime, ...]:
        """The deadlines that are still to be met."""
        if not self.is_open:
            return ()
        return (self.due,) if self.first_response_at else (self.first_response_due, self.due)

    def _warning(self, due: datetime) -> datetime:
        return self.made_at + (due - self.made_at) * _WARNED_AFTER


def tier_of(subscriber: Subscriber) -> str:
    """How fast she is served: vip if ``vip``, else gotone, else ordinary (http-api.md)."""
    if subscriber.vip:
        return "vip"
    return "gotone" if subscriber.brand is Brand.GOTONE else "ordinary"


def handled_within(tier: str) -> timedelta:
    """How long a complaint may take in all."""
    return _HANDLED[tier]


def ticket_number(randbelow: Callable[[int], int]) -> str:
    """A short number that can be read out."""
    return "".join(_READABLE[randbelow(len(_READABLE))] for _ in range(_NUMBER_LENGTH))
