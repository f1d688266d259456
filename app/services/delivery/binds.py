"""The binds of session carriers: each runs in a task of its own while its slot is leased; its failure is its own."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from app import observability
from app.db.binds import Slot
from app.domain.retry import backoff
from app.domain.storage import StorageUnavailableError
from app.failures import Kind
from app.providers.base import BindEndedError, Inbox, Provider, session_number
from app.services.delivery.slots import HeldSlot, SlotLease, Slots

# How often leases are renewed and free slots looked for, and how soon again if that failed: so that a bind outlives a
# database that is away for 5 s. How often the binds are looked at: more often while one is being made, as an adapter
# tells nobody when it is.
_LOOK_SECONDS, _AGAIN_SECONDS = 3.0, 1.0
_TICK_SECONDS, _QUICK_TICK_SECONDS = 1.0, 0.1
_LONGEST_PAUSE = timedelta(seconds=30)
# A bind that lasted longer than this counts as good: the pause before the next one is short again.
_GOOD_AFTER_SECONDS = 60.0
log = observability.logger(__name__)


@dataclass(slots=True)
class _Running:
    """The task of a bind, and the lease that it runs under. ``cancelled``: how often it was."""

    task: asyncio.Task[None]
    lease: SlotLease
    cancelled: int = 0


class Binds:
    """Runs a bind in each slot of this process, and starts one that ended again after a pause that grows."""

    def __init__(
        self,
        slots: Slots,
        providers: Mapping[str, Provider],
        inboxes: Mapping[str, Inbox],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``inboxes`` are by the names of the providers; ``sleep`` waits for some seconds."""
        self._slots = slots
        self._providers = providers
        self._inboxes = inboxes
        self._sleep = sleep
        self._running: dict[Slot, _Running] = {}
        self._woken = asyncio.Event()
        self._looked_at = -math.inf
        self._is_stopping = self._has_stopped = False
        self._has_changed = False
        self._keeping: asyncio.Task[None] | None = None
        # Called in the event loop when a bind came up or went down.
        self.when_changed: Callable[[], None] = lambda: None

    # ---- the task that watches them

    async def start(self) -> None:
        """Take the slots that fall to this process, and keep their binds up."""
        if self._slots.all:
            with suppress(StorageUnavailableError):
                await self.look()
            self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End all binds in order, and leave their slots to other processes."""
        self._is_stopping = True
        self._slots.leave()
        self.when_changed()
        for one in self._running.values():
            _cancel(one)
        # Meanwhile the leases are renewed.
        await asyncio.gather(*(one.task for one in self._running.values()), return_exceptions=True)
        self._note_states()
        if self._keeping is not None:
            # Not cancelled: a renewal that goes on in its thread would take back the slots that are given up here.
            self._has_stopped = True
            self._woken.set()
            await asyncio.gather(self._keeping, return_exceptions=True)
        try:
            await self._slots.give_up()
        except StorageUnavailableError:
            log.warning("the database is away; other processes bind when the leases lapse")

    def look_soon(self) -> None:
        """Look for slots that others have left."""
        self._looked_at = -math.inf
        self._woken.set()

    async def _keep(self) -> None:
        while True:
            are_up = all(held.is_up for held in self._slots.held.values())
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS if are_up else _QUICK_TICK_SECONDS):
                    await self._woken.wait()
            if self._has_stopped:
                return
            self._woken.clear()
            try:
                with suppress(StorageUnavailableError):  # the leases are renewed later
                    await self._tick_and_watch()
            except Exception:
                log.exception("the leases of binds could not be renewed; trying again")

    async def _tick_and_watch(self) -> None:
        """End binds in time, also while the database does not answer."""
        ticking = asyncio.create_task(self.tick())
        try:
            while not (await asyncio.wait([ticking], timeout=_TICK_SECONDS))[0]:
                self._follow_leases()
        finally:
            ticking.cancel()
        ticking.result()

    async def tick(self) -> None:
        """Note which binds are up, end those whose lease is running out, and look again if it is time."""
        self._note_states()
        self._follow_leases()
        changed, self._has_changed = self._has_changed, False
        if changed:
            self.when_changed()
        if time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            await self.look()
        elif changed or any(held.confirmed for held in self._slots.held.values()):
            await self._renew(may_take=False)

    async def look(self) -> None:
        """Renew the leases and take what falls to this process, then run a bind in each slot."""
        began = time.monotonic()
        self._looked_at = began - _LOOK_SECONDS + _AGAIN_SECONDS
        try:
            await self._renew(may_take=True)
            self._looked_at = began
        finally:
            self._follow_leases()

    async def _renew(self, *, may_take: bool) -> None:
        before = dict(self._slots.held)
        await self._slots.look(may_take=may_take)
        for slot in before.keys() - self._slots.held.keys():
            log.warning("another process has a bind", provider=slot.provider, slot=slot.number)
            self._slots.failures.forget(Kind.BIND_DOWN, _name(slot))
            self._has_changed = True

    # ---- binds

    def _note_states(self) -> None:
        for slot, held in self._slots.held.items():
            self._note_state(slot, held)
        up = Counter(slot.provider for slot, held in self._slots.held.items() if held.is_up)
        for slot in self._slots.all:
            observability.BIND_UP.labels(slot.provider).set(up[slot.provider])

    def _note_state(self, slot: Slot, held: HeldSlot, why_down: str | None = None) -> None:
        """Note whether a bind is up, with a log line if that has changed.

        ``why_down``: if it is not; None: it is being ended here.
        """
        is_up = slot.number in self._providers[slot.provider].slots_up
        if is_up == held.is_up:
            return
        held.is_up, self._has_changed = is_up, True
        if is_up:
            if not self._slots.failures.over(Kind.BIND_DOWN, _name(slot)):
                log.info("a bind is up", provider=slot.provider, slot=slot.number)
        elif why_down is None:
            log.info("a bind is being ended", provider=slot.provider, slot=slot.number)
        elif self._is_stopping:
            log.info("a bind is down", provider=slot.provider, slot=slot.number, reason=why_down)

    def _follow_leases(self) -> None:
        """Run a bind in each slot of this process, and end those whose lease is running out."""
        for slot, one in [*self._running.items()]:
            if one.task.done():
                del self._running[slot]
            elif not one.lease.may_submit:
                _cancel(one, times=1 if one.lease.seconds_left > 0 else 2)
        for slot, held in self._slots.held.items():
            if slot not in self._running and held.lease.may_submit and not self._is_stopping:
                task = asyncio.create_task(self._keep_up(slot, held), name=slot.duty)
                task.add_done_callback(lambda _: self._woken.set())
                self._running[slot] = _Running(task, held.lease)

    async def _keep_up(self, slot: Slot, held: HeldSlot) -> None:
        provider, inbox = self._providers[slot.provider], self._inboxes[slot.provider]
        failures = 0
        # A bind that was cancelled may say why it ended.
        while not _is_cancelled():
            began = time.monotonic()
            pause: timedelta | None = None
            try:
                await provider.run(slot.number, inbox, held.lease)
                reason, kind = "it ended", "link"
            except BindEndedError as error:
                reason, kind, pause = str(error), error.kind, error.pause
            except Exception as error:
                log.exception("a bind failed", provider=slot.provider, slot=slot.number)
                reason, kind = type(error).__name__, "error"
            finally:
                held.over = session_number()
            self._note_end(slot, held, reason, kind)
            failures = 1 if time.monotonic() - began > _GOOD_AFTER_SECONDS else failures + 1
            if pause is None:
                pause = backoff(failures, random.random(), cap=_LONGEST_PAUSE)  # noqa: S311  not a secret
            if not _is_cancelled():
                await self._sleep(pause.total_seconds())

    def _note_end(self, slot: Slot, held: HeldSlot, reason: str, kind: str) -> None:
        held.last_error, self._has_changed = reason, True
        self._note_state(slot, held, reason)
        if not self._is_stopping:
            self._slots.failures.met(Kind.BIND_DOWN, _name(slot), cause=reason)
        observability.BINDS_ENDED.labels(slot.provider, observability.label(kind)).inc()
        self._woken.set()


def _name(slot: Slot) -> str:
    return f"{slot.provider}/{slot.number}"


def _cancel(running: _Running, times: int = 1) -> None:
    """Cancel a bind: once to have it end in order, a second time to have it end at once."""
    if running.cancelled < times:
        running.cancelled += 1
        running.task.cancel()


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
