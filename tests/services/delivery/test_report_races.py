"""A report and the acceptance that it is about are stored by two transactions at once: in any order they find each other."""

import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import product

import pytest
from sqlalchemy import Connection, Engine, event, text

from app.db.outbound_messages import outbound_message
from app.db.outbox import ClaimedMessage
from app.db.reports import delivery_report
from app.domain.messages import DeliveryReport, OutboundStatus
from app.providers.base import Accepted
from tests.running import Running, running
from tests.services.carriers import NAME, FakeProvider, use

pytestmark = pytest.mark.anyio
# As many as the longer transaction has, with its commit.
STEPS = 10
PROMPT_SECONDS = 60
LOOK_SECONDS = 0.01
_IS_BLOCKED = text("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = :pid")


class IdleProvider(FakeProvider):
    """Sends nothing by itself."""

    @property
    def is_ready(self) -> bool:
        return False


@dataclass
class Stepped:
    """A transaction in a thread of its own, which runs as many statements as it may."""

    engine: Engine
    work: Callable[[Connection], object]
    pid: int = 0
    allowed: int = 0
    is_waiting: bool = False
    has_ended: bool = False
    error: BaseException | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self.engine.begin() as connection:
                self.pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                event.listen(connection, "before_cursor_execute", lambda *_: self._wait())
                self.work(connection)
                self._wait()
        except BaseException as error:  # noqa: BLE001  raised by ``end``, in the test's thread
            self.error = error
        with self._changed:
            self.has_ended = True
            self._changed.notify_all()

    def _wait(self) -> None:
        with self._changed:
            self.is_waiting = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.allowed > 0)
            self.allowed -= 1
            self.is_waiting = False

    def go(self, steps: int) -> None:
        """Run so many statements, or as many as there are, or up to one that another transaction blocks."""
        deadline = time.monotonic() + PROMPT_SECONDS
        with self._changed:
            self.allowed += steps
            self._changed.notify_all()
            while not self._changed.wait_for(self._is_at_rest, LOOK_SECONDS) and not self._is_blocked():
                assert time.monotonic() < deadline

    def _is_at_rest(self) -> bool:
        return self.has_ended or (self.is_waiting and not self.allowed)

    def _is_blocked(self) -> bool:
        with self.engine.connect() as other:
            return bool(self.pid and other.execute(_IS_BLOCKED, {"pid": self.pid}).scalar())

    def end(self) -> None:
        """Run the rest. Raise what it raised."""
        self._thread.join(PROMPT_SECONDS)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error


@pytest.fixture
async def gateway(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    async with running(use(monkeypatch, postgresql_url, IdleProvider)) as started:
        yield started


async def _claimed(gateway: Running, count: int) -> list[ClaimedMessage]:
    """Have so many subscribers ask for help, and claim the replies."""
    numbers = [f"+86138007{number:05}" for number in range(count)]
    await gateway.store(*(gateway.message("帮助", sender=number, provider=NAME) for number in numbers))
    await gateway.gateway.engine.settle()
    claims = gateway.gateway.carriers.deliveries[NAME].claims
    done = await gateway.gateway.storage.database.write(
        lambda connection: claims.record_and_claim(connection, room=count, lease="test")
    )
    assert len(done.claimed) == count
    return list(done.claimed)


@pytest.mark.parametrize("is_report_first", [True, False], ids=["report first", "acceptance first"])
async def test_a_report_finds_its_message_in_whatever_order_their_transactions_run(
    gateway: Running, *, is_report_first: bool
) -> None:
    orders = list(product(range(STEPS), repeat=2))
    engine, carriers = gateway.gateway.storage.database.engine, gateway.gateway.carriers
    left: list[tuple[int, int]] = []
    for (steps, others), message in zip(orders, await _claimed(gateway, len(orders)), strict=True):
        theirs = f"theirs-{message.id}"

        def report(connection: Connection, theirs: str = theirs) -> None:
            given = [(NAME, DeliveryReport(theirs, OutboundStatus.DELIVERED))]
            carriers.receipts._store(connection, batch=given)

        def record(connection: Connection, theirs: str = theirs, message: ClaimedMessage = message) -> None:
            carriers.deliveries[NAME].claims.record_and_claim(connection, [(message, Accepted(theirs))])

        first, second = (report, record) if is_report_first else (record, report)
        both = Stepped(engine, first), Stepped(engine, second)
        for one, count in zip((*both, *both), (steps, others, STEPS * 2, STEPS * 2), strict=True):
            one.go(count)
        for one in both:
            one.end()
        [row] = await gateway.outbound(outbound_message.c.id == message.id)
        if row["status"] != OutboundStatus.DELIVERED:
            left.append((steps, others))
    assert left == []
    assert await gateway.count(delivery_report, delivery_report.c.parked) == 0
