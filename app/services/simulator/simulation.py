"""Control of a gateway in demo and test: drain it, move its clock, reset it (http-api.md, simulator)."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count

from sqlalchemy import Connection

from app.db import duties, work
from app.db.clock import clock_of
from app.db.session import Database
from app.db.state import GatewayState, current_state, freeze_clock, let_clock_run, reset_state
from app.domain.calendar import LATEST, is_believable
from app.domain.refusals import RefusalReason
from app.domain.simulation import Kept
from app.services.engine import Engine
from app.services.refusals import RefusedError
from app.services.simulator.advancing import Advance

__all__ = ["GatewayState", "Simulation"]

_POLL_SECONDS = 0.02
# The duty of the call that moves the clock. It is renewed with every commit, and lapses if the process dies.
_CLOCK = "clock"
_CLOCK_LEASE = timedelta(seconds=30)


class Simulation:
    """Drains the gateway, moves its clock and resets it.

    Of calls that move the clock or reset, one at a time runs, whatever process they come to.
    """

    def __init__(
        self, database: Database, engine: Engine, advance: Advance, load_fixture: Callable[[str], Awaitable[None]]
    ) -> None:
        self._database = database
        self._engine = engine
        self._advance = advance
        self._load_fixture = load_fixture
        self._lock = asyncio.Lock()
        self._calls = (f"{secrets.token_hex(8)}:{number}" for number in count())

    async def clock(self) -> GatewayState:
        """Return the gateway's state, with its clock."""
        return await self._database.read(current_state)

    async def drain(self, timeout_seconds: float, *, events: bool = False) -> bool:
        """Process everything that is due. Return False if that takes longer than ``timeout_seconds`` of real time.

        ``events``: those that are due for others are tried as well.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._engine.settle()
            except TimeoutError:
                return False
            if not await self._is_anything_due(events=events):
                return True
            if time.monotonic() >= deadline:
                return False
            if events:
                self._engine.wake_excluded()
            await asyncio.sleep(_POLL_SECONDS)

    async def waiting(self) -> dict[str, int]:
        """Return how much of each kind is due and not done, or under way, in a word or two; events included."""
        return await self._database.read(lambda connection: work.waiting(connection, current_state(connection).now))

    async def _settle(self) -> None:
        """Process everything that is due, here and in other processes."""
        await self._engine.settle()
        while self._has_company() and await self._is_anything_due():
            await asyncio.sleep(_POLL_SECONDS)
            await self._engine.settle()

    async def _settle_with_events(self) -> None:
        """Process everything that is due, and try the events for others."""
        await self._settle()
        while await self._is_anything_due(events=True):
            self._engine.wake_excluded()
            await asyncio.sleep(_POLL_SECONDS)
            await self._settle()

    async def _is_anything_due(self, *, events: bool = False) -> bool:
        """Look twice beside others: what moves from one queue to another between two questions is seen by neither."""
        for _ in range(1 + self._has_company()):
            if await self._database.read(partial(_anything_due, with_events=events)):
                return True
        return False

    def _has_company(self) -> bool:
        notices = self._database.notices
        return notices is not None and notices.has_company

    @asynccontextmanager
    async def _moving(self) -> AsyncIterator[Callable[[Connection], None]]:
        """Have the clock to oneself. Yield what renews the lease on it, in each transaction that moves the clock."""
        call = next(self._calls)

        def renew(connection: Connection) -> None:
            if not _take_clock(connection, call=call):
                raise RefusedError(RefusalReason.CONFLICT, "Another call moves the clock; send this one again.")

        async with self._lock:
            while not await self._database.write(partial(_take_clock, call=call)):  # noqa: ASYNC110  another process has it
                await asyncio.sleep(_POLL_SECONDS)
            try:
                yield renew
            finally:
                await self._database.write(partial(_give_clock_up, call=call))

    async def set_clock(self, to: datetime) -> GatewayState:
        """Freeze the clock at an aware instant. Raise RefusedError if it would go back, except right after a reset."""
        async with self._moving():
            return await self._database.write(partial(_set_clock, to=to))

    async def run_clock(self) -> GatewayState:
        """Let the clock run on from where it stands."""
        async with self._moving():
            await self._database.write(let_clock_run)
            return await self.clock()

    async def advance(
        self, *, seconds: float | None = None, to: datetime | None = None, events: bool = False
    ) -> GatewayState:
        """Move the clock forward and freeze it there, by ``seconds`` or to the aware instant ``to``.

        Everything that falls due on the way is processed in order, with the clock at its own time; ``events``: those
        for others as well, with their repetitions. Raise RefusedError for a time in the past or too far in the future.
        """
        async with self._moving() as renew:
            target = await self._database.write(partial(_freeze_now, seconds=seconds, to=to))
            settle = self._settle_with_events if events else self._settle
            await self._advance.run(target, settle=settle, renew=renew, events=events)
            return await self.clock()

    async def reset(
        self, fixture: str | None, now: datetime | None = None, keep: Collection[Kept] = frozenset()
    ) -> GatewayState:
        """Delete all data but what is to ``keep``, and remove simulated faults; then load a fixture, if one is named.

        The clock stops at the aware instant ``now`` before that; None: it runs. Return the state after it.
        """
        async with self._moving():
            async with self._engine.paused():
                await self._database.write_alone(partial(_delete_everything, now=now, keep=keep))
            if fixture is not None:
                await self._load_fixture(fixture)
            return await self.clock()


def _anything_due(connection: Connection, *, with_events: bool) -> bool:
    return work.anything_due(connection, current_state(connection).now, with_events=with_events)


def _take_clock(connection: Connection, *, call: str) -> bool:
    now = clock_of(connection)()
    return duties.take(connection, _CLOCK, call, now, now + _CLOCK_LEASE) is not None


def _give_clock_up(connection: Connection, *, call: str) -> None:
    duties.give_up(connection, [_CLOCK], call, clock_of(connection)())


def _set_clock(connection: Connection, *, to: datetime) -> GatewayState:
    state = current_state(connection)
    if to < state.now and not state.clock_fresh:
        raise RefusedError(RefusalReason.CLOCK_SET_BACK)
    freeze_clock(connection, to)
    return current_state(connection)


def _freeze_now(connection: Connection, *, seconds: float | None, to: datetime | None) -> datetime:
    now = current_state(connection).now
    target = to if to is not None else now + timedelta(seconds=seconds or 0)
    if target < now:
        raise RefusedError(RefusalReason.CLOCK_ADVANCED_BACK)
    if not is_believable(target):
        raise RefusedError(RefusalReason.CONFLICT, f"The clock goes no further than {LATEST:%Y-%m-%d}.")
    freeze_clock(connection, now)
    return target


def _delete_everything(connection: Connection, *, now: datetime | None, keep: Collection[Kept]) -> None:
    work.empty(connection, keep)
    reset_state(connection)
    if now is not None:
        freeze_clock(connection, now)
