"""Notices before a suspension: a low prepaid balance, and dates that billing announces (flows.md 16, safety.md 18).

Nothing here suspends a number: billing does, by the subscriber's status. Held notices of an announced suspension are
superseded by another date, by its cancellation, by the status active, and by the suspension itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.commands.accounts.directory import SetSubscriber
from app.commands.charges.settling import cancel_charges_due_in_suspension
from app.commands.registry import call, subscriber_changed, timer
from app.commands.replies import say
from app.domain.account import Account, Subscriber, SubscriberStatus
from app.domain.evidence import EvidenceDraft
from app.domain.matters import Matter, MatterKind
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass, Reply
from app.domain.refusals import RefusalReason
from app.domain.suspension import LowBalance, Suspension, is_low
from app.domain.texts import suspension as texts
from app.domain.turn import Call, Outcome, Stimulus, TimerDropped, TimerDue, TimerSet, Turn, refused
from app.domain.values import value

NOTICE_TIMER = "suspension-notice"
OVER_TIMER = "suspension-over"
_SECOND_NOTICE_BEFORE = timedelta(hours=24)
_LOW_BALANCE = "low-balance"
_MATTER = Matter(MatterKind.LOW_BALANCE)


@value
class AnnounceSuspension(Call[None]):
    """Announce that billing will suspend the number at ``stops_at`` (UTC); this replaces an earlier date."""

    who: str
    stops_at: datetime


@value
class CallOffSuspension(Call[None]):
    """Cancel the announced suspension."""

    who: str


def _about(suspension: Suspension) -> Matter:
    return Matter(MatterKind.SUSPENSION, suspension.id)


def _open_announcements(account: Account) -> tuple[Suspension, ...]:
    return tuple(item for item in account.records_of(Suspension) if item.is_open)


# ---- announced suspensions


@call(AnnounceSuspension, reads=(Suspension,))
def announce(turn: Turn) -> Outcome:
    """Notify the subscriber at once, and again 24 hours before the suspension."""
    request = turn.stimulus_as(AnnounceSuspension)
    if turn.account.customer is None:
        return refused(RefusalReason.UNKNOWN_SUBSCRIBER)
    if request.stops_at <= turn.now:
        return refused(RefusalReason.INVALID, "at: must lie in the future.")
    if turn.account.customer.status is SubscriberStatus.SUSPENDED:
        return refused(RefusalReason.CONFLICT, "The number is suspended already.")
    earlier = _open_announcements(turn.account)
    if any(item.stops_at == request.stops_at for item in earlier):
        return Outcome(verdict="as before")
    suspension = Suspension(next(turn.ids), turn.now, request.stops_at)
    timers = [TimerSet(OVER_TIMER, suspension.id, request.stops_at)]
    if request.stops_at - turn.now > _SECOND_NOTICE_BEFORE:
        timers.append(TimerSet(NOTICE_TIMER, suspension.id, request.stops_at - _SECOND_NOTICE_BEFORE))
    announced = Outcome(
        replies=(_notice(turn, suspension),),
        records=(suspension,),
        timers=tuple(timers),
        evidence=(_evidence(request.who, suspension),),
        verdict="announced",
    )
    return merge_outcomes(announced, _closed(turn, earlier))


@call(CallOffSuspension, reads=(Suspension,))
def call_off(turn: Turn) -> Outcome:
    """Cancel an announced suspension, and supersede its held notices."""
    announced = _open_announcements(turn.account) if turn.account.customer else ()
    if not announced:
        return refused(RefusalReason.UNKNOWN, "No stop is announced for this number.")
    who = turn.stimulus_as(CallOffSuspension).who
    evidence = tuple(_evidence(who, item, off=True) for item in announced)
    return merge_outcomes(_closed(turn, announced), Outcome(evidence=evidence))


def _evidence(who: str, suspension: Suspension, *, off: bool = False) -> EvidenceDraft:
    kind = "suspension-called-off" if off else "suspension-announced"
    return EvidenceDraft(kind, suspension.id, {"who": who, "stops_at": suspension.stops_at.isoformat()})


@timer(NOTICE_TIMER, reads=(Suspension,))
def send_second_notice(turn: Turn) -> Outcome:
    """Send the second notice: 24 hours before the suspension or, after downtime, later, but never after it."""
    suspension = turn.account.record(Suspension, turn.stimulus_as(TimerDue).subject)
    if suspension is None or not suspension.is_open or suspension.stops_at <= turn.now:
        return Outcome(verdict="nothing to tell")
    return Outcome(replies=(_notice(turn, suspension),), verdict="told again")


@timer(OVER_TIMER, reads=(Suspension,))
def close_announcement(turn: Turn) -> Outcome:
    """Close an announcement whose time has come; its held notices are superseded."""
    due = turn.stimulus_as(TimerDue)
    return _closed(turn, [item for item in _open_announcements(turn.account) if item.id == due.subject])


def _notice(turn: Turn, suspension: Suspension) -> Reply:
    """Return a notice; it is sent in the quiet hours only if they end too late."""
    text = texts.to_be_suspended(turn.account.language, suspension.stops_at)
    too_late = turn.policy.quiet_hours.release(turn.now) >= suspension.stops_at
    return say(turn, text, kind=MessageClass.NOTICE, about=_about(suspension), any_hour=too_late)


def _closed(turn: Turn, suspensions: Sequence[Suspension]) -> Outcome:
    return Outcome(
        records=tuple(item.closed(turn.now) for item in suspensions),
        dropped_timers=tuple(
            TimerDropped(kind, item.id) for item in suspensions for kind in (NOTICE_TIMER, OVER_TIMER)
        ),
        superseded=tuple(map(_about, suspensions)),
        verdict="called off",
    )


# ---- changes of a subscriber


@subscriber_changed
def notice_low_balance(turn: Turn, before: Subscriber | None, after: Subscriber) -> Outcome:
    """Send one notice when the balance falls below the limit, and none again until it has been above (flows.md 16)."""
    if before is None:
        return Outcome()
    limit = turn.policy.low_balance_fen
    recorded = turn.account.record(LowBalance, _LOW_BALANCE)
    was_told = recorded is not None and recorded.told
    if was_told and after.balance_fen > limit:
        return Outcome(records=(LowBalance(_LOW_BALANCE, turn.now, told=False),), superseded=(_MATTER,))
    if was_told or not is_low(after, limit) or is_low(before, limit):
        return Outcome()
    text = texts.low_balance(turn.account.language, after.balance_fen, limit, turn.now)
    reply = say(turn, text, kind=MessageClass.NOTICE, about=_MATTER)
    return Outcome(replies=(reply,), records=(LowBalance(_LOW_BALANCE, turn.now, told=True),))


@subscriber_changed
def end_announced(turn: Turn, before: Subscriber | None, after: Subscriber) -> Outcome:
    """End announced suspensions once the number is suspended, or active again, or billing says that it is active."""
    if before is None:
        return Outcome()
    suspended = after.status is SubscriberStatus.SUSPENDED
    active_again = before.status is SubscriberStatus.SUSPENDED and not suspended
    if not (suspended or active_again or _says_active(turn.stimulus)):
        return Outcome()
    charges = cancel_charges_due_in_suspension(turn, "active again") if active_again else Outcome()
    return merge_outcomes(_closed(turn, _open_announcements(turn.account)), charges)


def _says_active(stimulus: Stimulus) -> bool:
    """Return True for a change that names the status active, as billing sends when the subscriber has paid."""
    if not isinstance(stimulus, SetSubscriber) or stimulus.create:
        return False
    return "status" in stimulus.given and stimulus.status is SubscriberStatus.ACTIVE
