"""Settle the charges of a subscription when it is unsubscribed (flows.md 5.3, 17; safety.md 11, 13)."""

from app.commands.charges.labels import month_label
from app.commands.charges.refunding import is_in_force, is_refundable, refund_part
from app.commands.charges.settling import charges_of_month, ends_before, open_question_of, settle
from app.domain.charges import Charge, ChargeState
from app.domain.merging import merge_outcomes
from app.domain.months import month_of
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.texts import fees as texts
from app.domain.texts import wording
from app.domain.turn import Outcome, Turn, apply
from app.domain.values import replace, value


@value
class ChargeSettlement:
    """What happens to the charges of a subscription that ends.

    ``text`` tells the subscriber what was settled. ``remaining`` are the open charges that are still taken. The other
    fields describe the monthly charges of the current month: all given up, one taken already, and the sum in fen of
    those not given up, None without any.
    """

    outcome: Outcome
    text: str = ""
    remaining: tuple[Charge, ...] = ()
    month_is_free: bool = False
    month_is_paid: bool = False
    month_fen: int | None = None


def settle_charges(turn: Turn, before: Subscription, after: Subscription, who: str) -> ChargeSettlement:
    """Waive, cancel, refund or leave each charge of a subscription that ends.

    ``before`` and ``after`` are the states of the subscription; ``who`` goes into the evidence.
    """
    done: list[Outcome] = []
    sentences: list[str] = []
    remaining: list[Charge] = []
    for charge in turn.account.records_of(Charge):
        if charge.subscription_id != before.id:
            continue
        outcome, sentence = _settle_charge(turn, charge, before, after, who)
        done += [outcome] if outcome else []
        sentences += [sentence] if sentence else []
        remaining += [charge] if charge.is_open and not outcome and charge.amount_fen else []
    whole = merge_outcomes(Outcome(), *done)
    settled = replace(turn, account=apply(turn.account, whole))
    of_month = charges_of_month(settled, before.service_code, month_of(turn.at))
    in_force = [charge for charge in of_month if is_in_force(settled, charge)]
    return ChargeSettlement(
        whole,
        "".join(sentences),
        tuple(remaining),
        month_is_free=bool(of_month) and not in_force,
        month_is_paid=any(not charge.is_open for charge in in_force),
        month_fen=sum(charge.amount_fen for charge in in_force) if in_force else None,
    )


def _settle_charge(
    turn: Turn, charge: Charge, before: Subscription, after: Subscription, who: str
) -> tuple[Outcome | None, str]:
    """Return the outcome for one charge, None if it stays as it is, and a sentence about it or an empty string."""
    language = turn.account.language
    fee = _amount(turn, charge)
    if charge.state is ChargeState.DISPUTED:
        cancelled = settle(turn, charge, ChargeState.CANCELLED, "unsubscribed", who)
        return cancelled, texts.CANCELLED_ON_UNSUBSCRIBE.say(language, fee=fee)
    if charge.is_open and _is_waived(turn, charge, before, after):
        was_reminded = open_question_of(turn, charge) is not None or charge.state is ChargeState.REMINDED
        waived = settle(turn, charge, ChargeState.WAIVED, "unsubscribed", who)
        return waived, texts.WAIVED_ON_UNSUBSCRIBE.say(language, fee=fee) if was_reminded and charge.amount_fen else ""
    free, late = before.in_free_period(turn.at), _taken_since(turn, charge) and _is_waived(turn, charge, before, after)
    if (free or late) and is_refundable(turn, charge):
        refunded = refund_part(
            turn, charge, who=who, why="unsubscribed within 72 hours" if free else "unsubscribed in time"
        )
        return refunded, texts.REFUNDED.say(language, fee=fee)
    return None, ""


def _amount(turn: Turn, charge: Charge) -> str:
    return texts.amount(turn.account.language, charge.amount_fen, month_label(turn, charge))


def _taken_since(turn: Turn, charge: Charge) -> bool:
    """Return True if the charge was taken after the message that is handled now was sent (safety.md 21)."""
    return charge.state is ChargeState.CHARGED and charge.settled_at is not None and charge.settled_at > turn.at


def _is_waived(turn: Turn, charge: Charge, before: Subscription, after: Subscription) -> bool:
    """Return True if an unsubscribe waives the charge.

    It does if the service ends before the due date, the dispute window is open, the month begins later, or the service
    is still free.
    """
    question = open_question_of(turn, charge)
    # An unsubscribe dated before the reminder counts from when it was stored, too (safety.md 34).
    at = turn.answering(question).at if question else turn.at
    being_reminded = question is not None and turn.account.may_have_reached(question) and question.is_open(at)
    was_open = charge.window_was_open(turn.at) or charge.window_was_open(at)
    window_is_open = was_open or (charge.state is ChargeState.ANNOUNCED and being_reminded)
    begins_later = charge.period > month_of(turn.at)
    free = before.in_free_period(turn.at) or before.state is SubscriptionState.TRIAL
    return ends_before(after, charge.due_at) or window_is_open or begins_later or free


def text_of_remaining_charges(turn: Turn, remaining: tuple[Charge, ...]) -> str:
    """Return the sentences about charges that are still taken, each with its day."""
    language = turn.account.language
    return "".join(
        texts.STILL_CHARGED.say(language, fee=_amount(turn, charge), day=wording.day(language, charge.due_at))
        for charge in remaining
    )
