"""Handing messages over: record what was answered and claim what is due, both in one commit (delivery.md 7-12)."""

import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from os import getpid

from sqlalchemy import Connection

from app import observability
from app.db import handovers, outbox, provider_state
from app.db.handovers import Handover, QuestionKey
from app.db.outbox import ClaimedMessage, FailoverRoute
from app.db.provider_state import Circuit
from app.db.session import Database, StorageUnavailableError
from app.db.state import current_state
from app.domain.calendar import QuietHours
from app.domain.escape import escape
from app.domain.messages import Lane, OutboundStatus
from app.domain.retry import backoff
from app.domain.values import value
from app.providers.base import Accepted, NotTried, Provider, Refused, RefusedForNow, SendResult, Unknown
from app.services.delivery import breaker
from app.services.delivery.breaker import CircuitState
from app.services.delivery.dispatch import Attempted, Dispatch
from app.services.delivery.pacing import Pace
from app.services.delivery.receipts import Receipts

LEASE = timedelta(seconds=60)
# Together less than a lease: what was not begun in time is not tried, and no call lasts longer, whatever adapters do.
_START_WITHIN_SECONDS = 20.0
LONGEST_CALL_SECONDS = 35.0
_LOOK_FOR_LOST_SECONDS = 1
_LOOK_AGAIN_SECONDS = 0.25
_MOST_DIVERTED = 500
log = observability.logger(__name__)


@value
class _Round:
    """What one commit came to."""

    circuit: Circuit
    state: CircuitState
    resting: bool
    claimed: Sequence[ClaimedMessage] = ()
    worked: bool = False
    lost: int = 0
    failed_over: int = 0


class Delivery:
    """Sends what is due through one provider; other providers take over while that one is out of order."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        receipts: Receipts,
        wake_reports: Callable[[], None],
        *,
        rate: float | None = None,
        window: int = 1,
        failover_routes: Sequence[FailoverRoute] = (),
        quiet_hours: QuietHours | None = None,
    ) -> None:
        """``rate``: messages a second; ``window``: calls in flight; ``failover_routes``: in the order of preference."""
        self._database = database
        self._provider = provider
        self._receipts = receipts
        self._wake_reports = wake_reports
        self._detours = failover_routes
        self._quiet = quiet_hours or QuietHours()
        self._dispatch = Dispatch(provider, window, Pace(rate), LONGEST_CALL_SECONDS)
        self._leases = (f"{socket.gethostname()}:{getpid()}:{provider.name}:{number}" for number in count())
        self._next_look = 0.0
        self._seen = CircuitState.CLOSED

    def wake(self) -> None:
        """There may be something new to send."""
        self._dispatch.stir()

    async def step(self) -> bool:
        """Record, claim, and let the claimed go; whether there is or may be more to do.

        It comes back while calls are under way, so that one that hangs holds up nobody else's messages.
        """
        finished = self._dispatch.take_finished()
        room = self._dispatch.room
        if finished or room or not self._dispatch.busy:
            began = time.monotonic()
            done = await self._commit(finished, room)
            self._dispatch.add(done.claimed, began + _START_WITHIN_SECONDS)
            if not self._dispatch.busy:
                return done.worked
        await self._dispatch.progress(_LOOK_AGAIN_SECONDS)
        return True

    async def finish(self) -> None:
        """End what is under way and record it; what was not begun goes back into the queue."""
        await self._dispatch.finish()
        finished = self._dispatch.take_finished()
        if not finished:
            return
        try:
            await self._commit(finished, room=0)
        except StorageUnavailableError:
            log.warning("attempts could not be recorded; they are unknown when their leases end", count=len(finished))

    async def _commit(self, finished: list[Attempted], room: int) -> _Round:
        look = time.monotonic() >= self._next_look
        work = partial(self._round, finished=finished, room=room, lease=next(self._leases), look=look)
        try:
            done = await self._database.write(work)
        except BaseException as error:
            if finished and isinstance(error, Exception) and not isinstance(error, StorageUnavailableError):
                await self._record_one_by_one(finished)
                return await self._commit([], room)
            self._dispatch.put_back(finished)
            raise
        if look:
            self._next_look = time.monotonic() + _LOOK_FOR_LOST_SECONDS
        self._tell(done, finished)
        return done

    async def _record_one_by_one(self, finished: list[Attempted]) -> None:
        for place, one in enumerate(finished):
            try:
                await self._record_alone(*one)
            except BaseException:
                self._dispatch.put_back(finished[place:])
                raise

    async def _record_alone(self, message: ClaimedMessage, result: SendResult) -> None:
        """A result that cannot be recorded is as good as none; where not even that can be, the lease's end tells it."""
        for told in (result, Unknown("its result could not be recorded")):
            work = partial(self._round, finished=[(message, told)], room=0, lease="", look=False)
            try:
                self._tell(await self._database.write(work), [(message, told)])
            except StorageUnavailableError:
                raise
            except Exception:
                observability.SET_ASIDE.labels("message").inc()
                log.exception("a result could not be recorded", provider=self._provider.name, message_id=message.id)
            else:
                return

    def _round(
        self, connection: Connection, *, finished: Sequence[Attempted], room: int, lease: str, look: bool
    ) -> _Round:
        now = current_state(connection).now
        before = provider_state.lock(connection, self._provider.name)
        self._record(connection, finished, now)
        circuit = breaker.after(before, [result for _, result in finished], now, _jitter())
        if circuit != before:
            provider_state.save(connection, self._provider.name, circuit)
        lost = self._give_back(connection, now) if look else 0
        state = breaker.state_of(circuit, now)
        if breaker.is_paused(circuit, now):
            failed_over = self._fail_over(connection, now) if state is CircuitState.OPEN else 0
            return _Round(circuit, state, resting=True, worked=failed_over > 0, lost=lost, failed_over=failed_over)
        most = room
        if state is CircuitState.HALF_OPEN:
            most = 0 if self._dispatch.busy else min(room, 1)
        claimed, worked = self._claim(connection, now, room, most, lease) if most else ([], False)
        return _Round(circuit, state, resting=False, claimed=claimed, worked=worked, lost=lost)

    def _claim(
        self, connection: Connection, now: datetime, room: int, most: int, lease: str
    ) -> tuple[list[ClaimedMessage], bool]:
        """At most ``most`` messages to hand over; those that nobody took in time expire.

        What keeps the quiet hours and is still there in the evening goes in the morning (flows.md 15).
        """
        due = outbox.due_messages(connection, self._provider.name, now, room, lease)
        late = [message for message in due if message.valid_until <= now]
        good = [message for message in due if message.valid_until > now]
        morning = self._quiet.release(now)
        if morning > now:
            outbox.postpone(connection, [message for message in good if message.lane == Lane.BULK], morning)
            good = [message for message in good if message.lane != Lane.BULK]
        good = good[:most]
        # Leases are by the machine's clock: the gateway's may stand still.
        outbox.lease(connection, [*late, *good], datetime.now(UTC) + LEASE)
        if late:
            expired = [
                Handover(m, OutboundStatus.EXPIRED, now, "", final_at=m.valid_until, error_code=_NOT_TAKEN)
                for m in late
            ]
            handovers.record(connection, expired, now)
            handovers.record_question_refusals(connection, _questions(late), now)
        return good, bool(due)

    def _fail_over(self, connection: Connection, now: datetime) -> int:
        """Give what waits to the next providers that can carry it (delivery.md 11)."""
        if not self._detours:
            return 0
        circuits = provider_state.circuits(connection)
        able = [one for one in self._detours if not breaker.is_paused(circuits.get(one.provider, Circuit()), now)]
        left = _MOST_DIVERTED
        for detour in able:
            left -= outbox.fail_over(connection, self._provider.name, detour, now, left) if left else 0
        return _MOST_DIVERTED - left

    async def give_back_lost(self, *, everything: bool = False) -> None:
        """End the leases of workers that died; ``everything``: this is the only worker, and it has just started."""
        self._tell_lost(await self._database.write(partial(self._give_back_now, everything=everything)))

    def _give_back_now(self, connection: Connection, *, everything: bool) -> int:
        return self._give_back(connection, current_state(connection).now, everything=everything)

    def _give_back(self, connection: Connection, now: datetime, *, everything: bool = False) -> int:
        return outbox.release_lost_leases(
            connection,
            self._provider.name,
            datetime.now(UTC),
            now,
            resend=self._provider.resends_unknown,
            everything=everything,
        )

    # ---- record

    def _record(self, connection: Connection, finished: Sequence[Attempted], now: datetime) -> None:
        done = [self._handover(message, result, now) for message, result in finished]
        handovers.record(connection, done, now)
        taken = [item.message for item in done if item.handed_over_at]
        failed = [item.message for item in done if item.status is OutboundStatus.FAILED]
        handovers.record_question_refusals(connection, _questions(failed), now)
        handovers.record_question_arrivals(connection, _questions(taken), set(), now)
        self._receipts.join_parked(
            connection, self._provider.name, [i.provider_message_id for i in done if i.provider_message_id], now
        )

    def _handover(self, message: ClaimedMessage, result: SendResult, now: datetime) -> Handover:
        match result:
            case Accepted(theirs):
                return Handover(message, OutboundStatus.ACCEPTED, now, "accepted", escape(theirs), handed_over_at=now)
            case Refused(code):
                return Handover(message, OutboundStatus.FAILED, now, "refused", final_at=now, error_code=code)
            case RefusedForNow(code, retry_after):
                again = outbox.retry_at(now, backoff(message.attempts, _jitter(), retry_after), message.valid_until)
                return Handover(message, OutboundStatus.QUEUED, again, "refused for now", error_code=code)
            case Unknown(code) if self._provider.resends_unknown:
                again = outbox.retry_at(now, backoff(message.attempts, _jitter()), message.valid_until)
                return Handover(message, OutboundStatus.QUEUED, again, "unknown", error_code=code)
            case Unknown(code):
                return Handover(message, OutboundStatus.UNKNOWN, now, "unknown", error_code=code)
            case NotTried():
                return Handover(message, OutboundStatus.QUEUED, now, "")

    # ---- what others see of it

    def _tell(self, done: _Round, finished: Sequence[Attempted]) -> None:
        if done.resting:
            self._dispatch.give_back()
        if finished:
            self._wake_reports()
            self._count([result for _, result in finished])
        if done.claimed:
            observability.batch("delivery", len(done.claimed))
        if done.failed_over:
            observability.FAILED_OVER.labels(self._provider.name).inc(done.failed_over)
        self._tell_lost(done.lost)
        if done.state is not self._seen:
            self._seen = done.state
            log.warning("the circuit of a provider changed", provider=self._provider.name, circuit=done.state.value)

    def _count(self, results: Sequence[SendResult]) -> None:
        for kind, number in Counter(type(result) for result in results).items():
            observability.ATTEMPTS.labels(self._provider.name, kind.__name__.lower()).inc(number)
            if kind is Accepted:
                observability.ACCEPTED.labels(self._provider.name).inc(number)
            if kind is Unknown and self._provider.resends_unknown:
                observability.DOUBLES.labels(self._provider.name).inc(number)

    def _tell_lost(self, number: int) -> None:
        if not number:
            return
        resent = self._provider.resends_unknown
        log.warning("attempts of a worker that died", provider=self._provider.name, count=number, resent=resent)
        observability.ATTEMPTS.labels(self._provider.name, "lost").inc(number)
        if resent:
            observability.DOUBLES.labels(self._provider.name).inc(number)


_NOT_TAKEN = "expired before it was taken"


def _jitter() -> float:
    return random.random()  # noqa: S311  not a secret


def _questions(messages: Sequence[ClaimedMessage]) -> set[QuestionKey]:
    return {(message.bucket, message.msisdn, message.question_id) for message in messages if message.question_id}
