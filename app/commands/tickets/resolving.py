"""What staff do with a ticket: answer it first, decide it, and decide the second half of a refund (flows.md 12, 17)."""

from collections.abc import Iterable

from app.commands.charges import refunding
from app.commands.registry import call
from app.commands.ticketing import DEADLINE_TIMER, charges_of, watching
from app.commands.tickets import charge_decisions
from app.domain.charges import Charge, ChargeState
from app.domain.evidence import EvidenceDraft
from app.domain.refunds import Refund, RefundPolicy
from app.domain.texts import refunds as refund_texts
from app.domain.texts import tickets as texts
from app.domain.texts.wording import Text
from app.domain.tickets import Decision, Ticket, TicketKind, TicketState
from app.domain.turn import Outcome, Stimulus, TimerDropped, Turn, apply, joined, refused
from app.domain.values import replace, value


@value
class RespondFirst(Stimulus):
    """An agent's first answer, in words for the customer."""

    who: str
    ticket_id: str
    message: str


@value
class RefundRequest:
    """How a fee is to be given back; ``charge_id`` is None only where nothing is."""

    policy: RefundPolicy
    charge_id: str | None = None


@value
class Resolve(Stimulus):
    """An agent decides; ``message`` is for the customer."""

    who: str
    ticket_id: str
    decision: Decision
    message: str | None = None
    refund: RefundRequest | None = None


@value
class DecideRefund(Stimulus):
    """An agent decides the second half of a ticket's refund: it is paid, or not."""

    who: str
    ticket_id: str
    confirmed: bool


_UNKNOWN = "There is no ticket with this id, or it is a former customer's."
_RESOLVED = "This ticket is resolved; nothing can be changed any more."


@call(RespondFirst, reads=(Ticket,))
def respond_first(turn: Turn) -> Outcome:
    """She gets the answer by SMS; the deadline for it is met."""
    given = turn.stimulus_as(RespondFirst)
    ticket = turn.account.record(Ticket, given.ticket_id)
    if ticket is None:
        return refused(404, _UNKNOWN)
    if not ticket.is_open:
        return refused(409, _RESOLVED)
    if ticket.first_response_at is not None:
        return refused(409, "The first response was given already; resolve the ticket with a message.")
    answered = replace(ticket.watched(turn.at), first_response_at=turn.at, responded_by=given.who)
    text = texts.FIRST_RESPONSE.say(turn.account.language, number=ticket.number, message=given.message)
    draft = EvidenceDraft("ticket-answered", ticket.id, {"who": given.who, "message": given.message})
    outcome = Outcome(
        records=(answered,),
        timers=watching(answered, turn.at),
        evidence=(draft,),
        verdict="answered first",
    )
    return joined(outcome, refunding.told(turn, text))


@value
class _Settled:
    """A part of what resolving causes, and what she is told of it: one message in all."""

    outcome: Outcome
    sentences: tuple[str, ...] = ()


@call(Resolve)
def resolve(turn: Turn) -> Outcome:
    """The ticket is closed for good, a refund is paid with it, and she is told of both in one message."""
    given = turn.stimulus_as(Resolve)
    ticket = turn.account.record(Ticket, given.ticket_id)
    if ticket is None:
        return refused(404, _UNKNOWN)
    if not ticket.is_open:
        return refused(409, _RESOLVED)
    violation = _undecided(turn, ticket, given.decision)
    if violation is not None:
        return violation
    fees = _fees(turn, ticket, given)
    turn = replace(turn, account=apply(turn.account, fees.outcome))
    paid = _refund(turn, ticket, given)
    if paid.outcome.refusal is not None:
        return paid.outcome
    said = texts.resolved(turn.account.language, ticket.number, given.message)
    told = refunding.told(turn, said, *fees.sentences, *paid.sentences)
    return joined(_closed(turn, ticket, given), fees.outcome, paid.outcome, told)


def _closed(turn: Turn, ticket: Ticket, given: Resolve) -> Outcome:
    closed = replace(
        ticket.watched(turn.at),
        state=TicketState.RESOLVED,
        decision=given.decision,
        resolved_at=turn.at,
        who=given.who,
    )
    draft = EvidenceDraft("ticket-resolved", ticket.id, {
        "who": given.who, "number": ticket.number, "decision": given.decision.value, "message": given.message,
        "refund": given.refund.policy.value if given.refund else None,
    })  # fmt: skip
    return Outcome(
        records=(closed,),
        dropped_timers=(TimerDropped(DEADLINE_TIMER, ticket.id),),
        evidence=(draft,),
        verdict="resolved",
    )


# ---- the fees that it is about


def _undecided(turn: Turn, ticket: Ticket, decision: Decision) -> Outcome | None:
    """Why a decision does not fit the fee in doubt."""
    charges = charges_of(turn, ticket)
    disputed = any(charge.state is ChargeState.DISPUTED for charge in charges)
    if decision is Decision.UPHELD and disputed and turn.account.is_suspended:
        return refused(
            409, "The customer is suspended, so no monthly fee is taken: uphold it when she is active again."
        )
    if ticket.kind is not TicketKind.FEE_DISPUTE:
        return None
    if decision is Decision.DONE and disputed:
        return refused(422, "decision: the fee is in doubt; say cancelled or upheld.")
    given_up = any(charge.state in (ChargeState.WAIVED, ChargeState.CANCELLED) for charge in charges)
    if decision is Decision.UPHELD and given_up:
        return refused(409, "The fee was given up before; it cannot be upheld. Resolve the ticket as done.")
    return None


def _fees(turn: Turn, ticket: Ticket, given: Resolve) -> _Settled:
    """Cancelled: no fee, and the service ends. Upheld: a fee that was in doubt is taken (flows.md 7)."""
    charges = charges_of(turn, ticket)
    if given.decision is Decision.CANCELLED:
        reason = given.message or f"ticket {ticket.number}"
        cancelled = charge_decisions.cancel(turn, charges, who=given.who, reason=reason)
        return _Settled(cancelled.outcome, cancelled.sentences)
    done = _Settled(Outcome())
    for charge in charges if given.decision is Decision.UPHELD else ():
        upheld = charge_decisions.uphold(turn, charge, who=given.who)
        turn = replace(turn, account=apply(turn.account, upheld.outcome))
        done = _Settled(joined(done.outcome, upheld.outcome), (*done.sentences, *upheld.sentences))
    return done


# ---- refunds


def _refund(turn: Turn, ticket: Ticket, given: Resolve) -> _Settled:
    """What is given back with the decision; one that goes against her, or ``none``, closes what waited."""
    wanted = given.refund
    if wanted is None or wanted.policy is RefundPolicy.NONE:
        against = wanted is not None or given.decision is Decision.UPHELD
        return _closing(turn, ticket, given.who) if against else _Settled(Outcome())
    charge = turn.account.record(Charge, wanted.charge_id or "")
    if charge is None:
        return _Settled(refused(422, "refund.charge_id: the customer has no such charge."))
    violation = _violation(turn, charge)
    if violation is not None:
        return _Settled(violation)
    if wanted.policy is RefundPolicy.DOUBLE:
        paid = refunding.give_back_double(turn, charge, who=given.who, why="our error", ticket_id=ticket.id)
        return _Settled(paid, (refunding.said(turn, refund_texts.DOUBLE, charge, times=2),))
    paid = refunding.give_back_principal(turn, charge, who=given.who, why="unclear yet", ticket_id=ticket.id)
    return _Settled(paid, (refunding.said(turn, refund_texts.PRINCIPAL, charge),))


def _violation(turn: Turn, charge: Charge) -> Outcome | None:
    """Why a charge cannot be given back."""
    if refunding.refunded(turn, charge.id) is not None:
        return refused(
            409, "This charge was refunded already; POST …/refund/confirm pays the second half of a principal."
        )
    if not refunding.can_be_given_back(turn, charge):
        return refused(422, f"refund.charge_id: nothing was taken for this charge, it is {charge.state}.")
    return None


@call(DecideRefund, reads=(Ticket, Refund, Charge))
def decide_refund(turn: Turn) -> Outcome:
    """The second half of a principal is paid, or not; once, and she is told."""
    given = turn.stimulus_as(DecideRefund)
    ticket = turn.account.record(Ticket, given.ticket_id)
    if ticket is None:
        return refused(404, _UNKNOWN)
    if not refunding.waiting_of(turn, ticket.id):
        return refused(409, "No refund of this ticket waits for a decision.")
    settled = (_paying if given.confirmed else _closing)(turn, ticket, given.who)
    return joined(settled.outcome, refunding.told(turn, *settled.sentences))


def _paying(turn: Turn, ticket: Ticket, who: str) -> _Settled:
    waiting = refunding.waiting_of(turn, ticket.id)
    paid = [refunding.pay_second_half(turn, principal, who=who, why="confirmed") for principal in waiting]
    return _Settled(joined(Outcome(verdict="refunded"), *paid), _of_each(turn, refund_texts.SECOND_HALF, waiting))


def _closing(turn: Turn, ticket: Ticket, who: str) -> _Settled:
    waiting = refunding.waiting_of(turn, ticket.id)
    closed = [refunding.close_second_half(principal, who=who, why="decided against it") for principal in waiting]
    return _Settled(joined(Outcome(verdict="refund closed"), *closed), _of_each(turn, refund_texts.CLOSED, waiting))


def _of_each(turn: Turn, text: Text, refunds: Iterable[Refund]) -> tuple[str, ...]:
    return tuple(refunding.said(turn, text, refunding.charge_of(turn, refund)) for refund in refunds)
