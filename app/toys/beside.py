"""What toy carriers over sessions have in common beside a gateway: segments become messages, answers are awaited."""

import asyncio
import logging
import socket
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from typing_extensions import override

from app.toys.carrier import Answer, NotCarriedError, Report, Sms, Taken, ToyCarrier
from app.toys.server import Pdu, Server, Session

S = TypeVar("S", bound=Session[Any])
P = TypeVar("P", bound=Pdu)
M = TypeVar("M")
# Sender, recipient and reference of a long message.
_Key = tuple[str, str, int]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Segment(Generic[M]):
    """A submit, and the id that it was given.

    Attributes:
        message: its fields, as the kind reads them.
        header: its user data header; empty for the only segment of a message.
    """

    theirs: str
    message: M
    source: str
    destination: str
    header: bytes
    octets: bytes

    @property
    def place(self) -> tuple[int, int, int]:
        """Its message's reference, the number of segments, and its own number from 1."""
        if not self.header:
            return -1, 1, 1
        reference, total, number = self.header[3:6]
        return reference, total, number


class SessionToy(ToyCarrier, Generic[S, P, M]):
    """A toy carrier that the gateway binds to. Kinds say what a PDU is."""

    def __init__(self, listening: socket.socket, gateway: str, server: Server[S]) -> None:
        super().__init__(listening, gateway)
        self._server = server
        # One after the other, as the segments of a message belong together.
        self._submits: asyncio.Queue[tuple[S, P]] = asyncio.Queue()
        self._delivered: dict[int, asyncio.Future[bool]] = {}
        self._segments: dict[_Key, Mapping[int, Segment[M]]] = {}

    # ---- what a kind says

    @abstractmethod
    def segment_of(self, pdu: P) -> Segment[M]:
        """Return the segment of a submit, under a new id."""

    @abstractmethod
    def text_of(self, first: M, octets: bytes) -> str:
        """Return the text of a whole message; ``first`` is its first segment."""

    @abstractmethod
    def answer(self, session: S, pdu: P, answer: Answer, theirs: str) -> None:
        """Answer a submit; not with ``timeout``."""

    @abstractmethod
    def deliveries_of(self, sms: Sms, message_id: str) -> Sequence[bytes]:
        """Return the bodies in which a handset's text is delivered. Raise NotCarriedError if none can hold it."""

    @abstractmethod
    def report_of(self, segment: Segment[M], report: Report, at: datetime) -> bytes:
        """Return the body of a report on a segment."""

    @abstractmethod
    def deliver(self, session: S, body: bytes) -> int:
        """Send a message or a report; return its sequence number."""

    # ---- its life

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._server.listen(listening=self._listening)
        taking = asyncio.create_task(self._take_all())
        try:
            yield
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            await self._server.close()

    def hear_submit(self, session: S, pdu: P) -> None:
        """Take a submit, behind those before it."""
        self._submits.put_nowait((session, pdu))

    def hear_answer(self, sequence: int, *, is_good: bool) -> None:
        """Note the answer to what was delivered."""
        if (waiting := self._delivered.get(sequence)) is not None and not waiting.done():
            waiting.set_result(is_good)

    # ---- to the handsets

    async def _take_all(self) -> None:
        while True:
            session, pdu = await self._submits.get()
            try:
                await self._take(session, pdu)
            except Exception:
                log.exception("a submit could not be read")
                self.answer(session, pdu, Answer.ERROR, "")

    async def _take(self, session: S, pdu: P) -> None:
        segment = self.segment_of(pdu)
        reference, total, number = segment.place
        key = (segment.source, segment.destination, reference)
        segments = {**self._segments.get(key, {}), number: segment}
        is_whole = len(segments) == total
        answer = await self.handsets.take(self._whole(segments) if is_whole else None)
        if answer.is_taken:
            self._segments.pop(key, None)
            if not is_whole:
                self._segments[key] = segments
        if answer is not Answer.TIMEOUT:
            self.answer(session, pdu, answer, segment.theirs)

    def _whole(self, given: Mapping[int, Segment[M]]) -> Taken:
        segments = [given[number] for number in sorted(given)]
        first = segments[0]
        text = self.text_of(first.message, b"".join(one.octets for one in segments))
        return Taken(first.source, first.destination, text, partial(self._report, segments))

    # ---- to the gateway

    async def _report(self, segments: Sequence[Segment[M]], report: Report, at: datetime) -> bool:
        """Send a report on each segment."""
        bodies = [self.report_of(one, report, at) for one in segments]
        return all([await self._deliver(body) for body in bodies])

    @override
    async def send(self, sms: Sms, message_id: str) -> None:
        with suppress(TimeoutError):
            await self._server.until(lambda: self._server.open_sessions, self.patience)
        for body in self.deliveries_of(sms, message_id):
            if not await self._deliver(body):
                raise NotCarriedError("the gateway has no session, or did not take the message")

    async def _deliver(self, body: bytes) -> bool:
        """Deliver over the newest session, and return True once the gateway has stored it."""
        if not (sessions := self._server.open_sessions):
            return False
        sequence = self.deliver(sessions[-1], body)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._delivered[sequence] = answer
        try:
            async with asyncio.timeout(self.patience):
                return await answer
        except TimeoutError:
            return False
        finally:
            del self._delivered[sequence]
