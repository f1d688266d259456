"""A toy SMSC beside a gateway. Sections [S n] are those of SMPP 3.4, Issue 1.2."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import ClassVar

import gsm0338
from typing_extensions import override

from app.toys.carrier import TIMEOUT, Answer, NotCarriedError, Report, Sms, Taken, ToyCarrier
from app.toys.smsc import (
    ANSWER,
    DELIVER,
    SUBMIT,
    Message,
    Pdu,
    Session,
    Smsc,
    behave,
    deliver_body,
    read_submit,
    receipt,
)

# command_status [S 5.1.3].
_SYSTEM_ERROR = 0x08
_STATUSES = {Answer.OK: 0, Answer.REJECT: 0x0B, Answer.THROTTLE: 0x58, Answer.ERROR: _SYSTEM_ERROR}
_WORDS = {Report.DELIVERED: "DELIVRD", Report.UNDELIVERED: "UNDELIV", Report.EXPIRED: "EXPIRED"}  # [S App. B]
_UDHI, _HEADER_OCTETS = 0x40, 6
_GSM7, _UCS2 = 0x00, 0x08
# A vendor's own parameter, for the id of an MO, and that for what short_message has no room for [S 5.3.2.32].
_MO_ID, _MESSAGE_PAYLOAD = 0x1403, 0x0424
_LONGEST_SHORT_MESSAGE = 254
_BEIJING = timezone(timedelta(hours=8))
_alphabet = gsm0338.Codec()
log = logging.getLogger(__name__)

# Sender, recipient and reference of a long message.
_Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class _Segment:
    """A submit_sm, and the id that it was given."""

    theirs: str
    message: Message

    @property
    def place(self) -> tuple[int, int, int]:
        """Its message's reference, the number of segments, and its own number from 1."""
        if self.message.esm_class & _UDHI:
            reference, total, number = self.message.short_message[3:_HEADER_OCTETS]
            return reference, total, number
        return -1, 1, 1

    @property
    def octets(self) -> bytes:
        return self.message.short_message[_HEADER_OCTETS if self.message.esm_class & _UDHI else 0 :]


class SmppToy(ToyCarrier):
    """A toy SMSC: the gateway binds to it."""

    kind: ClassVar[str] = "smpp"

    def __init__(self, listening: socket.socket, gateway: str) -> None:
        super().__init__(listening, gateway)
        self._smsc = Smsc(behaviour=self._hear)
        # One after the other, as the segments of a message belong together.
        self._submits: asyncio.Queue[tuple[Session, Pdu]] = asyncio.Queue()
        self._delivered: dict[int, asyncio.Future[int]] = {}
        self._segments: dict[_Key, Mapping[int, _Segment]] = {}

    @override
    def settings(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "address": self.address,
            "tls": False,
            "system_id": "smsgw",
            "secret": "toy",
            "mo_id_tlv": _MO_ID,
            "timeout": TIMEOUT,
        }

    @override
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self._smsc.listen(listening=self._listening)
        taking = asyncio.create_task(self._take_all())
        try:
            yield
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
            await self._smsc.close()

    def _hear(self, session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT:
            self._submits.put_nowait((session, pdu))
        elif pdu.command == DELIVER | ANSWER:
            if (waiting := self._delivered.get(pdu.sequence)) is not None and not waiting.done():
                waiting.set_result(pdu.status)
        else:
            behave(session, pdu)

    # ---- to the handsets

    async def _take_all(self) -> None:
        while True:
            session, pdu = await self._submits.get()
            try:
                await self._take(session, pdu)
            except Exception:
                log.exception("a submit_sm could not be read")
                session.answer(pdu, status=_SYSTEM_ERROR)

    async def _take(self, session: Session, pdu: Pdu) -> None:
        segment = _Segment(self._smsc.next_id(), read_submit(pdu.body))
        reference, total, number = segment.place
        key = (segment.message.source[2], segment.message.destination[2], reference)
        segments = {**self._segments.get(key, {}), number: segment}
        is_whole = len(segments) == total
        answer = await self.handsets.take(self._whole(segments) if is_whole else None)
        if answer.is_taken:
            self._segments.pop(key, None)
            if not is_whole:
                self._segments[key] = segments
        if answer is Answer.OK:
            session.answer(pdu, segment.theirs.encode() + b"\0")
        elif answer is not Answer.TIMEOUT:
            session.answer(pdu, status=_STATUSES[answer])

    def _whole(self, given: Mapping[int, _Segment]) -> Taken:
        segments = [given[number] for number in sorted(given)]
        message, octets = segments[0].message, b"".join(one.octets for one in segments)
        text = octets.decode("utf-16-be") if message.data_coding == _UCS2 else str(_alphabet.decode(octets)[0])
        return Taken(message.source[2], message.destination[2], text, partial(self._report, segments))

    # ---- to the gateway

    async def _report(self, segments: Sequence[_Segment], report: Report, at: datetime) -> bool:
        """Send a receipt for each segment."""
        done = f"{at.astimezone(_BEIJING):%y%m%d%H%M%S}"
        bodies = [receipt(one.message, one.theirs, _WORDS[report], done) for one in segments]
        return all([await self._deliver(body) for body in bodies])

    @override
    async def send(self, sms: Sms, message_id: str) -> None:
        with suppress(TimeoutError):
            await self._smsc.until(lambda: self._smsc.open_sessions, self.patience)
        if not await self._deliver(_deliver_body(sms, message_id)):
            raise NotCarriedError("the gateway has no session, or did not take the message")

    async def _deliver(self, body: bytes) -> bool:
        """Send a deliver_sm over the newest session, and return True once the gateway has stored it."""
        if not (sessions := self._smsc.open_sessions):
            return False
        sequence = self._smsc.deliver(sessions[-1], body)
        status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._delivered[sequence] = status
        try:
            async with asyncio.timeout(self.patience):
                return await status == 0
        except TimeoutError:
            return False
        finally:
            del self._delivered[sequence]


def _deliver_body(sms: Sms, message_id: str) -> bytes:
    """Return a deliver_sm with a text that may be too long for short_message."""
    try:
        data_coding, octets = _GSM7, bytes(_alphabet.encode(sms.text)[0])
    except UnicodeEncodeError:
        # With a lone half of a pair, as some phones produce them.
        data_coding, octets = _UCS2, sms.text.encode("utf-16-be", "surrogatepass")
    tlvs, octets = {_MO_ID: message_id.encode()}, sms.header + octets
    if len(octets) > _LONGEST_SHORT_MESSAGE:
        tlvs[_MESSAGE_PAYLOAD], octets = octets, b""
    return deliver_body(
        sms.sender.removeprefix("+"),
        sms.dialled,
        octets,
        esm_class=_UDHI if sms.header else 0,
        data_coding=data_coding,
        tlvs=tlvs,
    )
