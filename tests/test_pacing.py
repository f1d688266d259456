"""Rate limiting and throttling (delivery.md 10, 11)."""

import asyncio

import pytest

from app.pacing import Pace

pytestmark = pytest.mark.anyio


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_no_more_is_sent_a_second_than_the_rate_allows() -> None:
    pace = Pace(100)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.gather(*(pace.wait() for _ in range(60)))
    # Ten need not wait, the others wait 10 ms each.
    assert loop.time() - began >= 0.49


async def test_without_a_rate_nothing_waits() -> None:
    pace = Pace(None)
    async with asyncio.timeout(20):
        for _ in range(10_000):
            await pace.wait()
    assert pace.rate is None


async def test_throttling_halves_the_rate_and_seconds_without_restore_it() -> None:
    clock = Clock()
    pace = Pace(800, clock)
    pace.slow_down()
    assert pace.rate == 400
    pace.slow_down()
    assert pace.rate == 400, "many answers of one moment are one"
    clock.now += 0.5
    pace.slow_down()
    assert pace.rate == 200
    for _ in range(20):
        clock.now += 1
        await pace.wait()
    assert pace.rate == 800


async def test_the_rate_never_falls_to_zero() -> None:
    clock = Clock()
    pace = Pace(640, clock)
    for _ in range(50):
        clock.now += 0.5
        pace.slow_down()
    assert pace.rate == 10


async def test_a_provider_without_a_rate_gets_one_when_it_throttles() -> None:
    clock = Clock()
    pace = Pace(None, clock)
    pace.slow_down()
    assert pace.rate == 500
    for _ in range(10):
        clock.now += 1
        await pace.wait()
    assert pace.rate is None


async def test_each_process_keeps_to_its_part_of_the_rate() -> None:
    pace = Pace(100)
    pace.use_part(0.5)
    assert pace.rate == 50
    pace.slow_down()
    assert pace.rate == 25
    pace.use_part(1)
    assert pace.rate == 50
    unlimited = Pace(None)
    unlimited.use_part(0.5)
    assert unlimited.rate is None
