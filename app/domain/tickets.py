"""Tickets: matters that staff must decide, with deadlines by the customer's tier (flows.md 12)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from app.domain import actors
from app.domain.account import Brand, Subscriber
from app.domain.records import Record, latest
from app.domain.values import replace, value

# Deadlines after the ticket was opened: the first answer to a complaint, and the decision on a dispute.
FIRST_RESPONSE = timedelta(hours=48)
CALL_BACK = timedelta(hours=72)
# Staff are warned when this share of the time to a deadline has passed.
_WARNING_SHARE = 0.8
_TIME_TO_DECIDE = {"vip": timedelta(hours=8), "gotone": timedelta(hours=24), "ordinary": timedelta(hours=48)}
# Without 0, O, 1 and I, which are easily confused.
_READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_NUMBER_LENGTH = 8


class TicketKind(StrEnum):
    """The subject of a ticket.

    ``dead_letter``: an MO that could not be handled; ``unreached``: a reminder that could not be delivered;
    ``unanswered``: a message that may or may not have arrived.
    """

    COMPLAINT = "complaint"
    FEE_DISPUTE = "fee_dispute"
    DEAD_LETTER = "dead_letter"
    UNREACHED = "unreached"
    UNANSWERED = "unanswered"


class TicketState(StrEnum):
    """The state of a ticket: open until it is decided."""

    OPEN = "open"
    RESOLVED = "resolved"


class Decision(StrEnum):
    """The decision on a ticket; ``done`` for one that decides on no fee."""

    CANCELLED = "cancelled"
    UPHELD = "upheld"
    DONE = "done"


@value
class Ticket(Record):
    """A matter for staff; never deleted. Times are UTC.

    Attributes:
        number: the short number that customers get.
        text: what the customer wrote, or what happened.
        tier: the customer's tier when it was opened.
        first_response_due, due: the deadlines of the first answer and of the decision.
        breached: a deadline passed before it was met.
        charge_id, other_charge_ids: the charges that it is about.
        warned: four fifths of the time to a deadline passed before it was met.
        who: who decided it: an agent, a timer or the end of the tenure.
        responded_by: who gave the first answer.
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
        """True while nobody has decided it."""
        return self.state is TicketState.OPEN

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.first_response_due, self.due, self.first_response_at, self.resolved_at)

    @property
    def charge_ids(self) -> tuple[str, ...]:
        """The ids of the charges that it is about."""
        return (self.charge_id, *self.other_charge_ids) if self.charge_id else self.other_charge_ids

    @property
    def deadline(self) -> datetime:
        """The next deadline (UTC); the first answer's until it was given."""
        return self.due if self.first_response_at else min(self.first_response_due, self.due)

    def with_deadlines_checked(self, at: datetime) -> Self:
        """Return the ticket with ``warned`` and ``breached`` as they are at ``at`` (UTC)."""
        deadlines = self._open_deadlines()
        warned = self.warned or any(self._warning(due) <= at for due in deadlines)
        return replace(self, warned=warned, breached=self.breached or any(due <= at for due in deadlines))

    def next_deadline_check(self, at: datetime) -> datetime | None:
        """Return when to check the deadlines again after ``at`` (UTC), or None if none is left."""
        moments = [moment for due in self._open_deadlines() for moment in (self._warning(due), due) if moment > at]
        return min(moments, default=None)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Resolve an open ticket, as nobody is left to call back."""
        if not self.is_open:
            return self
        return replace(
            self, state=TicketState.RESOLVED, decision=Decision.DONE, resolved_at=at, who=actors.TENURE_ENDED
        )

    def _open_deadlines(self) -> tuple[datetime, ...]:
        """Return the deadlines that were not met yet."""
        if not self.is_open:
            return ()
        return (self.due,) if self.first_response_at else (self.first_response_due, self.due)

    def _warning(self, due: datetime) -> datetime:
        return self.made_at + (due - self.made_at) * _WARNING_SHARE


def tier_of(subscriber: Subscriber) -> str:
    """Return the tier of a subscriber: ``vip``, ``gotone`` or ``ordinary`` (http-api.md, calls)."""
    if subscriber.vip:
        return "vip"
    return "gotone" if subscriber.brand is Brand.GOTONE else "ordinary"


def time_to_decide(tier: str) -> timedelta:
    """Return the time to decide a complaint of this tier: 8, 24 or 48 hours."""
    return _TIME_TO_DECIDE[tier]


def ticket_number(randbelow: Callable[[int], int]) -> str:
    """Return a random number of 8 letters and digits; ``randbelow(n)`` returns a random number from 0 to n - 1."""
    return "".join(_READABLE[randbelow(len(_READABLE))] for _ in range(_NUMBER_LENGTH))
