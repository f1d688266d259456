"""A provider that is bound to a toy carrier over a session, with times that tests can wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ssl import SSLContext
from typing import Generic

import httpx

from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.storage import StorageUnavailableError, UndecidedError
from app.providers import make_provider, provider_kinds
from app.providers.base import BindEndedError, EndlessLease, Lease, SendResult, Submission
from app.providers.session.provider import SessionProvider
from app.providers.session.times import Times
from tests.providers.contract import RECIPIENT, surroundings
from tests.providers.session.carriers import ANSWER, Carrier, P, S, Segment, V

TIMES = Times(
    answer=0.6, idle=30, test=0.1, tries=3, connect=5, place=1.8, begin=2, half=0.4, stall=0.5, give_up=1.2,
    goodbye=0.6, confirm=30, again=0.02, tick=0.02,
)  # fmt: skip


class Stored:
    """An inbox that keeps what it gets; while ``away`` it stores nothing, and while ``held`` it waits.

    ``undecided`` is a text of which it is not known whether it is a repeat.
    """

    def __init__(self) -> None:
        self.found: list[InboundMessage | DeliveryReport] = []
        self.batches: list[int] = []
        self.away = False
        self.poison: str | None = None
        self.undecided: str | None = None
        self.confirmed: tuple[int, int] | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def messages(self, found: Sequence[InboundMessage]) -> Sequence[InboundResult]:
        await self._store(found)
        return [InboundResult("ours", new=True) for _ in found]

    async def reports(self, found: Sequence[DeliveryReport]) -> Sequence[bool]:
        await self._store(found)
        return [True for _ in found]

    def confirm(self, slot: int, epoch: int, sequence: int) -> None:
        self.confirmed = (slot, sequence)

    async def _store(self, found: Sequence[InboundMessage | DeliveryReport]) -> None:
        await self.go_on.wait()
        if self.away:
            raise StorageUnavailableError
        if self.undecided is not None and any(getattr(item, "text", None) == self.undecided for item in found):
            raise UndecidedError
        if self.poison is not None and any(getattr(item, "text", None) == self.poison for item in found):
            raise ValueError(self.poison)
        self.batches.append(len(found))
        self.found += found

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.found if isinstance(item, InboundMessage)]

    @property
    def reported(self) -> list[DeliveryReport]:
        return [item for item in self.found if isinstance(item, DeliveryReport)]


@dataclass
class CountedLease:
    """A lease that a test moves."""

    seconds_left: float = 20.0


@dataclass
class Rig(Generic[V, S, P]):
    """A bind in the middle of its life."""

    carrier: Carrier[V, S, P]
    server: V
    inbox: Stored
    provider: SessionProvider
    running: "asyncio.Task[None]"
    session: S = field(init=False)

    async def send(self, item: Submission | None = None) -> SendResult:
        [result] = await self.provider.send([item or message()])
        return result

    @property
    def submits(self) -> list[P]:
        """The segments of all sessions, as PDUs."""
        return [pdu for session in self.server.sessions for pdu in session.of(self.carrier.submit)]

    @property
    def submitted(self) -> list[Segment]:
        """The segments of all sessions."""
        return [self.carrier.read(pdu) for pdu in self.submits]

    def accept(self, submit: P, number: int) -> None:
        """Accept a segment of the session, under the id with a number."""
        self.carrier.accept(self.session, submit, number)

    def refuse(self, submit: P, result: int | None = None) -> None:
        """Refuse a segment of the session: by default its recipient is wrong."""
        self.carrier.refuse(self.session, submit, self.carrier.refused if result is None else result)

    def id(self, number: int) -> str:
        """Return the id with a number."""
        return self.server.id(number)

    def deliver(self, text: str = "0000", *, is_nameless: bool = False) -> int:
        """Deliver a message; return its sequence number."""
        body = self.carrier.delivery(self.server, text, is_nameless=is_nameless)
        return self.carrier.send(self.server, self.session, body)

    def deliver_all(self, *texts: str) -> None:
        """Deliver several messages in one write, numbered from 1."""
        bodies = [self.carrier.delivery(self.server, text) for text in texts]
        self.session.write(
            b"".join(self.carrier.pdu(self.carrier.deliver, number, body) for number, body in enumerate(bodies, 1))
        )

    @property
    def answers(self) -> list[P]:
        """The answers to messages and reports, of the session."""
        return self.of(self.carrier.deliver | ANSWER)

    def of(self, command: int) -> list[P]:
        """The PDUs of a command, of the session."""
        found: list[P] = self.session.of(command)
        return found

    async def end(self) -> BindEndedError:
        """Wait until the bind ends by itself, and return why."""
        try:
            await asyncio.wait_for(self.running, 5)
        except BindEndedError as error:
            return error
        raise AssertionError("run returned")

    async def stored(self, count: int) -> None:
        """Wait until so much is stored; it is not answered before."""
        await until(lambda: len(self.inbox.found) >= count)


def make(carrier: Carrier[V, S, P], port: int, times: Times = TIMES, /, **options: object) -> SessionProvider:
    """Return a provider that connects to a port of loopback."""
    given = {**carrier.options, "address": f"127.0.0.1:{port}", **options}
    made = make_provider(
        "carrier",
        provider_kinds()[carrier.kind].model_validate(given),
        surroundings(httpx.MockTransport(lambda _request: httpx.Response(500))),
    )
    assert isinstance(made, SessionProvider)
    made.times = times
    return made


@asynccontextmanager
async def listening(
    carrier: Carrier[V, S, P],
    behaviour: Callable[[S, P], None] | None = None,
    *,
    reports: bool = False,
    tls: SSLContext | None = None,
) -> AsyncIterator[V]:
    """Yield a carrier that listens."""
    server = carrier.listening(behaviour, reports=reports)
    await server.listen(ssl=tls)
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def bound(
    carrier: Carrier[V, S, P],
    behaviour: Callable[[S, P], None] | None = None,
    *,
    times: Times = TIMES,
    lease: Lease | None = None,
    reports: bool = False,
    tls: SSLContext | None = None,
    options: Mapping[str, object] | None = None,
    **more: object,
) -> AsyncIterator[Rig[V, S, P]]:
    """Yield a bound provider; drain it then."""
    async with listening(carrier, behaviour, reports=reports, tls=tls) as server:
        provider, inbox = make(carrier, server.port, times, **(options or {}), **more), Stored()
        running = asyncio.create_task(provider.run(0, inbox, lease or EndlessLease()))
        rig = Rig(carrier, server, inbox, provider, running)
        try:
            rig.session = await server.session()
            await until(lambda: provider.is_ready)
            yield rig
        finally:
            running.cancel()
            # What waits to be stored, if a test failed, would wait for ever.
            inbox.go_on.set()
            with suppress(asyncio.CancelledError, BindEndedError):
                await running


async def until(holds: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something holds that no event tells of."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  nothing tells
            await asyncio.sleep(0.005)


def message(
    text: str = "您好",
    *,
    encoding: str = "ucs2",
    segments: int = 1,
    recipient: str = RECIPIENT,
    reference: str = "1858513718529228801",
) -> Submission:
    """Return an MT to send; ten minutes are left for it."""
    until = datetime.now(UTC) + timedelta(minutes=10, seconds=0.5)
    return Submission(reference, "10086977", recipient, text, encoding, segments, "reply", "prompt", None, until)
