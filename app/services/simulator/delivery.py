"""Delivery to the simulated handsets: messages are claimed, taken, recorded and reported on in one commit (ADR 22)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection
from typing_extensions import override

from app import observability
from app.db.outbox import ClaimedMessage
from app.db.session import Database
from app.db.shares import Share, ShareSource, all_numbers
from app.domain.calendar import QuietHours
from app.domain.values import value
from app.providers.base import Provider
from app.services.delivery.breaker import CircuitState
from app.services.delivery.dispatch import Attempted, in_lines
from app.services.delivery.receipts import Receipts
from app.services.delivery.sending import Delivery
from app.services.delivery.slots import Slots
from app.services.simulator.network import SimulatedNetwork

_MOST = 500


@value
class Sent:
    """What one transaction sent.

    Attributes:
        attempted: the messages, with their results.
        circuit: the state after them.
        worked: due messages were found.
        is_full: there may be more that are due.
    """

    attempted: Sequence[Attempted]
    circuit: CircuitState
    worked: bool
    is_full: bool


class HandsetDelivery(Delivery):
    """Sends to the simulated network, which is in the same database: nothing is ever on its way between two commits."""

    def __init__(
        self,
        database: Database,
        provider: Provider,
        receipts: Receipts,
        network: SimulatedNetwork,
        slots: Slots,
        quiet_hours: QuietHours,
        numbers: ShareSource = all_numbers,
        is_worker: Callable[[], bool] = lambda: True,
    ) -> None:
        """``numbers`` returns the share that ``step`` sends to. ``is_worker``: whether this process sends."""
        super().__init__(database, provider, receipts, slots, quiet_hours=quiet_hours)
        self._numbers = numbers
        self._is_worker = is_worker
        self._network = network

    @override
    def is_ours(self) -> bool:
        """Return True in every process that sends: nobody's rate is kept."""
        return self._is_worker()

    @override
    def lease(self, connection: Connection, rows: Sequence[dict[str, Any]], now: datetime) -> list[ClaimedMessage]:
        """Lease nothing: the next step finds the messages, and sends them within its transaction."""
        return []

    @override
    async def step(self) -> bool:
        """Send due messages. Return True if there may be more to do at once."""
        sent = await self._database.write(partial(self.send_within, share=self._numbers()))
        self.note(sent)
        return sent.is_full

    def send_within(self, connection: Connection, share: Share | None = None) -> Sent:
        """Send due messages of a share in the transaction of the caller, who calls ``note`` after the commit."""
        done = self.claims.record_and_claim(connection, room=_MOST, share=share)
        if not done.claimed:
            return Sent((), done.state, done.worked, is_full=False)
        messages = [message for line in in_lines(done.claimed) for message in line]
        results = self._network.take(connection, messages)
        attempted = list(zip(messages, results, strict=True))
        state = self.claims.record_and_claim(connection, attempted).state
        self._network.report(connection, share)
        return Sent(attempted, state, done.worked, is_full=not done.emptied)

    def note(self, sent: Sent) -> None:
        """Count what was sent, and show it on the handsets."""
        if sent.attempted:
            observability.batch("delivery", len(sent.attempted))
            self.monitor.attempts_ended([result for _, result in sent.attempted])
            self.monitor.answered(sent.attempted, self._database.clock.micros())
            self._network.changed()
        self.monitor.circuit_is(sent.circuit)
