"""A toy carrier of each kind beside a demo: what handsets send and get goes over its wire (carriers.md 10.1)."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from app.db.outbound_messages import outbound_message
from app.settings import Environment, SettingsError, SettingsFile
from app.toys import TOYS
from app.toys.carrier import Answer, NotCarriedError, Report, Sms, Taken, ToyCarrier
from app.web.serving import listen
from tests.running import ALICE, START, options_of, settings_for
from tests.web.calls import Web, assert_problem, web_part
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio
HANDSET = "/simulator/handsets/13800138000"


@pytest.fixture(params=list(TOYS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def demo_beside(kind: str, database_url: str) -> AsyncIterator[Web]:
    async with listening(settings_for(database_url, Environment.DEMO), carrier=kind) as started:
        await started.running.gateway.simulator.simulation.set_clock(START)
        await started.running.load_customers()
        yield started


@pytest.fixture
async def web(kind: str, unused_sqlite_url: str) -> AsyncIterator[Web]:
    async with demo_beside(kind, unused_sqlite_url) as started:
        yield started


def toy_of(kind: str, gateway: str = "http://127.0.0.1:9") -> ToyCarrier:
    return TOYS[kind].load()(listen("127.0.0.1", 0)[0], gateway)


async def say(web: Web, text: str, to: str = "10086", **more: object) -> dict[str, Any]:
    """Send a text from the handset, and wait for all that follows."""
    answer = await web.call("POST", f"{HANDSET}/messages", {"to": to, "text": text, **more})
    assert answer.status_code in (200, 202), answer.text
    await web.running.drain()
    found: dict[str, Any] = answer.json()
    return found


async def thread(web: Web) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await web.get(f"{HANDSET}/messages")).json()["messages"]
    return found


# ---- the dialogue


async def test_she_lists_picks_and_unsubscribes(kind: str, unused_database_url: str) -> None:
    async with demo_beside(kind, unused_database_url) as web:
        await dialogue(web, kind)


async def dialogue(web: Web, kind: str) -> None:
    said = await say(web, "0000")
    asked, listing, in_plan = await thread(web)
    assert (asked["id"], asked["text"], said["status"]) == (said["id"], "0000", "accepted")
    assert (listing["from"], listing["segments"], listing["in_reply_to"]) == ("10086977", 3, asked["id"])
    assert "1、彩铃5元/月" in listing["text"]
    assert "4、来电提醒" in in_plan["text"]

    await say(web, "1,3", "10086977")
    *_, picked, confirmed = await thread(web)
    assert (picked["direction"], picked["to"], picked["text"]) == ("mo", "10086977", "1,3")
    assert "彩铃已于03月02日退订" in confirmed["text"]
    states = await web.running.states()
    assert {code for code, state in states.items() if state == "ended"} == {"CL", "TQ"}

    messages = await thread(web)
    assert [one["status"] for one in messages if one["direction"] == "mt"] == ["delivered"] * 3
    assert {(one["provider"], one["provider_kind"]) for one in messages} == {("toy", kind)}


async def test_an_answer_after_the_window_is_late_by_the_moved_clock(web: Web) -> None:
    await say(web, "0000")
    await web.running.advance(hours=2, seconds=1)
    await say(web, "1", "10086977")
    assert "超时失效" in (await thread(web))[-1]["text"]
    assert (await web.running.states())["CL"] == "active"


@pytest.mark.parametrize("text", ["£5 {or} more €?", "停\ud83d", "😀" * 200, "TS" + "乱扣费" * 150, "a\0b"])
async def test_any_text_of_a_handset_gets_there_whole(web: Web, text: str, kind: str) -> None:
    content = await web.client.post(f"{HANDSET}/messages", content=json_of(text))
    assert content.status_code == 202, content.text
    await web.running.drain()
    messages = await thread(web)
    # What CMPP has no room for comes in parts, which are on the phone one by one.
    sent, replies = ([one for one in messages if one["direction"] == way] for way in ("mo", "mt"))
    shown = text.replace("\ud83d", "\ufffd").replace("\0", "␛0")
    assert "".join(one["text"] for one in sent) == shown
    assert kind == "cmpp" or len(sent) == 1
    assert [one["status"] for one in replies] == ["delivered"]


def json_of(text: str) -> bytes:
    escaped = "".join(f"\\u{unit:04x}" for unit in units_of(text))
    return f'{{"to": "10086", "text": "{escaped}"}}'.encode()


def units_of(text: str) -> list[int]:
    octets = text.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(octets[place : place + 2]) for place in range(0, len(octets), 2)]


async def test_english_of_several_segments_arrives(web: Web) -> None:
    await web.running.subscriber(ALICE, language="en")
    await say(web, "HELP")
    _, menu = await thread(web)
    assert (menu["encoding"], menu["segments"] > 1, menu["status"]) == ("gsm7", True, "delivered")


async def test_the_same_text_again_has_no_further_effect(web: Web) -> None:
    first = await say(web, "HELP", message_id="mine")
    assert await say(web, "HELP", message_id="mine") == {"id": first["id"], "status": "duplicate"}
    assert len(await thread(web)) == 2


async def test_of_equal_replies_at_once_each_arrives(web: Web) -> None:
    texts = [{"to": "10086", "text": "HELP"}] * 4
    await asyncio.gather(*(web.call("POST", f"{HANDSET}/messages", text) for text in texts))
    await web.running.drain()
    replies = [one for one in await thread(web) if one["direction"] == "mt"]
    assert len({one["in_reply_to"] for one in replies}) == 4
    assert [one["status"] for one in replies] == ["delivered"] * 4


async def test_parts_of_a_long_text_are_joined(web: Web) -> None:
    for number, text in ((2, "00"), (1, "00")):
        await say(web, text, message_id="long", concat_ref=300, concat_total=2, concat_part=number)
    assert "1、彩铃5元/月" in (await thread(web))[2]["text"]


@pytest.mark.parametrize(
    ("number", "body", "says"),
    [
        ("nobody", {"to": "10086", "text": "0000"}, "mobile numbers only"),
        ("13800138000", {"to": "10086\0", "text": "0000"}, "to: "),
        ("13800138000", {"to": "1" * 21, "text": "0000"}, "to: "),
        ("13800138000", {"to": "10086", "text": "x" * 1_001}, "text: "),
    ],
)
async def test_what_no_carrier_takes_is_refused(web: Web, number: str, body: Mapping[str, str], says: str) -> None:
    answer = await web.call("POST", f"/simulator/handsets/{number}/messages", body)
    assert says in assert_problem(answer, 422)


async def test_what_another_carrier_brought_is_answered_by_the_toy(web: Web) -> None:
    await web.inbound({"message_id": "m", "from": "13800138000", "to": "10086", "text": "YE"})
    await web.running.drain()
    assert [(one["direction"], one["provider"]) for one in await thread(web)] == [("mo", "generic"), ("mt", "toy")]


# ---- faults and reports


@pytest.mark.parametrize("mode", ["throttle", "error"])
async def test_what_the_toy_refuses_for_now_waits_and_comes_later(web: Web, mode: str) -> None:
    await web.running.faults(mode, count=1)
    await say(web, "0000")
    assert [one["direction"] for one in await thread(web)] == ["mo"]
    first, second = (await web.get(f"{HANDSET}/outbox")).json()["messages"]
    assert (first["attempts"], first["waits_for"], second["waits_for"]) == (1, "attempt", "earlier")
    await web.running.advance(minutes=1)
    assert [one.get("status") for one in await thread(web)][1:] == ["delivered", "delivered"]
    assert (await web.get(f"{HANDSET}/outbox")).json() == {"messages": []}


async def test_what_the_toy_refuses_for_good_fails(web: Web) -> None:
    await web.running.faults("reject", count=1)
    await say(web, "HELP")
    assert [one["direction"] for one in await thread(web)] == ["mo"]
    [given_up] = (await web.get(f"{HANDSET}/outbox")).json()["messages"]
    assert given_up["status"] == "failed"


async def test_a_lost_answer_leaves_a_message_that_arrived_unknown_unless_its_report_names_ours(
    web: Web, kind: str
) -> None:
    await web.running.faults("timeout", count=1)
    await web.running.reports("delivered", delay_seconds=60)
    await say(web, "HELP")
    assert [one["status"] for one in await thread(web)] == ["sent", "unknown"]
    await web.running.advance(seconds=60)
    # Kannel's dlr-url holds our reference; a receipt of SMPP, or a report of CMPP, names an id that only the lost answer told.
    status = {"kannel": "delivered", "smpp": "unknown", "cmpp": "unknown"}[kind]
    assert [one["status"] for one in await thread(web)] == ["sent", status]


@pytest.mark.parametrize("report", ["delivered", "undelivered", "expired"])
async def test_the_toy_reports_as_set_and_by_the_gateways_clock(web: Web, report: str) -> None:
    await web.running.reports(report, delay_seconds=60)
    await say(web, "0000")
    assert [one["status"] for one in await thread(web)][1:] == ["accepted", "accepted"]
    await web.running.advance(seconds=59)
    assert [one["status"] for one in await thread(web)][1:] == ["accepted", "accepted"]
    await web.running.advance(seconds=1)
    assert [one["status"] for one in await thread(web)][1:] == [report, report]
    rows = await web.running.rows(outbound_message)
    assert [(row["final_at"] - START).total_seconds() for row in rows] == [60, 60]


async def test_without_reports_a_message_stays_accepted(web: Web) -> None:
    await web.running.reports("none")
    await say(web, "HELP")
    assert (await thread(web))[1]["status"] == "accepted"


async def test_a_reset_empties_the_phones_and_the_toy_goes_on(web: Web) -> None:
    await web.running.reports("delivered", delay_seconds=60)
    await say(web, "0000")
    assert (await web.call("POST", "/simulator/reset", {"fixture": "demo"})).status_code == 200
    assert await thread(web) == []
    await say(web, "0000")
    assert [one["status"] for one in await thread(web)] == ["sent", "delivered", "delivered"]


# ---- strangers, and the end


async def test_what_the_gateway_does_not_send_is_on_no_phone(web: Web, log: io.StringIO) -> None:
    async def never(_report: Report, _at: datetime) -> bool:
        raise AssertionError

    carrier = web.running.gateway.carriers.beside
    assert carrier is not None
    assert await carrier.take(Taken("10086", ALICE, "您好", never)) is Answer.REJECT
    assert await thread(web) == []
    assert "the toy carrier got what the gateway does not send" in log.getvalue()
    assert "您好" not in log.getvalue()
    assert ALICE not in log.getvalue()


async def test_a_gateway_that_is_not_there_is_told(kind: str) -> None:
    toy = toy_of(kind)
    toy.patience = 0.05
    async with toy.running():
        with pytest.raises(NotCarriedError, match="the gateway"):
            await toy.send(Sms(ALICE, "10086", "0000"), "0123456789abcdef")


async def test_a_text_that_cannot_be_handed_over_may_be_sent_again(unused_sqlite_url: str) -> None:
    async with listening(settings_for(unused_sqlite_url, Environment.DEMO), carrier="kannel") as web:
        # As if Kannel did not know where the gateway is.
        carrier = web.running.gateway.carriers.beside
        assert carrier is not None
        carrier.toy._gateway = "http://127.0.0.1:9"
        answer = await web.call("POST", f"{HANDSET}/messages", {"to": "10086", "text": "0000"})
        assert "could not hand it over" in assert_problem(answer, 503)
        assert answer.headers["retry-after"] == "1"


async def test_nothing_listens_when_it_has_ended(kind: str, unused_sqlite_url: str) -> None:
    async with listening(settings_for(unused_sqlite_url, Environment.DEMO), carrier=kind) as web:
        carrier = web.running.gateway.carriers.beside
        assert carrier is not None
        host, _, port = carrier.toy.address.partition(":")
        socket.create_connection((host, int(port))).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_a_provider_of_the_settings_may_not_have_the_toys_name(kind: str, unused_sqlite_url: str) -> None:
    file = SettingsFile(providers={"toy": options_of(kind="generic")})
    toy = toy_of(kind)
    with pytest.raises(SettingsError, match=r"providers\.toy: is the name of the toy carrier"):
        web_part(settings_for(unused_sqlite_url, Environment.DEMO, file), toy)
    toy._listening.close()
