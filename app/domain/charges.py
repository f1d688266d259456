"""Charges: fees that billing announces, and their states until each is charged or given up (flows.md 7)."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Self

from app.domain.calendar import QuietHours, local
from app.domain.matters import Matter, MatterKind
from app.domain.records import Record, latest
from app.domain.subscriptions import Channel
from app.domain.values import replace, value

# A charge whose reminder cannot be delivered for this long is waived (safety.md 12).
UNREACHED = timedelta(hours=72)
# A use is charged this long after it happened (flows.md 17).
USE_DUE = timedelta(hours=24)
# Windows include their last instant (flows.md 17), so whatever follows one happens a second later.
JUST_AFTER = timedelta(seconds=1)
_EARLIEST_WINDOW_END = time(8, 0)


class ChargeKind(StrEnum):
    """The object of a charge: a month of a service, or one use."""

    MONTHLY = "monthly"
    PER_USE = "per_use"


class ChargeState(StrEnum):
    """The state of a charge; ``reminded``: the network took the whole reminder. The last three are final."""

    ANNOUNCED = "announced"
    REMINDED = "reminded"
    DISPUTED = "disputed"
    CHARGED = "charged"
    WAIVED = "waived"
    CANCELLED = "cancelled"


_FINAL = frozenset({ChargeState.CHARGED, ChargeState.WAIVED, ChargeState.CANCELLED})
# A disputed charge that staff uphold before it falls due goes back to ``reminded``.
_TRANSITIONS: Mapping[ChargeState, frozenset[ChargeState]] = {
    ChargeState.ANNOUNCED: frozenset({ChargeState.REMINDED, ChargeState.DISPUTED, *_FINAL}),
    ChargeState.REMINDED: frozenset({ChargeState.DISPUTED, *_FINAL}),
    ChargeState.DISPUTED: frozenset({ChargeState.REMINDED, *_FINAL}),
}


@value
class Charge(Record):
    """One fee that billing announced; ``id`` is billing's. Times are UTC.

    Attributes:
        subscription_id: None for a use without a subscription.
        amount_fen: the fee in fen; 0 if there is nothing to pay.
        period: the month in Shanghai, such as ``2026-03``.
        asked_due_at: when billing wants to charge it.
        due_at: when it may be charged; the same or later (safety.md 11).
        channel: how the service was used; None for a monthly fee.
        code: the four digits that dispute it; None if it gets no reminder.
        question_id: the question of the newest reminder.
        tries: how many reminders were made.
        any_hour: the reminder may be sent in the quiet hours.
        reminded_with: for a later use by SMS on the same day, the charge whose reminder named this price or a higher
            one; it gets no reminder of its own.
        reminded_at: when the network took the reminder.
        window_ends_at: the last instant for a dispute.
        settled_at: when it got its final state.
        reason: why it got that state.
    """

    kind: ChargeKind
    service_code: str
    subscription_id: str | None
    amount_fen: int
    period: str
    asked_due_at: datetime
    due_at: datetime
    channel: Channel | None
    state: ChargeState = ChargeState.ANNOUNCED
    code: str | None = None
    question_id: str | None = None
    tries: int = 0
    any_hour: bool = False
    reminded_with: str | None = None
    reminded_at: datetime | None = None
    window_ends_at: datetime | None = None
    ticket_id: str | None = None
    settled_at: datetime | None = None
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """True while it may still be charged."""
        return self.state not in _FINAL

    @property
    def of_service(self) -> str:
        """The code of its service."""
        return self.service_code

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(
            self.made_at, self.asked_due_at, self.due_at, self.reminded_at, self.window_ends_at, self.settled_at
        )

    @property
    def about(self) -> Matter:
        """The matter of its newest reminder: identifies its delivery outcome, and supersedes it."""
        return Matter(MatterKind.CHARGE, self.id, str(self.tries))

    @property
    def needs_no_reminder(self) -> bool:
        """True if it is charged without a reminder of its own (safety.md 12)."""
        return self.amount_fen == 0 or self.reminded_with is not None

    def window_is_open(self, at: datetime) -> bool:
        """Return True if it can be disputed at ``at`` (UTC), the last instant of the window included."""
        return self.state is ChargeState.REMINDED and self.window_ends_at is not None and at <= self.window_ends_at

    def window_was_open(self, at: datetime) -> bool:
        """Return True if it could be disputed at ``at`` (UTC), even if it was charged after that."""
        taken_later = self.state is ChargeState.CHARGED and self.settled_at is not None and at < self.settled_at
        in_window = self.window_ends_at is not None and at <= self.window_ends_at
        return self.window_is_open(at) or (taken_later and in_window)

    def moved(self, to: ChargeState, at: datetime, reason: str | None = None) -> Self:
        """Return the charge in another state. Raise ValueError for a transition that is not allowed."""
        if to not in _TRANSITIONS.get(self.state, frozenset()):
            raise ValueError(f"a charge that is {self.state} cannot become {to}")
        return replace(self, state=to, settled_at=at if to in _FINAL else None, reason=reason or self.reason)

    def reminded(self, at: datetime, window_ends_at: datetime) -> Self:
        """Return the charge after the network took the whole reminder at ``at`` (UTC); it is due after its window."""
        state = ChargeState.REMINDED
        waiting = replace(self, due_at=max(self.due_at, window_ends_at + JUST_AFTER), window_ends_at=window_ends_at)
        return waiting if self.state is state else replace(waiting.moved(state, at), reminded_at=at)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Cancel an open charge (safety.md 1)."""
        return self.moved(ChargeState.CANCELLED, at, "tenure ended") if self.is_open else self


@value
class Use(Record):
    """One use of a service that is paid per use (点播), at ``at`` (UTC); its id is the reporter's.

    ``charge_id`` is None if the use made no charge.
    """

    service_code: str
    channel: Channel
    at: datetime
    charge_id: str | None

    @property
    def of_service(self) -> str:
        """The code of its service."""
        return self.service_code

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.at)


def window_end(handed_over_at: datetime, window: timedelta, quiet: QuietHours) -> datetime:
    """Return the last instant for a dispute (UTC): never before 08:00 in Shanghai, nor in the night of the reminder.

    ``handed_over_at`` (UTC) is when the network took the reminder (safety.md 12).
    """
    end = handed_over_at + window
    morning = local(end).replace(hour=_EARLIEST_WINDOW_END.hour, minute=0, second=0, microsecond=0)
    at_night = quiet.release(handed_over_at) > handed_over_at
    if at_night and morning < local(handed_over_at):
        morning += timedelta(days=1)
    return max(end, morning.astimezone(end.tzinfo)) if at_night or local(end) < morning else end
