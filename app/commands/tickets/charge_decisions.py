"""What becomes of a doubted fee: staff cancel or uphold it, or nobody does in time (flows.md 7; safety.md 14)."""

from collections.abc import Iterable

from app.commands.charges.matching import what
from app.commands.charges.settling import DUE_TIMER, evidence_of, given_up, others_go_on, settled
from app.commands.subscriptions.listing import label_of
from app.commands.subscriptions.unsubscribing import (
    UnsubscribeRequest,
    UnsubscribeResult,
    UnsubscribeTarget,
    as_outcome,
    end_services,
)
from app.domain.account import Channel
from app.domain.charges import Charge, ChargeState
from app.domain.texts import fees as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.turn import Outcome, TimerSet, Turn, apply, joined
from app.domain.values import replace, value


@value
class Decided:
    """What a decision causes, and the sentences that she is told of it; the caller puts them into one message."""

    outcome: Outcome
    sentences: tuple[str, ...] = ()


def cancel(turn: Turn, charges: Iterable[Charge], *, who: str, reason: str) -> Decided:
    """She did not order it: no fee of these services is taken, and those end whose fee was in question.

    A fee that was settled before stays as it is.
    """
    named = tuple(charges)
    services, in_question = {charge.service_code for charge in named}, [charge for charge in named if charge.is_open]
    others = [fee for fee in turn.account.records_of(Charge) if fee.is_open and fee.service_code in services]
    moves = [(charge, ChargeState.CANCELLED) for charge in in_question]
    moves += [(charge, ChargeState.WAIVED) for charge in others if charge not in in_question]
    done, sentences = Outcome(), list[str]()
    for charge, to in moves:
        outcome = settled(turn, charge, to, "cancelled by staff", who)
        turn = replace(turn, account=apply(turn.account, outcome))
        done = joined(done, outcome)
        sentences += [_said(turn, texts.CANCELLED, charge)] if charge.amount_fen else []
    ended = _end(turn, {charge.subscription_id or "": None for charge in in_question}, who, reason)
    return Decided(joined(done, ended.outcome), (*sentences, *ended.sentences))


def _end(turn: Turn, subscription_ids: Iterable[str], who: str, reason: str) -> Decided:
    """End what she has of these; of what she has left already nothing is owed any more."""
    found = [held for id_ in subscription_ids if (held := turn.account.subscriptions.get(id_))]
    left = tuple(replace(held, owed_month=None) for held in found if held.owed_month)
    request = UnsubscribeRequest(who, Channel.AGENT, reason=reason, warned_already=True, not_ordered=True)
    wishes = [UnsubscribeTarget(label_of(turn.catalogue, held), held) for held in found if held.can_be_left(turn.at)]
    ended = end_services(turn, wishes, request)
    contract = texts.STILL_RUNNING.say(turn.account.language)
    stopped = (contract if item.result is UnsubscribeResult.REFUSED else item.text for item in ended)
    return Decided(joined(Outcome(subscriptions=left), as_outcome(turn, ended, request)), tuple(stopped))


def uphold(turn: Turn, charge: Charge, *, who: str) -> Decided:
    """The fee is due: taken at once if its time has come, else then, as one that is no more in doubt.

    One that may not be taken by now, as its service is in her plan or costs less, is given up all the same.
    """
    if charge.state is not ChargeState.DISPUTED:
        return Decided(Outcome())
    why = given_up(turn, charge)
    if why is not None:
        return Decided(settled(turn, charge, *why, who), (_said(turn, texts.CANCELLED, charge),))
    if charge.due_at <= turn.at:
        taken = settled(turn, charge, ChargeState.CHARGED, "upheld", who)
        return Decided(taken, (_said(turn, texts.UPHELD_TAKEN, charge),))
    after = replace(charge.moved(ChargeState.REMINDED, turn.at, "upheld"), window_ends_at=charge.reminded_at)
    outcome = Outcome(
        records=(after,),
        timers=(TimerSet(DUE_TIMER, charge.id, charge.due_at), *others_go_on(turn, charge)),
        evidence=(evidence_of("fee-upheld", charge, after, who=who),),
        verdict="fee upheld",
    )
    return Decided(outcome, (_said(turn, texts.UPHELD_DUE, charge),))


def lapse(turn: Turn, charge: Charge, *, who: str) -> Decided:
    """Nobody decided in time: a fee that is not taken yet is waived in her favour."""
    if not charge.is_open:
        return Decided(Outcome())
    waived = settled(turn, charge, ChargeState.WAIVED, "not decided in time", who)
    return Decided(waived, (_said(turn, texts.LAPSED, charge),))


def _said(turn: Turn, text: Text, charge: Charge) -> str:
    language = turn.account.language
    return text.say(language, what=what(turn, charge), due=wording.minute(language, charge.due_at))
