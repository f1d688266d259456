"""Quality figures of each SP for a span of time, counted from orders, subscriptions, tickets and refunds."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from app.db.catalogue import service, service_provider
from app.db.keys import TENURE
from app.db.record_tables import RECORD_TABLES
from app.db.rows import AnySelect
from app.db.subscriptions import subscription
from app.domain.charges import Charge
from app.domain.orders import Order, OrderKind, OrderState
from app.domain.refunds import Refund, RefundPart
from app.domain.subscriptions import FREE_PERIOD
from app.domain.tickets import Decision, Ticket, TicketKind
from app.domain.values import value

_order = RECORD_TABLES[Order].table.c
_charge = RECORD_TABLES[Charge].table.c
_ticket = RECORD_TABLES[Ticket].table.c
_refund = RECORD_TABLES[Refund].table.c
_subscription = subscription.c


@value
class SpQuality:
    """The figures of one SP, each a number of cases in the span.

    Attributes:
        within_72h_share: the share of unsubscribes within 72 hours of the order, 0 to 1; None without unsubscribes.
        upheld: disputes decided so that the charge is due after all.
        refunds: charges that were refunded, once or twice.
    """

    sp_code: str
    short_name: str
    orders: int = 0
    confirmations: int = 0
    declines: int = 0
    expiries: int = 0
    unsubscribes: int = 0
    within_72h_share: float | None = None
    disputes: int = 0
    upheld: int = 0
    refunds: int = 0
    complaints: int = 0


_ENDS = {
    "confirmations": OrderState.CONFIRMED,
    "declines": OrderState.DECLINED,
    "expiries": OrderState.EXPIRED,
}
Counts = Iterable[tuple[str, str, int]]


def quality_of_sps(connection: Connection, begin: datetime, end: datetime) -> list[SpQuality]:
    """Return the figures of all SPs, ordered by code, for what happened from ``begin`` up to, but without, ``end``."""
    of_service: dict[str, Counter[str]] = defaultdict(Counter)
    for counts in (
        _orders(connection, begin, end),
        _unsubscribes(connection, begin, end),
        _tickets(connection, begin, end),
        _refunds(connection, begin, end),
    ):
        for service_code, word, number in counts:
            of_service[service_code][word] += number
    of_sp: dict[str, Counter[str]] = defaultdict(Counter)
    for row in connection.execute(select(service.c.service_code, service.c.sp_code)):
        of_sp[row.sp_code].update(of_service[row.service_code])
    providers = select(service_provider.c.sp_code, service_provider.c.short_name)
    found = connection.execute(providers.order_by(service_provider.c.sp_code))
    return [_quality(code, name, of_sp[code]) for code, name in found]


def _quality(sp_code: str, short_name: str, counts: Counter[str]) -> SpQuality:
    early, left = counts.pop("within_72h", 0), counts["unsubscribes"]
    return SpQuality(sp_code, short_name, within_72h_share=round(early / left, 4) if left else None, **counts)


def _orders(connection: Connection, begin: datetime, end: datetime) -> Counts:
    """Count orders that were asked about; neither those refused at once nor continued trials."""
    asked = (_order.kind == OrderKind.ORDER.value, _order.state != OrderState.REFUSED.value)
    made = (*asked, _order.made_at >= begin, _order.made_at < end)
    yield from _by_service(connection, select(_order.service_code, func.count()).where(*made), "orders")
    for word, state in _ENDS.items():
        over = (*asked, _order.state == state.value, _order.closed_at >= begin, _order.closed_at < end)
        yield from _by_service(connection, select(_order.service_code, func.count()).where(*over), word)


def _unsubscribes(connection: Connection, begin: datetime, end: datetime) -> Counts:
    left = (_subscription.unsubscribed_at >= begin, _subscription.unsubscribed_at < end)
    columns = (_subscription.service_code, _subscription.started_at, _subscription.unsubscribed_at)
    for code, started_at, unsubscribed_at in connection.execute(select(*columns).where(*left)):
        yield code, "unsubscribes", 1
        if unsubscribed_at - started_at <= FREE_PERIOD:
            yield code, "within_72h", 1


def _tickets(connection: Connection, begin: datetime, end: datetime) -> Counts:
    """Count tickets by the service of their charge; complaints without a charge count for no SP."""
    opened = and_(_ticket.made_at >= begin, _ticket.made_at < end)
    upheld = and_(_ticket.decision == Decision.UPHELD.value, _ticket.resolved_at >= begin, _ticket.resolved_at < end)
    words = {"disputes": TicketKind.FEE_DISPUTE, "complaints": TicketKind.COMPLAINT}
    for word, kind in words.items():
        yield from _by_service(connection, _joined_charges().where(_ticket.kind == kind.value, opened), word)
    disputed = _ticket.kind == TicketKind.FEE_DISPUTE.value
    yield from _by_service(connection, _joined_charges().where(disputed, upheld), "upheld")


def _joined_charges() -> AnySelect:
    """Return the query of tickets joined with their charges, of the same subscriber."""
    same = and_(*(_ticket[name] == _charge[name] for name in TENURE), _ticket.charge_id == _charge.id)
    joined = RECORD_TABLES[Ticket].table.join(RECORD_TABLES[Charge].table, same)
    return select(_charge.service_code, func.count()).select_from(joined)


def _refunds(connection: Connection, begin: datetime, end: datetime) -> Counts:
    """Count refunds by their principal, so that one in two parts counts once."""
    given = (_refund.part == RefundPart.PRINCIPAL.value, _refund.made_at >= begin, _refund.made_at < end)
    yield from _by_service(connection, select(_refund.service_code, func.count()).where(*given), "refunds")


def _by_service(connection: Connection, counted: AnySelect, word: str) -> Counts:
    column = counted.selected_columns[0]
    return [(row[0], word, row[1]) for row in connection.execute(counted.group_by(column))]
