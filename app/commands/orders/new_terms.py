"""New terms of a service: worse ones need the subscriber's yes, else the service ends on their day (safety.md 3)."""

import json
from datetime import datetime

from app.commands.charges.on_unsubscribe import settle_charges
from app.commands.orders.questions import ask
from app.commands.orders.records import label, order_evidence
from app.commands.orders.scheduled_ends import are_worse
from app.commands.registry import timer
from app.commands.replies import say
from app.commands.subscriptions.unsubscribing import summary
from app.domain import sp_events
from app.domain.catalogue import CancelEffect
from app.domain.charges import JUST_AFTER, Charge
from app.domain.evidence import EvidenceDraft, Fact
from app.domain.merging import merge_outcomes
from app.domain.messages import MessageClass
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.refunds import Refund
from app.domain.subscriptions import Channel, Subscription, SubscriptionState, Terms
from app.domain.texts import orders as texts
from app.domain.texts import wording
from app.domain.turn import Outcome, TimerDue, TimerSet, Turn
from app.domain.values import replace, value

NEW_TERMS = "new-terms"
TERMS_DAY = "terms-day"
_RUNNING = frozenset({SubscriptionState.ACTIVE, SubscriptionState.TRIAL})


@value
class AnnouncedTerms:
    """New terms of a service, stored with timers; ``takes_effect_at`` is UTC, ``who`` announced them."""

    change_id: str
    price_fen: int
    cancel_effect: CancelEffect
    takes_effect_at: datetime
    who: str

    def text(self) -> str:
        """Return the JSON that a timer stores."""
        day = self.takes_effect_at.isoformat()
        return json.dumps([self.change_id, self.price_fen, self.cancel_effect.value, day, self.who])

    @classmethod
    def of(cls, due: TimerDue) -> "AnnouncedTerms":
        """Read the terms from a timer that fell due."""
        change_id, price_fen, effect, day, who = json.loads(due.data)
        return cls(change_id, price_fen, CancelEffect(effect), datetime.fromisoformat(day), who)

    def terms(self, held: Subscription) -> Terms:
        """Return the terms that a subscription would get; its SP and billing stay."""
        return replace(held.terms, price_fen=self.price_fen, cancel_effect=self.cancel_effect)

    def is_worse(self, held: Subscription) -> bool:
        """Return True if the terms are worse for a subscription, so that they need a yes."""
        return are_worse(self.terms(held), held.terms)


def _running_subscription(turn: Turn) -> Subscription | None:
    held = turn.account.subscriptions.get(turn.stimulus_as(TimerDue).subject)
    return held if held is not None and held.state in _RUNNING and held.runs(turn.at) else None


def _latest_order(turn: Turn, held: Subscription, announced: AnnouncedTerms) -> Order | None:
    """Return the newest order by which the subscriber was asked about the terms."""
    orders = [item for item in turn.account.records_of(Order) if item.terms_change_id == announced.change_id]
    return next((item for item in reversed(orders) if item.subscription_id == held.id), None)


@timer(NEW_TERMS, reads=(Charge, Order))
def ask_about_terms(turn: Turn) -> Outcome:
    """Ask for a yes to worse terms, outside the quiet hours; terms that are no worse only wait for their day."""
    due = turn.stimulus_as(TimerDue)
    announced, held = AnnouncedTerms.of(due), _running_subscription(turn)
    if held is None or turn.now >= announced.takes_effect_at:
        return Outcome(verdict="nothing to ask")
    day = TimerSet(TERMS_DAY, held.id, announced.takes_effect_at + JUST_AFTER, due.data)
    if held.in_plan or not announced.is_worse(held):
        return Outcome(timers=(day,), verdict="no worse")
    by_day = turn.policy.quiet_hours.release(turn.now)
    if by_day > turn.now:
        later = TimerSet(NEW_TERMS, held.id, min(by_day, announced.takes_effect_at), due.data)
        return Outcome(timers=(day, later), verdict="waits for the day")
    asked_before = _latest_order(turn, held, announced)
    if asked_before is not None and asked_before.state is not OrderState.UNDELIVERABLE:
        return Outcome(verdict="asked before")
    order = Order(
        id=next(turn.ids),
        made_at=turn.now,
        kind=OrderKind.TERMS,
        service_code=held.service_code,
        channel=Channel.SP,
        state=OrderState.AWAITING,
        who=announced.who,
        terms=announced.terms(held),
        subscription_id=held.id,
        expires_at=announced.takes_effect_at,
        terms_change_id=announced.change_id,
        takes_effect_at=announced.takes_effect_at,
    )
    return merge_outcomes(ask(turn, order), Outcome(timers=(day,)))


@timer(TERMS_DAY, reads=(Charge, Order, Refund))
def apply_new_terms(turn: Turn) -> Outcome:
    """Apply the new terms on their day if they were agreed to or are no worse; else end the service."""
    announced, held = AnnouncedTerms.of(turn.stimulus_as(TimerDue)), _running_subscription(turn)
    if held is None:
        return Outcome(verdict="left before")
    order = _latest_order(turn, held, announced)
    if order is not None and order.state is OrderState.CONFIRMED:
        began = replace(order, price_before_fen=held.terms.price_fen)
        return merge_outcomes(_change_terms(turn, held, announced, order.closed_at), Outcome(records=(began,)))
    if held.in_plan or not announced.is_worse(held):
        return _change_terms(turn, held, announced, held.confirmed_at)
    return _end_service(turn, held, announced, order)


def _change_terms(turn: Turn, held: Subscription, announced: AnnouncedTerms, confirmed_at: datetime | None) -> Outcome:
    after = replace(held, terms=announced.terms(held), confirmed_at=confirmed_at)
    event = sp_events.terms_changed(turn.account.msisdn, after, turn.at)
    return Outcome(
        subscriptions=(after,), evidence=(_evidence("terms-changed", held, after, announced),), events=(event,),
        verdict="terms changed",
    )  # fmt: skip


def _end_service(turn: Turn, held: Subscription, announced: AnnouncedTerms, order: Order | None) -> Outcome:
    ended = replace(held, state=SubscriptionState.ENDED, ends_at=announced.takes_effect_at)
    language = turn.account.language
    name = label(turn, order) if order else turn.catalogue.services[held.service_code].name
    text = texts.TERMS_ENDED.say(language, name=name, end=wording.day(language, announced.takes_effect_at))
    expired = (order.closed(OrderState.EXPIRED, turn.at),) if order and order.is_open else ()
    event = sp_events.ended(turn.account.msisdn, ended, sp_events.Cause.NEW_TERMS, turn.at)
    outcome = Outcome(
        replies=(say(turn, text, kind=MessageClass.NOTICE),),
        subscriptions=(ended,),
        records=expired,
        evidence=(
            *(order_evidence("order-expired", item) for item in expired),
            _evidence("terms-ended", held, ended, announced),
        ),
        events=(event,),
        verdict="ended",
    )
    return merge_outcomes(outcome, settle_charges(turn, held, ended, announced.who).outcome)


def _evidence(kind: str, before: Subscription, after: Subscription, announced: AnnouncedTerms) -> EvidenceDraft:
    payload: dict[str, Fact] = {
        "service_code": after.service_code,
        "who": announced.who,
        "terms_change": announced.change_id,
        "before": summary(before),
        "after": summary(after),
    }
    return EvidenceDraft(kind, after.id, payload)
