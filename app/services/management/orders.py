"""Orders in the management API: placing, reading and listing them (http-api.md, management API)."""

from functools import partial

from app.commands.orders.calls import PlaceOrder
from app.db import records
from app.db.record_tables import OwnedRecord
from app.db.session import Database
from app.domain.orders import Order, OrderState
from app.domain.refusals import RefusalReason
from app.domain.values import value
from app.services.management.owners import OwnerFilter, RecordFilter, page_of
from app.services.paging import Page, PageRequest
from app.services.refusals import RefusedError
from app.services.turns.handling import Turns


@value
class OwnedOrder:
    """An order with its owner."""

    msisdn: str
    tenure: int
    order: Order


@value
class OrderFilter(RecordFilter):
    """Which orders a list contains; None matches every value."""

    state: OrderState | None = None
    service_code: str | None = None


class Orders:
    """Places and reads orders."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def place(self, msisdn: str, call: PlaceOrder) -> Order:
        """Place an order and return it; its state may be refused, with a reason.

        Raise RefusedError for a number without a subscriber, or for a key that another order used.
        """
        return await self._turns.carry_out(msisdn, call)

    async def one(self, order_id: str, *, former: bool) -> OwnedOrder:
        """Return an order. Raise RefusedError if there is none.

        A former customer's order is found only with ``former``.
        """
        find = partial(records.find, kind=Order, record_id=order_id, former=former)
        owned = await self._database.read(find) if order_id.isprintable() else None
        if owned is None:
            raise RefusedError(RefusalReason.UNKNOWN, "There is no order with this id.")
        return _owned(owned)

    async def page(self, wanted: OrderFilter, owner: OwnerFilter | None, part: PageRequest) -> Page[OwnedOrder]:
        """Return orders, oldest first; ``owner`` None: of all customers."""
        page = await self._database.read(partial(page_of, kind=Order, wanted=wanted, owner=owner, part=part))
        return page.map(_owned)


def _owned(owned: OwnedRecord) -> OwnedOrder:
    if not isinstance(owned.record, Order):
        raise TypeError("not an order")
    return OwnedOrder(owned.msisdn, owned.tenure, owned.record)
