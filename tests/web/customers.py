"""Customers with one of everything that the management API shows, and the access rules that its routes declare."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIRouter

from app.web import api
from app.web.access import Sees
from app.web.dependencies import Needs
from tests.running import ALICE, BOB
from tests.services.trouble import SECRET_TEXT, add_trouble
from tests.web.calls import Web

# Texts that people wrote, one of each kind, and phone numbers.
TEXTS = ("邻居家的事", "节日快乐吧", "PRIVATE", "QUARREL", "回复“是”")
NUMBERS = ("13800138000", "13900139000", "13712345678", "13600136000")
HOME = f"/api/v1/subscribers/{ALICE}"
_CHARGE = {
    "msisdn": ALICE, "service_code": "SJB", "kind": "monthly", "amount_fen": 300, "due_at": "2026-03-02T12:00:00+08:00",
}  # fmt: skip


@dataclass
class CustomerData:
    """The ids of Alice's orders, tickets and so on, by path parameter."""

    ids: dict[str, str] = field(default_factory=dict)
    ticket_number: str = ""


async def create_customer_data(web: Web) -> CustomerData:
    """Create a charge, complaints, spam reports, an order, a campaign, a dead letter and a refund for Alice and Bob."""
    say, ids = web.running.say, {"msisdn": "13800138000", "service_code": "CL", "tenure": "1"}
    assert (await web.call("POST", "/api/v1/charges", _CHARGE | {"charge_id": "c-1"})).status_code == 202
    consent = await web.call("PUT", f"{HOME}/consents/marketing", {"source": "PRIVATE"})
    assert consent.status_code == 201
    stop = await web.call("POST", f"{HOME}/suspension", {"at": "2026-04-01T15:00:00+08:00"})
    assert stop.status_code == 200, stop.text
    await web.running.drain()
    await web.running.advance(hours=3)
    for sender in (ALICE, BOB):
        await say("TS 邻居家的事我不想说", sender=sender)
        await say("13600136000*中奖 PRIVATE", "10086999", sender=sender)
    await say(f"{ALICE}*中奖", "10086999", sender=BOB)
    ids["order_id"] = await _create(web, "/api/v1/orders", "order_id", msisdn=ALICE, service_code="YYH", channel="web")
    campaign = {"class": "care", "text": "节日快乐吧", "msisdns": [ALICE]}
    ids["campaign_id"] = await _create(web, "/api/v1/campaigns", "id", **campaign)
    await web.running.drain()
    add_trouble(web.running.gateway.turning.registry)
    await say(SECRET_TEXT)
    await say("QXTQ")
    tickets = (await web.call("GET", f"{HOME}/tickets", reason="QUARREL with Bob")).json()["tickets"]
    complaint = next(ticket for ticket in tickets if "邻居家的事" in ticket["text"])
    ids["ticket_id"] = complaint["id"]
    refund = {"decision": "done", "refund": {"policy": "principal", "charge_id": "c-1"}}
    answer = await web.call("POST", f"/api/v1/tickets/{ids['ticket_id']}/resolve", refund)
    assert answer.status_code == 200, answer.text
    ids["charge_id"] = "c-1"
    letters = (await web.get("/api/v1/dead-letters")).json()["dead_letters"]
    ids["message_id"] = letters[0]["id"]
    ids["event_id"] = (await web.get("/api/v1/events")).json()["events"][0]["id"]
    return CustomerData(ids, complaint["number"])


async def _create(web: Web, path: str, name: str, **body: object) -> str:
    answer = await web.call("POST", path, body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()[name])


# ---- routes


def api_routes(router: APIRouter = api.router) -> Iterator[APIRoute]:
    """Yield every route of the management API as its module declares it."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from api_routes(inner)
        elif isinstance(route, APIRoute):
            yield route


def access_rules(route: APIRoute) -> list[Sees | Needs]:
    """Return the access rules that a route declares."""

    def collect(dependant: Dependant) -> Iterator[Sees | Needs]:
        for inner in dependant.dependencies:
            if isinstance(inner.call, Sees | Needs):
                yield inner.call
            yield from collect(inner)

    return list(collect(route.dependant))


def _queries(dependant: Dependant) -> set[str]:
    """Return the names of a route's query parameters."""
    return {field.alias for field in dependant.query_params}.union(*map(_queries, dependant.dependencies))


@dataclass(frozen=True)
class ReadCall:
    """A call that reads rows of customers.

    ``one_customer``: it is about one customer. ``takes_tenure``: it can show former tenures.
    """

    name: str
    path: str
    rule: Sees
    one_customer: bool
    takes_tenure: bool
    query: tuple[tuple[str, str], ...] = ()


def read_calls(created: CustomerData) -> Iterator[ReadCall]:
    """Yield every read of customers' rows: each route, and again with each filter that selects one customer."""
    filters = {"msisdn": "13800138000", "number": created.ticket_number}
    for route in api_routes():
        [rule] = access_rules(route)
        if not isinstance(rule, Sees) or route.methods != {"GET"}:
            continue
        path = "/api/v1" + route.path.format_map(created.ids)
        one_customer = "{" in route.path and "{campaign_id}" not in route.path
        queries = _queries(route.dependant)
        yield ReadCall(route.path, path, rule, one_customer, one_customer and "tenure" in queries)
        for name in sorted(queries & filters.keys()):
            number = filters["msisdn" if route.path == "/spam-reports" else name]
            yield ReadCall(
                name=f"{route.path}?{name}",
                path=path,
                rule=rule,
                one_customer=True,
                takes_tenure="tenure" in queries,
                query=((name, number),),
            )
