"""Orders placed over the management API, which the subscriber must confirm like any other (flows.md 6)."""

from app.commands.orders.placing import OrderRequest, PlacedOrder, place
from app.commands.orders.records import refuse_order
from app.commands.registry import call
from app.domain.charges import Charge
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import Channel
from app.domain.turn import Call, Outcome, Turn, refused
from app.domain.values import value


@value
class PlaceOrder(Call[Order]):
    """An order of a service on a subscriber's behalf.

    ``who`` placed it: an API token or an agent. ``reason`` is the one that an agent gives, for the evidence.
    """

    who: str
    service_code: str
    channel: Channel
    idempotency_key: str | None = None
    reason: str | None = None


@call(PlaceOrder, reads=(Charge, Order))
def place_order(turn: Turn) -> Outcome:
    """Ask the subscriber to confirm an order, or record why it is refused.

    Return the earlier order if the same caller has used the same idempotency key.
    """
    placed = turn.stimulus_as(PlaceOrder)
    if turn.account.customer is None:
        return refused(RefusalReason.INVALID_MSISDN)
    earlier = _earlier_order(turn, placed)
    if earlier is not None:
        if (earlier.service_code, earlier.channel) != (placed.service_code, placed.channel):
            detail = "This idempotency_key was used for another order of this customer; use a new one."
            return refused(RefusalReason.ID_TAKEN, detail)
        return placed.returning(earlier, Outcome(verdict="as before"))
    service = turn.catalogue.services.get(placed.service_code)
    request = OrderRequest(placed.who, placed.channel, placed.reason, placed.idempotency_key)
    done = place(turn, service, request) if service else _refuse_unknown_service(turn, placed)
    return placed.returning(done.order, done.outcome)


def _earlier_order(turn: Turn, placed: PlaceOrder) -> Order | None:
    """Return the order that the same caller placed with the same key."""
    if placed.idempotency_key is None:
        return None
    of_caller = (order for order in turn.account.records_of(Order) if order.who == placed.who)
    return next((order for order in of_caller if order.idempotency_key == placed.idempotency_key), None)


def _refuse_unknown_service(turn: Turn, placed: PlaceOrder) -> PlacedOrder:
    order = Order(
        id=next(turn.ids),
        made_at=turn.now,
        kind=OrderKind.ORDER,
        service_code=placed.service_code,
        channel=placed.channel,
        state=OrderState.AWAITING,
        who=placed.who,
        idempotency_key=placed.idempotency_key,
    )
    return PlacedOrder.of(turn, order, refuse_order(turn, order, Reason.UNKNOWN_SERVICE))
