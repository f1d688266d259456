"""Unsubscribe: decide for each service if and when it ends, with replies, evidence and events (flows.md 5.3)."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto

from app.commands.charges.monthly_rules import price_of_month
from app.commands.charges.on_unsubscribe import ChargeSettlement, settle_charges, text_of_remaining_charges
from app.commands.registry import timer
from app.domain import actors, calendar, sp_events
from app.domain.catalogue import Billing, CancelEffect
from app.domain.charges import ChargeKind
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.merging import merge_outcomes
from app.domain.months import month_of
from app.domain.subscriptions import Channel, Subscription, SubscriptionState
from app.domain.texts import unsubscribing as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.turn import Outcome, TimerDue, TimerSet, Turn
from app.domain.values import replace, value

END_TIMER = "subscription-end"
_WITHIN = timedelta(hours=24)


class UnsubscribeResult(Enum):
    """The result for one service.

    ``ALREADY``: it was unsubscribed or over before. ``WARNED``: its warning must be confirmed first.
    """

    DONE = auto()
    ALREADY = auto()
    REFUSED = auto()
    WARNED = auto()


@value
class UnsubscribeTarget:
    """A service to unsubscribe; ``label`` is its name as shown, ``subscription`` None if it is not on record."""

    label: str
    subscription: Subscription | None


@value
class UnsubscribeRequest:
    """Who unsubscribes and how, for the evidence of each change.

    ``who`` is a message, caller or agent, such as ``mo:<id>``. ``asked`` and ``answer`` are exact texts. With
    ``warned_already`` no warning is sent. ``guessed``: the match is uncertain, so it is asked about as if it had a
    warning. ``not_ordered``: staff found that the subscriber never ordered it, so nothing is owed.
    """

    who: str
    channel: Channel
    asked: str | None = None
    answer: str | None = None
    reason: str | None = None
    warned_already: bool = False
    guessed: bool = False
    not_ordered: bool = False


@value
class TargetResult:
    """The result for one target.

    ``text`` is for the reply. If it was unsubscribed, ``after`` is the subscription afterwards, and ``charges`` settles
    its charges.
    """

    target: UnsubscribeTarget
    result: UnsubscribeResult
    text: str
    after: Subscription | None = None
    charges: Outcome | None = None


def end_services(turn: Turn, targets: Iterable[UnsubscribeTarget], request: UnsubscribeRequest) -> list[TargetResult]:
    """Decide each target by itself: one that is refused never blocks the others."""
    return [_judge(turn, target, request) for target in targets]


def as_outcome(turn: Turn, ended: Sequence[TargetResult], request: UnsubscribeRequest) -> Outcome:
    """Return the changes, evidence, timers and events of the results; the caller adds the reply."""
    done = [(item.target.subscription, item.after) for item in ended if item.target.subscription and item.after]
    changed = Outcome(
        subscriptions=tuple(after for _, after in done),
        timers=tuple(
            TimerSet(END_TIMER, after.id, after.ends_at)
            for _, after in done
            if after.ends_at and after.state is SubscriptionState.ENDING
        ),
        evidence=tuple(_evidence(before, after, request) for before, after in done),
        events=tuple(sp_events.unsubscribed(turn.account.msisdn, after, request.channel, turn.at) for _, after in done),
    )
    return merge_outcomes(changed, *(item.charges for item in ended if item.charges))


def _judge(turn: Turn, target: UnsubscribeTarget, request: UnsubscribeRequest) -> TargetResult:
    language, held = turn.account.language, target.subscription
    if held is None or not held.runs(turn.at):
        return TargetResult(target, UnsubscribeResult.ALREADY, texts.ALREADY_ENDED.say(language, name=target.label))
    if not held.can_be_unsubscribed(turn.at):
        last = wording.day(language, held.ends_at or turn.at)
        return TargetResult(
            target, UnsubscribeResult.ALREADY, texts.ALREADY_ENDING.say(language, name=target.label, day=last)
        )
    service = turn.catalogue.services[held.service_code]
    if request.channel is Channel.SMS and not held.can_be_unsubscribed_by_sms(service):
        return TargetResult(
            target, UnsubscribeResult.REFUSED, texts.by_other_way(language, target.label, service.cancel_how)
        )
    if held.contract_until and turn.at <= held.contract_until and not held.in_free_period(turn.at):
        day = wording.day_of_year(language, held.contract_until)
        return TargetResult(
            target, UnsubscribeResult.REFUSED, texts.UNDER_CONTRACT.say(language, name=target.label, day=day)
        )
    if (service.cancel_warning or request.guessed) and not request.warned_already:
        return TargetResult(
            target, UnsubscribeResult.WARNED, texts.warning(language, target.label, service.cancel_warning)
        )
    unsubscribed = _after_unsubscribe(held, turn.at)
    settlement = settle_charges(turn, held, unsubscribed, request.who)
    owed = unsubscribed.owed_month if request.not_ordered else _owed_month(turn, held, unsubscribed, settlement)
    after = replace(unsubscribed, owed_month=owed)
    text = _done_text(turn, target.label, held, after, settlement)
    return TargetResult(target, UnsubscribeResult.DONE, text, after, settlement.outcome)


def _after_unsubscribe(held: Subscription, at: datetime) -> Subscription:
    """Return the subscription after its unsubscribe: ended, or ending at a time that is fixed now."""
    effect = CancelEffect.IMMEDIATE if held.in_free_period(at) else held.terms.cancel_effect
    if effect is CancelEffect.IMMEDIATE:
        return replace(held, state=SubscriptionState.ENDED, unsubscribed_at=at, ends_at=at)
    ends_at = at + _WITHIN if effect is CancelEffect.WITHIN_24H else calendar.last_second_of_month(at)
    if held.state is SubscriptionState.TRIAL and held.trial_ends_at:
        ends_at = min(ends_at, held.trial_ends_at)
    # In the last fraction of a month, its last second is already past.
    return replace(held, state=SubscriptionState.ENDING, unsubscribed_at=at, ends_at=max(at, ends_at))


def _owed_month(turn: Turn, before: Subscription, after: Subscription, settlement: ChargeSettlement) -> str | None:
    """Return the month (Asia/Shanghai, as ``2026-03``) whose fee is still due as the service runs to its end.

    None if there is no such fee, or if it was paid or given up (flows.md 5.3).
    """
    terms = before.terms
    runs_on = after.state is SubscriptionState.ENDING and terms.cancel_effect is CancelEffect.MONTH_END
    is_paid_for = terms.billing is Billing.MONTHLY and terms.price_fen > 0 and not before.in_plan
    on_trial = before.state is SubscriptionState.TRIAL
    settled = settlement.month_is_free or settlement.month_is_paid
    return month_of(turn.at) if runs_on and is_paid_for and not on_trial and not settled else None


def _done_text(turn: Turn, label: str, before: Subscription, after: Subscription, settlement: ChargeSettlement) -> str:
    """Say the name, the last day and what is still charged."""
    # The text of the service's end already names the fee of the owed month.
    kept = tuple(
        charge
        for charge in settlement.remaining
        if charge.kind is not ChargeKind.MONTHLY or charge.period != after.owed_month
    )
    return _end_text(turn, label, before, after, settlement) + settlement.text + text_of_remaining_charges(turn, kept)


def _end_text(turn: Turn, label: str, before: Subscription, after: Subscription, settlement: ChargeSettlement) -> str:
    language = turn.account.language
    ends_at = after.ends_at or turn.at
    if after.state is SubscriptionState.ENDED:
        text = texts.ENDED_OWING if settlement.remaining else _ended_text(before, turn.at)
        return text.say(language, name=label, day=wording.day(language, ends_at))
    terms, trial = before.terms, before.state is SubscriptionState.TRIAL
    minute, day = wording.minute(language, ends_at), wording.day(language, ends_at)
    price = wording.price(language, terms.price_fen, terms.billing)
    by_use = terms.billing is Billing.PER_USE and terms.price_fen and not (before.in_plan or trial)
    if terms.cancel_effect is CancelEffect.WITHIN_24H and not trial:
        owing = texts.ENDS_WITHIN_24H_OWING if settlement.remaining else texts.ENDS_WITHIN_24H
        text = texts.ENDS_WITHIN_24H_PER_USE if by_use else owing
        return text.say(language, name=label, minute=minute, price=price)
    if by_use:
        return texts.ENDS_PER_USE.say(language, name=label, day=day, price=price)
    most = price_of_month(turn, before, month_of(turn.at))
    fee = wording.yuan(language, most if settlement.month_fen is None else settlement.month_fen)
    if after.owed_month:
        return texts.ENDS_MONTH.say(language, name=label, day=day, fee=fee)
    is_paid = settlement.month_is_paid and not (before.in_plan or trial)
    text = texts.ENDS_MONTH_PAID if is_paid else texts.ENDS_FREE
    return text.say(language, name=label, day=day, fee=fee)


def _ended_text(before: Subscription, at: datetime) -> Text:
    if before.in_plan:
        return texts.ENDED_IN_PLAN
    if before.state is SubscriptionState.TRIAL:
        return texts.ENDED_TRIAL
    return texts.ENDED_FREE if before.in_free_period(at) else texts.ENDED


def _evidence(before: Subscription, after: Subscription, request: UnsubscribeRequest) -> EvidenceDraft:
    return EvidenceDraft("unsubscribe", after.id, {
        "service_code": after.service_code,
        "who": request.who,
        "channel": request.channel.value,
        "reason": request.reason,
        "asked": request.asked,
        "answer": request.answer,
        "before": summary(before),
        "after": summary(after),
    })  # fmt: skip


def summary(subscription: Subscription) -> dict[str, str | int | bool | None]:
    """Return the facts of a subscription that evidence records before and after a change; times are UTC."""
    return {
        "state": subscription.state.value,
        "in_plan": subscription.in_plan,
        "price_fen": subscription.terms.price_fen,
        "sp_code": subscription.terms.sp_code,
        "cancel_effect": subscription.terms.cancel_effect.value,
        "started_at": subscription.started_at.isoformat(),
        "ends_at": subscription.ends_at.isoformat() if subscription.ends_at else None,
    }


def mark_ended(held: Subscription, who: str) -> tuple[Subscription, EvidenceDraft]:
    """Mark a service as ended whose last instant is over; return it with the evidence.

    A trial ends at its last free instant. ``who`` is the cause, such as ``timer``.
    """
    ended = replace(held, state=SubscriptionState.ENDED, ends_at=held.ends_at or held.trial_ends_at)
    payload: dict[str, Fact] = {
        "service_code": held.service_code,
        "who": who,
        "before": summary(held),
        "after": summary(ended),
    }
    return ended, EvidenceDraft("subscription-ended", held.id, payload)


@timer(END_TIMER, reads=())
def end_subscription(turn: Turn) -> Outcome:
    """End an unsubscribed service whose last instant is over."""
    held = turn.account.subscriptions.get(turn.stimulus_as(TimerDue).subject)
    if held is None or held.state is not SubscriptionState.ENDING:
        return Outcome(verdict="nothing to end")
    ended, draft = mark_ended(held, actors.TIMER)
    return Outcome(subscriptions=(ended,), evidence=(draft,), verdict="ended")
