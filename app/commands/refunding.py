"""Giving money back: entries of the ledger, with their evidence and billing's event (flows.md 12, 14)."""

from app.domain.evidence import EvidenceDraft, Fact
from app.domain.refunds import Refund, RefundPart, SecondHalf, refund_id
from app.domain.turn import EventDraft, Outcome, TimerSet, Turn
from app.domain.values import value

SECOND_HALF_TIMER = "refund-second-half"


@value
class TakenFee:
    """A fee that was taken, in fen."""

    charge_id: str
    service_code: str
    amount_fen: int


def refunded(turn: Turn, charge_id: str, part: RefundPart = RefundPart.PRINCIPAL) -> Refund | None:
    """The entry for a part of a charge, if there is one: it cannot be made again."""
    return turn.account.record(Refund, refund_id(charge_id, part))


def give_back(
    turn: Turn,
    fee: TakenFee,
    part: RefundPart,
    *,
    who: str,
    why: str,
    ticket_id: str | None = None,
    second_half: SecondHalf | None = None,
) -> Outcome:
    """The entry for one part, without a word to the customer; ``second_half`` as the principal keeps it.

    ValueError where this part was given back before: look with ``refunded`` first.
    """
    if refunded(turn, fee.charge_id, part) is not None:
        raise ValueError("this part of the charge was refunded before")
    refund = Refund(
        id=refund_id(fee.charge_id, part),
        made_at=turn.at,
        charge_id=fee.charge_id,
        part=part,
        service_code=fee.service_code,
        amount_fen=fee.amount_fen,
        who=who,
        ticket_id=ticket_id,
        second_half=second_half,
    )
    facts: dict[str, Fact] = {
        "charge_id": fee.charge_id, "service_code": fee.service_code, "part": part.value,
        "amount_fen": fee.amount_fen, "ticket_id": ticket_id,
    }  # fmt: skip
    data = {"msisdn": turn.account.msisdn, "refund_id": refund.id, **facts}
    return Outcome(
        records=(refund,),
        timers=(TimerSet(SECOND_HALF_TIMER, refund.id, refund.decide_by),) if refund.is_open else (),
        evidence=(EvidenceDraft("refund", refund.id, {"who": who, "why": why, **facts}),),
        events=(EventDraft("billing", "charge.refunded", data),),
    )
