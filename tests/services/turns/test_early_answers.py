"""Answers that come before the provider has accepted the question, or where it never says so (safety.md 6; delivery.md 8)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import ClassVar

import pytest
from sqlalchemy import RowMapping
from typing_extensions import override

from app.commands.charges.announcing import AnnounceCharge
from app.commands.orders.calls import PlaceOrder
from app.commands.tickets.resolving import RespondFirst
from app.db import questions
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.db.record_tables import RECORD_TABLES
from app.domain.charges import Charge, ChargeKind
from app.domain.orders import Order
from app.domain.subscriptions import Channel
from app.domain.tickets import Ticket
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission, Surroundings, Unknown
from app.providers.generic import GenericOptions
from app.services.engine import Loop
from tests.running import ALICE, START, Running, running
from tests.services.carriers import NAME, FakeProvider, use
from tests.services.events.receivers import until

pytestmark = pytest.mark.anyio


class SlowProvider(FakeProvider):
    """Gets messages at once, and returns when ``may_answer`` is set."""

    kind: ClassVar[str] = NAME

    def __init__(self, name: str, options: GenericOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        results = await super().send(submissions)
        await self.may_answer.wait()
        return results


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url, SlowProvider)) as started:
        yield started
        provider_of(started).may_answer.set()


def provider_of(gateway: Running) -> SlowProvider:
    found = gateway.gateway.carriers.providers[NAME]
    assert isinstance(found, SlowProvider)
    return found


def loop_of_turns(gateway: Running) -> Loop:
    return next(loop for loop in gateway.gateway.engine.loops if loop.name == "turns")


async def announce(gateway: Running) -> None:
    wanted = AnnounceCharge("api:billing", "c-1", "SJB", ChargeKind.MONTHLY, 300, START + timedelta(days=2), None)
    await gateway.gateway.management.charges.announce(ALICE, wanted)


async def order(gateway: Running) -> None:
    await gateway.gateway.turning.turns.carry_out(ALICE, PlaceOrder("api:sp", "YYH", Channel.WEB))


async def charge(gateway: Running) -> RowMapping:
    [row] = await gateway.rows(RECORD_TABLES[Charge].table)
    return row


async def state_of_order(gateway: Running) -> str:
    [row] = await gateway.rows(RECORD_TABLES[Order].table)
    return str(row["state"])


async def send_and_wait(gateway: Running, text: str, to: str) -> RowMapping:
    """Store a text, and return its row once it is handled."""
    [stored] = await gateway.store(gateway.message(text, to, provider=NAME))
    rows: Sequence[RowMapping] = []

    async def is_handled() -> bool:
        nonlocal rows
        rows = await gateway.rows(inbound_message, inbound_message.c.id == stored.id)
        return bool(rows[0]["status"] == "handled")

    await eventually(is_handled)
    return rows[0]


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("that did not happen")


async def confirmation_number(gateway: Running) -> str:
    return next(item.sender for item in provider_of(gateway).asked if item.sender.startswith("10086204"))


async def wait_until_in_flight(gateway: Running) -> None:
    """Wait until the provider has the message; it has not answered yet."""
    await until(lambda: provider_of(gateway).asked)


@pytest.mark.parametrize("text", ["否", "code", "TD"])
async def test_a_dispute_while_the_reminder_is_being_handed_over(gateway: Running, text: str) -> None:
    provider = provider_of(gateway)
    provider.may_answer.clear()
    await announce(gateway)
    await wait_until_in_flight(gateway)
    await send_and_wait(gateway, text.replace("code", (await charge(gateway))["code"]), "10086901")
    assert (await charge(gateway))["state"] == "disputed"
    provider.may_answer.set()
    await gateway.drain()
    await gateway.advance(days=2, hours=1)
    assert (await charge(gateway))["state"] == "disputed"


async def test_a_dispute_long_after_the_acceptance_of_the_reminder_got_lost(gateway: Running) -> None:
    provider_of(gateway).answers = [Unknown("connection closed")]
    await announce(gateway)
    await gateway.drain()
    await gateway.advance(hours=26)
    await send_and_wait(gateway, "否", "10086901")
    assert (await charge(gateway))["state"] == "disputed"


@pytest.mark.parametrize(
    ("answer", "to", "state"),
    [
        (None, "own", "confirmed"),
        (None, "10086", "confirmed"),
        (Unknown("no answer"), "own", "confirmed"),
        (Unknown("no answer"), "10086", "awaiting_confirmation"),
        (RefusedForNow("busy"), "own", "awaiting_confirmation"),
        (Refused("never"), "own", "undeliverable"),
    ],
)
async def test_a_yes_waits_for_the_end_of_the_attempt(
    gateway: Running, answer: SendResult | None, to: str, state: str
) -> None:
    provider = provider_of(gateway)
    provider.may_answer.clear()
    provider.answers = [answer] if answer else []
    await order(gateway)
    await wait_until_in_flight(gateway)
    number = await confirmation_number(gateway)
    [stored] = await gateway.store(gateway.message("是", number if to == "own" else to, provider=NAME))
    # A later message to another number waits behind it.
    await gateway.store(gateway.message("YE", provider=NAME))
    assert not await loop_of_turns(gateway).step()
    rows = await gateway.rows(inbound_message)
    assert {row["status"] for row in rows} == {"pending"}
    provider.may_answer.set()
    await gateway.drain()
    assert await state_of_order(gateway) == state
    [row] = await gateway.rows(inbound_message, inbound_message.c.id == stored.id)
    assert row["status"] == "handled"


@pytest.mark.parametrize("text", ["否", "不要"])
async def test_a_no_while_the_question_is_being_handed_over(gateway: Running, text: str) -> None:
    provider = provider_of(gateway)
    provider.may_answer.clear()
    await order(gateway)
    await wait_until_in_flight(gateway)
    await send_and_wait(gateway, text, await confirmation_number(gateway))
    assert await state_of_order(gateway) == "declined"
    [question] = await gateway.rows(questions.question)
    assert question["handed_over_at"] == START


async def test_a_yes_that_waits_for_an_attempt_delays_no_other_number(gateway: Running) -> None:
    """Another number is answered meanwhile, and the loop of turns is idle."""
    provider = provider_of(gateway)
    provider.may_answer.clear()
    await order(gateway)
    await wait_until_in_flight(gateway)
    await gateway.store(gateway.message("是", await confirmation_number(gateway), provider=NAME))
    await gateway.subscriber("+8613900139001")
    stored = await gateway.store(gateway.message("YE", sender="+8613900139001", provider=NAME))

    async def is_handled() -> bool:
        [row] = await gateway.rows(inbound_message, inbound_message.c.id == stored[0].id)
        return bool(row["status"] == "handled")

    await eventually(is_handled)
    assert not await loop_of_turns(gateway).step()
    provider.may_answer.set()
    await gateway.drain()
    assert await state_of_order(gateway) == "confirmed"


# ---- copies that staff send again, and text that is handed over late


async def question_message(gateway: Running) -> RowMapping:
    rows = await gateway.rows(outbound_message, outbound_message.c.question_id.is_not(None))
    return rows[0]


@pytest.mark.parametrize("first", [None, Unknown("no answer")])
@pytest.mark.parametrize("again", [Refused("never"), RefusedForNow("busy")])
@pytest.mark.parametrize(("text", "state"), [("是", "confirmed"), ("否", "declined")])
async def test_a_refused_copy_leaves_the_question_open(
    gateway: Running, first: SendResult | None, again: SendResult, text: str, state: str
) -> None:
    provider = provider_of(gateway)
    provider.answers = [first or Accepted("theirs-1"), again]
    await order(gateway)
    await gateway.drain()
    await gateway.gateway.management.messages.resend((await question_message(gateway))["id"])
    await gateway.drain()
    await gateway.store(gateway.message(text, await confirmation_number(gateway), provider=NAME))
    await gateway.drain()
    assert await state_of_order(gateway) == state


async def test_text_that_was_made_before_the_question_and_handed_over_after_it(gateway: Running) -> None:
    provider = provider_of(gateway)
    await gateway.store(gateway.message("TS 网络慢", provider=NAME))
    await gateway.drain()
    [ticket] = await gateway.rows(RECORD_TABLES[Ticket].table)
    provider.answers = [RefusedForNow("busy")]
    await gateway.gateway.turning.turns.carry_out(
        ALICE, RespondFirst("agent:1", ticket["id"], "需要我们回电吗？需要请回复是")
    )
    await gateway.drain()
    await order(gateway)
    await gateway.drain()
    await gateway.advance(minutes=6)
    assert [item.sender[:8] for item in provider.asked[-2:]] == ["10086204", "10086"]
    await gateway.store(gateway.message("是", provider=NAME))
    await gateway.drain()
    assert await state_of_order(gateway) == "awaiting_confirmation"
    assert await confirmation_number(gateway) in provider.asked[-1].text
    await gateway.store(gateway.message("是", await confirmation_number(gateway), provider=NAME))
    await gateway.drain()
    assert await state_of_order(gateway) == "confirmed"
