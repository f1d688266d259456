"""Rules for imported lines: an import revives nothing and makes nothing worse for the subscriber (safety.md 3, 8)."""

from collections.abc import Callable
from datetime import timedelta

from app.commands.accounts.import_lines import ImportLine, declined_at, ended_at
from app.commands.tenures import BEFORE_TENURE
from app.domain.catalogue import FREE_COSTS_NOTHING
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import SubscriptionState

# How far in the future the times of a line may lie.
_MAX_LINE_LEAD = timedelta(minutes=10)
_ACTIVE, _TRIAL, _ENDING = SubscriptionState.ACTIVE, SubscriptionState.TRIAL, SubscriptionState.ENDING
_INVALID, _CONFLICT = RefusalReason.INVALID, RefusalReason.CONFLICT


def _trial_without_end(line: ImportLine) -> bool:
    return line.request.state is _TRIAL and line.request.trial_ends_at is None


def _priced_though_free(line: ImportLine) -> bool:
    return not line.service.billing.allows(line.request.price_fen or 0)


def _is_of_former_customer(line: ImportLine) -> bool:
    return line.turn.account.former_tenure(line.as_of) is not None


def _is_in_future(line: ImportLine) -> bool:
    latest = line.turn.now + _MAX_LINE_LEAD
    return line.as_of > latest or line.request.started_at > latest


def _trial_is_over(line: ImportLine) -> bool:
    ends_at = line.request.trial_ends_at
    return line.request.state is _TRIAL and ends_at is not None and ends_at < line.turn.now


def _is_undated(line: ImportLine) -> bool:
    return line.request.as_of is None and bool(line.ended or line.declined)


def _ended_since(line: ImportLine) -> bool:
    """Return True also for the same instant, as nobody knows which came first."""
    moments = [moment for item in line.ended for moment in (ended_at(item), item.unsubscribed_at) if moment]
    return any(moment >= line.as_of for moment in moments)


def _declined_since(line: ImportLine) -> bool:
    return any(declined_at(order) >= line.as_of for order in line.declined)


def _is_being_asked(line: ImportLine) -> bool:
    return line.is_being_asked


def _predates_end(line: ImportLine) -> bool:
    """Return True if the line is about the ended subscription: its system has not heard of the end."""
    return line.would_revive and line.request.started_at <= ended_at(line.ended[-1])


def _is_ending(line: ImportLine) -> bool:
    return line.held is not None and line.held.state is _ENDING


def _becomes_paid(line: ImportLine) -> bool:
    in_trial = line.ended_in_trial if line.held is None else line.held.state is _TRIAL
    return line.request.state is _ACTIVE and in_trial


def _becomes_trial(line: ImportLine) -> bool:
    held = line.held
    return line.request.state is _TRIAL and held is not None and held.state is _ACTIVE and held.confirmed_at is not None


def _gets_shorter(line: ImportLine) -> bool:
    held, request = line.held, line.request
    if held is None or held.state is not _TRIAL or held.trial_ends_at is None or request.trial_ends_at is None:
        return False
    return request.trial_ends_at < held.trial_ends_at


def _leaves_plan(line: ImportLine) -> bool:
    return line.latest is not None and line.latest.in_plan and not line.request.in_plan


def _gets_dearer(line: ImportLine) -> bool:
    price = line.request.price_fen
    return price is not None and any(price > terms.price_fen for terms in line.agreed_terms)


def _is_billed_differently(line: ImportLine) -> bool:
    offered = (line.service.sp_code, line.service.billing)
    return line.held is None and any((terms.sp_code, terms.billing) != offered for terms in line.agreed_terms)


def _binds_longer(line: ImportLine) -> bool:
    until = line.request.contract_until
    agreed = line.latest.contract_until if line.latest else None
    return until is not None and line.has_history and (agreed is None or until > agreed)


# The first rule that a line breaks decides: the reason, the check that is true when broken, and the detail.
IMPORT_RULES: tuple[tuple[RefusalReason, Callable[[ImportLine], bool], str], ...] = (
    (_INVALID, _trial_without_end, "A trial needs trial_ends_at."),
    (RefusalReason.TRIAL_OVER, _trial_is_over, ""),
    (_INVALID, _priced_though_free, FREE_COSTS_NOTHING),
    (_INVALID, _is_in_future, "as_of and started_at cannot lie ahead: an import brings what exists already."),
    (_INVALID, _is_of_former_customer, f"as_of: {BEFORE_TENURE}"),
    (
        _INVALID,
        _is_undated,
        "The customer left or refused this service before: give as_of, the time of the line's data.",
    ),
    (_CONFLICT, _ended_since, "This service ended at as_of or later; an import never revives it."),
    (
        _CONFLICT,
        _declined_since,
        "The customer declined this service, or did not answer in time, at as_of or later; it needs an order.",
    ),
    (
        _CONFLICT,
        _is_being_asked,
        "The customer is being asked about an order of this service; import it again when that is decided.",
    ),
    (
        _CONFLICT,
        _predates_end,
        "started_at is not after the end of this service; a service that has ended begins again only with an order.",
    ),
    (_CONFLICT, _is_ending, "This service is running out after an unsubscribe; an import never revives it."),
    (_CONFLICT, _becomes_paid, "An import never turns a trial into a paid service; only the customer's yes does."),
    (
        _CONFLICT,
        _becomes_trial,
        "The customer confirmed this service as a paid one; an import never turns it into a trial.",
    ),
    (_CONFLICT, _gets_shorter, "An import never shortens a trial; send its end or a later one."),
    (_CONFLICT, _leaves_plan, "An import never turns a service in the plan into one outside."),
    (
        _CONFLICT,
        _gets_dearer,
        "An import never raises the price that was confirmed; worse terms need the customer's yes.",
    ),
    (
        _CONFLICT,
        _is_billed_differently,
        "The service has another SP or billing than when the customer had it; it needs an order.",
    ),
    (_CONFLICT, _binds_longer, "An import never binds a customer for longer than they agreed to."),
)
