"""What one commit of sending does: record the results of attempts and claim due messages (delivery.md 7-12)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from app.db import handovers, outbox, provider_state, recovery
from app.db.clock import clock_of
from app.db.handovers import Handover
from app.db.outbox import ClaimedMessage
from app.db.provider_state import Circuit
from app.db.shares import Share
from app.db.state import current_state
from app.domain.calendar import QuietHours
from app.domain.messages import AttemptResult, Lane, OutboundStatus
from app.domain.values import value
from app.providers.base import Provider
from app.services.delivery import breaker
from app.services.delivery.attempts import handover_of, jitter
from app.services.delivery.breaker import CircuitState
from app.services.delivery.dispatch import Attempted
from app.services.delivery.receipts import Receipts

_NOT_TAKEN = "expired before it was taken"
LEASE = timedelta(seconds=60)
_MAX_FAILED_OVER = 500


@value
class CommitResult:
    """What one commit found and did.

    ``resting``: the circuit is paused, so nothing was claimed. ``worked``: due messages were found or failed over.
    ``emptied``: there was room for all that are due.
    ``failed_over`` is a number of messages.
    """

    state: CircuitState
    resting: bool
    claimed: Sequence[ClaimedMessage] = ()
    worked: bool = False
    emptied: bool = False
    failed_over: int = 0


class Claims:
    """Claims due messages of one provider, and records what became of the attempts to send them."""

    def __init__(
        self,
        provider: Provider,
        receipts: Receipts,
        failover_routes: Sequence[recovery.FailoverRoute],
        quiet_hours: QuietHours,
        is_down: Callable[[str], bool],
    ) -> None:
        """``failover_routes`` are in the order of preference. ``is_down``: no bind of a provider is up."""
        self._is_down = is_down
        self._provider = provider
        self._receipts = receipts
        self._failover_routes = failover_routes
        self._quiet_hours = quiet_hours

    def record_and_claim(
        self,
        connection: Connection,
        finished: Sequence[Attempted] = (),
        *,
        room: int = 0,
        lease: str | None = None,
        busy: bool = False,
        share: Share | None = None,
    ) -> CommitResult:
        """Record results and claim up to ``room`` messages of a share under a lease of that name.

        ``lease`` None: the results of the claimed messages are recorded in the same transaction. ``busy``: attempts are
        still under way.
        """
        now = current_state(connection).now
        before = provider_state.lock(connection, self._provider.name)
        self._record(connection, finished, now)
        circuit = breaker.circuit_after(before, [result for _, result in finished], now, jitter())
        if circuit != before:
            provider_state.save(connection, self._provider.name, circuit)
        is_down = self._is_down(self._provider.name)
        state = CircuitState.OPEN if is_down else breaker.state_of(circuit, now)
        if is_down or breaker.is_paused(circuit, now):
            failed_over = self._fail_over(connection, now) if state is CircuitState.OPEN else 0
            return CommitResult(state, resting=True, worked=failed_over > 0, failed_over=failed_over)
        most = room
        if state is CircuitState.HALF_OPEN:
            most = 0 if busy else min(room, 1)
        claimed, found = self._claim(connection, now, room, most, lease, share) if most else ([], 0)
        emptied = most == room and found < room
        return CommitResult(state, resting=False, claimed=claimed, worked=found > 0, emptied=emptied)

    def lease_new(
        self,
        connection: Connection,
        rows: Sequence[dict[str, Any]],
        now: datetime,
        *,
        room: int,
        lease: str,
        share: Share | None = None,
    ) -> list[ClaimedMessage]:
        """Lease up to ``room`` new messages of a share that may go at once, before they are stored.

        Bulk messages and those behind an earlier one of their number are left to a claim, and all of them unless the
        circuit is closed.
        """
        ours = [row for row in rows if share is None or row["bucket"] in share]
        prompt = [row for row in ours if row["status"] is OutboundStatus.QUEUED and row["lane"] is Lane.PROMPT][:room]
        if not prompt:
            return []
        circuit = provider_state.circuits(connection).get(self._provider.name, Circuit())
        if breaker.state_of(circuit, now) is not CircuitState.CLOSED or breaker.is_paused(circuit, now):
            return []
        busy = outbox.busy_numbers(connection, list({(row["bucket"], row["msisdn"]): None for row in prompt}))
        until = clock_of(connection)() + LEASE
        return [outbox.lease_new(row, lease, until) for row in prompt if row["msisdn"] not in busy]

    def _claim(
        self, connection: Connection, now: datetime, room: int, most: int, lease: str | None, share: Share | None
    ) -> tuple[list[ClaimedMessage], int]:
        """Claim up to ``most`` due messages. Return them, and how many were due, at most ``room``.

        Messages whose validity is over expire. In the quiet hours bulk messages are postponed to the morning
        (flows.md 15).
        """
        due = outbox.due_messages(connection, self._provider.name, now, room, lease, share)
        late = [message for message in due if message.valid_until <= now]
        good = [message for message in due if message.valid_until > now]
        morning = self._quiet_hours.release(now)
        if morning > now:
            outbox.postpone(connection, [message for message in good if message.lane == Lane.BULK], morning)
            good = [message for message in good if message.lane != Lane.BULK]
        ours = [*late, *good[:most]]
        if lease is not None:
            # Leases are timed by the database's clock, as the gateway's clock may stand still.
            ours = outbox.lease(connection, ours, clock_of(connection)() + LEASE)
        late = [message for message in ours if message.valid_until <= now]
        if late:
            expired = [
                Handover(m, OutboundStatus.EXPIRED, now, final_at=m.valid_until, error_code=_NOT_TAKEN) for m in late
            ]
            handovers.record(connection, self._provider.name, expired, now)
            handovers.record_question_refusals(connection, handovers.questions_of(late), now)
        return [message for message in ours if message.valid_until > now], len(due)

    def _fail_over(self, connection: Connection, now: datetime) -> int:
        """Give queued messages to other providers that can carry them. Return how many (delivery.md 11)."""
        if not self._failover_routes:
            return 0
        circuits = provider_state.circuits(connection)
        usable = [
            route
            for route in self._failover_routes
            if not breaker.is_paused(circuits.get(route.provider, Circuit()), now) and not self._is_down(route.provider)
        ]
        left = _MAX_FAILED_OVER
        for route in usable:
            left -= recovery.fail_over(connection, self._provider.name, route, now, left) if left else 0
        return _MAX_FAILED_OVER - left

    def give_back_lost(self, connection: Connection, now: datetime, *, everything: bool = False) -> int:
        """End the leases of workers that died, or all; return the number of messages."""
        provider_state.lock(connection, self._provider.name)
        ended = recovery.release_lost_leases(
            connection,
            self._provider.name,
            clock_of(connection)(),
            now,
            resend=self._provider.resends_unknown,
            everything=everything,
        )
        self._receipts.apply_parked_of(connection, ended, now)
        return len(ended)

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
        # Of a message that may have been taken, now or at an earlier attempt, a report may have come meanwhile.
        open_ended = [
            (item.message.bucket, item.message.id)
            for item in done
            if item.result is AttemptResult.UNKNOWN or (item.message.attempts > 1 and not item.handed_over_at)
        ]
        self._receipts.apply_parked_of(connection, open_ended, now)
