"""Orders: what is wanted, why it cannot be, and asking about it if it can (flows.md 6; safety.md 5, 9)."""

from collections.abc import Mapping
from datetime import timedelta

from app.commands.orders.given_once import had_free_hours, had_trial
from app.commands.orders.known_ends import known_end
from app.commands.orders.questions import ask
from app.commands.orders.records import label, order_refused
from app.commands.replies import say
from app.domain.account import Channel, Payment, SubscriberStatus, SubscriptionState, Terms
from app.domain.calendar import local_day
from app.domain.catalogue import Billing, Service
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.service_numbers import Extension
from app.domain.texts import wording
from app.domain.texts.order_refusals import HELD_UNLESS_ANSWERED, HELD_UNTIL, REFUSED, REFUSED_CHANGE
from app.domain.texts.orders import yes_word
from app.domain.turn import Outcome, TextReceived, Turn
from app.domain.values import replace, value


@value
class OrderRequest:
    """Who wants something, by which way, and what else is to be kept of it."""

    who: str
    channel: Channel
    reason: str | None = None
    idempotency_key: str | None = None


def wanted(turn: Turn, service: Service, request: OrderRequest) -> Order:
    """What an order of a service comes to now: a new one, or keeping what is running out."""
    held = turn.account.held(service.service_code, turn.at)
    keeps = held is not None and held.state is SubscriptionState.ENDING
    offered = Terms(service.price_fen, service.billing, service.sp_code, service.cancel_effect)
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


# ---- judging


def objection(turn: Turn, order: Order, *, at_yes: bool = False) -> Reason | None:
    """Why an order cannot be, now; asked again at the yes (safety.md 5)."""
    service = turn.catalogue.services.get(order.service_code)
    if service is None or order.terms is None:
        return Reason.UNKNOWN_SERVICE
    if turn.subscriber.status is SubscriberStatus.SUSPENDED:
        return Reason.SUSPENDED
    of_service = _objection_to_service(turn, order, service, at_yes=at_yes)
    too_low = turn.subscriber.payment is Payment.PREPAID and turn.subscriber.balance_fen < _first_fee(
        order, order.terms
    )
    return of_service or (Reason.BALANCE_TOO_LOW if too_low else None)


def _objection_to_service(turn: Turn, order: Order, service: Service, *, at_yes: bool) -> Reason | None:
    held = turn.account.held(order.service_code, turn.at)
    if order.kind is OrderKind.ORDER and held is not None and held.state is not SubscriptionState.ENDING:
        return Reason.ALREADY_SUBSCRIBED
    if not service.on_offer and order.kind is not OrderKind.TERMS:
        return Reason.WITHDRAWN_SERVICE
    waits = not at_yes and open_order_for(turn, order.service_code) is not None
    return Reason.ALREADY_WAITING if waits else None


def _first_fee(order: Order, terms: Terms) -> int:
    """What a yes makes her pay; nothing at once while it is free, paid already, or paid by use."""
    starts_paid = (order.kind is OrderKind.ORDER and not order.trial_days) or order.kind is OrderKind.TRIAL
    return terms.price_fen if starts_paid and terms.billing is Billing.MONTHLY else 0


def open_order_for(turn: Turn, service_code: str) -> Order | None:
    """The order of a service that waits for its yes; what was asked about one that she has left does not count."""
    waiting = (order for order in turn.account.records_of(Order) if order.waits(turn.at) and concerns(turn, order))
    return next((order for order in waiting if order.service_code == service_code), None)


_STATES: Mapping[OrderKind, tuple[SubscriptionState, ...]] = {
    OrderKind.TRIAL: (SubscriptionState.TRIAL,),
    OrderKind.KEEP: (SubscriptionState.ENDING,),
    OrderKind.TERMS: (SubscriptionState.TRIAL, SubscriptionState.ACTIVE),
}


def concerns(turn: Turn, order: Order) -> bool:
    """Whether what it asks about is still as it was asked: nobody goes on with a trial that she has left."""
    if order.subscription_id is None:
        return True
    held = turn.account.subscriptions.get(order.subscription_id)
    return held is not None and held.runs(turn.at) and held.state in _STATES[order.kind]


# ---- orders that others make for her

# Who may ask her of their own accord; how often in a day, and how long after she declined the same service.
_UNASKED = frozenset({Channel.SP, Channel.AGENT})
_A_DAY = 3
_DECLINED_RESTS = timedelta(days=30)


def pesters(turn: Turn, order: Order) -> bool:
    """Whether an SP or an agent asks at night, too often in a day, or what she declined lately (safety.md 4)."""
    if order.channel not in _UNASKED:
        return False
    orders = turn.account.records_of(Order)
    today = [item for item in orders if item.channel in _UNASKED and item.question_id and _same_day(turn, item)]
    declined = (
        item
        for item in orders
        if item.service_code == order.service_code and item.state is OrderState.DECLINED and item.closed_at
    )
    at_night = turn.policy.quiet_hours.release(turn.now) > turn.now
    lately = any(turn.at - item.closed_at <= _DECLINED_RESTS for item in declined if item.closed_at)
    return at_night or len(today) >= _A_DAY or lately


def _same_day(turn: Turn, order: Order) -> bool:
    return order.kind in (OrderKind.ORDER, OrderKind.KEEP) and local_day(order.made_at) == local_day(turn.now)


# ---- placing


def place(turn: Turn, service: Service, request: OrderRequest) -> Outcome:
    """A new order: asked about, or refused at once, and then without words."""
    order = wanted(turn, service, request)
    reason = objection(turn, order) or (Reason.TOO_MANY_ORDERS if pesters(turn, order) else None)
    return order_refused(turn, order, reason) if reason else ask(turn, order, request.reason)


def place_by_sms(turn: Turn, service: Service) -> Outcome:
    """The same for her own message, which is told why it is refused."""
    outcome = place(turn, service, OrderRequest(f"mo:{turn.stimulus_as(TextReceived).id}", Channel.SMS))
    refusals = [record for record in outcome.records if isinstance(record, Order) and record.reason]
    words = tuple(say(turn, refusal_text(turn, order, order.reason)) for order in refusals if order.reason)
    return replace(outcome, replies=(*outcome.replies, *words))


def refusal_text(turn: Turn, order: Order, reason: Reason) -> str:
    """Why there is no order, in words for her; of what she has, what becomes of it."""
    language = turn.account.language
    if reason is Reason.ALREADY_SUBSCRIBED:
        return _held_text(turn, order)
    waiting = open_order_for(turn, order.service_code) if reason is Reason.ALREADY_WAITING else None
    held = turn.account.subscriptions.get(order.subscription_id or "")
    until = order.expires_at or turn.at
    ends_at = (held.ends_at if held else None) or until
    text = REFUSED_CHANGE.get((order.kind, reason)) or REFUSED[reason]
    return text.say(
        language,
        name=label(turn, order),
        fee=wording.yuan(language, order.terms.price_fen if order.terms else 0),
        number=_asked_from(turn, waiting),
        yes=yes_word(language, order.code),
        until=wording.minute(language, until),
        day=wording.day(language, ends_at),
    )


def _held_text(turn: Turn, order: Order) -> str:
    """That she has it; and until when, where that has an end without her yes."""
    language, held = turn.account.language, turn.account.held(order.service_code, turn.at)
    end = known_end(turn, held) if held else None
    if end is None:
        return REFUSED[Reason.ALREADY_SUBSCRIBED].say(language, name=label(turn, order))
    return (HELD_UNLESS_ANSWERED if end.asked else HELD_UNTIL).say(
        language,
        name=label(turn, order),
        end=wording.minute(language, end.at),
        number=_asked_from(turn, end.asked),
    )


def _asked_from(turn: Turn, asked: Order | None) -> str:
    """The number that an order's question came from."""
    extension = f"{Extension.CONFIRMATION}{asked.number}" if asked and not turn.carrier.single_number else ""
    return turn.policy.numbers.number(extension)
