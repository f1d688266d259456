"""A handset's thread as server-sent events (http-api.md, simulator)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.services.simulator.network import SimulatedNetwork
from app.settings import Settings
from app.web.handsets import events
from tests.running import ALICE, BOB
from tests.web.calls import SHANGHAI_START, Web, assert_problem
from tests.web.sockets import listening

pytestmark = pytest.mark.anyio
EVENTS = "/simulator/handsets/13800138000/events"
# Much less than the time after which a stream polls without a notification.
SOON_SECONDS = 5


@pytest.fixture
async def web(settings: Settings) -> AsyncIterator[Web]:
    async with listening(settings) as started:
        yield started


class Watcher:
    """Reads one stream of events. Those of other types than messages are left out unless they are asked for."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, str]:
        """Return the next message; fail if it does not come soon."""
        event = await self._next("message")
        message: dict[str, str] = json.loads(event["data"])
        assert event["id"] == message["id"]
        return message

    async def next_of(self, kind: str) -> dict[str, Any]:
        """Return the data of the next event of another type; fail if it does not come soon."""
        event = await self._next(kind)
        assert "id" not in event
        data: dict[str, Any] = json.loads(event["data"])
        return data

    async def _next(self, kind: str) -> dict[str, str]:
        event: dict[str, str] = {}
        async with asyncio.timeout(SOON_SECONDS):
            async for line in self._lines:
                name, _, value = line.partition(":")
                if name:
                    event[name] = value.strip()
                elif "data" in event and event.get("event", "message") == kind:
                    return event
                else:
                    event = {}
        pytest.fail("the stream has ended")

    async def until(self, count: int, status: str) -> list[dict[str, str]]:
        """Return outbound messages as they come, until ``count`` of them have this status."""
        found: list[dict[str, str]] = []
        while len([message for message in found if message["status"] == status]) < count:
            message = await self.next()
            if message["direction"] == "mt":
                found.append(message)
        return found


async def test_messages_are_sent_as_they_appear(web: Web) -> None:
    async with web.client.stream("GET", EVENTS) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "no-" in answer.headers["cache-control"]
        watcher = Watcher(answer)
        await web.running.store(web.running.message("0000"))
        mo = await watcher.next()
        assert (mo["direction"], mo["from"], mo["text"]) == ("mo", ALICE, "0000")
        seen = await watcher.until(2, "delivered")
        assert len({message["id"] for message in seen}) == 2
        assert {message["in_reply_to"] for message in seen} == {mo["id"]}


async def test_a_message_to_the_webhook_is_sent_at_once_although_nothing_answers_it(web: Web) -> None:
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        async with web.running.gateway.engine.paused():
            await web.inbound({"message_id": "m", "from": "13800138000", "to": "10086", "text": "0000"})
            mo = await watcher.next()
        assert (mo["direction"], mo["text"]) == ("mo", "0000")


async def test_existing_messages_come_first(web: Web) -> None:
    await web.running.say("0000")
    thread = await web.running.thread()
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        assert [(await watcher.next())["id"] for _ in range(3)] == [message.id for message in thread]
        await web.running.store(web.running.message("帮助"))
        assert (await watcher.next())["text"] == "帮助"


async def test_a_watcher_can_start_after_a_message(web: Web) -> None:
    await web.running.say("0000")
    thread = await web.running.thread()
    async with web.client.stream("GET", f"{EVENTS}?after={thread[1].id}") as answer:
        assert (await Watcher(answer).next())["id"] == thread[2].id


async def test_a_changed_status_is_sent_again(web: Web) -> None:
    await web.running.reports("undelivered", delay_seconds=60)
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        await web.running.store(web.running.message("帮助"))
        await watcher.until(1, "accepted")
        await web.running.advance(seconds=60)
        [last] = await watcher.until(1, "undelivered")
        assert last["direction"] == "mt"


async def test_a_thread_that_begins_while_it_is_read_is_sent_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    read, is_empty = events._first_id, iter([True, True])

    async def first_id(network: SimulatedNetwork, number: str) -> str | None:
        return None if next(is_empty, False) else await read(network, number)

    monkeypatch.setattr(events, "_first_id", first_id)
    await web.running.say("帮助")
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        assert [(await watcher.next())["direction"] for _ in range(2)] == ["mo", "mt"]
        await web.running.store(web.running.message("YE"))
        assert (await watcher.next())["text"] == "YE"


async def test_a_status_without_an_expected_report_is_sent_too(web: Web) -> None:
    """The network accepts the message shortly before the gateway records that."""
    await web.running.reports("none")
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        for _ in range(5):
            await web.running.store(web.running.message("帮助"))
            await watcher.until(1, "accepted")


async def test_no_event_is_missed_while_the_one_before_is_being_sent(web: Web) -> None:
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        for number in range(15):
            await web.running.store(web.running.message("帮助", sender=ALICE))
            mo = await watcher.next()
            while mo["direction"] != "mo":
                mo = await watcher.next()
            assert mo["text"] == "帮助", number
            await watcher.until(1, "delivered")


async def test_every_watcher_sees_only_its_own_handset(web: Web) -> None:
    async with (
        web.client.stream("GET", EVENTS) as alice,
        web.client.stream("GET", EVENTS) as also_alice,
        web.client.stream("GET", "/simulator/handsets/13900139000/events") as bob,
    ):
        await web.running.store(web.running.message("0000"), web.running.message("帮助", sender=BOB))
        firsts = [await Watcher(answer).next() for answer in (alice, also_alice, bob)]
        assert [message["from"] for message in firsts] == [ALICE, ALICE, BOB]


async def test_a_reset_restarts_the_streams(web: Web) -> None:
    await web.running.say("0000")
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        for _ in range(3):
            await watcher.next()
        await web.call("POST", "/simulator/reset", {"fixture": "demo"})
        await web.running.store(web.running.message("帮助"))
        assert (await watcher.next())["text"] == "帮助"


@pytest.mark.parametrize("after", ["x", "%00"])
async def test_a_watcher_with_an_invalid_after_is_refused(web: Web, after: str) -> None:
    assert_problem(await web.call("GET", f"{EVENTS}?after={after}"), 422)


@pytest.mark.parametrize("after", [False, True])
async def test_a_broken_stream_continues_after_its_last_event(web: Web, *, after: bool) -> None:
    await web.running.say("0000")
    await web.running.say("帮助")
    thread = [message.id for message in await web.running.thread()]
    for place, last in enumerate(thread[:-1]):
        params = {"after": thread[0]} if after else {}
        async with web.client.stream("GET", EVENTS, headers={"Last-Event-ID": last}, params=params) as answer:
            assert (await Watcher(answer).next())["id"] == thread[place + 1]


@pytest.mark.parametrize("last", ["", "7", "x" * 100])
async def test_an_invalid_last_event_starts_at_the_beginning(web: Web, last: str) -> None:
    await web.running.say("0000")
    async with web.client.stream("GET", EVENTS, headers={"Last-Event-ID": last}) as answer:
        assert (await Watcher(answer).next())["id"] == (await web.running.thread())[0].id


# ---- heartbeats, and what is on its way


async def test_a_heartbeat_comes_while_nothing_happens(web: Web) -> None:
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        beats = [await watcher.next_of("heartbeat") for _ in range(3)]
    assert beats == [{"now": SHANGHAI_START, "frozen": True, "fault": "ok", "report": "delivered"}] * 3


async def test_a_heartbeat_tells_how_the_network_answers_as_soon_as_that_changes(web: Web) -> None:
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        await watcher.next_of("heartbeat")
        await web.running.faults("throttle", count=1)
        assert (await watcher.next_of("heartbeat"))["fault"] == "throttle"
        await web.running.reports("none")
        assert (await watcher.next_of("heartbeat"))["report"] == "none"
        await web.running.say("帮助")  # the only send that fails
        while (beat := await watcher.next_of("heartbeat"))["fault"] != "ok":
            assert beat["fault"] == "throttle"


async def test_what_is_on_its_way_is_sent_when_it_changes(web: Web) -> None:
    async with web.client.stream("GET", EVENTS) as answer:
        watcher = Watcher(answer)
        assert await watcher.next_of("outbox") == {"messages": []}
        await web.running.faults("error", count=1)
        await web.running.say("帮助")
        while not (waiting := (await watcher.next_of("outbox"))["messages"]) or not waiting[0]["attempts"]:
            pass
        assert waiting == (await web.get("/simulator/handsets/13800138000/outbox")).json()["messages"]
        await web.running.advance(minutes=1)
        assert await watcher.next_of("outbox") == {"messages": []}
