"""Control of a gateway in demo and test: drain it, move its clock, reset it (http-api.md, simulator)."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app.db import work
from app.db.session import Database
from app.db.state import GatewayState, current_state, freeze_clock, reset_state
from app.domain.calendar import LATEST, is_believable
from app.domain.refusals import RefusalReason
from app.services.engine import Engine
from app.services.refusals import RefusedError
from app.services.simulator.advancing import Advance

_POLL_SECONDS = 0.02


class Simulation:
    """Drains the gateway, moves its clock and resets it. Calls that move or reset run one at a time."""

    def __init__(
        self, database: Database, engine: Engine, advance: Advance, load_fixture: Callable[[str], Awaitable[None]]
    ) -> None:
        self._database = database
        self._engine = engine
        self._advance = advance
        self._load_fixture = load_fixture
        self._lock = asyncio.Lock()

    async def clock(self) -> GatewayState:
        """Return the gateway's state, with its clock."""
        return await self._database.read(current_state)

    async def drain(self, timeout_seconds: float) -> bool:
        """Process everything that is due. Return False if that takes longer than ``timeout_seconds`` of real time."""
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
        """Freeze the clock at an aware instant. Raise RefusedError if it would go back, except right after a reset."""
        async with self._lock:
            return await self._database.write(partial(_set_clock, to=to))

    async def advance(self, *, seconds: float | None = None, to: datetime | None = None) -> GatewayState:
        """Move the clock forward and freeze it there, by ``seconds`` or to the aware instant ``to``.

        Everything that falls due on the way is processed in order, with the clock at its own time. Raise RefusedError
        for a time in the past or too far in the future.
        """
        async with self._lock:
            target = await self._database.write(partial(_freeze_now, seconds=seconds, to=to))
            await self._advance.run(target)
            return await self.clock()

    async def reset(self, fixture: str | None) -> None:
        """Delete all data, unfreeze the clock and remove simulated faults; then load a fixture, if one is named."""
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


def _delete_everything(connection: Connection) -> None:
    work.empty(connection)
    reset_state(connection)
