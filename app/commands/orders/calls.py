"""Orders that come over the management API: the customer is asked all the same (flows.md 6)."""

from app.commands.orders.placing import OrderRequest, place
from app.commands.orders.records import order_refused
from app.commands.registry import call
from app.domain.account import Channel
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.turn import Outcome, Stimulus, Turn, refused
from app.domain.values import value


@value
class PlaceOrder(Stimulus):
    """Somebody says that she wants a service; ``reason`` is what an agent has to say for it."""

    who: str
    service_code: str
    channel: Channel
    idempotency_key: str | None = None
    reason: str | None = None


@call(PlaceOrder)
def place_order(turn: Turn) -> Outcome:
    """Ask her, or refuse it with a reason on record; the same key gives the same order again."""
    placed = turn.stimulus_as(PlaceOrder)
    if turn.account.customer is None:
        return refused(422, "msisdn: no such subscriber; create it first.")
    known = _known(turn, placed)
    if known is not None:
        if (known.service_code, known.channel) != (placed.service_code, placed.channel):
            detail = "This idempotency_key was used for another order of this customer; use a new one."
            return refused(409, detail)
        return Outcome(records=(known,), verdict="as before")
    service = turn.catalogue.services.get(placed.service_code)
    request = OrderRequest(placed.who, placed.channel, placed.reason, placed.idempotency_key)
    return place(turn, service, request) if service else _unknown(turn, placed)


def _known(turn: Turn, placed: PlaceOrder) -> Order | None:
    """The order that the same caller made with the same key."""
    if placed.idempotency_key is None:
        return None
    mine = (order for order in turn.account.records_of(Order) if order.who == placed.who)
    return next((order for order in mine if order.idempotency_key == placed.idempotency_key), None)


def _unknown(turn: Turn, placed: PlaceOrder) -> Outcome:
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
    return order_refused(turn, order, Reason.UNKNOWN_SERVICE)
