"""What becomes of a service's fees when it is unsubscribed (flows.md 5.3, 17; safety.md 11, 13)."""

from app.commands.charges.matching import month_of_charge
from app.commands.charges.refunding import can_be_given_back, give_back, stands
from app.commands.charges.settling import charges_of_month, ended_before, question_of, settled
from app.domain.account import Subscription, SubscriptionState
from app.domain.charges import Charge, ChargeState
from app.domain.months import month_of
from app.domain.texts import fees as texts
from app.domain.texts import wording
from app.domain.turn import Outcome, Turn, apply, joined
from app.domain.values import replace, value


@value
class ChargeSettlement:
    """The fees of a service that was left: what is done, what is said of it, and what still costs.

    ``month_is_free``: the fee of this month was given up; ``month_is_paid``: it was taken already. ``month_fen`` is
    what that fee costs, if there is one that was not given up.
    """

    outcome: Outcome
    text: str = ""
    remaining: tuple[Charge, ...] = ()
    month_is_free: bool = False
    month_is_paid: bool = False
    month_fen: int | None = None


def settle_charges(turn: Turn, before: Subscription, after: Subscription, who: str) -> ChargeSettlement:
    """Waive, cancel, give back or keep each fee of a subscription that ends."""
    done: list[Outcome] = []
    words: list[str] = []
    kept: list[Charge] = []
    for charge in turn.account.records_of(Charge):
        if charge.subscription_id != before.id:
            continue
        outcome, said = _settled(turn, charge, before, after, who)
        done += [outcome] if outcome else []
        words += [said] if said else []
        kept += [charge] if charge.is_open and not outcome and charge.amount_fen else []
    whole = joined(Outcome(), *done)
    left = replace(turn, account=apply(turn.account, whole))
    of_month = charges_of_month(left, before.service_code, month_of(turn.at))
    standing = [charge for charge in of_month if stands(left, charge)]
    return ChargeSettlement(
        whole,
        "".join(words),
        tuple(kept),
        month_is_free=bool(of_month) and not standing,
        month_is_paid=any(not charge.is_open for charge in standing),
        month_fen=sum(charge.amount_fen for charge in standing) if standing else None,
    )


def _settled(
    turn: Turn, charge: Charge, before: Subscription, after: Subscription, who: str
) -> tuple[Outcome | None, str]:
    language = turn.account.language
    fee = _amount(turn, charge)
    if charge.state is ChargeState.DISPUTED:
        cancelled = settled(turn, charge, ChargeState.CANCELLED, "unsubscribed", who)
        return cancelled, texts.CANCELLED_ON_LEAVING.say(language, fee=fee)
    if charge.is_open and _is_waived(turn, charge, before, after):
        was_told = question_of(turn, charge) is not None or charge.state is ChargeState.REMINDED
        waived = settled(turn, charge, ChargeState.WAIVED, "unsubscribed", who)
        return waived, texts.WAIVED_ON_LEAVING.say(language, fee=fee) if was_told and charge.amount_fen else ""
    free, late = before.in_free_period(turn.at), _taken_since(turn, charge) and _is_waived(turn, charge, before, after)
    if (free or late) and can_be_given_back(turn, charge):
        back = give_back(turn, charge, who=who, why="unsubscribed within 72 hours" if free else "unsubscribed in time")
        return back, texts.GIVEN_BACK.say(language, fee=fee)
    return None, ""


def _amount(turn: Turn, charge: Charge) -> str:
    return texts.amount(turn.account.language, charge.amount_fen, month_of_charge(turn, charge))


def _taken_since(turn: Turn, charge: Charge) -> bool:
    """Whether it was taken after she sent what is handled only now (safety.md 21)."""
    return charge.state is ChargeState.CHARGED and charge.settled_at is not None and charge.settled_at > turn.at


def _is_waived(turn: Turn, charge: Charge, before: Subscription, after: Subscription) -> bool:
    """Whether a fee that was announced is given up: the service ends first, she may still doubt it, it is free yet."""
    question = question_of(turn, charge)
    # A stop that is dated before its reminder counts from when it was stored, too (safety.md 34).
    at = turn.answering(question).at if question else turn.at
    being_reminded = question is not None and turn.account.may_have_reached(question) and question.is_open(at)
    was_open = charge.window_was_open(turn.at) or charge.window_was_open(at)
    window_is_open = was_open or (charge.state is ChargeState.ANNOUNCED and being_reminded)
    begins_later = charge.period > month_of(turn.at)
    free = before.in_free_period(turn.at) or before.state is SubscriptionState.TRIAL
    return ended_before(after, charge.due_at) or window_is_open or begins_later or free


def text_of_remaining_charges(turn: Turn, kept: tuple[Charge, ...]) -> str:
    """The fees that are taken all the same, each with its day."""
    language = turn.account.language
    return "".join(
        texts.TAKEN_ALL_THE_SAME.say(language, fee=_amount(turn, charge), day=wording.day(language, charge.due_at))
        for charge in kept
    )
