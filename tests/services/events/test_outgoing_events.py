"""Events are posted signed, in order, and repeated; a receiver delays nobody (flows.md 14, safety.md 15, 30)."""

import asyncio
import io
import itertools
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import Connection

from app.db import erasure
from app.db.catalogue import service_provider
from app.db.events import append_events, event
from app.db.session import Database, normalise_url
from app.domain.catalogue import ServiceProvider
from app.domain.evidence import canonical
from app.domain.msisdn import bucket_of
from app.services.paging import PageRequest
from app.services.refusals import RefusedError
from app.services.sealing import Sealer
from app.services.upkeep.chains import seal
from app.settings import Settings
from app.settings.file import BillingFile, SettingsFile
from tests.running import ALICE, BOB, SEAL_KEY, START, Running, running, settings_for
from tests.services.events.receivers import DOWN, SECRET, YES, receiving, until

pytestmark = pytest.mark.anyio
UNSUBSCRIBED, STARTED = "subscription.unsubscribed", "subscription.started"


async def set_address(gateway: Running, code: str, url: str | None) -> None:
    provider = ServiceProvider(code, code.lower(), code.lower(), "4008100001", own=False, webhook_url=url)
    await gateway.gateway.management.directory.put_service_provider(provider, SECRET if url else None)


async def add_events(
    gateway: Running, *numbers: int, msisdn: str = ALICE, receiver: str = "sp:XINHUA", kind: str = STARTED
) -> None:
    """Add events as turns do, one for each number, which is their ``n``."""
    now = (await gateway.gateway.simulator.simulation.clock()).now
    rows: list[dict[str, object]] = [
        {
            "bucket": bucket_of(msisdn), "msisdn": msisdn, "tenure": 1, "id": next(gateway.gateway.storage.ids), "made_at": now,
            "receiver": receiver, "type": kind, "data": canonical({"n": number, "msisdn": msisdn}),
        }
        for number in numbers
    ]  # fmt: skip

    def write(connection: Connection) -> None:
        append_events(connection, rows)

    await gateway.gateway.storage.database.write(write)


async def statuses(gateway: Running) -> Sequence[str]:
    return [row["status"] for row in sorted(await gateway.rows(event), key=lambda row: str(row["id"]))]


async def wait_for_statuses(gateway: Running, *wanted: str) -> None:
    """Wait until the events have these statuses."""
    async with asyncio.timeout(60):
        while True:
            if await statuses(gateway) == list(wanted):
                return
            await asyncio.sleep(0.05)


async def wait_for_attempts(gateway: Running, times: int) -> None:
    """Wait until an event has failed this many times."""
    async with asyncio.timeout(60):
        while True:
            if any(row["attempts"] == times and row["status"] == "pending" for row in await gateway.rows(event)):
                return
            await asyncio.sleep(0.05)


async def error_of(gateway: Running) -> str:
    """Wait for the error of the first event and return it."""
    async with asyncio.timeout(60):
        while True:
            if found := (await gateway.rows(event))[0]["error"]:
                return str(found)
            await asyncio.sleep(0.05)


async def test_an_unsubscribe_is_posted_to_its_sp_signed_and_with_the_documented_fields(gateway: Running) -> None:
    async with receiving() as receiver:
        await set_address(gateway, "XINHUA", receiver.url)
        await gateway.say("QXSJB")
        await until(lambda: receiver.events)
        [posted] = receiver.events
        await wait_for_statuses(gateway, "acknowledged")

    data = posted["data"]
    assert isinstance(data, dict)
    assert posted["type"] == UNSUBSCRIBED
    assert posted["timestamp"] == START.astimezone().isoformat() or str(posted["timestamp"]).startswith(
        "2026-03-02T10:00"
    )
    assert {"action": 2, "reason": 1, "access_mode": 3, "service_code": "SJB", "msisdn": ALICE}.items() <= data.items()
    assert receiver.hosts == [receiver.url.split("/")[2]]


async def test_events_of_one_subscriber_come_in_order_and_those_of_several_side_by_side(gateway: Running) -> None:
    others = [f"+86138007{number:05}" for number in range(6)]
    async with receiving() as receiver:
        receiver.gate.clear()
        await set_address(gateway, "XINHUA", receiver.url)
        for number, msisdn in itertools.product(range(5), others):
            await add_events(gateway, number, msisdn=msisdn)
        await until(lambda: receiver.most_at_once == len(others))
        receiver.gate.set()
        await until(lambda: len(receiver.events) == 30)
        for msisdn in others:
            assert receiver.numbers_received(msisdn) == [0, 1, 2, 3, 4]
        assert receiver.most_at_once <= 8


async def test_a_failure_is_tried_again_under_the_same_id_and_nothing_overtakes_it(gateway: Running) -> None:
    async with receiving() as receiver:
        answers = iter([DOWN, None, "429 Too Many Requests"])
        receiver.answer = lambda _event: next(answers, YES)
        await set_address(gateway, "XINHUA", receiver.url)
        await add_events(gateway, 1, 2)
        for attempt in (1, 2, 3):
            await wait_for_attempts(gateway, attempt)
            await gateway.advance(minutes=2)
        await wait_for_statuses(gateway, "acknowledged", "acknowledged")

        assert receiver.numbers_received() == [1, 1, 1, 1, 2]
        assert len({posted["id"] for posted in receiver.events}) == 2, "a receiver can drop what it knows"
        assert [row["attempts"] for row in await gateway.rows(event)] in ([4, 1], [1, 4])


@pytest.mark.parametrize(
    "url", ["https://203.0.113.07/x", "https://10.20.30.400/", "https://[v1.x]/", "no address at all"]
)
async def test_a_malformed_address_of_one_receiver_affects_no_other(gateway: Running, url: str) -> None:
    """An earlier release may have stored an address that this one rejects."""
    async with receiving() as well:
        await set_address(gateway, "XINHUA", "https://sp.example/events")
        await set_address(gateway, "MOJI", well.url)

        def spoil(connection: Connection) -> None:
            providers = service_provider
            connection.execute(providers.update().where(providers.c.sp_code == "XINHUA").values(webhook_url=url))

        await gateway.gateway.storage.database.write(spoil)
        await add_events(gateway, 1, receiver="sp:XINHUA")
        await add_events(gateway, 2, 3, receiver="sp:MOJI")
        await until(lambda: well.numbers_received() == [2, 3])
        await wait_for_attempts(gateway, 1)


async def test_an_internal_error_over_one_event_is_the_failure_of_that_event(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as receiver:
        await set_address(gateway, "XINHUA", receiver.url)

        def broken(_sealed: str) -> str:
            raise RuntimeError(ALICE)

        with monkeypatch.context() as patch:
            patch.setattr(gateway.gateway.management.events._sealer, "open", broken)
            await add_events(gateway, 1)
            await wait_for_attempts(gateway, 1)
            assert await error_of(gateway) == "RuntimeError"
        await gateway.advance(minutes=2)
        await until(lambda: receiver.numbers_received() == [1])


async def test_receivers_that_fail_leave_room_for_those_that_do_not(gateway: Running) -> None:
    async with receiving() as dead, receiving() as well:
        dead.gate.clear()
        events = gateway.gateway.management.events
        for number in range(80):
            await set_address(gateway, f"A{number:02}", dead.url)
            events._failures[f"sp:A{number:02}"] = 3
            await add_events(gateway, number, receiver=f"sp:A{number:02}")
        await until(lambda: len(dead.events) == 16)
        await set_address(gateway, "Z", well.url)
        await add_events(gateway, 1, 2, receiver="sp:Z")
        await until(lambda: well.numbers_received() == [1, 2])
        assert dead.most_at_once == 16


async def test_the_log_says_once_that_a_receiver_does_not_answer_well_and_once_that_it_does_again(
    gateway: Running, log: io.StringIO
) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda _event: DOWN
        await set_address(gateway, "XINHUA", receiver.url)
        gateway.gateway.management.events._failures["sp:XINHUA"] = 2
        await add_events(gateway, 1)
        await until(lambda: "a receiver of events does not answer well" in log.getvalue())
        receiver.answer = lambda _event: YES
        await gateway.advance(hours=24)
        # Said behind the commit that stores the answer.
        await until(lambda: "a receiver of events answers well again" in log.getvalue())
    assert log.getvalue().count("a receiver of events does not answer well") == 1
    assert log.getvalue().count("a receiver of events answers well again") == 1


async def test_a_dead_receiver_delays_neither_another_nor_a_drain_nor_a_subscriber(gateway: Running) -> None:
    async with receiving() as dead, receiving() as well:
        dead.gate.clear()
        await set_address(gateway, "XINHUA", dead.url)
        await set_address(gateway, "MOJI", well.url)
        await add_events(gateway, *range(20), receiver="sp:XINHUA")
        await until(lambda: dead.events)

        assert await gateway.say("QXSJB")
        assert (await gateway.states())["SJB"] == "ending"
        await add_events(gateway, *range(3), receiver="sp:MOJI")
        await until(lambda: len(well.events) == 3)
        assert dead.numbers_received() == [0]


async def test_after_three_days_an_event_is_given_up_but_an_unsubscribe_is_repeated_daily_with_an_alarm(
    gateway: Running, log: io.StringIO
) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda _event: DOWN
        await set_address(gateway, "XINHUA", receiver.url)
        await add_events(gateway, 1, msisdn=ALICE)
        await add_events(gateway, 2, msisdn=BOB, kind=UNSUBSCRIBED)
        await until(lambda: len(receiver.events) == 2)
        await wait_for_statuses(gateway, "pending", "pending")
        await gateway.advance(days=3)
        await wait_for_statuses(gateway, "dead", "pending")
        await until(lambda: "money or a stop is not acknowledged" in log.getvalue())
        unsubscribed = (await gateway.rows(event, event.c.type == UNSUBSCRIBED))[0]
        assert unsubscribed["due_at"] == START + timedelta(days=4)

        posted_before = len(receiver.events)
        await gateway.advance(hours=23)
        await asyncio.sleep(0.6)
        assert len(receiver.events) == posted_before, "it comes once a day"
        receiver.answer = lambda _event: YES
        await gateway.advance(hours=1)
        await wait_for_statuses(gateway, "dead", "acknowledged")
        assert "an event was given up" in log.getvalue()
        assert ALICE not in log.getvalue()

        dead = (await gateway.rows(event, event.c.status == "dead"))[0]
        assert await gateway.gateway.management.events.send_again(dead["id"])
        await wait_for_statuses(gateway, "acknowledged", "acknowledged")
        assert not await gateway.gateway.management.events.send_again(dead["id"])


async def test_events_for_billing_go_to_the_address_in_the_settings(database_url: str) -> None:
    async with receiving() as receiver:
        file = SettingsFile(billing=BillingFile(webhook_url=receiver.url, secret=SecretStr(SECRET)))
        async with running(settings_for(database_url, file=file)) as gateway:
            await add_events(gateway, 1, receiver="billing", kind="charge.charged")
            await wait_for_statuses(gateway, "acknowledged")
    assert receiver.numbers_received() == [1]


async def test_events_without_an_address_can_be_read(gateway: Running) -> None:
    await add_events(gateway, 1, 2, receiver="billing", kind="charge.charged")
    await wait_for_statuses(gateway, "unaddressed", "unaddressed")
    read = partial(gateway.gateway.management.events.page, "billing", None)
    first = await read(PageRequest(1))
    behind = await read(PageRequest(9, first.next_cursor))
    assert [one.data for one in (*first.items, *behind.items)] == [canonical({"n": n, "msisdn": ALICE}) for n in (1, 2)]


async def test_erasing_a_tenure_deletes_acknowledged_events_but_no_pending_ones(gateway: Running) -> None:
    async with receiving() as receiver:
        receiver.answer = lambda posted: YES if posted["data"] == {"n": 1, "msisdn": ALICE} else DOWN
        await set_address(gateway, "XINHUA", receiver.url)
        await add_events(gateway, 1, 2)
        await wait_for_statuses(gateway, "acknowledged", "pending")
        await gateway.gateway.storage.database.write(lambda connection: erasure.drop_personal(connection, ALICE, 1))
        assert await statuses(gateway) == ["pending"]


async def test_no_secret_is_stored_in_plain_text(gateway: Running) -> None:
    await set_address(gateway, "XINHUA", "http://127.0.0.1:9/")
    [row] = await gateway.rows(service_provider, service_provider.c.sp_code == "XINHUA")
    assert row["sealed_webhook_secret"]
    assert SECRET.removeprefix("whsec_") not in str(dict(row))


async def test_no_byte_of_the_database_file_is_a_secret(sqlite_url: str, tmp_path: Path) -> None:
    def written() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.glob("gateway.db*"))

    async with running(settings_for(sqlite_url)) as gateway:
        await set_address(gateway, "XINHUA", "http://127.0.0.1:9/")
        await set_address(gateway, "XINHUA", "http://127.0.0.1:9/again")
        stored = written()
    assert b"http://127.0.0.1:9/again" in stored
    assert SECRET.removeprefix("whsec_").encode() not in stored


def replace_seal_key(url: str, other: str) -> None:
    database = Database(normalise_url(url))
    assert all(chain.on_record for chain in seal(database, Sealer(other).heads, [Sealer(SEAL_KEY).heads.newest]))
    database.close()


async def test_events_wait_while_a_secret_cannot_be_opened_and_are_sent_once_it_is_set_again(sqlite_url: str) -> None:
    settings = settings_for(sqlite_url)
    async with receiving() as receiver:
        async with running(settings) as gateway:
            await set_address(gateway, "XINHUA", receiver.url)
        other = Fernet.generate_key().decode()
        replace_seal_key(sqlite_url, other)
        async with running(settings.model_copy(update={"seal_key": SecretStr(other)})) as gateway:
            await add_events(gateway, 1)
            assert await error_of(gateway) == "the secret was sealed with another key; PUT the service provider again"
            assert await statuses(gateway) == ["pending"]
            assert not receiver.events
            await set_address(gateway, "XINHUA", receiver.url)
            await gateway.advance(minutes=30)
            await wait_for_statuses(gateway, "acknowledged")


async def test_a_redirect_is_not_followed(gateway: Running) -> None:
    async with receiving() as inside, receiving() as receiver:
        receiver.answer = lambda _event: "302 Found"
        receiver.headers = f"location: {inside.url}\r\n"
        await set_address(gateway, "XINHUA", receiver.url)
        await add_events(gateway, 1)
        await until(lambda: receiver.events)
        assert await error_of(gateway) == "HTTP 302"
        assert inside.events == []


def strict(database_url: str) -> Settings:
    return settings_for(database_url).model_copy(update={"allow_private_webhooks": False})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "[::ffff:10.0.0.1]", "169.254.169.254"]
)
async def test_nothing_goes_to_a_private_address_even_if_the_directory_names_one(sqlite_url: str, host: str) -> None:
    async with receiving() as receiver, AsyncExitStack() as stack:
        port = receiver.url.split(":")[2]
        loose = await stack.enter_async_context(running(settings_for(sqlite_url)))
        await set_address(loose, "XINHUA", f"https://{host}:{port}")
        await stack.aclose()
        async with running(strict(sqlite_url)) as gateway:
            await add_events(gateway, 1)
            assert await error_of(gateway)
            assert receiver.events == []
            assert receiver.hosts == []


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://sp.example/events", SECRET),
        ("https://192.168.1.1/events", SECRET),
        ("https://user:word@sp.example/events", SECRET),
        ("ftp://sp.example", SECRET),
        ("https://sp.example/events", None),
        ("https://sp.example/events", "not a secret!"),
        (None, SECRET),
    ],
)
async def test_an_invalid_address_or_secret_is_refused_when_it_is_set(
    sqlite_url: str, url: str | None, secret: str | None
) -> None:
    provider = ServiceProvider("XINHUA", "新华", "新华", "4008100001", own=False, webhook_url=url)
    async with running(strict(sqlite_url)) as gateway:
        with pytest.raises(RefusedError, match="webhook_"):
            await gateway.gateway.management.directory.put_service_provider(provider, secret)


async def test_events_in_flight_when_the_gateway_stopped_are_sent_again_under_their_ids(database_url: str) -> None:
    async with receiving() as receiver:
        receiver.gate.clear()
        async with running(settings_for(database_url)) as gateway:
            await set_address(gateway, "XINHUA", receiver.url)
            await add_events(gateway, 1)
            await until(lambda: receiver.events)
        receiver.gate.set()
        async with running(settings_for(database_url)) as gateway:
            await wait_for_statuses(gateway, "acknowledged")
    assert receiver.numbers_received() == [1, 1]
    assert len({posted["id"] for posted in receiver.events}) == 1


async def test_a_reset_does_not_wait_for_receivers(gateway: Running) -> None:
    async with receiving() as receiver:
        receiver.gate.clear()
        await set_address(gateway, "XINHUA", receiver.url)
        await add_events(gateway, 1)
        await until(lambda: receiver.events)
        async with asyncio.timeout(8):
            await gateway.gateway.simulator.simulation.reset(None)
        assert await gateway.count(event) == 0


async def test_the_process_that_ends_leases_need_not_be_the_one_that_sends_events(gateway: Running) -> None:
    engine, database = gateway.gateway.engine, gateway.gateway.storage.database
    lost_leases = next(loop for loop in engine.loops if loop.name == "lost leases")
    async with engine.paused():
        await add_events(gateway, 1)
        lapsed = {"status": "sending", "leased_by": "gone:1", "leased_until": database.clock() - timedelta(seconds=1)}
        await database.write(lambda connection: connection.execute(event.update().values(lapsed)))
        await lost_leases._step()
        assert await statuses(gateway) == ["pending"]
