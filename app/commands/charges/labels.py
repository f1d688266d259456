"""Describe charges to the subscriber, in their language."""

from app.domain.charges import Charge, ChargeKind
from app.domain.months import first_moment
from app.domain.texts import fees, listing, tickets, wording
from app.domain.turn import Turn


def service_label(turn: Turn, charge: Charge) -> str:
    """Return the service of a charge, with its SP unless that is the operator."""
    service = turn.catalogue.services[charge.service_code]
    subscription = turn.account.subscriptions.get(charge.subscription_id or "")
    sp_code = subscription.terms.sp_code if subscription else service.sp_code
    return listing.service_label(turn.catalogue, charge.service_code, sp_code)


def month_label(turn: Turn, charge: Charge) -> str | None:
    """Return the month of a monthly charge, such as 03月; None for a use."""
    if charge.kind is not ChargeKind.MONTHLY:
        return None
    return wording.month_seen_from(turn.account.language, first_moment(charge.period), turn.now)


def label_with_month(turn: Turn, charge: Charge) -> str:
    """Return service and month, so that several charges of a service can be told apart."""
    return fees.of_month(turn.account.language, service_label(turn, charge), month_label(turn, charge))


def label_and_amount(turn: Turn, charge: Charge) -> str:
    """Return service, month and amount without a decimal point, which would look like the number of a list item."""
    return tickets.fee(turn.account.language, label_with_month(turn, charge), charge.amount_fen)


def describe(turn: Turn, charge: Charge) -> str:
    """Return service, month and amount for use in a sentence."""
    return fees.describe(turn.account.language, label_with_month(turn, charge), charge.amount_fen)
