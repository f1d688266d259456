"""Sending: results of attempts, retries, expiry, leases (delivery.md 7-10)."""

import asyncio
import io
import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from app.db.handovers import attempt
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.domain.account import SubscriberStatus
from app.domain.messages import DeliveryReport, OutboundStatus
from app.providers.base import Accepted, Refused, RefusedForNow, SendResult, Submission, Unknown
from app.settings import Settings
from tests.running import ALICE, BOB, START, Running, running
from tests.services.carriers import NAME, DeduplicatingProvider, FakeProvider, use

pytestmark = pytest.mark.anyio
_mt = outbound_message


def provider_of(gateway: Running) -> FakeProvider:
    found = gateway.gateway.carriers.providers[NAME]
    assert isinstance(found, FakeProvider)
    return found


async def ask(gateway: Running, text: str = "帮助") -> None:
    """Send a text through the fake provider, which the reply goes to as well."""
    await gateway.store(gateway.message(text, provider=NAME))
    await gateway.drain()


# ---- accepted, refused, retried


async def test_pages_of_a_listing_arrive_in_order_when_the_first_try_fails(gateway: Running) -> None:
    await gateway.faults("error", count=1)
    await gateway.say("0000")
    assert await gateway.received() == []
    await gateway.advance(minutes=1)

    assert [text[:8] for text in await gateway.texts()] == ["尊敬的神州行客户", "您套餐内包含的业"]
    first, second = await gateway.outbound()
    assert (first["attempts"], second["attempts"]) == (2, 1)


async def test_a_message_that_waits_delays_no_other_subscriber(gateway: Running) -> None:
    await gateway.faults("throttle", count=1)
    await gateway.say("0000")
    other = "+8613800400001"
    await gateway.subscriber(other)

    assert len(await gateway.say("0000", sender=other)) == 1
    assert await gateway.received() == []


async def test_nothing_overtakes_a_message_that_waits_for_its_retry(gateway: Running) -> None:
    await gateway.faults("error", count=1)
    await gateway.say("0000")
    await gateway.say("帮助")
    assert await gateway.received() == []
    await gateway.advance(minutes=1)

    assert [text[:5] for text in await gateway.texts()] == ["尊敬的神州", "您套餐内包", "您可发送以"]


async def test_a_reply_that_nobody_takes_expires_after_ten_minutes(gateway: Running) -> None:
    await gateway.faults("error")
    await gateway.say("帮助")
    await gateway.advance(minutes=9, seconds=59)
    [row] = await gateway.outbound()
    assert row["status"] == "queued"
    await gateway.advance(seconds=2)
    await gateway.faults("ok")
    await gateway.advance(minutes=10)

    [row] = await gateway.outbound()
    assert row["status"] == "expired"
    assert row["final_at"] == START + timedelta(minutes=10)
    assert await gateway.received() == []


async def test_an_expired_first_page_lets_later_messages_go(gateway: Running) -> None:
    await gateway.faults("error")
    await gateway.say("帮助")
    await gateway.advance(minutes=5)
    await gateway.say("0000")
    await gateway.advance(minutes=5, seconds=1)
    await gateway.faults("ok")
    await gateway.advance(minutes=4)

    assert [text[:5] for text in await gateway.texts()] == ["尊敬的神州", "您套餐内包"]


async def test_the_outcome_of_a_change_is_tried_for_three_days(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        await ask(gateway, "0000")
        provider_of(gateway).answers = [RefusedForNow("busy", timedelta(hours=11, minutes=50))] * 6
        await ask(gateway, "1")
        await gateway.advance(hours=72)

        assert [item.kind for item in provider_of(gateway).asked] == ["reply"] * 2 + ["result"] * 7
        assert (await gateway.outbound())[-1]["status"] == "accepted"


async def test_the_outcome_of_a_change_expires_after_three_days(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        await ask(gateway, "0000")
        provider_of(gateway).answers = [RefusedForNow("busy", timedelta(hours=25))] * 9
        await ask(gateway, "1")
        await gateway.advance(hours=73)

        last = (await gateway.outbound())[-1]
        assert (last["status"], last["final_at"]) == ("expired", START + timedelta(hours=72))
        assert last["attempts"] == len([item for item in provider_of(gateway).asked if item.kind == "result"])


async def test_a_message_that_is_not_sent_any_more_says_how_it_was_tried(gateway: Running) -> None:
    await gateway.faults("error")
    await gateway.store(gateway.message("帮助"))
    await gateway.drain()
    await gateway.subscriber(ALICE, status=SubscriberStatus.CLOSED)

    row = (await gateway.outbound())[0]
    assert (row["status"], row["attempts"], row["error_code"]) == ("superseded", 1, "simulated: error")
    assert await gateway.count(outbox, outbox.c.id == row["id"]) == 0


async def test_retries_are_spread_and_never_more_than_five_minutes_apart(gateway: Running) -> None:
    await gateway.say("0000")
    await gateway.faults("error")
    await gateway.say("1", "10086977")
    await gateway.advance(hours=2)

    tries = [row["at"] for row in await gateway.rows(attempt)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert max(gaps) <= timedelta(minutes=5)
    assert min(gaps) >= timedelta(seconds=1)
    assert len(tries) >= 24
    assert len(set(gaps)) > 12


async def test_a_message_that_is_refused_for_good_is_not_tried_again(gateway: Running) -> None:
    await gateway.faults("reject")
    await gateway.say("帮助")
    await gateway.faults("ok")
    await gateway.advance(hours=1)

    [row] = await gateway.outbound()
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert await gateway.received() == []


async def test_a_message_behind_one_that_was_refused_for_good_goes_once_that_is_recorded(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider_of(gateway).answers = [Refused("400")]
        await gateway.store(*(gateway.message(text, provider=NAME) for text in ("帮助", "YE")))
        await gateway.drain()

        rows = await gateway.outbound()
        assert [(row["status"], row["attempts"]) for row in rows] == [("failed", 1), ("accepted", 1)]


async def test_nothing_is_sent_before_the_retry_after_of_a_provider(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider = provider_of(gateway)
        provider.answers = [RefusedForNow("429", timedelta(minutes=7), throttled=True)]
        await ask(gateway)
        await gateway.advance(minutes=6, seconds=59)
        assert len(provider.asked) == 1
        await gateway.advance(seconds=1)

        assert len(provider.asked) == 2
        [row] = await gateway.outbound()
        assert row["status"] == "accepted"


# ---- unknown results


async def test_a_lost_acceptance_leaves_one_message_on_the_handset(gateway: Running) -> None:
    await gateway.faults("timeout", count=2)
    await gateway.say("帮助")
    await gateway.advance(minutes=5)

    assert len(await gateway.received()) == 1
    [row] = await gateway.outbound()
    assert (row["status"], row["attempts"]) == ("delivered", 3)


@pytest.mark.parametrize("answer", [Unknown("answer lost"), OSError("13800138000 is in these words")])
async def test_a_message_with_an_unknown_result_is_not_resent(
    database_url: str, monkeypatch: pytest.MonkeyPatch, log: io.StringIO, answer: SendResult | Exception
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider_of(gateway).answers = [answer]
        await ask(gateway)
        await gateway.advance(hours=1)

        assert len(provider_of(gateway).asked) == 1
        [row] = await gateway.outbound()
        assert row["status"] == "unknown"
        assert "13800138000" not in log.getvalue()


async def test_a_message_with_an_unknown_result_is_resent_where_the_reference_is_recognised(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url, DeduplicatingProvider)) as gateway:
        provider_of(gateway).answers = [Unknown("answer lost")]
        await ask(gateway)
        await gateway.advance(minutes=1)

        first, second = provider_of(gateway).asked
        assert first.reference == second.reference
        [row] = await gateway.outbound()
        assert row["status"] == "accepted"


async def test_a_message_whose_late_report_tells_that_it_arrived_is_not_sent_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url, DeduplicatingProvider)) as gateway:
        provider_of(gateway).answers = [Unknown("answer lost")]
        await ask(gateway)
        [waiting] = await gateway.outbound()
        assert waiting["status"] == "queued"
        report = DeliveryReport("theirs", OutboundStatus.DELIVERED, reference=waiting["id"])
        assert await gateway.gateway.carriers.receipts.store(NAME, report)
        await gateway.advance(hours=1)

        assert len(provider_of(gateway).asked) == 1
        [row] = await gateway.outbound()
        assert (row["status"], row["attempts"], row["provider_message_id"]) == ("delivered", 1, "theirs")


async def test_a_message_has_our_reference_before_the_first_try(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        provider_of(gateway).answers = [RefusedForNow("500"), Refused("400")]
        await ask(gateway)
        await gateway.advance(minutes=1)

        [row] = await gateway.outbound()
        assert [item.reference for item in provider_of(gateway).asked] == [row["id"], row["id"]]
        assert row["status"] == "failed"
        assert [one["result"] for one in await gateway.rows(attempt)] == ["refused for now", "refused"]


# ---- workers that die


async def die_while_sending(settings: Settings, *, taken: bool = False) -> None:
    """Leave a message as a worker that died leaves it; ``taken``: after the network had the message."""
    async with running(settings) as gateway:
        await gateway.faults("timeout" if taken else "error", count=1)
        await gateway.say("帮助", received_at=START)
        await gateway.lease_all(datetime.now(UTC) - timedelta(seconds=1))


@pytest.mark.parametrize("taken", [False, True])
async def test_a_worker_that_dies_gives_its_messages_back_and_none_is_doubled(settings: Settings, taken: bool) -> None:  # noqa: FBT001  parametrised
    await die_while_sending(settings, taken=taken)
    async with running(settings) as gateway:
        await gateway.drain()

        assert len(await gateway.received()) == 1
        [row] = await gateway.outbound()
        assert row["status"] == "delivered"


async def test_a_lease_that_runs_out_while_others_work_is_given_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No restart is needed: a running worker takes it over."""
    async with running(use(monkeypatch, database_url, DeduplicatingProvider)) as gateway:
        provider_of(gateway).answers = [RefusedForNow("500")]
        await ask(gateway)
        await gateway.lease_all(datetime.now(UTC) - timedelta(seconds=1))
        await gateway.drain()

        [row] = await gateway.outbound()
        assert row["status"] == "accepted"


async def test_a_dead_worker_s_attempt_is_unknown_where_the_reference_is_not_recognised(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = use(monkeypatch, database_url)
    async with running(settings) as gateway:
        provider_of(gateway).answers = [RefusedForNow("500")]
        await ask(gateway)
        await gateway.lease_all(datetime.now(UTC) - timedelta(seconds=1))
    async with running(settings) as gateway:
        await gateway.drain()

        assert provider_of(gateway).asked == []
        [row] = await gateway.outbound()
        assert row["status"] == "unknown"


async def test_a_lease_of_a_living_worker_is_respected(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = use(monkeypatch, postgresql_url, DeduplicatingProvider)
    async with running(settings) as gateway:
        provider_of(gateway).answers = [RefusedForNow("500")]
        await ask(gateway)
        await gateway.lease_all(datetime.now(UTC) + timedelta(minutes=1), by="elsewhere:1")
    async with running(settings) as gateway:
        assert not await gateway.gateway.simulator.simulation.drain(0.3)
        assert provider_of(gateway).asked == []


def _fail_all(connection: Connection) -> None:
    connection.execute(outbox.delete())
    connection.execute(_mt.update().values(status="failed"))


async def test_a_worker_that_wakes_up_past_its_lease_changes_nothing(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paused while sending. Meanwhile another worker took over, and its attempt was refused."""
    async with running(use(monkeypatch, database_url)) as gateway:

        async def send_slowly(_submissions: object) -> list[SendResult]:
            await gateway.gateway.storage.database.write(_fail_all)
            return [RefusedForNow("500")]

        monkeypatch.setattr(provider_of(gateway), "send", send_slowly)
        await ask(gateway)

        [row] = await gateway.outbound()
        assert row["status"] == "failed"


async def test_an_attempt_that_lost_its_lease_does_not_write_over_the_next_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This happens within one process: paused past its lease, it claims the message again and then finishes the first attempt."""
    async with running(use(monkeypatch, database_url, DeduplicatingProvider)) as gateway:
        began, go_on = asyncio.Event(), asyncio.Event()

        async def send(submissions: Sequence[Submission]) -> Sequence[SendResult]:
            if began.is_set():
                return [Accepted("theirs at the second attempt")]
            began.set()
            await go_on.wait()
            return [Refused("the first attempt ends at last")]

        monkeypatch.setattr(provider_of(gateway), "send", send)
        await gateway.store(gateway.message("帮助", provider=NAME))
        async with asyncio.timeout(20):
            await began.wait()
            past = outbox.update().values(leased_until=datetime.now(UTC) - timedelta(seconds=1))
            await gateway.gateway.storage.database.write(lambda connection: connection.execute(past))
            while not await gateway.count(_mt, _mt.c.status == "accepted"):  # noqa: ASYNC110  a row has no event
                await asyncio.sleep(0.02)
        go_on.set()
        await gateway.drain()

        [row] = await gateway.outbound()
        assert (row["status"], row["provider_message_id"]) == ("accepted", "theirs at the second attempt")


async def test_a_drain_that_runs_out_of_time_leaves_no_message_half_way(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway:
        answered = asyncio.Event()
        take = provider_of(gateway).send

        async def slowly(submissions: Sequence[Submission]) -> Sequence[SendResult]:
            await answered.wait()
            return await take(submissions)

        monkeypatch.setattr(provider_of(gateway), "send", slowly)
        await gateway.gateway.engine.stop()
        await gateway.store(gateway.message("帮助", provider=NAME))
        assert not await gateway.gateway.simulator.simulation.drain(0.2)
        answered.set()
        await gateway.drain()

        [row] = await gateway.outbound()
        assert (row["status"], row["attempts"]) == ("accepted", 1)


async def test_a_gateway_that_stops_finishes_what_is_under_way(settings: Settings) -> None:
    async with running(settings) as gateway:
        await gateway.store(*(gateway.message("帮助", sender=ALICE) for _ in range(20)))
    async with running(settings) as gateway:
        assert await gateway.count(outbox, outbox.c.leased_by.is_not(None)) == 0
        await gateway.drain()
        assert len(await gateway.received()) == 20


async def test_a_result_that_cannot_be_recorded_affects_only_its_own_message(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A faulty adapter may return such a result (safety.md 32)."""
    async with running(use(monkeypatch, database_url)) as gateway:
        no_code: str = object()  # type: ignore[assignment]
        provider_of(gateway).answers = [Refused(no_code)]
        async with gateway.gateway.engine.paused():
            await gateway.store(*(gateway.message("帮助", provider=NAME, sender=sender) for sender in (ALICE, BOB)))
        await gateway.drain()
        assert sorted(row["status"] for row in await gateway.outbound()) == ["accepted", "unknown"]
        await ask(gateway)
        assert len(await gateway.outbound(_mt.c.status == "accepted")) == 2


async def test_results_are_recorded_once_though_the_answer_to_their_commit_was_lost(
    database_url: str, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    async with running(use(monkeypatch, database_url)) as gateway, gateway.gateway.engine.paused():
        delivery = gateway.gateway.carriers.deliveries[NAME]
        delivery._has_caught_up = False  # the reply is left to a claim
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.gateway.turning.turns.step()
        [message] = (await delivery._commit([], room=1)).claimed
        for _ in range(2):
            await delivery._commit([(message, RefusedForNow("busy"))], room=0)
        assert await gateway.count(attempt) == 1
    assert "could not be recorded" not in log.getvalue()
