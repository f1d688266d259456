"""Orders over the management API: placed, looked up, listed (http-api.md)."""

from functools import partial

from sqlalchemy import Connection

from app.commands.order_calls import PlaceOrder
from app.db import records
from app.db.records import Found
from app.db.session import Database
from app.domain.msisdn import bucket_of
from app.domain.orders import Order
from app.domain.values import value
from app.services.turns import Turns


@value
class OrderFilter:
    """Which orders, by id behind ``after``; None: any."""

    msisdn: str | None = None
    state: str | None = None
    service_code: str | None = None
    after: str | None = None


@value
class OrderFound:
    """An order and whose it is."""

    msisdn: str
    order: Order


class Orders:
    """What customers were asked to confirm."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def place(self, msisdn: str, wish: PlaceOrder) -> Order:
        """Place an order; it may be refused with a reason. RefusedError: 422 nobody's number, 409 a used key."""
        outcome = await self._turns.carry_out(msisdn, wish)
        return next(record for record in outcome.records if isinstance(record, Order))

    async def one(self, order_id: str) -> OrderFound | None:
        """An order by its id."""
        found = await self._database.read(lambda connection: records.find(connection, Order, order_id))
        return _order(found) if found else None

    async def page(self, wanted: OrderFilter, limit: int) -> list[OrderFound]:
        """Orders in the order in which they were made."""
        return await self._database.read(partial(_page, wanted=wanted, limit=limit))


def _page(connection: Connection, *, wanted: OrderFilter, limit: int) -> list[OrderFound]:
    equal: dict[str, object] = {
        name: given for name in ("state", "service_code") if (given := getattr(wanted, name)) is not None
    }
    if wanted.msisdn is not None:
        equal |= {"bucket": bucket_of(wanted.msisdn), "msisdn": wanted.msisdn}
    found = records.page(connection, Order, equal, after=wanted.after, limit=limit)
    return [order for item in found if (order := _order(item)) is not None]


def _order(found: Found) -> OrderFound | None:
    return OrderFound(found.msisdn, found.record) if isinstance(found.record, Order) else None
