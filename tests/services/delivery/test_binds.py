"""Session carriers: the gateway keeps their binds up, and claims their messages only while they are ready."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import pytest
from typing_extensions import override

from app.db.duties import duty
from app.db.inbox import inbound_message
from app.db.outbound_messages import outbound_message
from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.storage import StorageUnavailableError
from app.options import ProviderOptions
from app.providers.base import (
    Accepted,
    BindEndedError,
    Inbox,
    Lease,
    Provider,
    RefusedForNow,
    SendResult,
    Submission,
    Surroundings,
)
from app.providers.requests import WebhookRequest
from app.services.delivery.binds import Binds
from app.services.delivery.slots import Slots
from tests.outage import away
from tests.providers.contract import surroundings
from tests.running import ALICE, Running, running
from tests.services.carriers import NAME, FakeProvider, use
from tests.web.calls import assert_problem, serving

pytestmark = pytest.mark.anyio
_mt = outbound_message
SILENT = httpx.MockTransport(lambda _request: httpx.Response(500))


class FakeSession(Provider):
    """A session carrier with two binds, each up while ``run`` runs; ``asked`` has all submissions."""

    kind: ClassVar[str] = NAME

    def __init__(self, name: str, options: ProviderOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.slots, self.can_send, self.ready = 2, True, True
        self.running: set[int] = set()
        self.inboxes: dict[int, Inbox] = {}
        self.events: list[str] = []
        self.errors: list[Exception] = []
        self.asked: list[Submission] = []
        self.all_up = asyncio.Event()

    @property
    @override
    def slots_up(self) -> frozenset[int]:
        return frozenset(self.running) if self.ready else frozenset()

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        if self.errors:
            raise self.errors.pop()
        self.events.append(f"up {slot}")
        self.running.add(slot)
        self.inboxes[slot] = inbox
        if len(self.inboxes) == self.slots:
            self.all_up.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.running.discard(slot)
            self.events.append(f"down {slot}")

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        self.asked += submissions
        return [Accepted(item.reference) if self.ready else RefusedForNow("no bind") for item in submissions]

    @override
    async def close(self) -> None:
        self.events.append("closed")


def refused() -> BindEndedError:
    return BindEndedError("the carrier does not know us", timedelta(seconds=60), "identity")


async def when_known(gateway: Running) -> None:
    """Wait until the database says that all binds are up: a look of the gateway's own may have begun before they were."""
    await session_of(gateway).all_up.wait()
    async with asyncio.timeout(20):
        while {row["state"] for row in await gateway.rows(duty, duty.c.name.startswith(f"carrier:{NAME}:"))} != {"up"}:
            await gateway.gateway.binds.tick()


def session_of(gateway: Running) -> FakeSession:
    provider = gateway.gateway.carriers.providers[NAME]
    assert isinstance(provider, FakeSession)
    return provider


@pytest.fixture
async def gateway(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, database_url, FakeSession)) as started:
        await session_of(started).all_up.wait()
        yield started


async def test_what_comes_over_a_bind_is_stored_when_the_call_returns_and_answered(gateway: Running) -> None:
    session = session_of(gateway)
    inbox = session.inboxes[0]
    message = InboundMessage("m-1", ALICE, "10086", "帮助", reply_token="link")
    [stored] = await inbox.messages([message])
    assert stored.new
    assert [row["id"] for row in await gateway.rows(inbound_message)] == [stored.id]
    [again] = await inbox.messages([message])
    assert (again.id, again.new) == (stored.id, False)
    await gateway.drain()
    assert [item.reply_token for item in session.asked] == ["link"]
    assert await inbox.reports([DeliveryReport(session.asked[0].reference, OutboundStatus.DELIVERED)]) == [True]
    assert [row["status"] for row in await gateway.rows(_mt)] == ["delivered"]
    assert await inbox.messages([]) == ()


async def test_the_inbox_raises_while_the_database_is_away(gateway: Running) -> None:
    inbox = gateway.gateway.turning.inboxes[NAME]
    with away(gateway.gateway.storage.database):
        with pytest.raises(StorageUnavailableError):
            await inbox.messages([InboundMessage(f"m-{one}", ALICE, "10086", "帮助" * 500) for one in range(100)])
        with pytest.raises(StorageUnavailableError):
            await inbox.reports([DeliveryReport(f"{one}" * 2000, OutboundStatus.DELIVERED) for one in range(100)])


async def test_nothing_is_claimed_while_no_bind_is_up(gateway: Running) -> None:
    session = session_of(gateway)
    session.ready = False
    await gateway.store(gateway.message("帮助", provider=NAME))
    await gateway.gateway.engine.settle()
    assert session.asked == []
    [row] = await gateway.rows(_mt)
    assert (row["status"], row["attempts"]) == ("queued", 0)
    session.ready = True
    await gateway.drain()
    assert len(session.asked) == 1


async def test_binds_end_before_the_providers_are_closed(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(use(monkeypatch, database_url, FakeSession)) as gateway:
        session = session_of(gateway)
        await session.all_up.wait()
    assert session.events == ["up 0", "up 1", "down 0", "down 1", "closed"]


async def test_slots_that_were_left_are_free_though_a_renewal_was_under_way(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    binds, look = gateway.gateway.binds, Slots._look
    began, may_go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def look_slowly(*given: Any, **named: Any) -> Any:  # noqa: ANN401  as it takes and returns
        loop.call_soon_threadsafe(began.set)
        may_go_on.wait()
        return look(*given, **named)

    monkeypatch.setattr(Slots, "_look", look_slowly)
    binds.look_soon()
    await began.wait()
    stopping = asyncio.ensure_future(binds.stop())
    await asyncio.wait([stopping], timeout=1)
    may_go_on.set()
    await stopping
    await gateway.drain()
    assert {row["state"] for row in await gateway.rows(duty, duty.c.name.startswith(f"carrier:{NAME}:"))} == {"free"}


async def test_a_bind_that_fails_is_started_again_and_the_others_go_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with running(use(monkeypatch, database_url, FakeProvider)) as gateway:
        providers = {
            name: FakeSession(name, ProviderOptions(kind=NAME), surroundings(SILENT)) for name in ("one", "two")
        }
        session, other = providers.values()
        session.errors = [OSError("refused"), ValueError("garbage"), refused(), refused()]
        inbox, storage = gateway.gateway.turning.inboxes[NAME], gateway.gateway.storage
        slots = Slots(storage.database, storage.membership, providers)
        binds = Binds(slots, providers, {"one": inbox, "two": inbox}, pause)
        await binds.start()
        await session.all_up.wait()
        await other.all_up.wait()
        await binds.stop()
        assert slots.held == {}
    assert session.events[-1].startswith("down")
    assert sorted(pauses)[2:] == [60, 60]
    assert all(1 <= seconds <= 30 for seconds in sorted(pauses)[:2])


async def test_a_session_carrier_has_no_webhooks(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(use(monkeypatch, database_url, FakeSession)) as web:
        for direction in ("inbound", "status"):
            assert_problem(await web.client.post(f"/webhooks/{NAME}/{direction}", json={}), 404)
        parts = (await web.client.get("/readyz")).json()["parts"]["providers"]
        assert parts[NAME].keys() == {"kind", "sends", "binds", "circuit"}
        assert "binds" not in parts["generic"]


class SignedByUrl(FakeProvider):
    """A webhook carrier that signs the URL that it calls; ``url`` is the last one."""

    url = ""

    @override
    def authenticate(self, request: WebhookRequest) -> None:
        self.url = request.url


async def test_an_adapter_gets_the_full_url_of_a_request(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(use(monkeypatch, database_url, SignedByUrl)) as web:
        await web.client.post(f"/webhooks/{NAME}/to%20ken/inbound?a=%E4%B8%AD&b", json={})
        provider = web.running.gateway.carriers.providers[NAME]
    assert isinstance(provider, SignedByUrl)
    assert provider.url == f"http://localhost/webhooks/{NAME}/to%20ken/inbound?a=%E4%B8%AD&b"
