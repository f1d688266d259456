"""A client that checks every answer: no 5xx, a documented problem that repeats nothing, and nothing stored if refused."""

import asyncio
import io
import time
from collections.abc import Mapping

import httpx
from sqlalchemy import Connection, select

from app.db.schema import metadata
from app.observability import UNUSED, UNUSED_REPORTS
from tests.fuzz.mutations import UNREPEATABLE, Changed
from tests.web.calls import SHANGHAI_START, Web

Rows = Mapping[str, frozenset[tuple[object, ...]]]
# Tables that the gateway writes by itself, answers that are kept for repeats of a call, and who asked for what (also
# for what is not there).
BY_ITSELF = frozenset({
    "duty", "worker", "scheduled_task", "provider_lane", "probe_state", "idempotent_call", "access_record",
})  # fmt: skip
# An SP that cannot be reached is tried again and again.
_TRIED = frozenset({"due_at", "status", "attempts", "leased_until", "leased_by", "error"})
LONGEST_SECONDS, _HANGS = 2.0, 60
_KIND_OF_EVIDENCE = 5


def _dump(connection: Connection) -> Rows:
    found = {}
    for table in metadata.sorted_tables:
        if table.name not in BY_ITSELF:
            columns = [column for column in table.c if not (table.name == "event" and column.name in _TRIED)]
            found[table.name] = frozenset(map(tuple, connection.execute(select(*columns))))
    # The lock of a call about a number that is nobody's holds nothing, and is purged.
    found["conversation"] = frozenset(row for row in found["conversation"] if row[2:] != (0, None, None))
    return found


def counted() -> float:
    """Return how many messages and reports were taken and not used, for all reasons together."""
    metrics = (*UNUSED.collect(), *UNUSED_REPORTS.collect())
    return sum(sample.value for metric in metrics for sample in metric.samples if sample.name.endswith("_total"))


def _is_recorded(changed: Rows) -> bool:
    """Return True for a refused fee, of which the customer's chain of evidence keeps a record (safety.md 10)."""
    kinds = {row[_KIND_OF_EVIDENCE] for row in changed.get("evidence", ())}
    return kinds == {"fee-refused"} and changed.keys() <= {"evidence", "subscriber", "conversation"}


class Examined:
    """Sends requests to a gateway in the same process. ``log`` is what that writes.

    No dataclass: Hypothesis prints what a test is called with, and would print every row.
    """

    def __init__(self, web: Web, log: io.StringIO) -> None:
        self.web = web
        self.log = log
        self._rows: Rows = {}

    async def rows(self) -> Rows:
        """Return all rows of all tables but those that the gateway writes by itself."""
        return await self.web.running.gateway.storage.database.read(_dump)

    async def send(self, request: Changed) -> httpx.Response:
        """Send a request and check its answer; return that when all that it caused is done."""
        before = self._rows or await self.rows()
        target = f"{request.path}?{request.query}" if request.query else request.path
        url = httpx.URL("http://localhost").copy_with(raw_path=target.encode())
        sent = httpx.Request(request.method, url, headers=request.headers, content=request.body)
        began = time.process_time()
        async with asyncio.timeout(_HANGS):
            answer = await self.web.client.send(sent)
        seconds = time.process_time() - began
        assert answer.status_code < 500, self._said(request, answer)
        assert seconds < LONGEST_SECONDS, f"{seconds:.1f} s for {request.told} {request.method} {request.path[:90]}"
        self._check_log(request)
        if answer.status_code < 400:
            await self._settle(request)
            self._rows = await self.rows()
            return answer
        self._check_problem(request, answer)
        self._rows = await self.rows()
        changed = {name: before[name] ^ self._rows[name] for name in before if before[name] != self._rows[name]}
        if _is_recorded(changed):
            return answer
        assert not changed, f"refused, and stored: {changed} {self._said(request, answer)}"
        return answer

    def _check_problem(self, request: Changed, answer: httpx.Response) -> None:
        if request.method == "HEAD":
            return
        assert answer.headers["content-type"] == "application/problem+json", self._said(request, answer)
        problem = answer.json()
        assert problem["status"] == answer.status_code
        assert len(problem["detail"]) > 10 or problem["detail"] == "Not Found", self._said(request, answer)
        assert not [word for word in UNREPEATABLE if word in answer.text], self._said(request, answer)
        assert len(answer.content) < 300_000

    def _check_log(self, request: Changed) -> None:
        lines = self.log.getvalue().splitlines()
        self.log.seek(0)
        self.log.truncate()
        written = "\n".join(line for line in lines if '"logger": "httpx"' not in line)  # the client's own
        assert '"level": "error"' not in written, f"{request} {written[-3000:]}"
        assert not [word for word in UNREPEATABLE if word in written], f"{request} {written[-3000:]}"

    async def _settle(self, request: Changed) -> None:
        """Wait until all is done that a request caused. Time stands still, also after a reset."""
        running = self.web.running
        if request.path.startswith("/simulator/"):
            await running.faults("ok")
            if not (await self.web.get("/simulator/clock")).json()["frozen"]:
                answer = await self.web.call("PUT", "/simulator/clock", {"now": SHANGHAI_START})
                assert answer.status_code == 200
        # Some carriers bring messages by GET.
        if request.method not in ("GET", "HEAD", "OPTIONS") or request.path.startswith("/webhooks/"):
            await running.drain()

    @staticmethod
    def _said(request: Changed, answer: httpx.Response) -> str:
        return f"{request} → {answer.status_code} {answer.text[:1000]}"
