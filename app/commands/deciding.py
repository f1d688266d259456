"""What becomes of a doubted fee: staff cancel or uphold it, or nobody does in time (flows.md 7; safety.md 14)."""

from app.commands.listing import label_of
from app.commands.naming import what
from app.commands.settling import DUE_TIMER, evidence_of, given_up, others_go_on, settled
from app.commands.unsubscribing import Fate, Request, Wish, as_outcome, end_services
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


def cancel(turn: Turn, charge: Charge, *, who: str, reason: str) -> Decided:
    """No fee, and the subscription ends; a fee that was settled before stays as it is."""
    if not charge.is_open:
        return Decided(Outcome())
    cancelled = settled(turn, charge, ChargeState.CANCELLED, "cancelled by staff", who)
    turn = replace(turn, account=apply(turn.account, cancelled))
    held = turn.account.subscriptions.get(charge.subscription_id or "")
    said = _said(turn, texts.CANCELLED, charge)
    if held is None or not held.can_be_left(turn.at):
        return Decided(cancelled, (said,))
    request = Request(who, Channel.AGENT, reason=reason, warned_already=True)
    ended = end_services(turn, [Wish(label_of(turn.catalogue, held), held)], request)
    refused = ended[0].fate is Fate.REFUSED
    stopped = texts.STILL_RUNNING.say(turn.account.language) if refused else ended[0].text
    return Decided(joined(cancelled, as_outcome(turn, ended, request)), (said, stopped))


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
