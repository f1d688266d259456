"""What may have arrived or not waits for its report, and then goes to staff (delivery.md 8)."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import RowMapping

from app.commands.tickets.resolving import Resolve
from app.db import tables
from app.db.record_tables import RECORD_TABLES
from app.domain.account import SubscriberStatus
from app.domain.messages import OutboundStatus
from app.domain.tickets import Decision, Ticket
from app.providers.base import Unknown
from app.services.delivery.receipts import Report
from tests.running import ALICE, START, Running, running
from tests.services.carriers import NAME, PretendCarrier, use

pytestmark = pytest.mark.anyio
_mt = tables.outbound_message
VALID_FOR = timedelta(minutes=10)


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url)) as started:
        yield started


async def ask_in_vain(gateway: Running) -> RowMapping:
    """The carrier's answer to the reply gets lost; the reply."""
    carrier = gateway.gateway.carriers.providers[NAME]
    assert isinstance(carrier, PretendCarrier)
    carrier.answers = [Unknown("answer lost")]
    await gateway.store(gateway.message("帮助", provider=NAME))
    await gateway.drain()
    return (await gateway.rows(_mt))[-1]


async def tickets(gateway: Running) -> Sequence[RowMapping]:
    return await gateway.rows(RECORD_TABLES[Ticket].table)


async def test_when_its_time_is_over_a_person_looks_into_it(gateway: Running) -> None:
    reply = await ask_in_vain(gateway)
    await gateway.advance(seconds=VALID_FOR.total_seconds() - 1)
    assert await tickets(gateway) == []
    await gateway.advance(seconds=1)

    [ticket] = await tickets(gateway)
    assert (ticket["msisdn"], ticket["kind"], ticket["state"]) == (ALICE, "unanswered", "open")
    assert reply["id"] in ticket["text"]
    assert ticket["made_at"] == START + VALID_FOR
    [row] = await gateway.rows(_mt)
    assert (row["status"], row["final_at"]) == ("unknown", START + VALID_FOR)


async def test_it_is_looked_into_at_its_time_however_far_the_clock_goes_at_once(gateway: Running) -> None:
    await ask_in_vain(gateway)
    await gateway.advance(days=3)
    [ticket] = await tickets(gateway)
    assert ticket["made_at"] == START + VALID_FOR


async def test_several_are_one_ticket_until_that_is_decided(gateway: Running) -> None:
    for _ in range(3):
        await ask_in_vain(gateway)
    await gateway.advance(minutes=10)
    [first] = await tickets(gateway)

    await gateway.gateway.turning.turns.carry_out(ALICE, Resolve("agent", first["id"], Decision.DONE))
    await gateway.drain()
    await ask_in_vain(gateway)
    await gateway.advance(minutes=10)
    assert [ticket["state"] for ticket in await tickets(gateway)] == ["resolved", "open"]


async def test_a_report_in_time_leaves_nothing_to_look_into(gateway: Running) -> None:
    reply = await ask_in_vain(gateway)
    found = Report(NAME, "theirs", OutboundStatus.DELIVERED, reference=reply["id"])
    assert await gateway.gateway.carriers.receipts.store(found)
    await gateway.advance(days=1)
    assert await tickets(gateway) == []


async def test_a_report_that_comes_late_still_counts(gateway: Running) -> None:
    reply = await ask_in_vain(gateway)
    await gateway.advance(days=1)
    await gateway.gateway.carriers.receipts.store(
        Report(NAME, "theirs", OutboundStatus.DELIVERED, reference=reply["id"])
    )
    [row] = await gateway.rows(_mt)
    assert row["status"] == "delivered"


async def test_what_a_former_customer_was_sent_is_nobody_s_matter(gateway: Running) -> None:
    await ask_in_vain(gateway)
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)
    await gateway.subscriber(ALICE, status=SubscriberStatus.ACTIVE)
    await gateway.advance(minutes=10)
    assert await tickets(gateway) == []
    assert await gateway.count(_mt, _mt.c.status == "unknown", _mt.c.final_at.is_not(None)) == 1
