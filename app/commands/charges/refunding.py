"""Refund charges: ledger entries, evidence, events for billing and notices to the subscriber (flows.md 12, 14)."""

from app.commands.charges.labels import label_with_month
from app.commands.registry import timer
from app.commands.replies import say
from app.commands.ticketing import charges_of
from app.domain import actors, sp_events
from app.domain.charges import Charge, ChargeState
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.refunds import Refund, RefundPart, SecondHalf, refund_id
from app.domain.texts import refunds as texts
from app.domain.texts import wording
from app.domain.texts.wording import Text
from app.domain.tickets import Ticket, TicketKind
from app.domain.turn import Outcome, TimerDropped, TimerDue, TimerSet, Turn
from app.domain.values import replace

SECOND_HALF_TIMER = "refund-second-half"
_ENDED = "the tenure ended"


def refund_of(turn: Turn, charge_id: str, part: RefundPart = RefundPart.PRINCIPAL) -> Refund | None:
    """Return the ledger entry for a part of a charge, or None; each part is refunded once at most."""
    return turn.account.record(Refund, refund_id(charge_id, part))


def is_in_force(turn: Turn, charge: Charge) -> bool:
    """Return True if a charge may still be taken, or was taken and not refunded."""
    return charge.is_open or (charge.state is ChargeState.CHARGED and refund_of(turn, charge.id) is None)


def is_refundable(turn: Turn, charge: Charge) -> bool:
    """Return True if a charge above 0 fen was taken and no part of it refunded."""
    return charge.state is ChargeState.CHARGED and charge.amount_fen > 0 and refund_of(turn, charge.id) is None


def refund_part(
    turn: Turn,
    charge: Charge,
    part: RefundPart = RefundPart.PRINCIPAL,
    *,
    who: str,
    why: str,
    ticket_id: str | None = None,
    second_half: SecondHalf | None = None,
) -> Outcome:
    """Return the outcome with the ledger entry for one part; the caller tells the subscriber.

    ``second_half`` is the state that a principal records. Raise ValueError if the part was refunded before:
    check with ``refund_of`` first.
    """
    if refund_of(turn, charge.id, part) is not None:
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
    return Outcome(
        records=(refund,),
        timers=(TimerSet(SECOND_HALF_TIMER, refund.id, refund.decide_by),) if refund.is_open else (),
        evidence=(EvidenceDraft("refund", refund.id, {"who": who, "why": why, **facts}),),
        events=(sp_events.refunded(turn.account.msisdn, refund),),
    )


def refund_principal(turn: Turn, charge: Charge, *, who: str, why: str, ticket_id: str) -> Outcome:
    """Refund the amount once; its second half waits for a decision."""
    return refund_part(turn, charge, who=who, why=why, ticket_id=ticket_id, second_half=SecondHalf.WAITING)


def refund_double(turn: Turn, charge: Charge, *, who: str, why: str, ticket_id: str) -> Outcome:
    """Refund twice the amount, as two ledger entries."""
    principal = refund_part(turn, charge, who=who, why=why, ticket_id=ticket_id, second_half=SecondHalf.PAID)
    second = refund_part(turn, charge, RefundPart.SECOND_HALF, who=who, why=why, ticket_id=ticket_id)
    return merge_outcomes(principal, second)


def undecided_refunds(turn: Turn, ticket_id: str) -> list[Refund]:
    """Return the principals of a ticket whose second half awaits a decision."""
    return [refund for refund in turn.account.records_of(Refund) if refund.ticket_id == ticket_id and refund.is_open]


def pay_second_half(turn: Turn, principal: Refund, *, who: str, why: str) -> Outcome:
    """Pay the second half of a principal; the caller tells the subscriber."""
    charge = charge_of(turn, principal)
    paid = refund_part(turn, charge, RefundPart.SECOND_HALF, who=who, why=why, ticket_id=principal.ticket_id)
    return merge_outcomes(paid, _set_second_half(principal, SecondHalf.PAID))


def close_second_half(principal: Refund, *, who: str, why: str) -> Outcome:
    """Decide not to pay the second half; the subscriber keeps the principal. The caller tells them."""
    draft = EvidenceDraft("refund-closed", principal.id, {"who": who, "why": why, "charge_id": principal.charge_id})
    return merge_outcomes(Outcome(evidence=(draft,)), _set_second_half(principal, SecondHalf.CLOSED))


def complete_refunds(turn: Turn) -> Outcome:
    """Pay all undecided second halves of a closed number, as nobody decides them any more (safety.md 1, 14).

    Refund twice each taken charge that an open complaint names, too.
    """
    undecided = [refund for refund in turn.account.records_of(Refund) if refund.is_open]
    done = [pay_second_half(turn, principal, who=actors.TENURE_ENDED, why=_ENDED) for principal in undecided]
    complaints = (ticket for ticket in turn.account.records_of(Ticket) if ticket.is_open)
    named = {
        charge.id: (charge, ticket)
        for ticket in complaints
        for charge in charges_of(turn, ticket)
        if ticket.kind is TicketKind.COMPLAINT and is_refundable(turn, charge)
    }
    for charge, ticket in named.values():
        done.append(refund_double(turn, charge, who=actors.TENURE_ENDED, why=_ENDED, ticket_id=ticket.id))
    return merge_outcomes(Outcome(), *done)


def _set_second_half(principal: Refund, how: SecondHalf) -> Outcome:
    return Outcome(
        records=(replace(principal, second_half=how),),
        dropped_timers=(TimerDropped(SECOND_HALF_TIMER, principal.id),),
    )


def charge_of(turn: Turn, refund: Refund) -> Charge:
    """Return the charge of a ledger entry; raise LookupError if it was not loaded."""
    charge = turn.account.record(Charge, refund.charge_id)
    if charge is None:
        raise LookupError("a refund's charge is not at hand")
    return charge


@timer(SECOND_HALF_TIMER, reads=(Refund, Charge))
def pay_undecided_second_half(turn: Turn) -> Outcome:
    """Pay a second half that nobody decided within three days, and tell the subscriber."""
    principal = turn.account.record(Refund, turn.stimulus_as(TimerDue).subject)
    if principal is None or not principal.is_open:
        return Outcome(verdict="decided before")
    paid = pay_second_half(turn, principal, who=actors.TIMER, why="nobody decided within three days")
    return replace(
        merge_outcomes(
            paid, notice(turn, refund_sentence(turn, texts.IN_CUSTOMERS_FAVOUR, charge_of(turn, principal)))
        ),
        verdict="refunded",
    )


# ---- notices


def refund_sentence(turn: Turn, text: Text, charge: Charge, times: int = 1) -> str:
    """Return the sentence about a refund of ``times`` the amount of a charge."""
    return texts.refund(turn.account.language, text, label_with_month(turn, charge), charge.amount_fen * times)


def notice(turn: Turn, *sentences: str) -> Outcome:
    """Return one notice with these sentences, to be sent outside quiet hours."""
    ended = (wording.sentence(turn.account.language, sentence) for sentence in sentences)
    return Outcome(replies=(say(turn, *ended, kind=MessageClass.NOTICE),))
