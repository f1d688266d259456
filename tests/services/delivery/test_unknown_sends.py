"""An unknown send waits for its report until its validity ends, then staff get a ticket (delivery.md 8)."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import RowMapping

from app.commands.tickets.resolving import Resolve
from app.db.outbound_messages import outbound_message
from app.db.record_tables import RECORD_TABLES
from app.db.recovery import FailoverRoute, adopt_orphans, fail_over
from app.db.reports import delivery_report
from app.domain.account import SubscriberStatus
from app.domain.messages import DeliveryReport, OutboundStatus
from app.domain.tickets import Decision, Ticket
from app.providers.base import Refused, RefusedForNow, SendResult, Submission, Unknown
from app.services.delivery import receipts
from tests.running import ALICE, START, Running, running
from tests.services.carriers import NAME, DeduplicatingProvider, FakeProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message
VALID_FOR = timedelta(minutes=10)


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url)) as started:
        yield started


async def send_unknown_reply(gateway: Running, result: SendResult = Unknown("answer lost")) -> RowMapping:  # noqa: B008  a value
    """Send a text whose reply is handed over with an unknown result, or another. Return the row of the reply."""
    provider = gateway.gateway.carriers.providers[NAME]
    assert isinstance(provider, FakeProvider)
    provider.answers = [result]
    await gateway.store(gateway.message("帮助", provider=NAME))
    await gateway.drain()
    return (await gateway.outbound())[-1]


async def tickets(gateway: Running) -> Sequence[RowMapping]:
    return await gateway.rows(RECORD_TABLES[Ticket].table)


async def test_an_unknown_send_opens_a_ticket_when_its_validity_ends(gateway: Running) -> None:
    reply = await send_unknown_reply(gateway)
    await gateway.advance(seconds=VALID_FOR.total_seconds() - 1)
    assert await tickets(gateway) == []
    await gateway.advance(seconds=1)

    [ticket] = await tickets(gateway)
    assert (ticket["msisdn"], ticket["kind"], ticket["state"]) == (ALICE, "unanswered", "open")
    assert reply["id"] in ticket["text"]
    assert ticket["made_at"] == START + VALID_FOR
    [row] = await gateway.outbound()
    assert (row["status"], row["final_at"]) == ("unknown", START + VALID_FOR)


async def test_the_ticket_is_made_at_its_time_however_far_the_clock_advances_at_once(gateway: Running) -> None:
    await send_unknown_reply(gateway)
    await gateway.advance(days=3)
    [ticket] = await tickets(gateway)
    assert ticket["made_at"] == START + VALID_FOR


async def test_several_unknown_sends_share_a_ticket_until_it_is_decided(gateway: Running) -> None:
    for _ in range(3):
        await send_unknown_reply(gateway)
    await gateway.advance(minutes=10)
    [first] = await tickets(gateway)

    await gateway.gateway.turning.turns.carry_out(ALICE, Resolve("agent", first["id"], Decision.DONE))
    await gateway.drain()
    await send_unknown_reply(gateway)
    await gateway.advance(minutes=10)
    assert [ticket["state"] for ticket in await tickets(gateway)] == ["resolved", "open"]


async def test_a_report_in_time_prevents_the_ticket(gateway: Running) -> None:
    reply = await send_unknown_reply(gateway)
    found = DeliveryReport("theirs", OutboundStatus.DELIVERED, reference=reply["id"])
    assert await gateway.gateway.carriers.receipts.store(NAME, found)
    await gateway.advance(days=1)
    assert await tickets(gateway) == []


async def test_a_report_that_comes_late_still_counts(gateway: Running) -> None:
    reply = await send_unknown_reply(gateway)
    await gateway.advance(days=1)
    await gateway.gateway.carriers.receipts.store(
        NAME, DeliveryReport("theirs", OutboundStatus.DELIVERED, reference=reply["id"])
    )
    [row] = await gateway.outbound()
    assert row["status"] == "delivered"


async def test_an_unknown_send_to_a_former_customer_opens_no_ticket(gateway: Running) -> None:
    await send_unknown_reply(gateway)
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)
    await gateway.subscriber(ALICE, status=SubscriberStatus.ACTIVE)
    await gateway.advance(minutes=10)
    assert await tickets(gateway) == []
    assert await gateway.count(_mt, _mt.c.status == "unknown", _mt.c.final_at.is_not(None)) == 1


async def _report(gateway: Running, reference: str) -> None:
    found = DeliveryReport("theirs", OutboundStatus.DELIVERED, reference=reference)
    await gateway.gateway.carriers.receipts.store(NAME, found)


# Of its segments one is delivered.
@pytest.mark.parametrize(("messages", "status"), [(1, "accepted"), (2, "unknown")])
async def test_a_short_reference_counts_if_it_fits_one_message_alone(
    gateway: Running, monkeypatch: pytest.MonkeyPatch, messages: int, status: str
) -> None:
    monkeypatch.setattr(receipts, "_SHORT", 0)  # all references are alike
    for _ in range(messages):
        await send_unknown_reply(gateway)
    found = DeliveryReport("theirs", OutboundStatus.DELIVERED, sent_to=ALICE, short_reference=0)
    await gateway.gateway.carriers.receipts.store(NAME, found)
    assert [row["status"] for row in await gateway.outbound()] == [status] * messages
    assert await gateway.count(delivery_report, delivery_report.c.parked) == messages - 1


@pytest.mark.parametrize("kind", [FakeProvider, DeduplicatingProvider], ids=["wait", "resend"])
async def test_a_report_counts_that_comes_before_an_attempt_ends_without_an_answer(
    database_url: str, monkeypatch: pytest.MonkeyPatch, kind: type[FakeProvider]
) -> None:
    asked: list[str] = []
    async with running(use(monkeypatch, database_url, kind)) as gateway:

        async def report_first(submissions: Sequence[Submission]) -> Sequence[SendResult]:
            for item in submissions:
                asked.append(item.reference)
                await _report(gateway, item.reference)
            return [Unknown("answer lost") for _ in submissions]

        monkeypatch.setattr(gateway.gateway.carriers.providers[NAME], "send", report_first)
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.drain()
        await gateway.advance(minutes=5)

        [row] = await gateway.outbound()
        assert (row["status"], asked) == ("delivered", [row["id"]])
        assert await gateway.count(delivery_report, delivery_report.c.parked) == 0


@pytest.mark.parametrize("last", [RefusedForNow("busy"), Refused("duplicate"), Unknown("answer lost")])
async def test_a_report_on_an_unknown_attempt_counts_that_comes_during_the_next_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch, last: SendResult
) -> None:
    asked: list[str] = []
    async with running(use(monkeypatch, database_url, DeduplicatingProvider)) as gateway:

        async def report_late(submissions: Sequence[Submission]) -> Sequence[SendResult]:
            asked.extend(item.reference for item in submissions)
            if len(asked) == 1:
                return [Unknown("answer lost")]
            await _report(gateway, asked[0])
            return [last]

        monkeypatch.setattr(gateway.gateway.carriers.providers[NAME], "send", report_late)
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.drain()
        await gateway.advance(minutes=5)

        [row] = await gateway.outbound()
        assert (row["status"], asked) == ("delivered", [row["id"]] * 2)
        assert await gateway.count(delivery_report, delivery_report.c.parked) == 0


@pytest.mark.parametrize("kind", [FakeProvider, DeduplicatingProvider], ids=["wait", "resend"])
async def test_a_report_counts_that_comes_before_the_lease_of_a_dead_worker_ends(
    database_url: str, monkeypatch: pytest.MonkeyPatch, kind: type[FakeProvider]
) -> None:
    async with running(use(monkeypatch, database_url, kind)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, FakeProvider)
        monkeypatch.setattr(type(provider), "is_ready", False)
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.gateway.engine.settle()
        await gateway.lease_all(START)
        [row] = await gateway.outbound()
        await _report(gateway, row["id"])
        monkeypatch.setattr(type(provider), "is_ready", True)
        await gateway.gateway.carriers.deliveries[NAME].give_back_lost(everything=True)
        await gateway.drain()

        [row] = await gateway.outbound()
        assert (row["status"], provider.asked) == ("delivered", [])


async def test_a_message_that_may_have_been_taken_is_never_given_to_another_provider(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url, DeduplicatingProvider)) as gateway:
        row = await send_unknown_reply(gateway)
        assert (row["status"], row["attempts"]) == ("queued", 1)
        write = gateway.gateway.storage.database.write
        assert await write(lambda connection: fail_over(connection, NAME, FailoverRoute("other"), START, 10)) == 0
        await write(lambda connection: adopt_orphans(connection, ["other"], "other", START))
        [row] = await gateway.outbound()
        assert (row["provider"], row["status"]) == (NAME, "unknown")


async def test_a_message_that_was_certainly_not_taken_is_given_to_another_provider(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        await send_unknown_reply(gateway, RefusedForNow("busy"))
        write = gateway.gateway.storage.database.write
        assert await write(lambda connection: fail_over(connection, NAME, FailoverRoute("other"), START, 10)) == 1
