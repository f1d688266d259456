"""The gateway's clock is one, whichever process moves it (ADR 29)."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.running import ALICE, START, Running, running, settings_for

pytestmark = pytest.mark.anyio
STEPS = [timedelta(seconds=7_300), timedelta(seconds=60), timedelta(hours=5), timedelta(hours=1)] * 2


async def test_advances_at_once_over_two_processes_add_up_and_the_clock_never_goes_back(postgresql_url: str) -> None:
    seen: list[datetime] = []

    async def watch(gateway: Running) -> None:
        while True:
            seen.append((await gateway.gateway.simulator.simulation.clock()).now)
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:
        gateways = [await stack.enter_async_context(running(settings_for(postgresql_url))) for _ in range(2)]
        await gateways[0].subscribe(ALICE, "CL")
        # Its question lapses on the way.
        await gateways[0].store(gateways[0].message("0000"))
        watching = asyncio.create_task(watch(gateways[1]))
        moves = (gateways[place % 2].advance(seconds=length.total_seconds()) for place, length in enumerate(STEPS))
        await asyncio.gather(*moves)
        watching.cancel()
        for gateway in gateways:
            now = (await gateway.gateway.simulator.simulation.clock()).now
            assert now == START + sum(STEPS, timedelta())
    assert len(set(seen)) > 2, "it was watched while it moved"
    assert all(earlier <= later for earlier, later in pairwise(seen))
