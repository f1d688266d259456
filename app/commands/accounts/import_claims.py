"""What a line of an import claims, beside what is known here of that service (safety.md 3, 8)."""

from datetime import datetime

from app.commands.orders.placing import open_order_for
from app.domain.catalogue import Service
from app.domain.orders import Order, OrderState
from app.domain.subscriptions import Channel, Subscription, SubscriptionState, Terms
from app.domain.turn import Stimulus, Turn
from app.domain.values import value


@value
class ImportSubscription(Stimulus):
    """What exists already in another system, as of a moment; times are UTC."""

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
class Claim:
    """A line, the service as it is offered now, and her history with it in this tenure.

    ``ended`` and ``refused`` (orders that she said no to, in words or by silence) are in the order of their ends; they
    hold what is over though its timer is late.
    """

    wanted: ImportSubscription
    turn: Turn
    service: Service
    held: Subscription | None
    ended: tuple[Subscription, ...]
    refused: tuple[Order, ...]

    @classmethod
    def of(cls, turn: Turn, wanted: ImportSubscription, service: Service) -> "Claim":
        """The line beside what the account holds."""
        at, code = turn.at, wanted.service_code
        of_service = [item for item in turn.account.subscriptions.values() if item.service_code == code]
        orders = [item for item in turn.account.records_of(Order) if item.service_code == code]
        return cls(
            wanted,
            turn,
            service,
            held=turn.account.running_subscription(code, at),
            ended=tuple(sorted((item for item in of_service if not item.runs(at)), key=over_at)),
            refused=tuple(sorted((item for item in orders if _is_refused(item, at)), key=refused_at)),
        )

    @property
    def as_of(self) -> datetime:
        """The moment that the line speaks of."""
        return self.wanted.as_of or self.turn.now

    @property
    def earliest(self) -> datetime:
        """When it begins at the earliest: what she refused began no earlier than her last no."""
        return max((refused_at(order) for order in self.refused), default=self.wanted.started_at)

    @property
    def known(self) -> Subscription | None:
        """What she has of it, else what she had last."""
        return self.held or (self.ended[-1] if self.ended else None)

    @property
    def is_known(self) -> bool:
        """Whether she has, had or refused it here."""
        return self.known is not None or bool(self.refused)

    @property
    def is_over(self) -> bool:
        """Whether it would begin again what she had."""
        return self.held is None and bool(self.ended)

    @property
    def is_asked(self) -> bool:
        """Whether her order of it waits for a yes."""
        return self.held is None and open_order_for(self.turn, self.wanted.service_code) is not None

    @property
    def agreed(self) -> tuple[Terms, ...]:
        """The terms of what she has; else of what she had last, and of what she refused last, if that was later."""
        known = (self.known.terms,) if self.known else ()
        if self.held is not None or not self.refused:
            return known
        last = self.refused[-1]
        later = not self.ended or refused_at(last) >= over_at(self.ended[-1])
        return (*known, last.terms) if later and last.terms is not None else known

    @property
    def ended_in_trial(self) -> bool:
        """Whether the last that she had of it was never paid for: it ended within its trial."""
        last = self.ended[-1] if self.is_over else None
        return last is not None and last.trial_ends_at is not None and over_at(last) <= last.trial_ends_at


def over_at(ended: Subscription) -> datetime:
    """The last instant of a service that is over, also when the timer that ends it is late."""
    return ended.ends_at or ended.trial_ends_at or ended.unsubscribed_at or ended.started_at


def refused_at(order: Order) -> datetime:
    """When she said no, or the last instant of her time to say yes, also when the timer that closes it is late."""
    moment = order.closed_at if order.state is OrderState.DECLINED else order.expires_at
    return moment or order.made_at


def _is_refused(order: Order, at: datetime) -> bool:
    """A refusal of ours, or a question that never arrived, is no no of hers."""
    in_silence = order.is_open and not order.waits(at)
    return order.state in (OrderState.DECLINED, OrderState.EXPIRED) or in_silence
