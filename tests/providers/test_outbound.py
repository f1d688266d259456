"""Sending through the generic provider to a carrier on a real socket, whatever that does: nothing is lost."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import RowMapping
from standardwebhooks.webhooks import Webhook

from app.db import handovers
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.domain.messages import DeliveryReport, OutboundStatus
from app.settings import Settings, SettingsFile
from tests.providers import sink as sinks
from tests.providers.sink import Sink, sink
from tests.running import ALICE, START, Running, options_of, running, settings_for
from tests.web.calls import serving

pytestmark = pytest.mark.anyio
_mt = outbound_message
OLD, NEW = "whsec_b2xkIHNlY3JldCBvZiB0aGUgdGVzdA==", "whsec_bmV3IHNlY3JldCBvZiB0aGUgdGVzdA=="
# The final status of a reply by the carrier's behaviour at every attempt, without resending of unknown messages.
ENDS = {
    sinks.TAKES: "accepted",
    sinks.TAKES_SLOWLY: "accepted",
    sinks.THROTTLES: "expired",
    sinks.ERROR: "expired",
    sinks.MOVED: "expired",
    sinks.REFUSES: "failed",
    sinks.GARBAGE: "unknown",
    sinks.NO_HTTP: "unknown",
    sinks.ENDLESS: "unknown",
    sinks.NEVER: "unknown",
    sinks.CLOSES_AFTER_READING: "unknown",
    sinks.CLOSES_BEFORE_READING: "unknown",
    sinks.CLOSES_WITHIN_ANSWER: "unknown",
}


def settings_of(database_url: str, *carriers: Sink, **more: object) -> Settings:
    """Return settings with a provider for each carrier: ``carrier``, ``carrier2``, … in this order."""
    names = ["carrier", *(f"carrier{number}" for number in range(2, len(carriers) + 1))]
    given = {"kind": "generic", "secret": [NEW, OLD], "timeout": "1s", **more}
    providers = {
        name: options_of(**{**given, "send_url": carrier.url}) for name, carrier in zip(names, carriers, strict=True)
    }
    return settings_for(database_url, file=SettingsFile(default_provider="carrier", providers=providers))


@asynccontextmanager
async def sending(database_url: str, **more: object) -> AsyncIterator[tuple[Running, Sink]]:
    async with sink() as carrier, running(settings_of(database_url, carrier, **more)) as gateway:
        yield gateway, carrier


async def ask(gateway: Running, *senders: str, text: str = "帮助", provider: str = "carrier") -> None:
    await gateway.store(*(gateway.message(text, sender=sender, provider=provider) for sender in senders))


async def sent(gateway: Running) -> Sequence[RowMapping]:
    return await gateway.outbound()


def customers(count: int) -> list[str]:
    return [f"+86138007{number:05}" for number in range(count)]


# ---- what is sent


async def test_a_message_is_posted_as_the_contract_says_and_signed_with_each_secret(database_url: str) -> None:
    async with sending(database_url) as (gateway, carrier):
        await ask(gateway, ALICE)
        await gateway.drain()

        [row] = await sent(gateway)
        [(headers, body)] = carrier.requests
        assert json.loads(body) == {
            "reference": row["id"],
            "from": row["service_number"],
            "to": ALICE,
            "text": row["text"],
            "encoding": "ucs2",
            "segments": row["segments"],
            "class": "reply",
        }
        assert headers["content-type"] == "application/json"
        assert headers["webhook-id"] == row["id"]
        assert len(headers["webhook-signature"].split()) == 2
        for secret in (OLD, NEW):
            Webhook(secret).verify(body, headers)
        assert headers["webhook-signature"].startswith(Webhook(NEW).sign(row["id"], _signed_at(headers), body.decode()))
        assert (row["status"], row["provider_message_id"]) == ("accepted", f"theirs-{row['id']}")


def _signed_at(headers: dict[str, str]) -> datetime:
    return datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)


# ---- what becomes of it


@pytest.mark.parametrize("does", ENDS)
async def test_what_a_carrier_does_decides_how_a_message_ends(database_url: str, does: str) -> None:
    async with sending(database_url) as (gateway, carrier):
        carrier.behaviour = lambda _reference, _time: does
        await ask(gateway, ALICE)
        await gateway.drain()
        await gateway.advance(minutes=11)

        [row] = await sent(gateway)
        assert row["status"] == ENDS[does]
        assert max(carrier.taken.values(), default=0) <= 1, "sent twice"
        if ENDS[does] == "expired":
            assert carrier.read[row["id"]] > 1
            assert row["final_at"] == START + timedelta(minutes=10)
        else:
            assert carrier.read[row["id"]] == 1


async def test_an_unreachable_carrier_is_tried_again_until_the_message_expires(database_url: str) -> None:
    async with sink() as gone:
        pass
    async with running(settings_of(database_url, gone)) as gateway:
        await ask(gateway, ALICE)
        await gateway.drain()
        [row] = await sent(gateway)
        assert (row["status"], row["attempts"]) == ("queued", 1)
        await gateway.advance(minutes=11)
        [row] = await sent(gateway)
        assert row["status"] == "expired"
        assert {attempt["result"] for attempt in await gateway.rows(handovers.attempt)} == {"refused for now"}


TROUBLES = [
    sinks.TAKES, sinks.TAKES_SLOWLY, sinks.THROTTLES, sinks.ERROR, sinks.GARBAGE, sinks.NO_HTTP, sinks.NEVER,
    sinks.CLOSES_AFTER_READING, sinks.CLOSES_BEFORE_READING, sinks.CLOSES_WITHIN_ANSWER,
]  # fmt: skip
FOR_NOW = {sinks.THROTTLES, sinks.ERROR}
TAKEN_AT_ONCE = {sinks.TAKES, sinks.TAKES_SLOWLY}


@pytest.mark.parametrize("on_unknown", ["wait", "resend"])
async def test_no_message_in_trouble_is_lost_and_only_resending_doubles_any(database_url: str, on_unknown: str) -> None:
    """Each of 60 messages meets one trouble at its first attempt, and a healthy carrier afterwards."""
    numbers = customers(60)
    async with sending(database_url, on_unknown=on_unknown) as (gateway, carrier):
        trouble: dict[str, str] = {}

        def behave(reference: str, time: int) -> str:
            trouble.setdefault(reference, TROUBLES[len(trouble) % len(TROUBLES)])
            return trouble[reference] if time == 1 else sinks.TAKES

        carrier.behaviour = behave
        await gateway.subscribers(numbers)
        await ask(gateway, *numbers)
        await gateway.drain()
        await gateway.advance(minutes=9)

        rows = await sent(gateway)
        assert len(rows) == 60
        resend = on_unknown == "resend"
        for row in rows:
            met = trouble[row["id"]]
            known = met in FOR_NOW or met in TAKEN_AT_ONCE
            assert row["status"] == ("accepted" if known or resend else "unknown"), met
            assert carrier.read[row["id"]] == (1 if met in TAKEN_AT_ONCE or not (known or resend) else 2), met
        doubled = [reference for reference, times in carrier.taken.items() if times > 1]
        lost_answers = [one for one, met in trouble.items() if met == sinks.CLOSES_AFTER_READING]
        assert sorted(doubled) == (sorted(lost_answers) if resend else [])


# ---- order, window, rate


async def test_pages_go_one_after_the_other_and_different_customers_side_by_side(database_url: str) -> None:
    numbers = customers(10)
    async with sending(database_url, window=5) as (gateway, carrier):
        carrier.behaviour = lambda _reference, _time: sinks.TAKES_SLOWLY
        await gateway.subscribers(numbers)
        for text in ("帮助", "0000", "帮助"):
            await ask(gateway, *numbers, text=text)
        await gateway.drain()

        assert 1 < carrier.most_at_once <= 5
        for number in numbers:
            mine = [str(body["reference"]) for body in carrier.bodies if body["to"] == number]
            assert mine == sorted(mine), number
            assert len(mine) == 3


async def test_behind_a_page_that_was_not_taken_the_next_ones_wait(database_url: str) -> None:
    async with sending(database_url) as (gateway, carrier):
        first_time = Counter[str]()

        def behave(_reference: str, _time: int) -> str:
            first_time["asked"] += 1
            return sinks.ERROR if first_time["asked"] == 1 else sinks.TAKES

        carrier.behaviour = behave
        await ask(gateway, ALICE, text="0000")
        await ask(gateway, ALICE)
        await gateway.drain()
        assert len(carrier.requests) == 1
        await gateway.advance(minutes=1)

        references = [str(body["reference"]) for body in carrier.bodies]
        assert references[1:] == sorted(set(references))
        assert {row["status"] for row in await sent(gateway)} == {"accepted"}


async def test_a_request_that_hangs_holds_up_nobody_else(database_url: str) -> None:
    numbers = customers(30)
    async with sending(database_url, timeout="30s") as (gateway, carrier):
        await gateway.subscribers(numbers)
        stuck: list[str] = []

        def behave(reference: str, _time: int) -> str:
            if not stuck:
                stuck.append(reference)
            return sinks.NEVER if reference in stuck else sinks.TAKES

        carrier.behaviour = behave
        await ask(gateway, numbers[0])
        await _until(lambda: _is(gateway, 1, "sending"))
        await ask(gateway, *numbers[1:])
        # The others are recorded while the first call still hangs, long before its timeout.
        await _until(lambda: _is(gateway, 29, "accepted"))
        assert await _is(gateway, 1, "sending")
        carrier._closing.set()
        await gateway.drain()
        assert await gateway.count(_mt, _mt.c.status == "unknown") == 1


async def _is(gateway: Running, count: int, status: str) -> bool:
    return [row["status"] for row in await gateway.outbound()].count(status) == count


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110  the database has no event to wait for
            await asyncio.sleep(0.02)


async def test_a_carrier_gets_no_more_a_second_than_the_settings_allow(sqlite_url: str) -> None:
    async with sending(sqlite_url, rate=20) as (gateway, carrier):
        numbers = customers(23)
        await gateway.subscribers(numbers)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await ask(gateway, *numbers)
        await gateway.drain()
        # Two may go at once; 21 more take 50 ms each.
        assert loop.time() - began >= 1.0
        assert len(carrier.requests) == 23


# ---- circuit breaker and failover


async def test_no_message_is_sent_before_the_carriers_retry_after(database_url: str) -> None:
    numbers = customers(5)
    async with sending(database_url) as (gateway, carrier):
        await gateway.subscribers(numbers)
        carrier.behaviour = lambda _reference, _time: sinks.THROTTLES
        await ask(gateway, numbers[0])
        await gateway.drain()
        carrier.behaviour = lambda _reference, _time: sinks.TAKES
        await ask(gateway, *numbers[1:])
        await gateway.drain()
        await gateway.advance(seconds=29)
        assert len(carrier.requests) == 1
        await gateway.advance(seconds=1)

        assert {row["status"] for row in await sent(gateway)} == {"accepted"}
        assert len(carrier.requests) == 6


async def test_the_circuit_of_a_failing_carrier_opens_and_is_tried_with_one_message(database_url: str) -> None:
    numbers = customers(40)
    async with sending(database_url, window=1) as (gateway, carrier):
        await gateway.subscribers(numbers)
        carrier.behaviour = lambda _reference, _time: sinks.ERROR
        await ask(gateway, *numbers)
        await gateway.drain()
        assert 10 <= len(carrier.requests) <= 12, "it was not left alone"
        before = len(carrier.requests)
        await gateway.advance(seconds=6)
        assert len(carrier.requests) == before + 1, "one message tries it"
        carrier.behaviour = lambda _reference, _time: sinks.TAKES
        await gateway.advance(minutes=6)

        assert {row["status"] for row in await sent(gateway)} == {"accepted"}


async def test_messages_of_a_failing_carrier_are_sent_by_the_next_one_in_order(database_url: str) -> None:
    numbers = customers(15)
    async with sink() as first, sink() as second, running(settings_of(database_url, first, second)) as gateway:
        await gateway.subscribers(numbers)
        first.behaviour = lambda _reference, _time: sinks.ERROR
        for text in ("帮助", "0000"):
            await ask(gateway, *numbers, text=text)
        await gateway.drain()

        rows = await sent(gateway)
        assert {(row["status"], row["provider"]) for row in rows} == {("accepted", "carrier2")}
        for number in numbers:
            mine = [str(body["reference"]) for body in second.bodies if body["to"] == number]
            assert mine == sorted(mine)
            assert len(mine) == 2
        assert not first.taken


@pytest.mark.parametrize("cannot", [{"single_number": True}, {"prefixes": ["+852"]}])
async def test_a_carrier_that_cannot_send_a_message_is_no_failover_route(
    database_url: str, cannot: dict[str, object]
) -> None:
    numbers = customers(12)
    async with sink() as first, sink() as second:
        settings = settings_of(database_url, first, second)
        other = options_of(**{"kind": "generic", "send_url": second.url, **cannot})
        settings.file.providers["carrier2"] = other
        async with running(settings) as gateway:
            await gateway.subscribers(numbers)
            first.behaviour = lambda _reference, _time: sinks.ERROR
            await ask(gateway, *numbers, text="0000")
            await gateway.drain()

            assert second.requests == []
            assert {row["provider"] for row in await sent(gateway)} == {"carrier"}


async def test_the_simulator_and_real_carriers_never_fail_over_to_each_other(database_url: str) -> None:
    numbers = customers(12)
    async with sending(database_url) as (gateway, carrier):
        await gateway.subscribers(numbers)
        await gateway.faults("error")
        await gateway.store(*(gateway.message("帮助", sender=number) for number in numbers))
        await gateway.drain()
        assert carrier.requests == []
        carrier.behaviour = lambda _reference, _time: sinks.ERROR
        await gateway.faults("ok")
        await ask(gateway, *numbers)
        await gateway.drain()
        assert {row["status"] for row in await gateway.rows(_mt, _mt.c.provider == "carrier")} == {"queued"}


async def test_staff_see_an_open_circuit_and_unknown_messages(sqlite_url: str) -> None:
    async with sink() as carrier, serving(settings_of(sqlite_url, carrier)) as web:
        carrier.behaviour = lambda _reference, _time: sinks.GARBAGE
        numbers = customers(15)
        await web.running.subscribers(numbers)
        await ask(web.running, *numbers)
        await web.running.drain()

        answer = await web.get("/readyz")
        assert answer.status_code == 200, "messages wait, that is all"
        assert answer.json()["parts"]["providers"]["carrier"] == {"kind": "generic", "sends": True, "circuit": "open"}
        figures = (await web.get("/metrics")).text
        assert 'smsgw_provider_circuit{provider="carrier"} 2.0' in figures
        unknown = (await web.get("/api/v1/messages", status="unknown")).json()["messages"]
        assert len(unknown) >= 10
        assert f'smsgw_backlog{{queue="unknown"}} {len(unknown)}.0' in figures
        await web.call("POST", "/simulator/reset", {})
        assert (await web.get("/readyz")).json()["parts"]["providers"]["carrier"]["circuit"] == "closed"


async def test_queued_messages_of_a_removed_provider_are_sent_by_the_default_one(database_url: str) -> None:
    async with sending(database_url) as (gateway, carrier):
        carrier.behaviour = lambda _reference, _time: sinks.ERROR
        await ask(gateway, ALICE, *customers(1))
        await gateway.drain()
        dead = {"leased_by": "gone", "leased_until": datetime(2020, 1, 1, tzinfo=UTC)}
        statement = outbox.update().where(outbox.c.msisdn == ALICE).values(dead)
        await gateway.gateway.storage.database.write(lambda connection: connection.execute(statement))
    async with running(settings_for(database_url)) as gateway:
        await gateway.drain()
        ends = {row["msisdn"]: (row["status"], row["provider"]) for row in await sent(gateway)}
        assert ends == {ALICE: ("unknown", "carrier"), customers(1)[0]: ("delivered", "simulator")}


# ---- reports


async def test_a_report_that_overtakes_the_answer_is_joined(database_url: str) -> None:
    async with sending(database_url) as (gateway, carrier):
        reported: list[asyncio.Task[bool]] = []

        def behave(reference: str, _time: int) -> str:
            item = DeliveryReport(f"theirs-{reference}", OutboundStatus.DELIVERED, reference=reference)
            reported.append(asyncio.create_task(gateway.gateway.carriers.receipts.store("carrier", item)))
            return sinks.TAKES_SLOWLY

        carrier.behaviour = behave
        await ask(gateway, ALICE)
        await gateway.drain()

        assert await asyncio.gather(*reported) == [False]
        [row] = await sent(gateway)
        assert row["status"] == "delivered"


@pytest.mark.parametrize("on_unknown", ["wait", "resend"])
async def test_a_report_with_the_gateways_reference_ends_an_unknown_message(database_url: str, on_unknown: str) -> None:
    async with sending(database_url, on_unknown=on_unknown) as (gateway, carrier):
        carrier.behaviour = lambda _reference, _time: sinks.CLOSES_AFTER_READING
        await ask(gateway, ALICE, text="0000")
        await gateway.drain()
        first = (await sent(gateway))[0]
        assert first["provider_message_id"] is None
        item = DeliveryReport("theirs", OutboundStatus.DELIVERED, reference=first["id"])
        assert await gateway.gateway.carriers.receipts.store("carrier", item)
        await gateway.advance(minutes=11)

        first = (await sent(gateway))[0]
        assert (first["status"], first["provider_message_id"]) == ("delivered", "theirs")
        assert carrier.read[first["id"]] == 1, "what has arrived is not sent again"


async def test_a_reference_to_another_providers_message_is_ignored(database_url: str) -> None:
    async with sending(database_url) as (gateway, carrier):
        carrier.behaviour = lambda _reference, _time: sinks.GARBAGE
        await ask(gateway, ALICE)
        await gateway.drain()
        [row] = await sent(gateway)
        for provider, reference in (
            ("generic", row["id"]),
            ("carrier", "no id"),
            ("carrier", "9" * 19),
            ("carrier", "\x00"),
        ):
            item = DeliveryReport("theirs", OutboundStatus.DELIVERED, reference=reference)
            assert not await gateway.gateway.carriers.receipts.store(provider, item)
        assert (await sent(gateway))[0]["status"] == "unknown"
