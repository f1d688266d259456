"""The simulated network: threads of handsets, faults and delivery reports, stored in the database."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app.db import simulator, simulator_handsets
from app.db.outbox import ClaimedMessage
from app.db.session import Database
from app.db.shares import Share, ShareSource, all_numbers
from app.db.simulator import DueReport, ThreadMessage
from app.db.simulator_handsets import OwnConditions, conditions_of
from app.db.state import GatewayState, current_state, set_state
from app.domain.messages import DeliveryReport, OutboundStatus
from app.domain.msisdn import bucket_of
from app.domain.simulation import FATES, MILLION, Fate, Fault, FaultMode, Reporting, SimulatedReport
from app.domain.values import replace
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Unknown
from app.services.delivery.receipts import Receipts
from app.services.ids import IdSource
from app.services.intake import NewMessage
from app.services.simulator.conditions import Conditions

__all__ = [
    "PROVIDER",
    "REPORTS_PER_BATCH",
    "SimulatedNetwork",
    "ThreadMessage",
    "provider_id",
    "thread_row",
]

PROVIDER = "simulator"
REPORTS_PER_BATCH = 500
_NO_FATE = Fate("as all")
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

    def __init__(
        self,
        database: Database,
        ids: IdSource,
        receipts: Receipts,
        share: ShareSource = all_numbers,
        *,
        has_fates: bool = True,
    ) -> None:
        """``share`` returns the numbers whose messages ``step`` reports on.

        ``has_fates``: there are numbers to which every message has a fate.
        """
        self._has_fates = has_fates
        self._database = database
        self._ids = ids
        self._receipts = receipts
        self._share = share
        # Messages that a carrier beside the gateway reports on, instead of this network.
        self.reported_elsewhere: Collection[str] = ()
        self.changes = 0
        self._changed = asyncio.Event()

    # ---- towards the handsets

    def take(self, connection: Connection, messages: Sequence[ClaimedMessage]) -> list[SendResult]:
        """Accept messages in order in the transaction of the caller, who calls ``changed`` after the commit.

        Return one result for each. After one that was refused for now or whose result is unknown, later ones of its
        recipient and lane get NotTried, so that messages stay in order.
        """
        state = current_state(connection)
        conditions = self.conditions(connection, state, {message.msisdn for message in messages})
        results: list[SendResult] = []
        rows: list[dict[str, object]] = []
        blocked: set[tuple[str, str]] = set()
        for item in messages:
            if (item.msisdn, item.lane) in blocked:
                results.append(NotTried())
                continue
            mode, is_own = conditions.answer_to(item.msisdn, item.attempts)
            result = _FAULTS.get(mode) or Accepted(provider_id(item.id))
            if isinstance(result, Accepted | Unknown):
                rows.append(thread_row(next(self._ids), item.msisdn, item.id, state.now, conditions))
            if isinstance(result, RefusedForNow | Unknown):
                blocked.add((item.msisdn, item.lane))
                result = replace(result, of_recipient=True) if is_own else result
            results.append(result)
        simulator.add_to_threads(connection, rows)
        conditions.save()
        return results

    def conditions(self, connection: Connection, state: GatewayState, numbers: Collection[str]) -> Conditions:
        """Return how these handsets are treated."""
        return Conditions(connection, state, numbers, has_fates=self._has_fates)

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
        reports = [(PROVIDER, report) for item in due for report in self._reports_on(item, now)]
        self._receipts.apply(connection, reports, now)
        return len(due)

    def _reports_on(self, due: DueReport, now: datetime) -> Iterator[DeliveryReport]:
        yield DeliveryReport(provider_id(due.message_id), OutboundStatus(due.report), at=now)
        if self._has_fates and FATES.get(due.msisdn, _NO_FATE).reports_twice:
            older = OutboundStatus(SimulatedReport.UNDELIVERED)
            yield DeliveryReport(provider_id(due.message_id), older, at=now - timedelta(seconds=1))

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

    async def own_conditions(self, msisdn: str) -> OwnConditions:
        """Return what holds for one handset alone."""
        found = await self._database.read(lambda connection: conditions_of(connection, [msisdn]))
        return found.get(msisdn, OwnConditions())

    async def set_own_fault(self, msisdn: str, fault: Fault | None) -> None:
        """Set the answer to sends to one handset; None: as to all others."""
        await self._database.write(partial(simulator_handsets.set_faults, faults={msisdn: fault}))

    async def set_own_reporting(self, msisdn: str, reporting: Reporting | None) -> None:
        """Set the delivery report of messages that one handset gets from now on; None: as of all others."""
        given = partial(simulator_handsets.set_reporting, msisdn=msisdn, reporting=reporting)
        await self._database.write(given)

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


def thread_row(seq: str, msisdn: str, message_id: str, now: datetime, conditions: Conditions) -> dict[str, object]:
    """Return the row of an MT that a handset gets now (UTC), with the report that is to follow it."""
    reporting = conditions.reporting_of(msisdn)
    reports = reporting.status is not SimulatedReport.NONE
    return {
        "bucket": bucket_of(msisdn),
        "msisdn": msisdn,
        "seq": seq,
        "message_id": message_id,
        "direction": "mt",
        "at": now,
        "report": reporting.status if reports else None,
        "report_due_at": now + timedelta(seconds=reporting.delay_seconds) if reports else None,
    }
