"""Why a line of an import is not taken over: nothing revives, and nothing gets worse for her (safety.md 3, 8)."""

from collections.abc import Callable

from app.commands.accounts.import_claims import Claim, over_at, refused_at
from app.commands.tenures import BEFORE_HER
from app.domain.catalogue import FREE_COSTS_NOTHING
from app.domain.dialogue import CLOCKS_DIFFER
from app.domain.subscriptions import SubscriptionState

_ACTIVE, _TRIAL, _ENDING = SubscriptionState.ACTIVE, SubscriptionState.TRIAL, SubscriptionState.ENDING


def _has_no_end(claim: Claim) -> bool:
    return claim.wanted.state is _TRIAL and claim.wanted.trial_ends_at is None


def _costs_despite_free(claim: Claim) -> bool:
    return not claim.service.billing.allows(claim.wanted.price_fen or 0)


def _is_a_former_customers(claim: Claim) -> bool:
    return claim.turn.account.former_tenure(claim.as_of) is not None


def _lies_ahead(claim: Claim) -> bool:
    latest = claim.turn.now + CLOCKS_DIFFER
    return claim.as_of > latest or claim.wanted.started_at > latest


def _is_past(claim: Claim) -> bool:
    ends_at = claim.wanted.trial_ends_at
    return claim.wanted.state is _TRIAL and ends_at is not None and ends_at < claim.turn.now


def _has_no_date(claim: Claim) -> bool:
    return claim.wanted.as_of is None and bool(claim.ended or claim.refused)


def _ended_since(claim: Claim) -> bool:
    """Also in that very instant: nobody knows which was first."""
    moments = [moment for item in claim.ended for moment in (over_at(item), item.unsubscribed_at) if moment]
    return any(moment >= claim.as_of for moment in moments)


def _refused_since(claim: Claim) -> bool:
    return any(refused_at(order) >= claim.as_of for order in claim.refused)


def _is_asked(claim: Claim) -> bool:
    return claim.is_asked


def _is_what_ended(claim: Claim) -> bool:
    """A line that began no later than the end speaks of what she ended: its system has not heard of that."""
    return claim.is_over and claim.wanted.started_at <= over_at(claim.ended[-1])


def _runs_out(claim: Claim) -> bool:
    return claim.held is not None and claim.held.state is _ENDING


def _becomes_paid(claim: Claim) -> bool:
    in_trial = claim.ended_in_trial if claim.held is None else claim.held.state is _TRIAL
    return claim.wanted.state is _ACTIVE and in_trial


def _becomes_trial(claim: Claim) -> bool:
    held = claim.held
    return claim.wanted.state is _TRIAL and held is not None and held.state is _ACTIVE and held.confirmed_at is not None


def _gets_shorter(claim: Claim) -> bool:
    held, wanted = claim.held, claim.wanted
    if held is None or held.state is not _TRIAL or held.trial_ends_at is None or wanted.trial_ends_at is None:
        return False
    return wanted.trial_ends_at < held.trial_ends_at


def _leaves_plan(claim: Claim) -> bool:
    return claim.known is not None and claim.known.in_plan and not claim.wanted.in_plan


def _gets_dearer(claim: Claim) -> bool:
    price = claim.wanted.price_fen
    return price is not None and any(price > terms.price_fen for terms in claim.agreed)


def _is_billed_otherwise(claim: Claim) -> bool:
    offered = (claim.service.sp_code, claim.service.billing)
    return claim.held is None and any((terms.sp_code, terms.billing) != offered for terms in claim.agreed)


def _binds_longer(claim: Claim) -> bool:
    until = claim.wanted.contract_until
    agreed = claim.known.contract_until if claim.known else None
    return until is not None and claim.is_known and (agreed is None or until > agreed)


# What stands against a line, the first that holds: the status of the answer, the rule, and why or what to do.
OBJECTIONS: tuple[tuple[int, Callable[[Claim], bool], str], ...] = (
    (422, _has_no_end, "A trial needs trial_ends_at."),
    (422, _is_past, "trial_ends_at is over. Leave out what has ended; DELETE ends what she still has here."),
    (422, _costs_despite_free, FREE_COSTS_NOTHING),
    (422, _lies_ahead, "as_of and started_at cannot lie ahead: an import brings what exists already."),
    (422, _is_a_former_customers, f"as_of: {BEFORE_HER}"),
    (422, _has_no_date, "She left or refused this service before: give as_of, the moment that the line speaks of."),
    (409, _ended_since, "This service ended at as_of or later; an import never revives it."),
    (409, _refused_since, "She said no to this service, or nothing in time, at as_of or later; it needs an order."),
    (409, _is_asked, "She is being asked whether to order this service; import it again when that is decided."),
    (409, _is_what_ended, "started_at is not after the end of this service; what has ended begins again by an order."),
    (409, _runs_out, "This service is running out after an unsubscribe; an import never revives it."),
    (409, _becomes_paid, "An import never turns a trial into a paid service; only her yes does."),
    (409, _becomes_trial, "She confirmed this service as a paid one; an import never turns it into a trial."),
    (409, _gets_shorter, "An import never shortens a trial; send its end or a later one."),
    (409, _leaves_plan, "An import never turns a service in the plan into one outside."),
    (409, _gets_dearer, "An import never raises the price that was confirmed; worse terms need the customer's yes."),
    (409, _is_billed_otherwise, "The service has another SP or billing than when she knew it; it needs an order."),
    (409, _binds_longer, "An import never binds a customer for longer than she agreed to."),
)
