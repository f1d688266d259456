"""A provider of kind smpp that is bound to a toy SMSC, with times that tests can wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ssl import SSLContext

import httpx

from app.domain.messages import DeliveryReport, InboundMessage, InboundResult
from app.domain.storage import StorageUnavailableError, UndecidedError
from app.providers import make_provider, provider_kinds
from app.providers.base import BindEndedError, EndlessLease, Lease, SendResult, Submission
from app.providers.session.times import Times
from app.providers.smpp.adapter import SmppProvider
from app.toys.smsc import Message, Pdu, Session, Smsc, behave, read_submit
from tests.providers.contract import RECIPIENT, surroundings

TIMES = Times(
    answer=0.6, idle=30, test=0.1, tries=3, connect=5, place=1.8, begin=2, half=0.4, stall=0.5, give_up=1.2,
    goodbye=0.6, confirm=30, again=0.02, tick=0.02,
)  # fmt: skip
OPTIONS: dict[str, object] = {"kind": "smpp", "system_id": "smsgw", "secret": "sesame"}


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
class Rig:
    """A bind in the middle of its life."""

    smsc: Smsc
    inbox: Stored
    provider: SmppProvider
    running: "asyncio.Task[None]"
    session: Session = field(init=False)

    async def send(self, item: Submission | None = None) -> SendResult:
        [result] = await self.provider.send([item or message()])
        return result

    @property
    def submitted(self) -> list[Message]:
        return [read_submit(pdu.body) for session in self.smsc.sessions for pdu in session.of(0x04)]

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


def make(smsc: Smsc, times: Times = TIMES, /, **options: object) -> SmppProvider:
    given = {**OPTIONS, "address": f"127.0.0.1:{smsc.port}", **options}
    made = make_provider(
        "carrier",
        provider_kinds()["smpp"].model_validate(given),
        surroundings(httpx.MockTransport(lambda _request: httpx.Response(500))),
    )
    assert isinstance(made, SmppProvider)
    made.times = times
    return made


@asynccontextmanager
async def listening(
    behaviour: Callable[[Session, Pdu], None] = behave, *, receipts: bool = False, tls: SSLContext | None = None
) -> AsyncIterator[Smsc]:
    smsc = Smsc(receipts=receipts, behaviour=behaviour)
    await smsc.listen(ssl=tls)
    try:
        yield smsc
    finally:
        await smsc.close()


@asynccontextmanager
async def bound(
    behaviour: Callable[[Session, Pdu], None] = behave,
    *,
    times: Times = TIMES,
    lease: Lease | None = None,
    receipts: bool = False,
    tls: SSLContext | None = None,
    options: Mapping[str, object] | None = None,
    **more: object,
) -> AsyncIterator[Rig]:
    """Yield a bound provider; drain it then."""
    async with listening(behaviour, receipts=receipts, tls=tls) as smsc:
        provider, inbox = make(smsc, times, **(options or {}), **more), Stored()
        running = asyncio.create_task(provider.run(0, inbox, lease or EndlessLease()))
        rig = Rig(smsc, inbox, provider, running)
        try:
            rig.session = await smsc.session()
            await until(lambda: provider.is_ready)
            yield rig
        finally:
            running.cancel()
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
