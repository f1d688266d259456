"""Orders over the management API: placed, looked up, listed (http-api.md)."""

from collections.abc import Mapping
from functools import partial

from app.commands.orders.calls import PlaceOrder
from app.db import records
from app.db.records import OwnedRecord
from app.db.session import Database
from app.domain.orders import Order
from app.domain.values import value
from app.services.management.owners import OwnerFilter, PageRequest, page_of
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns


@value
class OwnedOrder:
    """An order and whose it is."""

    msisdn: str
    tenure: int
    order: Order


class Orders:
    """What customers were asked to confirm."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def place(self, msisdn: str, call: PlaceOrder) -> Order:
        """Place an order; it may be refused with a reason. RefusedError: 422 nobody's number, 409 a used key."""
        outcome = await self._turns.carry_out(msisdn, call)
        return next(record for record in outcome.records if isinstance(record, Order))

    async def one(self, order_id: str, *, former: bool) -> OwnedOrder:
        """An order by its id; RefusedError (404) where there is none, or only a former customer's."""
        find = partial(records.find, kind=Order, record_id=order_id, former=former)
        owned = await self._database.read(find) if order_id.isprintable() else None
        if owned is None:
            raise RefusedError(404, "There is no order with this id.")
        return _owned(owned)

    async def page(self, wanted: Mapping[str, str], owner: OwnerFilter | None, part: PageRequest) -> list[OwnedOrder]:
        """Orders in the order in which they were made, that have these values: of one customer, or of all."""
        owned = await self._database.read(partial(page_of, kind=Order, equal=wanted, owner=owner, part=part))
        return [_owned(item) for item in owned]


def _owned(owned: OwnedRecord) -> OwnedOrder:
    if not isinstance(owned.record, Order):
        raise TypeError("not an order")
    return OwnedOrder(owned.msisdn, owned.tenure, owned.record)
