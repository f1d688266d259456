"""Replies that are leased in the commit that makes them (ADR 22); what cannot go at once is queued and claimed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from sqlalchemy import Connection

from app.db import handovers, outbox, recovery
from app.db.outbound_messages import outbound_message
from app.domain.values import replace
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission
from app.services.delivery.attempts import handover_of
from tests.running import ALICE, BOB, START, Running, running
from tests.services.carriers import NAME, FakeProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message


class SlowProvider(FakeProvider):
    """Answers a call only once a test lets it."""

    ready: ClassVar[bool] = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]  # as its parent's
        self.may_answer = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        return self.ready

    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        results = await super().send(submissions)
        await self.may_answer.wait()
        return results


async def _settled(gateway: Running) -> SlowProvider:
    """Return the provider once the delivery has looked for queued messages, and found none."""
    delivery = gateway.gateway.carriers.deliveries[NAME]
    await delivery.step()
    found = gateway.gateway.carriers.providers[NAME]
    assert isinstance(found, SlowProvider)
    return found


async def _turn(gateway: Running, *texts: str, sender: str = ALICE) -> list[tuple[str, int]]:
    """Store texts and handle them, without any step of the delivery; return status and attempts of the sender's MTs."""
    await gateway.store(*(gateway.message(text, provider=NAME, sender=sender) for text in texts))
    while await gateway.gateway.turning.turns.step():
        pass
    await asyncio.sleep(0)
    return [(row["status"], row["attempts"]) for row in await gateway.outbound() if row["msisdn"] == sender]


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url, SlowProvider)) as found:
        await found.gateway.engine.stop()
        yield found


async def test_a_reply_is_leased_and_sent_by_the_commit_that_makes_it(gateway: Running) -> None:
    provider = await _settled(gateway)
    assert await _turn(gateway, "帮助") == [("sending", 1)]
    assert len(provider.asked) == 1
    [row] = await gateway.outbound()
    assert row["leased_by"]
    assert row["leased_until"] > datetime.now(UTC)

    provider.may_answer.set()
    await gateway.drain()
    [row] = await gateway.outbound()
    assert (row["status"], row["leased_until"]) == ("accepted", None)


async def test_a_reply_behind_one_that_is_under_way_waits_for_it(gateway: Running) -> None:
    provider = await _settled(gateway)
    await _turn(gateway, "帮助")
    assert await _turn(gateway, "YE") == [("sending", 1), ("queued", 0)]
    assert len(provider.asked) == 1

    provider.may_answer.set()
    await gateway.drain()
    assert [item.reference for item in provider.asked] == [row["id"] for row in await gateway.outbound()]


async def test_replies_of_one_batch_to_one_number_go_in_order(gateway: Running) -> None:
    provider = await _settled(gateway)
    provider.may_answer.set()
    await _turn(gateway, "帮助", "YE", "CXYL")
    await gateway.drain()
    assert [item.reference for item in provider.asked] == [row["id"] for row in await gateway.outbound()]


async def test_before_the_queue_was_looked_at_nothing_is_leased(gateway: Running) -> None:
    assert await _turn(gateway, "帮助") == [("queued", 0)]


async def test_nothing_is_leased_while_the_provider_is_not_ready(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _settled(gateway)
    monkeypatch.setattr(SlowProvider, "ready", False)
    assert await _turn(gateway, "帮助") == [("queued", 0)]


async def test_nothing_is_leased_while_the_circuit_is_open(gateway: Running) -> None:
    provider = await _settled(gateway)
    provider.may_answer.set()
    provider.answers = [RefusedForNow("500")] * 10
    for number in range(10):
        await _turn(gateway, "帮助", sender=f"+86138002000{number:02}")
        await gateway.gateway.carriers.deliveries[NAME].step()
    await gateway.gateway.carriers.deliveries[NAME].step()
    assert await _turn(gateway, "帮助", sender=BOB) == [("queued", 0)]


async def test_a_lease_that_a_dead_worker_left_ends(gateway: Running) -> None:
    await _settled(gateway)
    await _turn(gateway, "帮助")
    await gateway.gateway.carriers.deliveries[NAME].give_back_lost(everything=True)
    [row] = await gateway.outbound()
    assert (row["status"], row["attempts"]) == ("unknown", 1)


@pytest.mark.parametrize(("second", "counts"), [(Accepted("second"), (2, "second")), (Refused("no"), (1, "first"))])
@pytest.mark.parametrize("is_first_recorded_first", [True, False])
async def test_of_two_attempts_that_end_together_an_acceptance_counts_and_else_the_last_one(
    gateway: Running, second: SendResult, counts: tuple[int, str], *, is_first_recorded_first: bool
) -> None:
    provider = await _settled(gateway)
    await _turn(gateway, "帮助")
    [row] = await gateway.outbound()

    def end_both(connection: Connection) -> None:
        until = row["leased_until"]
        recovery.release_lost_leases(connection, NAME, until, START, resend=True, everything=True)
        [again] = outbox.lease(connection, outbox.due_messages(connection, NAME, START, 1, "another"), until)
        first = replace(again, attempts=1, leased_by=row["leased_by"])
        both = [(first, Accepted("first")), (again, second)]
        done = [handover_of(message, result, START, resends_unknown=True) for message, result in both]
        handovers.record(connection, NAME, done if is_first_recorded_first else done[::-1], START)

    await gateway.gateway.storage.database.write(end_both)
    provider.may_answer.set()
    [row] = await gateway.outbound()
    assert (row["status"], row["attempts"], row["provider_message_id"]) == ("accepted", *counts)
    assert await gateway.count(outbox.outbox) == 0
