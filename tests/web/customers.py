"""A gateway whose customers have one of everything that the management API shows, and its routes as they are declared."""

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

# What people wrote, each of another kind; and numbers of people.
TEXTS = ("邻居家的事", "节日快乐吧", "PRIVATE", "QUARREL", "回复“是”")
NUMBERS = ("13800138000", "13900139000", "13712345678", "13600136000")
HOME = f"/api/v1/subscribers/{ALICE}"
_CHARGE = {
    "msisdn": ALICE, "service_code": "SJB", "kind": "monthly", "amount_fen": 300, "due_at": "2026-03-02T12:00:00+08:00",
}  # fmt: skip


@dataclass
class World:
    """The ids of Alice's things, by the name that they have in paths."""

    ids: dict[str, str] = field(default_factory=dict)
    ticket_number: str = ""


async def make_world(web: Web) -> World:
    """Alice and Bob have complained, ordered, been charged, asked and looked at."""
    say, ids = web.running.say, {"msisdn": "13800138000", "service_code": "CL", "tenure": "1"}
    assert (await web.call("POST", "/api/v1/charges", _CHARGE | {"charge_id": "c-1"})).status_code == 202
    await web.running.drain()
    await web.running.advance(hours=3)
    for sender in (ALICE, BOB):
        await say("TS 邻居家的事我不想说", sender=sender)
        await say("13600136000*中奖 PRIVATE", "10086999", sender=sender)
    await say(f"{ALICE}*中奖", "10086999", sender=BOB)
    ids["order_id"] = await _made(web, "/api/v1/orders", "order_id", msisdn=ALICE, service_code="YYH", channel="web")
    campaign = {"class": "care", "text": "节日快乐吧", "msisdns": [ALICE]}
    ids["campaign_id"] = await _made(web, "/api/v1/campaigns", "id", **campaign)
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
    return World(ids, complaint["number"])


async def _made(web: Web, path: str, name: str, **body: object) -> str:
    answer = await web.call("POST", path, body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()[name])


# ---- routes


def api_routes(router: APIRouter = api.router) -> Iterator[APIRoute]:
    """Every route of the management API, as its module wrote it."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from api_routes(inner)
        elif isinstance(route, APIRoute):
            yield route


def rules_of(route: APIRoute) -> list[Sees | Needs]:
    """What a route declares of itself."""

    def declared(dependant: Dependant) -> Iterator[Sees | Needs]:
        for inner in dependant.dependencies:
            if isinstance(inner.call, Sees | Needs):
                yield inner.call
            yield from declared(inner)

    return list(declared(route.dependant))


def _queries(dependant: Dependant) -> set[str]:
    """The names of a route's query parameters, in the address."""
    return {field.alias for field in dependant.query_params}.union(*map(_queries, dependant.dependencies))


@dataclass(frozen=True)
class Asked:
    """A call as it is asked of a gateway: ``of_one`` is about one customer; ``by_tenure``: any that she was."""

    name: str
    path: str
    rule: Sees
    of_one: bool
    by_tenure: bool
    query: tuple[tuple[str, str], ...] = ()


def reads(world: World) -> Iterator[Asked]:
    """Every read of customers' rows: each route, and each again for every filter that names one customer."""
    filters = {"msisdn": "13800138000", "number": world.ticket_number}
    for route in api_routes():
        [rule] = rules_of(route)
        if not isinstance(rule, Sees) or route.methods != {"GET"}:
            continue
        path = "/api/v1" + route.path.format_map(world.ids)
        of_one = "{" in route.path and "{campaign_id}" not in route.path
        queries = _queries(route.dependant)
        yield Asked(route.path, path, rule, of_one, of_one and "tenure" in queries)
        for name in sorted(queries & filters.keys()):
            number = filters["msisdn" if route.path == "/spam-reports" else name]
            yield Asked(
                name=f"{route.path}?{name}",
                path=path,
                rule=rule,
                of_one=True,
                by_tenure="tenure" in queries,
                query=((name, number),),
            )
