"""Processor time by stage."""

import asyncio
from collections.abc import Callable

import pytest

from bench.inside.launcher import owner_of
from bench.inside.stages import HANDSET, STAGES
from bench.inside.stopwatch import Stopwatch


class Clock:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now

    def work(self, nanoseconds: int) -> None:
        self.now += nanoseconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> Stopwatch:
    return Stopwatch(clock)


def test_a_stage_is_counted_without_the_stages_in_it(clock: Clock, watch: Stopwatch) -> None:
    inner = watch.timed("inner", clock.work)

    def work() -> None:
        clock.work(5)
        inner(20)
        inner(30)
        clock.work(1)

    watch.timed("outer", work)()
    assert watch.totals() == {"inner": 50, "outer": 6}


def test_a_stage_in_itself_is_counted_once(clock: Clock, watch: Stopwatch) -> None:
    watch.timed("same", lambda: watch.timed("same", clock.work)(7))()
    assert watch.totals() == {"same": 7}


def test_a_stage_that_raises_is_left(clock: Clock, watch: Stopwatch) -> None:
    def work() -> None:
        clock.work(3)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        watch.timed("failing", work)()
    watch.timed("next", clock.work)(4)
    assert watch.totals() == {"failing": 3, "next": 4}


def test_a_coroutine_is_counted_without_what_runs_while_it_waits(clock: Clock, watch: Stopwatch) -> None:
    async def work() -> str:
        clock.work(2)
        await asyncio.sleep(0)
        clock.work(3)
        return "done"

    async def both() -> str:
        task = asyncio.ensure_future(watch.timed("coroutine", work)())
        await asyncio.sleep(0)
        clock.work(100)  # another task's
        return await task

    assert asyncio.run(both()) == "done"
    assert watch.totals() == {"coroutine": 5}


def test_a_coroutine_gets_what_its_awaited_future_raises(clock: Clock, watch: Stopwatch) -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            clock.work(1)
            return "timed out"
        return "not timed out"

    assert asyncio.run(_call(watch.timed("coroutine", work))) == "timed out"
    assert watch.totals() == {"coroutine": 1}


async def _call(function: Callable[[], object]) -> object:
    found = function()
    assert asyncio.iscoroutine(found)
    return await found


@pytest.mark.parametrize("dotted", [HANDSET, *(one for functions in STAGES.values() for one in functions)])
def test_every_function_of_a_stage_exists(dotted: str) -> None:
    owner, name = owner_of(dotted)
    assert callable(getattr(owner, name))


def test_a_function_that_does_not_exist_is_named() -> None:
    with pytest.raises(LookupError, match=r"there is no app\.services\.intake\.Intake\.gone"):
        owner_of("app.services.intake.Intake.gone")
