"""Place an order: check whether it is possible, then ask for confirmation or refuse it (flows.md 6; safety.md 5, 9)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from app.commands.orders.given_once import had_free_hours, had_trial
from app.commands.orders.questions import ask
from app.commands.orders.records import label, refuse_order
from app.commands.orders.scheduled_ends import scheduled_end
from app.commands.replies import say
from app.domain.account import Payment, SubscriberStatus
from app.domain.calendar import local_day
from app.domain.catalogue import Billing, Service
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.service_numbers import Extension
from app.domain.subscriptions import Channel, SubscriptionState, Terms
from app.domain.texts import wording
from app.domain.texts.order_refusals import HELD_UNLESS_ANSWERED, HELD_UNTIL, REFUSED, REFUSED_CHANGE
from app.domain.texts.orders import yes_word
from app.domain.turn import Outcome, TextReceived, Turn, apply
from app.domain.values import replace, value


@value
class OrderRequest:
    """Who orders and through which channel; ``reason`` is what an agent gave, for the evidence."""

    who: str
    channel: Channel
    reason: str | None = None
    idempotency_key: str | None = None


def new_order(turn: Turn, service: Service, request: OrderRequest) -> Order:
    """Return a new order of a service, or one to keep it if it was unsubscribed and still runs."""
    held = turn.account.running_subscription(service.service_code, turn.at)
    keeps = held is not None and held.state is SubscriptionState.ENDING
    offered = Terms.of(service)
    return Order(
        id=next(turn.ids),
        made_at=turn.now,
        kind=OrderKind.KEEP if keeps else OrderKind.ORDER,
        service_code=service.service_code,
        channel=request.channel,
        state=OrderState.AWAITING,
        who=request.who,
        terms=held.terms if held and keeps else offered,
        trial_days=0 if keeps or had_trial(turn.account, service.service_code, turn.at) else service.trial_days,
        free_hours=not had_free_hours(turn.account, service.service_code, turn.at),
        subscription_id=held.id if held and keeps else None,
        idempotency_key=request.idempotency_key,
    )


# ---- whether an order is possible


def reason_to_refuse(turn: Turn, order: Order, *, at_yes: bool = False) -> Reason | None:
    """Return why an order cannot be placed or, ``at_yes``, confirmed now; None if it can (safety.md 5)."""
    service = turn.catalogue.services.get(order.service_code)
    if service is None or order.terms is None:
        return Reason.UNKNOWN_SERVICE
    if turn.subscriber.status is SubscriberStatus.SUSPENDED:
        return Reason.SUSPENDED
    of_service = _service_reason_to_refuse(turn, order, service, at_yes=at_yes)
    too_low = turn.subscriber.payment is Payment.PREPAID and turn.subscriber.balance_fen < _first_fee(
        order, order.terms
    )
    return of_service or (Reason.BALANCE_TOO_LOW if too_low else None)


def _service_reason_to_refuse(turn: Turn, order: Order, service: Service, *, at_yes: bool) -> Reason | None:
    held = turn.account.running_subscription(order.service_code, turn.at)
    if order.kind is OrderKind.ORDER and held is not None and held.state is not SubscriptionState.ENDING:
        return Reason.ALREADY_SUBSCRIBED
    if not service.on_offer and order.kind is not OrderKind.TERMS:
        return Reason.WITHDRAWN_SERVICE
    waits = not at_yes and open_order_for(turn, order.service_code) is not None
    return Reason.ALREADY_WAITING if waits else None


def _first_fee(order: Order, terms: Terms) -> int:
    """Return the fee (fen) that a yes makes due: 0 in a trial, if paid already, and for services paid per use."""
    starts_paid = (order.kind is OrderKind.ORDER and not order.trial_days) or order.kind is OrderKind.TRIAL
    return terms.price_fen if starts_paid and terms.billing is Billing.MONTHLY else 0


def open_order_for(turn: Turn, service_code: str) -> Order | None:
    """Return the order of a service that waits for a yes, unless its subscription has changed since it was asked."""
    orders = (order for order in turn.account.records_of(Order) if order.waits(turn.at) and still_applies(turn, order))
    return next((order for order in orders if order.service_code == service_code), None)


_STATES_ASKED_ABOUT: Mapping[OrderKind, tuple[SubscriptionState, ...]] = {
    OrderKind.TRIAL: (SubscriptionState.TRIAL,),
    OrderKind.KEEP: (SubscriptionState.ENDING,),
    OrderKind.TERMS: (SubscriptionState.TRIAL, SubscriptionState.ACTIVE),
}


def still_applies(turn: Turn, order: Order) -> bool:
    """Return True if the subscription is still in a state that the order asks about, such as a trial to go on with."""
    if order.subscription_id is None:
        return True
    held = turn.account.subscriptions.get(order.subscription_id)
    return held is not None and held.runs(turn.at) and held.state in _STATES_ASKED_ABOUT[order.kind]


# ---- orders placed by others

# Channels through which others order for a subscriber; how often in a day (Asia/Shanghai) they may ask, and how long
# they must not ask about a service that the subscriber declined.
_THIRD_PARTIES = frozenset({Channel.SP, Channel.AGENT})
_MOST_PER_DAY = 3
_REST_AFTER_DECLINE = timedelta(days=30)


def breaks_asking_rules(turn: Turn, order: Order) -> bool:
    """Return True if an SP or agent may not ask now: at night, too often, or too soon after a no (safety.md 4)."""
    if order.channel not in _THIRD_PARTIES:
        return False
    orders = turn.account.records_of(Order)
    today = [
        item for item in orders if item.channel in _THIRD_PARTIES and item.question_id and _asked_today(turn, item)
    ]
    declined = (
        item
        for item in orders
        if item.service_code == order.service_code and item.state is OrderState.DECLINED and item.closed_at
    )
    at_night = turn.policy.quiet_hours.release(turn.now) > turn.now
    lately = any(turn.at - item.closed_at <= _REST_AFTER_DECLINE for item in declined if item.closed_at)
    return at_night or len(today) >= _MOST_PER_DAY or lately


def _asked_today(turn: Turn, order: Order) -> bool:
    return order.kind in (OrderKind.ORDER, OrderKind.KEEP) and local_day(order.made_at) == local_day(turn.now)


# ---- placing


@value
class PlacedOrder:
    """An order as it is after placing it, and the outcome."""

    order: Order
    outcome: Outcome

    @classmethod
    def of(cls, turn: Turn, order: Order, outcome: Outcome) -> Self:
        """Return the order as the outcome leaves it."""
        return cls(apply(turn.account, outcome).record(Order, order.id) or order, outcome)


def place(turn: Turn, service: Service, request: OrderRequest) -> PlacedOrder:
    """Ask the subscriber to confirm an order, or refuse it without a message."""
    order = new_order(turn, service, request)
    reason = reason_to_refuse(turn, order) or (Reason.TOO_MANY_ORDERS if breaks_asking_rules(turn, order) else None)
    outcome = refuse_order(turn, order, reason) if reason else ask(turn, order, request.reason)
    return PlacedOrder.of(turn, order, outcome)


def place_by_sms(turn: Turn, service: Service) -> Outcome:
    """Place an order by the subscriber's own message; a refusal is answered with its reason."""
    placed = place(turn, service, OrderRequest(turn.stimulus_as(TextReceived).actor, Channel.SMS))
    order, outcome = placed.order, placed.outcome
    if order.reason is None:
        return outcome
    return replace(outcome, replies=(*outcome.replies, say(turn, refusal_text(turn, order, order.reason))))


def refusal_text(turn: Turn, order: Order, reason: Reason) -> str:
    """Return why the order is refused, in words for the subscriber, and what becomes of a service that they have."""
    language = turn.account.language
    if reason is Reason.ALREADY_SUBSCRIBED:
        return _already_subscribed_text(turn, order)
    open_order = open_order_for(turn, order.service_code) if reason is Reason.ALREADY_WAITING else None
    held = turn.account.subscriptions.get(order.subscription_id or "")
    until = order.expires_at or turn.at
    ends_at = (held.ends_at if held else None) or until
    text = REFUSED_CHANGE.get((order.kind, reason)) or REFUSED[reason]
    return text.say(
        language,
        name=label(turn, order),
        fee=wording.yuan(language, order.terms.price_fen if order.terms else 0),
        number=_asking_number(turn, open_order),
        yes=yes_word(language, order.code),
        until=wording.minute(language, until),
        day=wording.day(language, ends_at),
    )


def _already_subscribed_text(turn: Turn, order: Order) -> str:
    """Say that the subscriber has the service and, if its end is scheduled, until when."""
    language, held = turn.account.language, turn.account.running_subscription(order.service_code, turn.at)
    end = scheduled_end(turn, held) if held else None
    if end is None:
        return REFUSED[Reason.ALREADY_SUBSCRIBED].say(language, name=label(turn, order))
    return (HELD_UNLESS_ANSWERED if end.open_order else HELD_UNTIL).say(
        language,
        name=label(turn, order),
        end=wording.minute(language, end.at),
        number=_asking_number(turn, end.open_order),
    )


def _asking_number(turn: Turn, order: Order | None) -> str:
    """Return the number that an order's question came from, or the access number."""
    extension = f"{Extension.CONFIRMATION}{order.number}" if order and not turn.provider.single_number else ""
    return turn.policy.numbers.number(extension)
