"""Decide disputed charges: staff cancel or uphold one, or it lapses undecided (flows.md 7; safety.md 14)."""

from collections.abc import Iterable

from app.commands.charges.labels import describe
from app.commands.charges.settling import DUE_TIMER, evidence_of, reason_to_give_up, settle, timers_of_waiting_charges
from app.commands.subscriptions.listing import label_of
from app.commands.subscriptions.unsubscribing import (
    UnsubscribeRequest,
    UnsubscribeResult,
    UnsubscribeTarget,
    as_outcome,
    end_services,
)
from app.domain.charges import Charge, ChargeState
from app.domain.merging import merge_outcomes
from app.domain.subscriptions import Channel
from app.domain.texts import fees as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.turn import Outcome, TimerSet, Turn, apply
from app.domain.values import replace, value


@value
class DecisionResult:
    """The outcome of a decision, and the sentences about it, which the caller puts into one message."""

    outcome: Outcome
    sentences: tuple[str, ...] = ()


def cancel(turn: Turn, charges: Iterable[Charge], *, who: str, reason: str) -> DecisionResult:
    """Cancel charges for services that the subscriber did not order, waive all others of them and end the services.

    Charges settled before stay as they are, and a service of which ``charges`` has no open charge goes on.
    """
    disputed = tuple(charges)
    services, in_question = (
        {charge.service_code for charge in disputed},
        [charge for charge in disputed if charge.is_open],
    )
    others = [
        charge for charge in turn.account.records_of(Charge) if charge.is_open and charge.service_code in services
    ]
    moves = [(charge, ChargeState.CANCELLED) for charge in in_question]
    moves += [(charge, ChargeState.WAIVED) for charge in others if charge not in in_question]
    done, sentences = Outcome(), list[str]()
    for charge, to in moves:
        outcome = settle(turn, charge, to, "cancelled by staff", who)
        turn = replace(turn, account=apply(turn.account, outcome))
        done = merge_outcomes(done, outcome)
        sentences += [_sentence(turn, texts.CANCELLED, charge)] if charge.amount_fen else []
    ended = _unsubscribe(turn, {charge.subscription_id or "": None for charge in in_question}, who, reason)
    return DecisionResult(merge_outcomes(done, ended.outcome), (*sentences, *ended.sentences))


def _unsubscribe(turn: Turn, subscription_ids: Iterable[str], who: str, reason: str) -> DecisionResult:
    """End these subscriptions as not ordered, and drop the month still owed by those already unsubscribed."""
    subscriptions = [subscription for id_ in subscription_ids if (subscription := turn.account.subscriptions.get(id_))]
    not_owing = tuple(
        replace(subscription, owed_month=None) for subscription in subscriptions if subscription.owed_month
    )
    request = UnsubscribeRequest(who, Channel.AGENT, reason=reason, warned_already=True, not_ordered=True)
    targets = [
        UnsubscribeTarget(label_of(turn.catalogue, subscription), subscription)
        for subscription in subscriptions
        if subscription.can_be_unsubscribed(turn.at)
    ]
    ended = end_services(turn, targets, request)
    still_running = texts.STILL_UNDER_CONTRACT.say(turn.account.language)
    sentences = (still_running if item.result is UnsubscribeResult.REFUSED else item.text for item in ended)
    return DecisionResult(
        merge_outcomes(Outcome(subscriptions=not_owing), as_outcome(turn, ended, request)), tuple(sentences)
    )


def uphold(turn: Turn, charge: Charge, *, who: str) -> DecisionResult:
    """Uphold a disputed charge: take it now if it is due, else on its due date.

    Give it up all the same if a rule forbids it by now, such as a lower price or a service that is in the plan.
    """
    if charge.state is not ChargeState.DISPUTED:
        return DecisionResult(Outcome())
    why = reason_to_give_up(turn, charge)
    if why is not None:
        return DecisionResult(settle(turn, charge, *why, who), (_sentence(turn, texts.CANCELLED, charge),))
    if charge.due_at <= turn.at:
        taken = settle(turn, charge, ChargeState.CHARGED, "upheld", who)
        return DecisionResult(taken, (_sentence(turn, texts.UPHELD_TAKEN, charge),))
    after = replace(charge.moved(ChargeState.REMINDED, turn.at, "upheld"), window_ends_at=charge.reminded_at)
    outcome = Outcome(
        records=(after,),
        timers=(TimerSet(DUE_TIMER, charge.id, charge.due_at), *timers_of_waiting_charges(turn, charge)),
        evidence=(evidence_of("fee-upheld", charge, after, who=who),),
        verdict="fee upheld",
    )
    return DecisionResult(outcome, (_sentence(turn, texts.UPHELD_DUE, charge),))


def lapse(turn: Turn, charge: Charge, *, who: str) -> DecisionResult:
    """Waive an open charge that nobody decided in time."""
    if not charge.is_open:
        return DecisionResult(Outcome())
    waived = settle(turn, charge, ChargeState.WAIVED, "not decided in time", who)
    return DecisionResult(waived, (_sentence(turn, texts.LAPSED, charge),))


def _sentence(turn: Turn, text: Text, charge: Charge) -> str:
    language = turn.account.language
    return text.say(language, what=describe(turn, charge), due=wording.minute(language, charge.due_at))
