"""Sending: record the results of attempts and claim due messages, both in one commit (delivery.md 7-12)."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import Connection

from app import observability
from app.db import recovery
from app.db.outbox import ClaimedMessage
from app.db.session import Database
from app.db.shares import Share
from app.db.state import current_state
from app.domain.calendar import QuietHours
from app.domain.sharing import buckets_of_slots
from app.domain.storage import StorageUnavailableError
from app.pacing import Pace
from app.providers.base import Provider, SendResult, Unknown
from app.services.delivery.claims import Claims, CommitResult
from app.services.delivery.dispatch import Attempted, Dispatch
from app.services.delivery.monitoring import DeliveryMonitor
from app.services.delivery.receipts import Receipts
from app.services.delivery.slots import Slots
from app.services.worker_number import process_name

# Together less than a lease: sending begins this long after the claim at most, and a call lasts no longer than that.
_START_WITHIN_SECONDS = 20.0
LONGEST_CALL_SECONDS = 35.0
log = observability.logger(__name__)


class Delivery:
    """Sends due messages through one provider, or gives them to other providers while its circuit is open."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        receipts: Receipts,
        slots: Slots,
        *,
        rate: float | None = None,
        window: int = 1,
        failover_routes: Sequence[recovery.FailoverRoute] = (),
        quiet_hours: QuietHours | None = None,
    ) -> None:
        """``rate``: calls a second through all slots, None: no limit. ``window``: the most in flight through a slot.

        ``failover_routes`` are in the order of preference.
        """
        self._database = database
        self._provider = provider
        self._slots = slots
        self.stand_ins = [route.provider for route in failover_routes]
        self.claims = Claims(provider, receipts, failover_routes, quiet_hours or QuietHours(), slots.is_down)
        self._dispatch = Dispatch(provider, window, Pace(rate), LONGEST_CALL_SECONDS)
        self._worker = f"{process_name()}:{provider.name}"
        self._lease_numbers = count()
        self._wants_claim = False
        self._has_caught_up = False
        self.monitor = DeliveryMonitor(provider, database.failures)

        # Wakes the loop that repeats ``step``; set by the one who adds it.
        self.wake_loop: Callable[[], None] = lambda: None

    def is_ours(self) -> bool:
        """Return True while this process sends, or gives the messages to other providers."""
        return bool(self._slots.up(self._provider.name)) or self._slots.has_to_divert(self._provider.name)

    def _share(self, up: frozenset[int]) -> Share | None:
        """Return the buckets whose messages go through some slots."""
        return buckets_of_slots(up, max(1, self._provider.slots))

    # ---- for turns

    def wake(self) -> None:
        """Look for queued messages soon, also while others are being sent."""
        self._wants_claim = True
        self._dispatch.wake()
        self.wake_loop()

    def lease(self, connection: Connection, rows: Sequence[dict[str, Any]], now: datetime) -> list[ClaimedMessage]:
        """Lease new messages that may go at once, unless older ones are waiting, and return them."""
        up = self._slots.up(self._provider.name)
        room = self._dispatch.room if self._has_caught_up and up else 0
        return self.claims.lease_new(connection, rows, now, room=room, lease=self._new_lease(), share=self._share(up))

    def send(self, leased: Sequence[ClaimedMessage], began: float) -> None:
        """Dispatch messages that were leased by a commit which began at ``began`` (monotonic seconds)."""
        observability.batch("delivery", len(leased))
        self._dispatch.add(leased, began + _START_WITHIN_SECONDS)
        self.wake_loop()

    # ---- sending

    async def step(self) -> bool:
        """Record finished attempts, claim due messages and dispatch them. Return True if there may be more to do.

        While none of its slots is up nothing is claimed, and what was claimed and not begun is given back. Calls may
        still be in flight on return, so that a hanging one does not delay other messages.
        """
        up = self._slots.up(self._provider.name)
        self._dispatch.use_slots(len(up), max(1, self._provider.slots))
        if not up:
            self._dispatch.give_back()
        finished = self._dispatch.take_finished()
        # Messages that were leased when they were made need no claim.
        if finished or self._wants_claim or not self._dispatch.busy:
            began, self._wants_claim = time.monotonic(), False
            done = await self._commit(finished, self._dispatch.room if up else 0, self._share(up))
            self._dispatch.add(done.claimed, began + _START_WITHIN_SECONDS)
            if not self._dispatch.busy:
                return done.worked
        await self._dispatch.wait_for_progress()
        return True

    async def finish(self) -> None:
        """Give back the claimed messages that were not begun; wait for the calls in flight and record their results."""
        self._dispatch.give_back()
        await self._record_rest()
        await self._dispatch.finish()
        await self._record_rest()
        self.monitor.left()

    async def _record_rest(self) -> None:
        finished = self._dispatch.take_finished()
        if not finished:
            return
        try:
            await self._commit(finished, room=0)
        except StorageUnavailableError:
            log.warning("attempts could not be recorded; they are unknown when their leases end", count=len(finished))

    async def _commit(self, finished: list[Attempted], room: int, share: Share | None = None) -> CommitResult:
        busy, lease = self._dispatch.busy, self._new_lease()
        work = partial(self.claims.record_and_claim, finished=finished, room=room, lease=lease, busy=busy, share=share)
        began = time.monotonic()
        try:
            done = await self._database.write(work)
        except BaseException as error:
            if finished and isinstance(error, Exception) and not isinstance(error, StorageUnavailableError):
                await self._record_one_by_one(finished)
                return await self._commit([], room, share)
            # After a cancellation, too, so that no result is lost.
            self._dispatch.return_finished(finished)
            raise
        if room:
            self._has_caught_up = done.emptied
        if finished or done.worked:
            self._database.failures.took("delivery", time.monotonic() - began)
        self._report_commit(done, finished)
        return done

    def _new_lease(self) -> str:
        return f"{self._worker}:{next(self._lease_numbers)}"

    async def _record_one_by_one(self, finished: list[Attempted]) -> None:
        for index, (message, result) in enumerate(finished):
            try:
                await self._record_alone(message, result)
            except BaseException:
                self._dispatch.return_finished(finished[index:])
                raise

    async def _record_alone(self, message: ClaimedMessage, result: SendResult) -> None:
        """Record one result, or, if that fails, that it is unknown. If both fail, the lease runs out instead."""
        for recorded in (result, Unknown("its result could not be recorded")):
            work = partial(self.claims.record_and_claim, finished=[(message, recorded)])
            try:
                self._report_commit(await self._database.write(work), [(message, recorded)])
            except StorageUnavailableError:
                raise
            except Exception:
                observability.SET_ASIDE.labels("message").inc()
                log.exception("a result could not be recorded", provider=self._provider.name, message_id=message.id)
            else:
                return

    async def give_back_lost(self, *, everything: bool = False) -> None:
        """End the leases of workers that died.

        ``everything``: end all leases, as this is the only worker and it has just started.
        """
        self.monitor.attempts_lost(await self._database.write(partial(self._give_back_lost_now, everything=everything)))

    def _give_back_lost_now(self, connection: Connection, *, everything: bool) -> int:
        return self.claims.give_back_lost(connection, current_state(connection).now, everything=everything)

    def _report_commit(self, done: CommitResult, finished: Sequence[Attempted]) -> None:
        if done.resting:
            self._dispatch.give_back()
        if finished:
            self.monitor.attempts_ended([result for _, result in finished])
            self.monitor.answered(finished, self._database.clock.micros())
        if done.claimed:
            observability.batch("delivery", len(done.claimed))
        self.monitor.failed_over(done.failed_over)
        self.monitor.circuit_is(done.state)
