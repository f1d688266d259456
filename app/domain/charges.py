"""Charges: fees that billing announces, and how each may move on until it is taken or given up (flows.md 7)."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Self

from app.domain.calendar import QuietHours, local
from app.domain.records import Record
from app.domain.subscriptions import Channel
from app.domain.values import replace, value

# Whom nobody could remind for so long is not charged (safety.md 12).
UNREACHED = timedelta(hours=72)
# A code is not given to her again for so long (safety.md 7).
CODE_RESTS = timedelta(days=7)
# What was used is charged so long after the use (flows.md 17).
USE_DUE = timedelta(hours=24)
# Windows include their last instant (flows.md 17): what follows them comes a second later.
JUST_AFTER = timedelta(seconds=1)
_NO_WINDOW_ENDS_BEFORE = time(8, 0)
_LEAST_CODE = 1000
_CODES = 9000


class ChargeKind(StrEnum):
    """What it is for: a month of a service, or one use."""

    MONTHLY = "monthly"
    PER_USE = "per_use"


class ChargeState(StrEnum):
    """``reminded``: the network took the whole reminder. The last three are final."""

    ANNOUNCED = "announced"
    REMINDED = "reminded"
    DISPUTED = "disputed"
    CHARGED = "charged"
    WAIVED = "waived"
    CANCELLED = "cancelled"


_FINAL = frozenset({ChargeState.CHARGED, ChargeState.WAIVED, ChargeState.CANCELLED})
# A fee that staff upheld before it falls due is an ordinary reminded one again.
_MOVES: Mapping[ChargeState, frozenset[ChargeState]] = {
    ChargeState.ANNOUNCED: frozenset({ChargeState.REMINDED, ChargeState.DISPUTED, *_FINAL}),
    ChargeState.REMINDED: frozenset({ChargeState.DISPUTED, *_FINAL}),
    ChargeState.DISPUTED: frozenset({ChargeState.REMINDED, *_FINAL}),
}


@value
class Charge(Record):
    """A fee; ``id`` is billing's. Amounts are fen, times UTC, ``period`` a month in Shanghai such as ``2026-03``.

    ``asked_due_at`` is when billing wants it, ``due_at`` when it may be taken (safety.md 11). ``subscription_id`` is
    None for a use without one. ``code`` is None where nothing is reminded: nothing to pay, or a later use of a day
    by SMS, which names the charge that told of its price, or of more, as ``reminded_with``. ``tries`` counts
    reminders, and ``question_id`` is the one of the newest.
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
        """Whether it may still be taken."""
        return self.state not in _FINAL

    @property
    def about(self) -> str:
        """What its newest reminder is about, to be told of it and to recall it."""
        return f"charge:{self.id}/{self.tries}"

    @property
    def needs_no_reminder(self) -> bool:
        """Whether it is taken without a reminder of its own (safety.md 12)."""
        return self.amount_fen == 0 or self.reminded_with is not None

    def window_is_open(self, at: datetime) -> bool:
        """Whether she may still send her doubt, to the last instant."""
        return self.state is ChargeState.REMINDED and self.window_ends_at is not None and at <= self.window_ends_at

    def window_was_open(self, at: datetime) -> bool:
        """The same at a moment that may be before it was taken."""
        taken_later = self.state is ChargeState.CHARGED and self.settled_at is not None and at < self.settled_at
        in_window = self.window_ends_at is not None and at <= self.window_ends_at
        return self.window_is_open(at) or (taken_later and in_window)

    def moved(self, to: ChargeState, at: datetime, reason: str | None = None) -> Self:
        """The charge in another state; ValueError for a move that is not allowed."""
        if to not in _MOVES.get(self.state, frozenset()):
            raise ValueError(f"a charge that is {self.state} cannot become {to}")
        return replace(self, state=to, settled_at=at if to in _FINAL else None, reason=reason or self.reason)

    def reminded(self, at: datetime, window_ends_at: datetime) -> Self:
        """The network took the whole reminder at that moment; not due before the window is over."""
        state = ChargeState.REMINDED
        waiting = replace(self, due_at=max(self.due_at, window_ends_at + JUST_AFTER), window_ends_at=window_ends_at)
        return waiting if self.state is state else replace(waiting.moved(state, at), reminded_at=at)

    def when_tenure_ends(self, at: datetime) -> Self:
        """Open fees are cancelled (safety.md 1)."""
        return self.moved(ChargeState.CANCELLED, at, "tenure ended") if self.is_open else self


@value
class Use(Record):
    """One use of a service that is paid by use (点播); ``id`` is the reporter's, ``at`` when it happened (UTC)."""

    service_code: str
    channel: Channel
    at: datetime
    charge_id: str | None


def window_end(handed_over_at: datetime, window: timedelta, quiet: QuietHours) -> datetime:
    """The last instant for a doubt: never before 08:00, nor in the night that the reminder came in (safety.md 12)."""
    end = handed_over_at + window
    morning = local(end).replace(hour=_NO_WINDOW_ENDS_BEFORE.hour, minute=0, second=0, microsecond=0)
    at_night = quiet.release(handed_over_at) > handed_over_at
    if at_night and morning < local(handed_over_at):
        morning += timedelta(days=1)
    return max(end, morning.astimezone(end.tzinfo)) if at_night or local(end) < morning else end


def new_code(randbelow: Callable[[int], int], taken: Callable[[str], bool]) -> str:
    """Four digits, 1000 or more, that are not ``taken``; LookupError where all are."""
    first = randbelow(_CODES)
    for step in range(_CODES):
        code = str(_LEAST_CODE + (first + step) % _CODES)
        if not taken(code):
            return code
    raise LookupError("there is no code left to give")
