"""The gateway's self-test: a reply that is missing raises an alarm (mission.md, M19)."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from app.db.outbound_messages import outbound_message
from app.providers import provider_kinds
from app.services.upkeep import probing
from app.services.upkeep.probing import Probe, ProbeState
from app.settings import Settings, SettingsFile
from app.settings.file import ProbeFile
from tests.outage import away
from tests.running import ALICE, Running, running, settings_for

pytestmark = pytest.mark.anyio
LONG, SHORT = timedelta(hours=1), timedelta(seconds=2)


def with_probe(settings: Settings, msisdn: str = ALICE, *, within: timedelta = timedelta(seconds=20)) -> Settings:
    file = SettingsFile(probe=ProbeFile.model_construct(msisdn=msisdn, every=LONG, within=within))
    return settings_for(settings.database_url, file=file)


@pytest.fixture
async def gateway(settings: Settings) -> AsyncIterator[Running]:
    async with running(with_probe(settings)) as started:
        yield started


def probe_of(gateway: Running) -> Probe:
    assert gateway.gateway.upkeep.probe is not None
    return gateway.gateway.upkeep.probe


def metric(name: str, command: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"command": command})


async def test_the_probe_runs_by_itself_and_is_answered(gateway: Running) -> None:
    async with asyncio.timeout(20):
        await probe_of(gateway).first_round_done.wait()
    state = await probe_of(gateway).state()
    assert state.up
    assert state.answered_at is not None
    assert metric("smsgw_probe_up", "0000") == 1
    assert (metric("smsgw_probe_seconds", "HELP") or 0) > 0
    rows = await gateway.rows(outbound_message)
    assert {row["provider"] for row in rows} == {"probe"}
    assert await gateway.texts() == [], "no handset hears of it"


async def test_a_number_that_is_no_customer_is_an_alarm(settings: Settings, log: io.StringIO) -> None:
    async with running(with_probe(settings, "+8613811112222")) as gateway:
        assert not await probe_of(gateway).round()
        assert "is no customer" in log.getvalue()
        assert "13811112222" not in log.getvalue()


async def test_every_process_tells_what_the_last_round_found(postgresql_url: str) -> None:
    settings = with_probe(settings_for(postgresql_url))
    async with running(settings) as one, running(settings) as other:
        for gateway in (one, other, one):
            await gateway.gateway.storage.membership.beat()
        asking, silent = sorted((one, other), key=lambda gateway: not probe_of(gateway)._is_ours())
        assert not probe_of(silent)._is_ours()
        assert await probe_of(asking).round()
        assert (await probe_of(silent).state()) == (await probe_of(asking).state())
        assert (await probe_of(silent).state()).up


async def test_a_missing_reply_is_an_alarm(settings: Settings) -> None:
    async with running(with_probe(settings, within=SHORT)) as gateway:
        before = metric("smsgw_probe_failures_total", "0000") or 0
        async with gateway.gateway.engine.paused():
            assert not await probe_of(gateway).round()
        assert (await probe_of(gateway).state()).up is False
        assert metric("smsgw_probe_up", "0000") == 0
        assert (metric("smsgw_probe_failures_total", "0000") or 0) > before


async def test_a_database_that_is_away_is_an_alarm_and_not_the_end(gateway: Running) -> None:
    with away(gateway.gateway.storage.database):
        pass
    assert await probe_of(gateway).round()


async def test_a_database_that_hangs_makes_nobody_wait_for_the_state(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(probing, "ANSWER_WITHIN", 0.1)
    monkeypatch.setattr("app.db.probing.last_round", lambda _connection: is_over.wait())
    assert await probe_of(gateway).state() == ProbeState()
    is_over.set()


def test_no_provider_may_have_the_probe_s_name(settings: Settings) -> None:
    file = SettingsFile.model_validate(
        {"probe": {"msisdn": "13800138999"}, "providers": {"probe": {"kind": "generic"}}}
    )
    with pytest.raises(ValueError, match="choose another"):
        settings_for(settings.database_url, file=file)


def test_no_provider_may_be_of_kind_probe() -> None:
    with pytest.raises(ValidationError, match="is not one of"):
        SettingsFile.model_validate({"providers": {"mine": {"kind": "probe"}}}, context=provider_kinds())
