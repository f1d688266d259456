"""Staff's calls on a ticket: first response, decision, and decision on a second half (flows.md 12, 17)."""

from collections.abc import Iterable

from app.commands.charges import refunding
from app.commands.registry import call
from app.commands.ticketing import DEADLINE_TIMER, TicketWithRefunds, charges_of, deadline_timers, ticket_after
from app.commands.tickets import charge_decisions
from app.commands.tickets.charge_decisions import DecisionResult
from app.domain.charges import Charge, ChargeState
from app.domain.evidence import EvidenceDraft
from app.domain.merging import merge_outcomes
from app.domain.orders import Order
from app.domain.refunds import Refund, RefundPolicy
from app.domain.refusals import RefusalReason
from app.domain.texts import refunds as refund_texts
from app.domain.texts import tickets as texts
from app.domain.texts.wording import Text
from app.domain.tickets import Decision, Ticket, TicketKind, TicketState
from app.domain.turn import Call, Outcome, TimerDropped, Turn, apply, refused
from app.domain.values import replace, value


@value
class RespondFirst(Call[TicketWithRefunds]):
    """An agent's first response; ``who`` is the agent, ``message`` goes to the subscriber."""

    who: str
    ticket_id: str
    message: str


@value
class RefundRequest:
    """How to refund a charge; ``charge_id`` is None only with the policy ``none``."""

    policy: RefundPolicy
    charge_id: str | None = None


@value
class Resolve(Call[TicketWithRefunds]):
    """An agent's decision on a ticket; ``message`` goes to the subscriber."""

    who: str
    ticket_id: str
    decision: Decision
    message: str | None = None
    refund: RefundRequest | None = None


@value
class DecideRefund(Call[TicketWithRefunds]):
    """An agent's decision on the second half of a ticket's refunds: paid if ``confirmed``, else closed."""

    who: str
    ticket_id: str
    confirmed: bool


_UNKNOWN = "There is no ticket with this id, or it is a former customer's."
_RESOLVED = "This ticket is resolved; nothing can be changed any more."


@call(RespondFirst, reads=(Ticket, Refund))
def respond_first(turn: Turn) -> Outcome:
    """Send the first response by SMS and record it, which meets its deadline."""
    request = turn.stimulus_as(RespondFirst)
    ticket = turn.account.record(Ticket, request.ticket_id)
    if ticket is None:
        return refused(RefusalReason.UNKNOWN, _UNKNOWN)
    if not ticket.is_open:
        return refused(RefusalReason.TICKET_RESOLVED, _RESOLVED)
    if ticket.first_response_at is not None:
        return refused(
            RefusalReason.CONFLICT, "The first response was given already; resolve the ticket with a message."
        )
    answered = replace(ticket.with_deadlines_checked(turn.at), first_response_at=turn.at, responded_by=request.who)
    text = texts.FIRST_RESPONSE.say(turn.account.language, number=ticket.number, message=request.message)
    draft = EvidenceDraft("ticket-answered", ticket.id, {"who": request.who, "message": request.message})
    outcome = Outcome(
        records=(answered,),
        timers=deadline_timers(answered, turn.at),
        evidence=(draft,),
        verdict="answered first",
    )
    return _returning(turn, request, ticket, merge_outcomes(outcome, refunding.notice(turn, text)))


@call(Resolve, reads=(Charge, Order, Refund, Ticket))
def resolve(turn: Turn) -> Outcome:
    """Close the ticket, pay a refund with it and tell the subscriber of both in one message.

    Refuse if the ticket, decision or refund does not fit; nothing changes then.
    """
    request = turn.stimulus_as(Resolve)
    ticket = turn.account.record(Ticket, request.ticket_id)
    if ticket is None:
        return refused(RefusalReason.UNKNOWN, _UNKNOWN)
    if not ticket.is_open:
        return refused(RefusalReason.TICKET_RESOLVED, _RESOLVED)
    refusal = _refusal_of_decision(turn, ticket, request.decision)
    if refusal is not None:
        return refusal
    charges = _decide_charges(turn, ticket, request)
    turn = replace(turn, account=apply(turn.account, charges.outcome))
    paid = _refund_with_decision(turn, ticket, request)
    if paid.outcome.refusal is not None:
        return paid.outcome
    sentence = texts.resolved(turn.account.language, ticket.number, request.message)
    notice = refunding.notice(turn, sentence, *charges.sentences, *paid.sentences)
    closed = _close_ticket(turn, ticket, request)
    return _returning(turn, request, ticket, merge_outcomes(closed, charges.outcome, paid.outcome, notice))


def _returning(turn: Turn, request: RespondFirst | Resolve | DecideRefund, ticket: Ticket, outcome: Outcome) -> Outcome:
    return request.returning(ticket_after(turn, ticket, outcome), outcome)


def _close_ticket(turn: Turn, ticket: Ticket, request: Resolve) -> Outcome:
    closed = replace(
        ticket.with_deadlines_checked(turn.at),
        state=TicketState.RESOLVED,
        decision=request.decision,
        resolved_at=turn.at,
        who=request.who,
    )
    draft = EvidenceDraft("ticket-resolved", ticket.id, {
        "who": request.who, "number": ticket.number, "decision": request.decision.value, "message": request.message,
        "refund": request.refund.policy.value if request.refund else None,
    })  # fmt: skip
    return Outcome(
        records=(closed,),
        dropped_timers=(TimerDropped(DEADLINE_TIMER, ticket.id),),
        evidence=(draft,),
        verdict="resolved",
    )


# ---- the charges of the ticket


def _refusal_of_decision(turn: Turn, ticket: Ticket, decision: Decision) -> Outcome | None:
    """Return the refusal of a decision that does not fit the ticket's charges, or None."""
    charges = charges_of(turn, ticket)
    disputed = any(charge.state is ChargeState.DISPUTED for charge in charges)
    if decision is Decision.UPHELD and disputed and turn.account.is_suspended:
        return refused(
            RefusalReason.CONFLICT,
            "The customer is suspended, so no monthly fee is taken: uphold it when they are active again.",
        )
    if ticket.kind is not TicketKind.FEE_DISPUTE:
        return None
    if decision is Decision.DONE and disputed:
        return refused(RefusalReason.INVALID, "decision: the fee is in doubt; say cancelled or upheld.")
    given_up = any(charge.state in (ChargeState.WAIVED, ChargeState.CANCELLED) for charge in charges)
    if decision is Decision.UPHELD and given_up:
        return refused(
            RefusalReason.CONFLICT, "The fee was given up before; it cannot be upheld. Resolve the ticket as done."
        )
    return None


def _decide_charges(turn: Turn, ticket: Ticket, request: Resolve) -> DecisionResult:
    """Cancel the charges and end their services, or uphold the disputed ones, as decided (flows.md 7)."""
    charges = charges_of(turn, ticket)
    if request.decision is Decision.CANCELLED:
        reason = request.message or f"ticket {ticket.number}"
        return charge_decisions.cancel(turn, charges, who=request.who, reason=reason)
    done = DecisionResult(Outcome())
    for charge in charges if request.decision is Decision.UPHELD else ():
        upheld = charge_decisions.uphold(turn, charge, who=request.who)
        turn = replace(turn, account=apply(turn.account, upheld.outcome))
        done = DecisionResult(merge_outcomes(done.outcome, upheld.outcome), (*done.sentences, *upheld.sentences))
    return done


# ---- refunds


def _refund_with_decision(turn: Turn, ticket: Ticket, request: Resolve) -> DecisionResult:
    """Pay the refund that comes with a decision; ``none`` or an upheld charge closes undecided second halves."""
    refund = request.refund
    if refund is None or refund.policy is RefundPolicy.NONE:
        against = refund is not None or request.decision is Decision.UPHELD
        return _close_second_halves(turn, ticket, request.who) if against else DecisionResult(Outcome())
    charge = turn.account.record(Charge, refund.charge_id or "")
    if charge is None:
        return DecisionResult(refused(RefusalReason.INVALID, "refund.charge_id: the customer has no such charge."))
    refusal = _refusal_of_refund(turn, charge)
    if refusal is not None:
        return DecisionResult(refusal)
    if refund.policy is RefundPolicy.DOUBLE:
        paid = refunding.refund_double(turn, charge, who=request.who, why="our error", ticket_id=ticket.id)
        return DecisionResult(paid, (refunding.refund_sentence(turn, refund_texts.DOUBLE, charge, times=2),))
    paid = refunding.refund_principal(turn, charge, who=request.who, why="unclear yet", ticket_id=ticket.id)
    return DecisionResult(paid, (refunding.refund_sentence(turn, refund_texts.PRINCIPAL, charge),))


def _refusal_of_refund(turn: Turn, charge: Charge) -> Outcome | None:
    """Return the refusal of a refund of this charge, or None."""
    if refunding.refund_of(turn, charge.id) is not None:
        return refused(RefusalReason.ALREADY_REFUNDED)
    if not refunding.is_refundable(turn, charge):
        return refused(
            RefusalReason.INVALID, f"refund.charge_id: nothing was taken for this charge, it is {charge.state}."
        )
    return None


@call(DecideRefund, reads=(Ticket, Refund, Charge))
def decide_refund(turn: Turn) -> Outcome:
    """Pay or close the second halves of a ticket and tell the subscriber; refuse if none waits."""
    request = turn.stimulus_as(DecideRefund)
    ticket = turn.account.record(Ticket, request.ticket_id)
    if ticket is None:
        return refused(RefusalReason.UNKNOWN, _UNKNOWN)
    if not refunding.undecided_refunds(turn, ticket.id):
        return refused(RefusalReason.CONFLICT, "No refund of this ticket waits for a decision.")
    decided = (_pay_second_halves if request.confirmed else _close_second_halves)(turn, ticket, request.who)
    outcome = merge_outcomes(decided.outcome, refunding.notice(turn, *decided.sentences))
    return _returning(turn, request, ticket, outcome)


def _pay_second_halves(turn: Turn, ticket: Ticket, who: str) -> DecisionResult:
    undecided = refunding.undecided_refunds(turn, ticket.id)
    paid = [refunding.pay_second_half(turn, principal, who=who, why="confirmed") for principal in undecided]
    return DecisionResult(
        merge_outcomes(Outcome(verdict="refunded"), *paid), _sentences(turn, refund_texts.SECOND_HALF, undecided)
    )


def _close_second_halves(turn: Turn, ticket: Ticket, who: str) -> DecisionResult:
    undecided = refunding.undecided_refunds(turn, ticket.id)
    closed = [refunding.close_second_half(principal, who=who, why="decided against it") for principal in undecided]
    return DecisionResult(
        merge_outcomes(Outcome(verdict="refund closed"), *closed), _sentences(turn, refund_texts.CLOSED, undecided)
    )


def _sentences(turn: Turn, text: Text, refunds: Iterable[Refund]) -> tuple[str, ...]:
    return tuple(refunding.refund_sentence(turn, text, refunding.charge_of(turn, refund)) for refund in refunds)
