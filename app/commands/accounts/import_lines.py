"""A line of a subscription import, with what the gateway knows of that service (safety.md 3, 8)."""

from datetime import datetime

from app.commands.orders.placing import open_order_for
from app.domain.catalogue import Service
from app.domain.orders import Order, OrderState
from app.domain.subscriptions import Channel, Subscription, SubscriptionState, Terms
from app.domain.turn import Call, Turn
from app.domain.values import value


@value
class Imported:
    """An imported subscription; ``is_new``: there was none. ``kept``: fields that keep the gateway's values."""

    subscription: Subscription
    kept: tuple[str, ...]
    is_new: bool


@value
class ImportSubscription(Call[Imported]):
    """Import a subscription that exists in another system.

    Attributes:
        who: The caller, for the evidence.
        price_fen: The price in fen; None keeps the known price, or that of the offer.
        as_of: When the other system's data was true; None means now. All times are UTC.
    """

    who: str
    service_code: str
    state: SubscriptionState
    in_plan: bool
    started_at: datetime
    channel: Channel
    trial_ends_at: datetime | None = None
    contract_until: datetime | None = None
    price_fen: int | None = None
    as_of: datetime | None = None


@value
class ImportLine:
    """An imported line with the current service and the subscriber's history with it in this tenure.

    Attributes:
        held: The running subscription to the service.
        ended: Earlier subscriptions, by their end; includes those whose end timer is late.
        declined: Orders answered with no or not at all, by their end; includes those whose timer is late.
    """

    request: ImportSubscription
    turn: Turn
    service: Service
    held: Subscription | None
    ended: tuple[Subscription, ...]
    declined: tuple[Order, ...]

    @classmethod
    def of(cls, turn: Turn, request: ImportSubscription, service: Service) -> "ImportLine":
        """Collect the history of the service from the account."""
        at, code = turn.at, request.service_code
        of_service = [item for item in turn.account.subscriptions.values() if item.service_code == code]
        orders = [item for item in turn.account.records_of(Order) if item.service_code == code]
        return cls(
            request,
            turn,
            service,
            held=turn.account.running_subscription(code, at),
            ended=tuple(sorted((item for item in of_service if not item.runs(at)), key=ended_at)),
            declined=tuple(sorted((item for item in orders if _is_declined(item, at)), key=declined_at)),
        )

    @property
    def as_of(self) -> datetime:
        """When the line's data was true; now if it does not say."""
        return self.request.as_of or self.turn.now

    @property
    def earliest_start(self) -> datetime:
        """The earliest start: the last no to the service, else the start that the line gives."""
        return max((declined_at(order) for order in self.declined), default=self.request.started_at)

    @property
    def latest(self) -> Subscription | None:
        """The running subscription, else the one that ended last."""
        return self.held or (self.ended[-1] if self.ended else None)

    @property
    def has_history(self) -> bool:
        """True if the subscriber has, had or declined the service."""
        return self.latest is not None or bool(self.declined)

    @property
    def would_revive(self) -> bool:
        """True if the line would start a service again that has ended."""
        return self.held is None and bool(self.ended)

    @property
    def is_being_asked(self) -> bool:
        """True if an order of the service waits for the subscriber's yes."""
        return self.held is None and open_order_for(self.turn, self.request.service_code) is not None

    @property
    def agreed_terms(self) -> tuple[Terms, ...]:
        """The terms of the running subscription; else of the one that ended last and of any order declined since."""
        known = (self.latest.terms,) if self.latest else ()
        if self.held is not None or not self.declined:
            return known
        last = self.declined[-1]
        later = not self.ended or declined_at(last) >= ended_at(self.ended[-1])
        return (*known, last.terms) if later and last.terms is not None else known

    @property
    def ended_in_trial(self) -> bool:
        """True if no subscription runs and the last one ended within its trial, unpaid."""
        last = self.ended[-1] if self.would_revive else None
        return last is not None and last.trial_ends_at is not None and ended_at(last) <= last.trial_ends_at


def ended_at(ended: Subscription) -> datetime:
    """Return the last instant (UTC) of a subscription that is over, even if its end timer is late."""
    return ended.ends_at or ended.trial_ends_at or ended.unsubscribed_at or ended.started_at


def declined_at(order: Order) -> datetime:
    """Return when (UTC) the subscriber said no, or when the time for a yes ended, even if its timer is late."""
    moment = order.closed_at if order.state is OrderState.DECLINED else order.expires_at
    return moment or order.made_at


def _is_declined(order: Order, at: datetime) -> bool:
    """Return True for a no or for silence; an order that the gateway refused or never delivered is not declined."""
    in_silence = order.is_open and not order.waits(at)
    return order.state in (OrderState.DECLINED, OrderState.EXPIRED) or in_silence
