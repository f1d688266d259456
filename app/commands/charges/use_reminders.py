"""Decide which uses need no reminder of their own, as an earlier one of the day told their price (safety.md 12)."""

from datetime import datetime

from app.domain.calendar import local_day
from app.domain.charges import Charge, ChargeState, Use
from app.domain.subscriptions import Channel
from app.domain.turn import Turn

_GIVEN_UP = (ChargeState.WAIVED, ChargeState.CANCELLED)


def covering_charge_id(turn: Turn, service_code: str, at: datetime, amount_fen: int) -> str | None:
    """Return the id of the charge whose reminder covers a use by SMS at ``at`` (UTC); None if it needs its own.

    A use is covered if a use by SMS of the same day in Shanghai has a reminder, and the last one handed over that day,
    for a use by any channel, names no lower price. A pending reminder may become the last: it must not name a lower
    price either, and covers the use where none that was handed over does.
    """
    day = local_day(at)
    channels = {
        use.charge_id: use.channel
        for use in turn.account.records_of(Use)
        if use.service_code == service_code and local_day(use.at) == day
    }
    with_reminder = [
        charge for charge in turn.account.records_of(Charge) if charge.id in channels and not charge.needs_no_reminder
    ]
    # Question ids increase, so they order reminders of the same instant.
    reminded = sorted(
        (charge for charge in with_reminder if charge.reminded_at),
        key=lambda charge: (charge.reminded_at, charge.question_id),
    )
    pending = [charge for charge in with_reminder if charge.state is ChargeState.ANNOUNCED]
    relevant = [charge for charge in (*pending, *reminded[-1:]) if charge.state not in _GIVEN_UP]
    by_sms = any(channels[charge.id] is Channel.SMS and charge.state not in _GIVEN_UP for charge in with_reminder)
    if not by_sms or any(amount_fen > charge.amount_fen for charge in pending):
        return None
    covering = [charge for charge in relevant if amount_fen <= charge.amount_fen]
    if not any(channels[charge.id] is Channel.SMS for charge in reminded):
        # Other channels remind of each use, so only the pending reminder of a use by SMS covers another one.
        covering = [charge for charge in covering if channels[charge.id] is Channel.SMS]
    return covering[-1].id if covering else None
