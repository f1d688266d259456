"""The simulated network: handsets' threads, faults and delivery reports, as rows that survive a crash (http-api.md)."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from app.db import simulator
from app.db.session import Database
from app.db.state import MILLION, GatewayState, current_state, set_state
from app.domain.messages import OutboundStatus
from app.domain.msisdn import bucket_of
from app.domain.segments import measure
from app.providers.base import Accepted, NotTried, Refused, RefusedForNow, SendResult, Submission, Unknown
from app.services.delivery.receipts import Receipts, Report
from app.services.ids import IdSource
from app.services.intake import StoredText

PROVIDER = "simulator"
_REPORTS_PER_BATCH = 1000
_FAULTS: dict[str, SendResult] = {
    "reject": Refused("simulated: rejected"),
    "throttle": RefusedForNow("simulated: throttled", throttled=True),
    "error": RefusedForNow("simulated: error"),
    "timeout": Unknown("simulated: answer lost"),
}


class SimulatedNetwork:
    """Takes messages for handsets and says what became of them, as it was told to behave."""

    def __init__(self, database: Database, ids: IdSource, receipts: Receipts) -> None:
        self._database = database
        self._ids = ids
        self._receipts = receipts
        self.changes = 0
        self._changed = asyncio.Event()

    # ---- towards the handsets

    async def take(self, submissions: Sequence[Submission]) -> Sequence[SendResult]:
        """Take messages in order; behind one that is not taken, its recipient's later ones are not tried."""
        results = await self._database.write(partial(self._take, submissions=submissions))
        self.changed()
        return results

    def _take(self, connection: Connection, *, submissions: Sequence[Submission]) -> list[SendResult]:
        state = current_state(connection)
        faults_left = state.fault_count
        results: list[SendResult] = []
        rows: list[dict[str, object]] = []
        blocked: set[tuple[str, str]] = set()
        for item in submissions:
            if (item.recipient, item.lane) in blocked:
                results.append(NotTried())
                continue
            result = _draw_fault(state, faults_left)
            if result is not None and faults_left is not None:
                faults_left -= 1
            if result is None or isinstance(result, Unknown):
                rows.append(self._thread_row(item, state))
            if isinstance(result, RefusedForNow | Unknown):
                blocked.add((item.recipient, item.lane))
            results.append(result or Accepted(provider_id(item.reference)))
        simulator.add_to_threads(connection, rows)
        if faults_left != state.fault_count:
            set_state(connection, fault_count=faults_left)
        return results

    def _thread_row(self, item: Submission, state: GatewayState) -> dict[str, object]:
        reports = state.report_status != "none"
        return {
            "bucket": bucket_of(item.recipient),
            "msisdn": item.recipient,
            "seq": next(self._ids),
            "message_id": item.reference,
            "direction": "mt",
            "service_number": item.sender,
            "text": item.text,
            "segments": item.segments,
            "encoding": item.encoding,
            "at": state.now,
            "in_reply_to": item.in_reply_to,
            "report": state.report_status if reports else None,
            "report_due_at": state.now + timedelta(seconds=state.report_delay_seconds) if reports else None,
        }

    # ---- from the handsets

    def keep_sent(self, connection: Connection, texts: Sequence[StoredText]) -> None:
        """Put what handsets sent into their threads, in the commit that stores it."""
        rows = []
        for item in texts:
            size = measure(item.text)
            rows.append(
                {
                    "bucket": bucket_of(item.msisdn),
                    "msisdn": item.msisdn,
                    "seq": next(self._ids),
                    "message_id": item.id,
                    "direction": "mo",
                    "service_number": item.dialled,
                    "text": item.text,
                    "segments": size.segments,
                    "encoding": size.encoding,
                    "at": item.at,
                }
            )
        simulator.add_to_threads(connection, rows)

    # ---- reports

    async def step(self) -> bool:
        """Send the reports that are due; whether there were any."""
        worked = await self._database.write(self._report)
        if worked:
            self.changed()
        return worked

    def _report(self, connection: Connection) -> bool:
        now = current_state(connection).now
        due = simulator.due_reports(connection, now, _REPORTS_PER_BATCH)
        if not due:
            return False
        self._receipts.apply(
            connection,
            [Report(PROVIDER, provider_id(item.message_id), OutboundStatus(item.report), None, now) for item in due],
            now,
        )
        simulator.reports_sent(connection, due)
        return True

    # ---- how it behaves

    async def set_faults(self, mode: str, rate: float, count: int | None) -> None:
        """How the network answers sends from now on; ``count`` limits how often."""
        await self._database.write(
            partial(set_state, fault_mode=mode, fault_rate_ppm=round(rate * MILLION), fault_count=count)
        )

    async def set_delivery(self, report: str, delay_seconds: int) -> None:
        """What the network reports of messages that it takes from now on, and how much later."""
        await self._database.write(partial(set_state, report_status=report, report_delay_seconds=delay_seconds))

    # ---- for those who watch

    def changed(self) -> None:
        """Wake everybody who watches a thread."""
        self.changes += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self, seen_count: int, timeout_seconds: float) -> None:
        """Wait until some thread may have changed since ``changes`` was ``seen_count``, or the time is over."""
        if self.changes != seen_count:
            return
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    async def thread(self, msisdn: str, after: str | None, limit: int) -> list[simulator.ThreadMessage]:
        """A handset's messages, oldest first."""
        return await self._database.read(lambda connection: simulator.thread_of(connection, msisdn, after, limit))

    async def handsets(self) -> list[tuple[str, int, datetime]]:
        """Numbers that have a thread."""
        return await self._database.read(simulator.handsets)


def provider_id(reference: str) -> str:
    """The simulated network's own id of a message."""
    return f"sim-{reference}"


def _draw_fault(state: GatewayState, faults_left: int | None) -> SendResult | None:
    if state.fault_mode == "ok" or faults_left == 0:
        return None
    if random.random() * MILLION >= state.fault_rate_ppm:  # noqa: S311  a simulated fault, not a secret
        return None
    return _FAULTS[state.fault_mode]
