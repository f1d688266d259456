"""What goes out over binds: each process sends through its own slots, others stand in, and the health calls show it."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import update
from typing_extensions import override

from app import providers
from app.db.binds import LEASE, Slot
from app.db.duties import duty
from app.db.outbound_messages import outbound_message
from app.db.outbox import outbox
from app.domain.sharing import slot_of
from app.options import ProviderOptions
from app.providers.base import Accepted, BindEndedError, Inbox, Lease, SendResult, Submission, Surroundings
from app.settings import Settings, SettingsFile
from tests.running import ALICE, Running, options_of, running, settings_for
from tests.services.carriers import NAME, FakeProvider, use
from tests.services.delivery.test_binds import FakeSession, session_of, when_known
from tests.services.delivery.workers import LONG_AGO, settle
from tests.web.calls import serving

pytestmark = pytest.mark.anyio
OTHER = "other"
_REFUSAL = "the carrier does not know this system_id"


class SlowSession(FakeSession):
    """Answers once a test lets it."""

    default_window = 2

    def __init__(self, name: str, options: ProviderOptions, around: Surroundings) -> None:
        super().__init__(name, options, around)
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    @override
    async def send(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        self.asked += submissions
        self.is_asked.set()
        await self.may_answer.wait()
        return [Accepted(item.reference) for item in submissions]


class RefusedSession(FakeSession):
    """Its carrier lets nobody bind."""

    @override
    async def run(self, slot: int, inbox: Inbox, lease: Lease) -> None:
        raise BindEndedError(_REFUSAL, timedelta(seconds=60), "identity")


class Other(FakeProvider):
    """A carrier that calls us."""

    kind = OTHER


def with_other(monkeypatch: pytest.MonkeyPatch, database_url: str, kind: type[FakeSession]) -> Settings:
    """Return the settings of a gateway with a session carrier, and another carrier that can stand in for it."""
    monkeypatch.setitem(providers.KINDS, NAME, kind)
    monkeypatch.setitem(providers.KINDS, OTHER, Other)
    secret = "whsec_Z3VhcmRlZCwgYXMgcHJvZHVjdGlvbiB3YW50cyBpdA=="
    given = {NAME: options_of(kind=NAME), OTHER: options_of(kind=OTHER, secret=secret)}
    return settings_for(database_url, file=SettingsFile(default_provider=NAME, providers=given))


async def change(gateway: Running, values: Mapping[str, object], *slots: int) -> None:
    names = [Slot(NAME, number).duty for number in slots]
    await gateway.gateway.storage.database.write(
        lambda connection: connection.execute(update(duty).where(duty.c.name.in_(names)).values(values))
    )


@pytest.fixture
async def two(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Running, Running]]:
    """Two gateways with one slot each: the second one has slot 1."""
    settings = use(monkeypatch, postgresql_url, FakeSession)
    async with running(settings) as one, running(settings) as other:
        await session_of(one).all_up.wait()
        for gateway in (one, other):
            await gateway.gateway.storage.membership.beat()
        given = {"owner": other.gateway.storage.membership.owner, "term": 2}
        await change(one, {**given, "leased_until": other.gateway.storage.database.clock() + LEASE}, 1)
        await other.gateway.binds.look()
        await one.gateway.binds.look()
        await settle()
        yield one, other


async def test_each_process_sends_through_its_own_slots(two: tuple[Running, Running]) -> None:
    one, other = two
    assert [gateway.gateway.carriers.slots.up(NAME) for gateway in two] == [{0}, {1}]
    numbers = [f"+8613800{place:06}" for place in range(40)]
    await one.store(*(one.message("帮助", sender=number, provider=NAME) for number in numbers))
    for _ in range(2):
        for gateway in two:
            await gateway.drain()
    sent = [{slot_of(item.recipient, 2) for item in session_of(gateway).asked} for gateway in two]
    assert sent == [{0}, {1}]
    assert sorted(item.recipient for gateway in two for item in session_of(gateway).asked) == numbers
    assert await other.count(outbound_message, outbound_message.c.status == "accepted") == len(numbers)


async def test_when_the_last_bind_goes_what_was_claimed_and_not_begun_is_given_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(use(monkeypatch, database_url, SlowSession)) as gateway:
        session, slots = session_of(gateway), gateway.gateway.carriers.slots
        assert isinstance(session, SlowSession)
        await session.all_up.wait()
        await gateway.store(
            *(gateway.message("帮助", sender=f"+861380013800{place}", provider=NAME) for place in range(9))
        )
        await session.is_asked.wait()
        session.ready = False
        await gateway.gateway.binds.tick()
        assert slots.up(NAME) == frozenset()
        async with asyncio.timeout(20):
            while await gateway.count(outbox, outbox.c.leased_by.is_not(None)) != len(session.asked):  # noqa: ASYNC110  in a database
                await asyncio.sleep(0.05)
        under_way = len(session.asked)
        assert under_way <= session.default_window * session.slots < 9
        session.may_answer.set()
        session.ready = True
        await gateway.gateway.binds.tick()
        await gateway.drain()
        assert len({item.reference for item in session.asked}) == len(session.asked) == 9


async def test_when_it_ends_nothing_more_is_submitted_and_the_answers_are_waited_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(running(use(monkeypatch, database_url, SlowSession)))
        session = session_of(gateway)
        assert isinstance(session, SlowSession)
        await gateway.store(
            *(gateway.message("帮助", sender=f"+861380013800{place}", provider=NAME) for place in range(9))
        )
        await session.is_asked.wait()
        ending = asyncio.create_task(gateway.gateway.binds.stop())
        await ending
        under_way = len(session.asked)
        session.may_answer.set()
    assert len(session.asked) == under_way
    async with running(use(monkeypatch, database_url, FakeSession)) as gateway:
        assert await gateway.count(outbound_message, outbound_message.c.status == "accepted") >= under_way
        assert await gateway.count(outbound_message, outbound_message.c.status == "unknown") == 0


async def test_others_stand_in_while_no_bind_is_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(with_other(monkeypatch, database_url, RefusedSession)) as gateway:
        slots, stand_in = gateway.gateway.carriers.slots, gateway.gateway.carriers.providers[OTHER]
        assert isinstance(stand_in, Other)
        await gateway.store(gateway.message("帮助", provider=NAME))
        await gateway.gateway.engine.settle()
        assert stand_in.asked == []
        await change(gateway, {"since": gateway.gateway.storage.database.clock() - timedelta(seconds=10)}, 0, 1)
        await slots.look(may_take=False)
        assert slots.has_to_divert(NAME)
        await gateway.drain()
        assert [item.recipient for item in stand_in.asked] == [ALICE]


async def test_readyz_says_what_is_wrong_with_the_binds(
    database_url: str, monkeypatch: pytest.MonkeyPatch, log: io.StringIO
) -> None:
    async with serving(use(monkeypatch, database_url, RefusedSession)) as web:
        await web.running.gateway.binds.look()
        await web.running.gateway.carriers.slots.look(may_take=False)
        answer = await web.client.get("/readyz")
        assert answer.status_code == 503
        shown = answer.json()["parts"]["providers"][NAME]
        assert shown["binds"] == {"wanted": 2, "up": 0, "last_error": _REFUSAL}
        assert {(one["kind"], one["of"]) for one in answer.json()["failing"]} == {
            ("bind_down", f"{NAME}/0"),
            ("bind_down", f"{NAME}/1"),
        }
        assert log.getvalue().count('"event": "a bind is down"') == 2, "once for each, however often it is tried"
        assert (await web.client.get("/livez")).status_code == 200
        ended = f'smsgw_binds_ended_total{{provider="{NAME}",reason="identity"}}'
        assert ended in (await web.client.get("/metrics")).text


async def test_readyz_is_well_while_another_provider_can_stand_in(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(with_other(monkeypatch, database_url, RefusedSession)) as web:
        answer = await web.client.get("/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        await change(web.running, {"since": LONG_AGO}, 0, 1)
        providers = (await web.client.get("/readyz")).json()["parts"]["providers"]
        assert (providers[NAME]["circuit"], providers[OTHER]["circuit"]) == ("open", "closed")


async def test_readyz_and_metrics_count_the_binds_that_are_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(use(monkeypatch, database_url, FakeSession)) as web:
        await when_known(web.running)
        answer = await web.client.get("/readyz")
        assert answer.status_code == 200
        shown = answer.json()["parts"]["providers"][NAME]
        assert shown["binds"] == {"wanted": 2, "up": 2, "last_error": None}
        assert f'smsgw_bind_up{{provider="{NAME}"}} 2.0' in (await web.client.get("/metrics")).text
