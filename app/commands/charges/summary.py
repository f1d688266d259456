"""DZXXSF: send a summary of last month's charges on the 1st, if the subscriber switched it on (flows.md 8)."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta

from app.commands.charges.labels import service_label
from app.commands.registry import command, timer
from app.commands.replies import say
from app.commands.vocabulary import FEE_SUMMARY_OFF, FEE_SUMMARY_ON
from app.domain.charges import Charge, ChargeState
from app.domain.evidence import EvidenceDraft
from app.domain.messages import MessageClass
from app.domain.months import closed_months, first_moment, month_of
from app.domain.preferences import PREFERENCES, Preferences
from app.domain.texts import fee_summary as texts
from app.domain.turn import Outcome, TextReceived, TimerDropped, TimerSet, Turn
from app.domain.values import replace

SUMMARY_TIMER = "fee-summary"
_MORE_THAN_A_MONTH = timedelta(days=32)


def _preferences(turn: Turn) -> Preferences:
    return turn.account.record(Preferences, PREFERENCES) or Preferences(PREFERENCES, turn.now)


def next_summary(after: datetime, at: time) -> datetime:
    """Return the next time (UTC) after ``after`` that is ``at`` in Shanghai on the 1st of a month."""
    first = first_moment(month_of(after))
    days = (first, first_moment(month_of(first + _MORE_THAN_A_MONTH)))
    moments = (day + timedelta(hours=at.hour, minutes=at.minute) for day in days)
    return next(moment for moment in moments if moment > after)


def _next_timer(turn: Turn) -> TimerSet:
    return TimerSet(SUMMARY_TIMER, PREFERENCES, next_summary(turn.now, turn.policy.fee_summary_time))


@command(*FEE_SUMMARY_ON, kept=True, menu=texts.HELP, rank=60, reads=(Preferences,))
def switch_on(turn: Turn, _argument: str) -> Outcome:
    """Switch the monthly summary on."""
    if _preferences(turn).fee_summary:
        return _reply(turn, texts.ON_ALREADY.say(turn.account.language))
    outcome = _switch(turn, on=True)
    return replace(outcome, timers=(_next_timer(turn),))


@command(*FEE_SUMMARY_OFF, kept=True, reads=(Preferences,))
def switch_off(turn: Turn, _argument: str) -> Outcome:
    """Switch the monthly summary off."""
    if not _preferences(turn).fee_summary:
        return _reply(turn, texts.OFF_ALREADY.say(turn.account.language))
    outcome = _switch(turn, on=False)
    return replace(outcome, dropped_timers=(TimerDropped(SUMMARY_TIMER, PREFERENCES),))


def _reply(turn: Turn, text: str) -> Outcome:
    return Outcome(replies=(say(turn, text),))


def _switch(turn: Turn, *, on: bool) -> Outcome:
    before, received = _preferences(turn), turn.stimulus_as(TextReceived)
    text = (texts.ON if on else texts.OFF).say(turn.account.language)
    draft = EvidenceDraft("preference", PREFERENCES, {
        "who": received.actor, "answer": received.shown_text, "preference": "DZXXSF",
        "before": before.fee_summary, "after": on,
    })  # fmt: skip
    return Outcome(
        replies=(say(turn, text, kind=MessageClass.RESULT),),
        records=(replace(before, fee_summary=on),),
        evidence=(draft,),
        verdict="preference changed",
    )


@timer(SUMMARY_TIMER, reads=(Preferences, Charge))
def send_summary(turn: Turn) -> Outcome:
    """Send the summary of the last closed month, once; several missed runs are made up for by one (flows.md 8)."""
    preferences = _preferences(turn)
    if not preferences.fee_summary:
        return Outcome(verdict="switched off")
    month = closed_months(turn.now, 1)[0]
    if preferences.fee_summary_told is not None and preferences.fee_summary_told >= month:
        return Outcome(timers=(_next_timer(turn),), verdict="told before")
    charged = (charge for charge in turn.account.records_of(Charge) if charge.state is ChargeState.CHARGED)
    items = _items(turn, (charge for charge in charged if charge.settled_at and month_of(charge.settled_at) == month))
    pieces = texts.summary(turn.account.language, first_moment(month), items)
    return Outcome(
        replies=(say(turn, *pieces, kind=MessageClass.NOTICE),),
        records=(replace(preferences, fee_summary_told=month),),
        timers=(_next_timer(turn),),
        verdict="fees told",
    )


def _items(turn: Turn, charges: Iterable[Charge]) -> list[tuple[str, int]]:
    """Return each service's label and total in fen; free ones are left out."""
    amounts: dict[str, int] = {}
    for charge in charges:
        name = service_label(turn, charge)
        amounts[name] = amounts.get(name, 0) + charge.amount_fen
    return [(name, fen) for name, fen in amounts.items() if fen]
