"""A self-test in production: a synthetic customer sends commands regularly and checks the replies (mission.md, M19).

Its messages are stored, handled as turns and answered like any other; only the carrier is missing. Metrics:
``smsgw_probe_up``, ``smsgw_probe_seconds``, ``smsgw_probe_failures_total``.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from prometheus_client import Counter, Gauge

from app.db import probing
from app.db.session import ANSWER_WITHIN, Database
from app.domain.messages import InboundMessage
from app.domain.service_numbers import Extension, ServiceNumbers
from app.domain.storage import StorageUnavailableError
from app.domain.values import value
from app.failures import Kind
from app.services.intake import Intake, Source

PROVIDER = "probe"
# Commands to send, and the extension from which the reply must come.
_QUESTIONS = (("HELP", Extension.COMMANDS), ("0000", Extension.LISTING))
_POLL_SECONDS = 0.1
# How often to look whether asking is this process's by now.
_LOOK_SECONDS = 2.0
_UP = Gauge("smsgw_probe_up", "Whether the gateway's last test call of itself was answered", ["command"])
_SECONDS = Gauge("smsgw_probe_seconds", "How long the answer to the last test call took", ["command"])
_FAILURES = Counter("smsgw_probe_failures", "Test calls of the gateway's own that were not answered", ["command"])


@value
class ProbeState:
    """The result of the last round, in whatever process, and the time of the last good one (UTC).

    ``up`` is None before the first round, and while the database is away.
    """

    up: bool | None = None
    answered_at: datetime | None = None


class Probe:
    """Sends test commands from ``msisdn`` every ``every_seconds`` and expects each reply within ``within_seconds``."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        numbers: ServiceNumbers,
        msisdn: str,
        *,
        every_seconds: float,
        within_seconds: float,
        is_ours: Callable[[], bool] = lambda: True,
    ) -> None:
        """``is_ours`` returns False while another process asks."""
        self._is_ours = is_ours
        self._database = database
        self._intake = intake
        self._numbers = numbers
        self._msisdn = msisdn
        self._every = every_seconds
        self._within = within_seconds
        self.first_round_done = asyncio.Event()

    async def run(self) -> None:
        """Run rounds until cancelled."""
        while True:
            if self._is_ours():
                await self.round()
                await asyncio.sleep(self._every)
            else:
                self._leave_it_to_others()
                await asyncio.sleep(min(self._every, _LOOK_SECONDS))

    def _leave_it_to_others(self) -> None:
        _UP.clear()
        for command, _ in _QUESTIONS:
            self._database.failures.forget(Kind.PROBE_FAILS, command)

    async def round(self) -> bool:
        """Send every test command once. Return True if all were answered in time."""
        answered = [await self._ask(command, extension) for command, extension in _QUESTIONS]
        up = all(answered)
        with suppress(StorageUnavailableError):
            await self._database.write(partial(probing.record_round, up=up, now=self._database.clock()))
        self.first_round_done.set()
        return up

    async def state(self) -> ProbeState:
        """Return how the last round ended."""
        try:
            return ProbeState(*await self._database.read(probing.last_round, within=ANSWER_WITHIN))
        except StorageUnavailableError:
            return ProbeState()

    async def _ask(self, command: str, extension: str) -> bool:
        began = time.monotonic()
        try:
            problem = await self._find_problem(command, extension, began + self._within)
        except StorageUnavailableError:
            problem = "the database is away"
        except Exception as error:  # noqa: BLE001  it is reported like any other failure
            problem = f"an error of ours: {type(error).__name__}"
        _UP.labels(command).set(0 if problem else 1)
        failures = self._database.failures
        if problem:
            _FAILURES.labels(command).inc()
            failures.met(Kind.PROBE_FAILS, command, cause=problem)
            return False
        failures.over(Kind.PROBE_FAILS, command)
        _SECONDS.labels(command).set(time.monotonic() - began)
        return True

    async def _find_problem(self, command: str, extension: str, until: float) -> str | None:
        """Send a command; return why its reply is wrong or missing, or None. ``until`` is monotonic time."""
        if not await self._database.read(partial(probing.is_customer, msisdn=self._msisdn)):
            return "the probe's number is no customer: create a subscriber with it"
        message = InboundMessage(f"probe-{uuid.uuid4()}", self._msisdn, self._numbers.access, command)
        [stored] = await self._intake.store(Source(PROVIDER), [message])
        expected = self._numbers.number(extension)
        while time.monotonic() < until:
            senders = await self._database.read(
                partial(probing.taken_replies, msisdn=self._msisdn, message_id=stored.id)
            )
            if senders:
                return None if expected in senders else f"the reply came from {senders[0]} and not from {expected}"
            await asyncio.sleep(_POLL_SECONDS)
        return f"no reply within {self._within:g} s"
