"""Delivery reports move messages forward only, in any order (delivery.md 12)."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from app.commands.charges.announcing import AnnounceCharge
from app.db.outbound_messages import outbound_message
from app.db.reports import delivery_report
from app.domain.charges import ChargeKind, ChargeState
from app.domain.messages import DeliveryReport, OutboundStatus
from app.providers.base import Accepted, RefusedForNow, SendResult, Submission
from app.services.simulator.network import PROVIDER
from tests.commands.world import shanghai
from tests.running import ALICE, START, Running, running
from tests.services.carriers import NAME, FakeProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message
FIVE = (
    OutboundStatus.ACCEPTED,
    OutboundStatus.DELIVERED,
    OutboundStatus.UNDELIVERED,
    OutboundStatus.EXPIRED,
    OutboundStatus.UNKNOWN,
)
# Of two final reports the one that is earlier in this list wins (delivery.md 12).
BEST_OF = (
    OutboundStatus.DELIVERED,
    OutboundStatus.UNDELIVERED,
    OutboundStatus.REJECTED,
    OutboundStatus.EXPIRED,
    OutboundStatus.DELETED,
)


async def send_accepted_messages(gateway: Running, count: int) -> list[str]:
    """Send ``count`` messages that are accepted without a report. Return the provider's ids of them."""
    numbers = [f"+86138006{number:05}" for number in range(count)]
    await gateway.reports("none")
    await gateway.subscribers(numbers)
    await gateway.store(*(gateway.message("0000", sender=number) for number in numbers))
    await gateway.drain()
    return [row["provider_message_id"] for row in await gateway.outbound(_mt.c.msisdn.in_(numbers))]


async def set_segments(gateway: Running, count: int) -> None:
    """Set the number of segments of all messages."""
    await gateway.gateway.storage.database.write(
        lambda connection: connection.execute(_mt.update().values(segments=count))
    )


async def statuses(gateway: Running, provider_ids: Sequence[str]) -> list[str]:
    found = {row["provider_message_id"]: row["status"] for row in await gateway.outbound()}
    return [found[one] for one in provider_ids]


async def report(gateway: Running, message_id: str, status: OutboundStatus, provider: str = "simulator") -> bool:
    return await gateway.gateway.carriers.receipts.store(provider, DeliveryReport(message_id, status))


async def test_every_order_of_five_reports_ends_in_the_same_status(gateway: Running) -> None:
    orders = list(itertools.permutations(FIVE))
    provider_ids = await send_accepted_messages(gateway, len(orders))
    for place in range(len(FIVE)):
        await asyncio.gather(
            *(report(gateway, one, order[place]) for one, order in zip(provider_ids, orders, strict=True))
        )

    assert set(await statuses(gateway, provider_ids)) == {"delivered"}
    assert await gateway.count(delivery_report) == 5 * len(orders), "each is kept as it came"


async def test_contradicting_final_reports_end_the_same_whichever_comes_first_and_in_one_batch(
    gateway: Running,
) -> None:
    pairs = list(itertools.permutations(BEST_OF, 2))
    provider_ids = await send_accepted_messages(gateway, len(pairs))
    both = [report(gateway, one, status) for one, pair in zip(provider_ids, pairs, strict=True) for status in pair]
    await asyncio.gather(*both)

    expected = [min(pair, key=BEST_OF.index).value for pair in pairs]
    assert await statuses(gateway, provider_ids) == expected


async def test_a_report_that_comes_before_the_acceptance_is_applied_afterwards(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, FakeProvider)

        async def report_first(submissions: Sequence[Submission]) -> Sequence[SendResult]:
            for item in submissions:
                assert not await report(gateway, f"theirs-{item.reference}", OutboundStatus.UNDELIVERED, NAME)
                assert not await report(gateway, f"theirs-{item.reference}", OutboundStatus.DELIVERED, NAME)
            return [Accepted(f"theirs-{item.reference}") for item in submissions]

        monkeypatch.setattr(provider, "send", report_first)
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.drain()

        [row] = await gateway.outbound()
        assert row["status"] == "delivered"
        kept = await gateway.rows(delivery_report)
        assert sorted(one["status"] for one in kept) == ["delivered", "undelivered"]
        assert not any(one["parked"] for one in kept)


async def test_a_report_about_an_unknown_message_is_parked_and_changes_nothing(gateway: Running) -> None:
    assert not await report(gateway, "never-heard-of", OutboundStatus.DELIVERED)
    [kept] = await gateway.rows(delivery_report)
    assert kept["parked"]


async def test_a_report_belongs_to_the_provider_that_sent_it(gateway: Running) -> None:
    [message_id] = await send_accepted_messages(gateway, 1)

    assert not await report(gateway, message_id, OutboundStatus.DELIVERED, "generic")
    assert await statuses(gateway, [message_id]) == ["accepted"]


async def test_a_retry_after_a_refusal_is_reported_like_any_other(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider = gateway.gateway.carriers.providers[NAME]
        assert isinstance(provider, FakeProvider)
        provider.answers = [RefusedForNow("500")]
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.drain()
        await gateway.advance(minutes=1)
        [row] = await gateway.outbound()

        assert await report(gateway, row["provider_message_id"], OutboundStatus.DELIVERED, NAME)
        [row] = await gateway.outbound()
        assert (row["status"], row["attempts"]) == ("delivered", 2)


@pytest.mark.parametrize("bad", ["undelivered", "expired"])
async def test_the_simulated_network_reports_late_and_badly_as_it_was_told(gateway: Running, bad: str) -> None:
    await gateway.reports(bad, delay_seconds=90)
    await gateway.say("帮助")
    await gateway.advance(seconds=89)
    assert [message.status for message in await gateway.received()] == ["accepted"]
    await gateway.advance(seconds=1)
    assert [message.status for message in await gateway.received()] == [bad]


@pytest.mark.parametrize("delay_seconds", [0, 1, 90])
async def test_a_reminder_that_was_taken_opens_the_window_however_soon_it_is_reported_undelivered(
    gateway: Running, delay_seconds: int
) -> None:
    await gateway.reports("undelivered", delay_seconds=delay_seconds)
    # So that a report without delay is there before a turn looks at what became of the message.
    await gateway.gateway.engine.stop()
    wanted = AnnounceCharge("api:billing", "c-1", "SJB", ChargeKind.MONTHLY, 200, shanghai("2026-03-05 14:00"))
    await gateway.gateway.management.charges.announce(ALICE, wanted)
    while await gateway.gateway.carriers.deliveries[PROVIDER].step():
        pass
    await gateway.gateway.carriers.network.step()
    await gateway.advance(hours=2)
    charge = (await gateway.gateway.management.charges.one("c-1", former=False)).charge
    assert charge.state is ChargeState.REMINDED
    assert len(await gateway.texts()) == 1


_SEGMENTS = [
    ([(1, "delivered"), (2, "delivered"), (3, "delivered")], "delivered"),
    ([(1, "delivered"), (2, "delivered")], "accepted"),
    ([(1, "delivered"), (2, "undelivered"), (3, "delivered")], "undelivered"),
    ([(1, "expired"), (2, "rejected"), (3, "delivered")], "rejected"),
    ([(1, "undelivered"), (1, "delivered"), (2, "delivered"), (3, "delivered")], "delivered"),
    ([(1, "undelivered"), (1, "delivered"), (2, "delivered")], "undelivered"),
    ([(1, "delivered"), (1, "delivered"), (2, "unknown"), (3, "accepted")], "accepted"),
    ([(None, "accepted"), (2, "delivered"), (4, "expired"), (1, "delivered")], "expired"),
    ([(None, "delivered"), (2, "undelivered")], "delivered"),
]


@pytest.mark.parametrize(("given", "ends"), _SEGMENTS)
async def test_every_order_of_reports_of_segments_ends_in_the_same_status(
    gateway: Running, given: list[tuple[int | None, str]], ends: str
) -> None:
    """A message is delivered when all segments are, and undelivered when any is (safety.md 31)."""
    orders = list(itertools.permutations(given))
    provider_ids = await send_accepted_messages(gateway, len(orders))
    await set_segments(gateway, 3)
    for place in range(len(given)):
        batch = [
            DeliveryReport(one, OutboundStatus(order[place][1]), part=order[place][0])
            for one, order in zip(provider_ids, orders, strict=True)
        ]
        receipts = gateway.gateway.carriers.receipts
        await asyncio.gather(*(receipts.store("simulator", item) for item in batch))
    assert set(await statuses(gateway, provider_ids)) == {ends}


async def test_reports_of_segments_that_come_before_the_acceptance_are_applied_afterwards(gateway: Running) -> None:
    for part in (1, 2):
        await gateway.gateway.carriers.receipts.store(
            "simulator", DeliveryReport("first", OutboundStatus.DELIVERED, part=part)
        )
    await send_accepted_messages(gateway, 1)
    await set_segments(gateway, 3)

    def join(connection: Connection) -> None:
        connection.execute(_mt.update().values(provider_message_id="first"))
        gateway.gateway.carriers.receipts.apply_parked(connection, "simulator", ["first"], START)

    await gateway.gateway.storage.database.write(join)
    assert await statuses(gateway, ["first"]) == ["accepted"]
    await gateway.gateway.carriers.receipts.store(
        "simulator", DeliveryReport("first", OutboundStatus.DELIVERED, part=3)
    )
    assert await statuses(gateway, ["first"]) == ["delivered"]


async def test_a_report_with_an_unknown_status_is_stored_and_changes_nothing(gateway: Running) -> None:
    [message_id] = await send_accepted_messages(gateway, 1)
    assert not await gateway.gateway.carriers.receipts.store("simulator", DeliveryReport(message_id, None, "en route"))
    assert not await gateway.gateway.carriers.receipts.store("simulator", DeliveryReport("nobody's", None, "failed"))
    kept = {row["provider_message_id"]: row for row in await gateway.rows(delivery_report)}
    assert (kept[message_id]["status"], kept[message_id]["error_code"]) == ("other", "en route")
    assert await statuses(gateway, [message_id]) == ["accepted"]
