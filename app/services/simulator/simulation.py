"""The movable clock and the clean slate: what makes the gateway a test double of 10086 (http-api.md, simulator)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app.db import work
from app.db.session import Database
from app.db.state import GatewayState, current_state, freeze_clock, reset_state
from app.domain.calendar import LATEST, believable
from app.services.engine import Engine

_POLL_SECONDS = 0.02


class ClockError(Exception):
    """The clock cannot be set so; the words say what to do."""


class Simulation:
    """Drains, moves the clock, resets. One call at a time."""

    def __init__(self, database: Database, engine: Engine, load_fixture: Callable[[str], Awaitable[None]]) -> None:
        self._database = database
        self._engine = engine
        self._load_fixture = load_fixture
        self._lock = asyncio.Lock()

    async def clock(self) -> GatewayState:
        """The clock as it is."""
        return await self._database.read(current_state)

    async def drain(self, timeout_seconds: float) -> bool:
        """Work until nothing is due; whether that was reached in time (seconds of the machine's clock)."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._engine.settle()
            except TimeoutError:
                return False
            if not await self._database.read(_anything_due):
                return True
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)

    async def set_clock(self, to: datetime) -> GatewayState:
        """Freeze the clock at an instant; back in time only right after a reset, else ClockError."""
        async with self._lock:
            return await self._database.write(partial(_set_clock, to=to))

    async def advance(self, *, seconds: float | None = None, to: datetime | None = None) -> GatewayState:
        """Move the clock, doing everything that falls due on the way at its own time, in order."""
        async with self._lock:
            target = await self._database.write(partial(_freeze_now, seconds=seconds, to=to))
            await self._engine.settle()
            while True:
                due = await self._database.write(partial(_advance_to_next_due, target=target))
                await self._engine.settle()
                if due is None:
                    return await self.clock()

    async def reset(self, fixture: str | None) -> None:
        """Empty everything, let the clock run free and the network be well; then load a fixture."""
        async with self._lock:
            async with self._engine.paused():
                await self._database.write_alone(_delete_everything)
            if fixture is not None:
                await self._load_fixture(fixture)


def _anything_due(connection: Connection) -> bool:
    return work.anything_due(connection, current_state(connection).now)


def _set_clock(connection: Connection, *, to: datetime) -> GatewayState:
    state = current_state(connection)
    if to < state.now and not state.clock_fresh:
        raise ClockError("The clock goes back only right after POST /simulator/reset.")
    freeze_clock(connection, to)
    return current_state(connection)


def _freeze_now(connection: Connection, *, seconds: float | None, to: datetime | None) -> datetime:
    now = current_state(connection).now
    target = to if to is not None else now + timedelta(seconds=seconds or 0)
    if target < now:
        raise ClockError("The clock only goes forward; POST /simulator/reset, then PUT /simulator/clock.")
    if not believable(target):
        raise ClockError(f"The clock goes no further than {LATEST:%Y-%m-%d}.")
    freeze_clock(connection, now)
    return target


def _advance_to_next_due(connection: Connection, *, target: datetime) -> datetime | None:
    """Set the clock to the next thing that falls due, or to the target if nothing does before it."""
    due = work.next_due(connection, current_state(connection).now)
    if due is not None and due <= target:
        freeze_clock(connection, due)
        return due
    freeze_clock(connection, target)
    return None


def _delete_everything(connection: Connection) -> None:
    work.empty(connection)
    reset_state(connection)
