"""Events for SPs and billing: the type and body of each (flows.md 14; docs/receiving-events.md)."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum

from app.domain.charges import Charge, ChargeState
from app.domain.events import BILLING
from app.domain.evidence import Fact
from app.domain.orders import Order, OrderKind
from app.domain.refunds import Refund
from app.domain.subscriptions import Channel, Subscription
from app.domain.turn import EventDraft


class EventType(StrEnum):
    """The type of an event; those of subscriptions go to the SP, those of charges to billing."""

    ORDERED = "subscription.ordered"
    GOES_ON = "subscription.goes_on"
    KEPT = "subscription.kept"
    TRIAL_OVER = "subscription.trial_over"
    TERMS_CHANGED = "subscription.terms_changed"
    UNSUBSCRIBED = "subscription.unsubscribed"
    ENDED = "subscription.ended"
    CHARGED = "charge.charged"
    WAIVED = "charge.waived"
    CANCELLED = "charge.cancelled"
    REFUNDED = "charge.refunded"


class Action(IntEnum):
    """The change of the subscription, by which operators and SPs synchronise them."""

    OPEN = 1
    STOP = 2


class Cause(IntEnum):
    """The field ``reason``: why the subscription was opened or stopped."""

    CUSTOMER = 1
    NUMBER_CLOSED = 2
    TRIAL_OVER = 3
    NEW_TERMS = 4


# The field ``access_mode``: the number of the channel.
ACCESS_MODES: Mapping[Channel, int] = {
    Channel.WEB: 1,
    Channel.WAP: 2,
    Channel.SMS: 3,
    Channel.AGENT: 8,
    Channel.SP: 8,
    Channel.APP: 10,
}
# SPs get the event of new terms when they take effect.
_CONFIRMED: Mapping[OrderKind, EventType] = {
    OrderKind.ORDER: EventType.ORDERED,
    OrderKind.TRIAL: EventType.GOES_ON,
    OrderKind.KEEP: EventType.KEPT,
}
_SETTLED: Mapping[ChargeState, EventType] = {
    ChargeState.CHARGED: EventType.CHARGED,
    ChargeState.WAIVED: EventType.WAIVED,
    ChargeState.CANCELLED: EventType.CANCELLED,
}


def order_confirmed(msisdn: str, order: Order, after: Subscription, at: datetime) -> tuple[EventDraft, ...]:
    """Return the event of a yes at ``at`` (UTC) to an order, a trial's end or keeping; none for new terms."""
    if order.kind not in _CONFIRMED:
        return ()
    facts: dict[str, Fact] = {
        "order_id": order.id,
        "started_at": after.started_at.isoformat(),
        "confirmed_at": at.isoformat(),
        "trial_ends_at": _time(after.trial_ends_at),
        "price_fen": after.terms.price_fen,
        **_sync(Action.OPEN, Cause.CUSTOMER),
        "access_mode": ACCESS_MODES[order.channel],
    }
    return (_to_sp(_CONFIRMED[order.kind], msisdn, after, facts),)


def trial_over(msisdn: str, after: Subscription) -> EventDraft:
    """Return the event of a trial that is over and goes on at its price."""
    facts: dict[str, Fact] = {
        "trial_ends_at": _time(after.trial_ends_at),
        "goes_on": after.goes_on,
        **_sync(Action.OPEN, Cause.TRIAL_OVER),
    }
    return _to_sp(EventType.TRIAL_OVER, msisdn, after, facts)


def terms_changed(msisdn: str, after: Subscription, at: datetime) -> EventDraft:
    """Return the event of new terms that took effect at ``at`` (UTC)."""
    return _to_sp(EventType.TERMS_CHANGED, msisdn, after, {"at": at.isoformat(), "price_fen": after.terms.price_fen})


def unsubscribed(msisdn: str, after: Subscription, channel: Channel, at: datetime) -> EventDraft:
    """Return the event of an unsubscribe at ``at`` (UTC) through a channel."""
    facts: dict[str, Fact] = {
        "unsubscribed_at": at.isoformat(),
        "ends_at": _time(after.ends_at),
        **_sync(Action.STOP, Cause.CUSTOMER),
        "access_mode": ACCESS_MODES[channel],
    }
    return _to_sp(EventType.UNSUBSCRIBED, msisdn, after, facts)


def ended(msisdn: str, after: Subscription, cause: Cause, at: datetime) -> EventDraft:
    """Return the event of a subscription that ended at ``at`` (UTC) without an unsubscribe."""
    facts: dict[str, Fact] = {
        "ends_at": _time(after.ends_at),
        "trial_ends_at": _time(after.trial_ends_at),
        "goes_on": False,
        "at": at.isoformat(),
        **_sync(Action.STOP, cause),
    }
    return _to_sp(EventType.ENDED, msisdn, after, facts)


def charge_settled(msisdn: str, charge: Charge, at: datetime) -> EventDraft:
    """Return the event of a charge that got its final state at ``at`` (UTC)."""
    data: dict[str, Fact] = {
        "charge_id": charge.id,
        "msisdn": msisdn,
        "service_code": charge.service_code,
        "kind": charge.kind.value,
        "amount_fen": charge.amount_fen,
        "period": charge.period,
        "state": charge.state.value,
        "reason": charge.reason,
        "at": at.isoformat(),
    }
    return EventDraft(BILLING, _SETTLED[charge.state].value, data)


def refunded(msisdn: str, refund: Refund) -> EventDraft:
    """Return the event of money given back for a part of a charge."""
    data: dict[str, Fact] = {
        "msisdn": msisdn,
        "refund_id": refund.id,
        "charge_id": refund.charge_id,
        "service_code": refund.service_code,
        "part": refund.part.value,
        "amount_fen": refund.amount_fen,
        "ticket_id": refund.ticket_id,
    }
    return EventDraft(BILLING, EventType.REFUNDED.value, data)


def _sync(action: Action, cause: Cause) -> dict[str, int]:
    return {"action": action.value, "reason": cause.value}


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _to_sp(kind: EventType, msisdn: str, held: Subscription, facts: Mapping[str, Fact]) -> EventDraft:
    data = {"msisdn": msisdn, "service_code": held.service_code, "subscription_id": held.id, **facts}
    return EventDraft(f"sp:{held.terms.sp_code}", kind.value, data)
