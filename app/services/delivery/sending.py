"""Sending: record the results of attempts and claim due messages, both in one commit (delivery.md 7-12)."""

import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from os import getpid

from sqlalchemy import Connection

from app import observability
from app.db import handovers, outbox, provider_state, recovery
from app.db.handovers import Handover
from app.db.outbox import ClaimedMessage
from app.db.provider_state import Circuit
from app.db.session import Database
from app.db.state import current_state
from app.domain.calendar import QuietHours
from app.domain.messages import Lane, OutboundStatus
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.providers.base import Provider, SendResult, Unknown
from app.services.delivery import breaker
from app.services.delivery.attempts import handover_of, jitter
from app.services.delivery.breaker import CircuitState
from app.services.delivery.dispatch import Attempted, Dispatch
from app.services.delivery.monitoring import DeliveryMonitor
from app.services.delivery.pacing import Pace
from app.services.delivery.receipts import Receipts

_NOT_TAKEN = "expired before it was taken"
LEASE = timedelta(seconds=60)
# Together less than a lease: sending begins this long after the claim at most, and a call lasts no longer than that.
_START_WITHIN_SECONDS = 20.0
LONGEST_CALL_SECONDS = 35.0
_CHECK_LEASES_SECONDS = 1
_WAIT_SECONDS = 0.25
_MAX_FAILED_OVER = 500
log = observability.logger(__name__)


@value
class _CommitResult:
    """What one commit found and did.

    ``resting``: the circuit is paused, so nothing was claimed. ``worked``: due messages were found or failed over.
    ``lost`` and ``failed_over`` are numbers of messages.
    """

    state: CircuitState
    resting: bool
    claimed: Sequence[ClaimedMessage] = ()
    worked: bool = False
    lost: int = 0
    failed_over: int = 0


class Delivery:
    """Sends due messages through one provider, or gives them to other providers while its circuit is open."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        receipts: Receipts,
        wake_reports: Callable[[], None],
        *,
        rate: float | None = None,
        window: int = 1,
        failover_routes: Sequence[recovery.FailoverRoute] = (),
        quiet_hours: QuietHours | None = None,
    ) -> None:
        """``rate``: calls a second, None: no limit. ``window``: the most calls in flight, from 1.

        ``failover_routes`` are in the order of preference. ``wake_reports`` is called after results were recorded.
        """
        self._database = database
        self._provider = provider
        self._receipts = receipts
        self._wake_reports = wake_reports
        self._failover_routes = failover_routes
        self._quiet_hours = quiet_hours or QuietHours()
        self._dispatch = Dispatch(provider, window, Pace(rate), LONGEST_CALL_SECONDS)
        self._leases = (f"{socket.gethostname()}:{getpid()}:{provider.name}:{number}" for number in count())
        self._next_lease_check = 0.0
        self._monitor = DeliveryMonitor(provider)

    def wake(self) -> None:
        """Wake the delivery, as there may be new messages to send."""
        self._dispatch.wake()

    async def step(self) -> bool:
        """Record finished attempts, claim due messages and dispatch them. Return True if there may be more to do.

        While the provider is not ready nothing is claimed, and what was claimed and not begun is given back. Calls may
        still be in flight on return, so that a hanging one does not delay other messages.
        """
        is_ready = self._provider.is_ready
        if not is_ready:
            self._dispatch.give_back()
        finished = self._dispatch.take_finished()
        room = self._dispatch.room if is_ready else 0
        if finished or room or not self._dispatch.busy:
            began = time.monotonic()
            done = await self._commit(finished, room)
            self._dispatch.add(done.claimed, began + _START_WITHIN_SECONDS)
            if not self._dispatch.busy:
                return done.worked
        await self._dispatch.wait_for_progress(_WAIT_SECONDS)
        return True

    async def finish(self) -> None:
        """Wait for the calls in flight and record their results; put the other claimed messages back into the queue."""
        await self._dispatch.finish()
        finished = self._dispatch.take_finished()
        if not finished:
            return
        try:
            await self._commit(finished, room=0)
        except StorageUnavailableError:
            log.warning("attempts could not be recorded; they are unknown when their leases end", count=len(finished))

    async def _commit(self, finished: list[Attempted], room: int) -> _CommitResult:
        check_leases = time.monotonic() >= self._next_lease_check
        work = partial(
            self._record_and_claim, finished=finished, room=room, lease=next(self._leases), check_leases=check_leases
        )
        try:
            done = await self._database.write(work)
        except BaseException as error:
            if finished and isinstance(error, Exception) and not isinstance(error, StorageUnavailableError):
                await self._record_one_by_one(finished)
                return await self._commit([], room)
            # After a cancellation, too, so that no result is lost.
            self._dispatch.return_finished(finished)
            raise
        if check_leases:
            self._next_lease_check = time.monotonic() + _CHECK_LEASES_SECONDS
        self._report_commit(done, finished)
        return done

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
            work = partial(self._record_and_claim, finished=[(message, recorded)], room=0, lease="", check_leases=False)
            try:
                self._report_commit(await self._database.write(work), [(message, recorded)])
            except StorageUnavailableError:
                raise
            except Exception:
                observability.SET_ASIDE.labels("message").inc()
                log.exception("a result could not be recorded", provider=self._provider.name, message_id=message.id)
            else:
                return

    def _record_and_claim(
        self, connection: Connection, *, finished: Sequence[Attempted], room: int, lease: str, check_leases: bool
    ) -> _CommitResult:
        """Record results and claim up to ``room`` messages under a lease of that name.

        ``check_leases``: also end the leases of workers that died.
        """
        now = current_state(connection).now
        before = provider_state.lock(connection, self._provider.name)
        self._record(connection, finished, now)
        circuit = breaker.circuit_after(before, [result for _, result in finished], now, jitter())
        if circuit != before:
            provider_state.save(connection, self._provider.name, circuit)
        lost = self._give_back_lost(connection, now) if check_leases else 0
        state = breaker.state_of(circuit, now)
        if breaker.is_paused(circuit, now):
            failed_over = self._fail_over(connection, now) if state is CircuitState.OPEN else 0
            return _CommitResult(state, resting=True, worked=failed_over > 0, lost=lost, failed_over=failed_over)
        most = room
        if state is CircuitState.HALF_OPEN:
            most = 0 if self._dispatch.busy else min(room, 1)
        claimed, worked = self._claim(connection, now, room, most, lease) if most else ([], False)
        return _CommitResult(state, resting=False, claimed=claimed, worked=worked, lost=lost)

    def _claim(
        self, connection: Connection, now: datetime, room: int, most: int, lease: str
    ) -> tuple[list[ClaimedMessage], bool]:
        """Claim up to ``most`` due messages. Return them, and whether any were due.

        Messages whose validity is over expire. In the quiet hours bulk messages are postponed to the morning
        (flows.md 15).
        """
        due = outbox.due_messages(connection, self._provider.name, now, room, lease)
        late = [message for message in due if message.valid_until <= now]
        good = [message for message in due if message.valid_until > now]
        morning = self._quiet_hours.release(now)
        if morning > now:
            outbox.postpone(connection, [message for message in good if message.lane == Lane.BULK], morning)
            good = [message for message in good if message.lane != Lane.BULK]
        good = good[:most]
        # Leases are timed by the machine's clock, as the gateway's clock may stand still.
        outbox.lease(connection, [*late, *good], datetime.now(UTC) + LEASE)
        if late:
            expired = [
                Handover(m, OutboundStatus.EXPIRED, now, final_at=m.valid_until, error_code=_NOT_TAKEN) for m in late
            ]
            handovers.record(connection, self._provider.name, expired, now)
            handovers.record_question_refusals(connection, handovers.questions_of(late), now)
        return good, bool(due)

    def _fail_over(self, connection: Connection, now: datetime) -> int:
        """Give queued messages to other providers that can carry them. Return how many (delivery.md 11)."""
        if not self._failover_routes:
            return 0
        circuits = provider_state.circuits(connection)
        usable = [
            route
            for route in self._failover_routes
            if not breaker.is_paused(circuits.get(route.provider, Circuit()), now)
        ]
        left = _MAX_FAILED_OVER
        for route in usable:
            left -= recovery.fail_over(connection, self._provider.name, route, now, left) if left else 0
        return _MAX_FAILED_OVER - left

    async def give_back_lost(self, *, everything: bool = False) -> None:
        """End the leases of workers that died.

        ``everything``: end all leases, as this is the only worker and it has just started.
        """
        self._monitor.attempts_lost(
            await self._database.write(partial(self._give_back_lost_now, everything=everything))
        )

    def _give_back_lost_now(self, connection: Connection, *, everything: bool) -> int:
        return self._give_back_lost(connection, current_state(connection).now, everything=everything)

    def _give_back_lost(self, connection: Connection, now: datetime, *, everything: bool = False) -> int:
        return recovery.release_lost_leases(
            connection,
            self._provider.name,
            datetime.now(UTC),
            now,
            resend=self._provider.resends_unknown,
            everything=everything,
        )

    # ---- record

    def _record(self, connection: Connection, finished: Sequence[Attempted], now: datetime) -> None:
        resends = self._provider.resends_unknown
        done = [handover_of(message, result, now, resends_unknown=resends) for message, result in finished]
        handovers.record(connection, self._provider.name, done, now)
        taken = [item.message for item in done if item.handed_over_at]
        failed = [item.message for item in done if item.status is OutboundStatus.FAILED]
        handovers.record_question_refusals(connection, handovers.questions_of(failed), now)
        handovers.record_question_arrivals(connection, handovers.questions_of(taken), set(), now)
        named = [item for item in done if item.provider_message_id]
        theirs = {one for item in named for one in (item.provider_message_id, *item.parts) if one}
        self._receipts.apply_parked(connection, self._provider.name, sorted(theirs), now)

    def _report_commit(self, done: _CommitResult, finished: Sequence[Attempted]) -> None:
        if done.resting:
            self._dispatch.give_back()
        if finished:
            self._wake_reports()
            self._monitor.attempts_ended([result for _, result in finished])
        if done.claimed:
            observability.batch("delivery", len(done.claimed))
        self._monitor.failed_over(done.failed_over)
        self._monitor.attempts_lost(done.lost)
        self._monitor.circuit_is(done.state)
