"""Giving money back: entries of the ledger, with evidence, billing's event and a word to her (flows.md 12, 14)."""

from app.commands.charges.matching import named_with_month
from app.commands.registry import timer
from app.commands.replies import say
from app.commands.ticketing import charges_of
from app.domain.charges import Charge, ChargeState
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.messages import MessageClass
from app.domain.refunds import Refund, RefundPart, SecondHalf, refund_id
from app.domain.texts import refunds as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.tickets import TENURE_ENDED, Ticket, TicketKind
from app.domain.turn import EventDraft, Outcome, TimerDropped, TimerDue, TimerSet, Turn, joined
from app.domain.values import replace

SECOND_HALF_TIMER = "refund-second-half"
_ENDED = "the tenure ended"


def refunded(turn: Turn, charge_id: str, part: RefundPart = RefundPart.PRINCIPAL) -> Refund | None:
    """The entry for a part of a charge, if there is one: it cannot be made again."""
    return turn.account.record(Refund, refund_id(charge_id, part))


def stands(turn: Turn, charge: Charge) -> bool:
    """Whether it was taken or still may be, and was not given back."""
    return charge.is_open or (charge.state is ChargeState.CHARGED and refunded(turn, charge.id) is None)


def can_be_given_back(turn: Turn, charge: Charge) -> bool:
    """Whether it was taken, and nothing of it given back."""
    return charge.state is ChargeState.CHARGED and charge.amount_fen > 0 and refunded(turn, charge.id) is None


def give_back(
    turn: Turn,
    charge: Charge,
    part: RefundPart = RefundPart.PRINCIPAL,
    *,
    who: str,
    why: str,
    ticket_id: str | None = None,
    second_half: SecondHalf | None = None,
) -> Outcome:
    """The entry for one part, without a word to the customer; ``second_half`` as the principal keeps it.

    ValueError where this part was given back before: look with ``refunded`` first.
    """
    if refunded(turn, charge.id, part) is not None:
        raise ValueError("this part of the charge was refunded before")
    refund = Refund(
        id=refund_id(charge.id, part),
        made_at=turn.at,
        charge_id=charge.id,
        part=part,
        service_code=charge.service_code,
        amount_fen=charge.amount_fen,
        who=who,
        ticket_id=ticket_id,
        second_half=second_half,
    )
    facts: dict[str, Fact] = {
        "charge_id": charge.id, "service_code": charge.service_code, "part": part.value,
        "amount_fen": charge.amount_fen, "ticket_id": ticket_id,
    }  # fmt: skip
    data = {"msisdn": turn.account.msisdn, "refund_id": refund.id, **facts}
    return Outcome(
        records=(refund,),
        timers=(TimerSet(SECOND_HALF_TIMER, refund.id, refund.decide_by),) if refund.is_open else (),
        evidence=(EvidenceDraft("refund", refund.id, {"who": who, "why": why, **facts}),),
        events=(EventDraft("billing", "charge.refunded", data),),
    )


def give_back_principal(turn: Turn, charge: Charge, *, who: str, why: str, ticket_id: str) -> Outcome:
    """The fee now; its second half waits for a decision."""
    return give_back(turn, charge, who=who, why=why, ticket_id=ticket_id, second_half=SecondHalf.WAITING)


def give_back_double(turn: Turn, charge: Charge, *, who: str, why: str, ticket_id: str) -> Outcome:
    """Twice the fee, as two entries."""
    principal = give_back(turn, charge, who=who, why=why, ticket_id=ticket_id, second_half=SecondHalf.PAID)
    second = give_back(turn, charge, RefundPart.SECOND_HALF, who=who, why=why, ticket_id=ticket_id)
    return joined(principal, second)


def waiting_of(turn: Turn, ticket_id: str) -> list[Refund]:
    """The principals of a ticket whose second half has to be decided."""
    return [refund for refund in turn.account.records_of(Refund) if refund.ticket_id == ticket_id and refund.is_open]


def pay_second_half(turn: Turn, principal: Refund, *, who: str, why: str) -> Outcome:
    """As much again, and nothing waits any more; without a word to the customer."""
    charge = charge_of(turn, principal)
    paid = give_back(turn, charge, RefundPart.SECOND_HALF, who=who, why=why, ticket_id=principal.ticket_id)
    return joined(paid, _decided(principal, SecondHalf.PAID))


def close_second_half(principal: Refund, *, who: str, why: str) -> Outcome:
    """It is not paid; what was given back stays hers. Without a word to the customer."""
    draft = EvidenceDraft("refund-closed", principal.id, {"who": who, "why": why, "charge_id": principal.charge_id})
    return joined(Outcome(evidence=(draft,)), _decided(principal, SecondHalf.CLOSED))


def complete_refunds(turn: Turn) -> Outcome:
    """The number is given up: what nobody has decided yet is paid, as nobody will (safety.md 1, 14).

    So goes back, twice, what was taken of the fees that her open complaints name.
    """
    waiting = [refund for refund in turn.account.records_of(Refund) if refund.is_open]
    done = [pay_second_half(turn, principal, who=TENURE_ENDED, why=_ENDED) for principal in waiting]
    complaints = (ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open)
    named = {
        charge.id: (charge, ticket)
        for ticket in complaints
        for charge in charges_of(turn, ticket)
        if ticket.kind is TicketKind.COMPLAINT and can_be_given_back(turn, charge)
    }
    for charge, ticket in named.values():
        done.append(give_back_double(turn, charge, who=TENURE_ENDED, why=_ENDED, ticket_id=ticket.id))
    return joined(Outcome(), *done)


def _decided(principal: Refund, how: SecondHalf) -> Outcome:
    return Outcome(
        records=(replace(principal, second_half=how),),
        dropped_timers=(TimerDropped(SECOND_HALF_TIMER, principal.id),),
    )


def charge_of(turn: Turn, refund: Refund) -> Charge:
    """The charge that an entry belongs to; LookupError where it was not loaded."""
    charge = turn.account.record(Charge, refund.charge_id)
    if charge is None:
        raise LookupError("a refund's charge is not at hand")
    return charge


@timer(SECOND_HALF_TIMER, reads=(Refund, Charge))
def nobody_decided(turn: Turn) -> Outcome:
    """Three days are over: it is completed in the customer's favour, and she is told."""
    principal = turn.account.record(Refund, turn.stimulus_as(TimerDue).subject)
    if principal is None or not principal.is_open:
        return Outcome(verdict="decided before")
    paid = pay_second_half(turn, principal, who="timer", why="nobody decided within three days")
    return replace(
        joined(paid, told(turn, said(turn, texts.IN_HER_FAVOUR, charge_of(turn, principal)))), verdict="refunded"
    )


# ---- what she is told


def said(turn: Turn, text: Text, charge: Charge, times: int = 1) -> str:
    """What is said of money given back for a charge: the fee, ``times`` over."""
    return texts.refund(turn.account.language, text, named_with_month(turn, charge), charge.amount_fen * times)


def told(turn: Turn, *sentences: str) -> Outcome:
    """She is told, by day."""
    closed = (wording.sentence(turn.account.language, sentence) for sentence in sentences)
    return Outcome(replies=(say(turn, *closed, kind=MessageClass.NOTICE),))
