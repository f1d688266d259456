"""The simulated network: threads of handsets, faults and delivery reports, stored in the database."""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app.db import simulator
from app.db.session import Database
from app.db.shares import Share, ShareSource, all_numbers
from app.db.simulator import ThreadMessage
from app.db.state import MILLION, GatewayState, current_state, set_state
from app.domain.messages import DeliveryReport, OutboundStatus
from app.domain.msisdn import bucket_of
from app.domain.simulation import FaultMode, SimulatedReport
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Submission, Unknown
from app.services.delivery.receipts import Receipts
from app.services.ids import IdSource
from app.services.intake import NewMessage

__all__ = [
    "PROVIDER",
    "REPORTS_PER_BATCH",
    "SimulatedNetwork",
    "ThreadMessage",
    "draw_fault",
    "provider_id",
    "thread_row",
]

PROVIDER = "simulator"
REPORTS_PER_BATCH = 500
_FAULTS: Mapping[FaultMode, SendResult] = {
    FaultMode.REJECT: Refused("simulated: rejected"),
    FaultMode.THROTTLE: RefusedForNow("simulated: throttled", throttled=True),
    FaultMode.ERROR: RefusedForNow("simulated: error"),
    FaultMode.TIMEOUT: Unknown("simulated: answer lost"),
}


class SimulatedNetwork:
    """Delivers messages to simulated handsets and reports on them, with configurable faults.

    ``changes`` counts notifications of changed threads; see ``wait_for_change``.
    """

    def __init__(self, database: Database, ids: IdSource, receipts: Receipts, share: ShareSource = all_numbers) -> None:
        """``share`` returns the numbers whose messages ``step`` reports on."""
        self._database = database
        self._ids = ids
        self._receipts = receipts
        self._share = share
        # Messages that a carrier beside the gateway reports on, instead of this network.
        self.reported_elsewhere: Collection[str] = ()
        self.changes = 0
        self._changed = asyncio.Event()

    # ---- towards the handsets

    def take(self, connection: Connection, submissions: Sequence[Submission]) -> list[SendResult]:
        """Accept messages in order in the transaction of the caller, who calls ``changed`` after the commit.

        Return one result for each. After one that was refused for now or whose result is unknown, later ones of its
        recipient and lane get NotTried, so that messages stay in order.
        """
        state = current_state(connection)
        faults_left = state.fault_count
        results: list[SendResult] = []
        rows: list[dict[str, object]] = []
        blocked: set[tuple[str, str]] = set()
        for item in submissions:
            if (item.recipient, item.lane) in blocked:
                results.append(NotTried())
                continue
            fault = draw_fault(state, faults_left)
            if fault is not FaultMode.OK and faults_left is not None:
                faults_left -= 1
            result = _FAULTS.get(fault) or Accepted(provider_id(item.reference))
            if isinstance(result, Accepted | Unknown):
                rows.append(thread_row(next(self._ids), item.recipient, item.reference, state))
            if isinstance(result, RefusedForNow | Unknown):
                blocked.add((item.recipient, item.lane))
            results.append(result)
        simulator.add_to_threads(connection, rows)
        if faults_left != state.fault_count:
            set_state(connection, fault_count=faults_left)
        return results

    # ---- from the handsets

    def keep_sent(self, connection: Connection, sent: Sequence[NewMessage]) -> None:
        """Add MOs to their handsets' threads, in the transaction that stores them."""
        rows = [
            {
                "bucket": bucket_of(item.msisdn),
                "msisdn": item.msisdn,
                "seq": next(self._ids),
                "message_id": item.id,
                "direction": "mo",
                "at": item.at,
            }
            for item in sent
        ]
        simulator.add_to_threads(connection, rows)

    def keep_received(self, connection: Connection, received: Sequence[NewMessage]) -> None:
        """Add MOs that another provider delivered, as their answers come to the simulated handsets."""
        self.keep_sent(connection, [item for item in received if item.is_answered])

    # ---- reports

    async def step(self) -> bool:
        """Apply delivery reports that are due. Return True if there may be more."""
        done = await self._database.write(partial(self.report, share=self._share()))
        if done:
            self.changed()
        return done == REPORTS_PER_BATCH

    def report(self, connection: Connection, share: Share | None = None) -> int:
        """Apply delivery reports of a share in the caller's transaction; ``changed`` is called after the commit.

        Return the number of reports.
        """
        now = current_state(connection).now
        found = simulator.due_reports(connection, now, REPORTS_PER_BATCH, share)
        own = [one for one in found if one.message_id not in self.reported_elsewhere]
        due = simulator.claim_reports(connection, own)
        if not due:
            return 0
        self._receipts.apply(
            connection,
            [
                (PROVIDER, DeliveryReport(provider_id(item.message_id), OutboundStatus(item.report), at=now))
                for item in due
            ],
            now,
        )
        return len(due)

    # ---- configuration

    async def set_faults(self, mode: FaultMode, rate: float, count: int | None) -> None:
        """Set the answer to sends.

        ``rate`` is the share of sends that fail, from 0 to 1. ``count`` is how many fail at most; None: no limit.
        """
        await self._database.write(
            partial(set_state, fault_mode=mode.value, fault_rate_ppm=round(rate * MILLION), fault_count=count)
        )
        self.changed()

    async def set_delivery(self, report: SimulatedReport, delay_seconds: int) -> None:
        """Set the delivery report of messages accepted from now on: its status and its delay."""
        await self._database.write(partial(set_state, report_status=report.value, report_delay_seconds=delay_seconds))
        self.changed()

    # ---- watching threads

    def changed(self) -> None:
        """Wake everybody who waits in ``wait_for_change``."""
        self.changes += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self, seen_count: int, timeout_seconds: float) -> None:
        """Return when ``changes`` differs from ``seen_count`` or after ``timeout_seconds``."""
        if self.changes != seen_count:
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def thread(self, msisdn: str, after: str | None, limit: int) -> list[ThreadMessage]:
        """Return up to ``limit`` messages of a handset, oldest first, after the message with the id ``after``."""
        return await self._database.read(lambda connection: simulator.thread_of(connection, msisdn, after, limit))

    async def handsets(self) -> list[tuple[str, int, datetime]]:
        """Return each number that has a thread, with the count and the latest time (UTC) of its messages."""
        return await self._database.read(simulator.handsets)


def provider_id(reference: str) -> str:
    """Return the simulated network's own id of an MT."""
    return f"sim-{reference}"


def thread_row(seq: str, msisdn: str, message_id: str, state: GatewayState) -> dict[str, object]:
    """Return the row of an MT that a handset gets now, with the report that is to follow it."""
    reports = state.report_status is not SimulatedReport.NONE
    return {
        "bucket": bucket_of(msisdn),
        "msisdn": msisdn,
        "seq": seq,
        "message_id": message_id,
        "direction": "mt",
        "at": state.now,
        "report": state.report_status if reports else None,
        "report_due_at": state.now + timedelta(seconds=state.report_delay_seconds) if reports else None,
    }


def draw_fault(state: GatewayState, faults_left: int | None) -> FaultMode:
    """Return how the next send is answered; ``faults_left`` None: there is no limit of faults."""
    if state.fault_mode is FaultMode.OK or faults_left == 0:
        return FaultMode.OK
    if random.random() * MILLION >= state.fault_rate_ppm:  # noqa: S311  a simulated fault, not a secret
        return FaultMode.OK
    return state.fault_mode
