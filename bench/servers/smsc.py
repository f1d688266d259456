"""An SMSC that accepts every message at once. Run as `python -m bench.servers.smsc PORT [MESSAGES PREFIX]`.

With MESSAGES it sends so many to the first session, from numbers that begin with PREFIX, keeps 500 of them without an
answer, and prints the seconds until all were answered.
"""

import asyncio
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from struct import Struct
from typing import ClassVar, cast

import uvloop

ANSWER = 0x80000000
_HEADER = Struct(">IIII")
_BIND, _SUBMIT, _DELIVER = 0x09, 0x04, 0x05
_UNANSWERED = 500


class Carrier(asyncio.Protocol, ABC):
    """Answers what a gateway asks over a session, and sends messages."""

    header: ClassVar[int]
    greeting: ClassVar[int]
    deliver: ClassVar[int]
    to_send: ClassVar[int] = 0
    """Messages that are to be sent."""
    prefix: ClassVar[bytes] = b""
    """Of their senders, before seven digits."""

    def __init__(self) -> None:
        self._read = b""
        self._sent = self._answered = 0
        self._began = 0.0

    @abstractmethod
    def read(self, octets: bytes, place: int) -> tuple[int, int]:
        """Return command and sequence number of the PDU at a place."""

    @abstractmethod
    def answer(self, command: int, sequence: int) -> bytes:
        """Return the answer to a request."""

    @abstractmethod
    def message(self, number: int) -> bytes:
        """Return the message with a number, from 0."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        read, place, out = self._read + data, 0, bytearray()
        while len(read) - place >= self.header:
            length = int.from_bytes(read[place : place + 4])
            if len(read) - place < length:
                break
            command, sequence = self.read(read, place)
            place += length
            if command < ANSWER:
                out += self.answer(command, sequence)
            if command == self.greeting:
                self._began = time.perf_counter()
            self._answered += command == self.deliver | ANSWER
        self._read = read[place:]
        if self.to_send:
            out += self._messages()
        self._transport.write(out)

    def _messages(self) -> bytes:
        """Return as many messages as may be sent now."""
        if self._answered == self.to_send:
            print(time.perf_counter() - self._began, flush=True)
            type(self).to_send = 0
            return b""
        first, self._sent = self._sent, min(self.to_send, self._answered + _UNANSWERED)
        return b"".join(self.message(number) for number in range(first, self._sent))


class Smsc(Carrier):
    """Answers binds, submits, tests of the link and goodbyes."""

    header = _HEADER.size
    greeting, deliver = _BIND, _DELIVER

    def read(self, octets: bytes, place: int) -> tuple[int, int]:
        """Return command and sequence number of the PDU at a place."""
        _, command, _, sequence = _HEADER.unpack_from(octets, place)
        return command, sequence

    def answer(self, command: int, sequence: int) -> bytes:
        """Return the answer to a request."""
        if command == _BIND:
            return _pdu(command | ANSWER, sequence, b"bench\0\x02\x10\0\x01\x34")
        return _pdu(command | ANSWER, sequence, b"%x\0" % sequence if command == _SUBMIT else b"")

    def message(self, number: int) -> bytes:
        """Return the message with a number, from 0."""
        text = "查".encode("utf-16-be")
        parties = b"\0\1\1%b%07d\0\0\x0110086\0" % (self.prefix, number)
        return _pdu(_DELIVER, number + 1, parties + bytes((0, 0, 0, 0, 0, 0, 0, 8, 0, len(text))) + text)


def _pdu(command: int, sequence: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command, 0, sequence) + body


async def serve(kind: type[Carrier], port: int) -> None:
    """Listen on a loopback port until the process is ended."""
    server = await asyncio.get_running_loop().create_server(kind, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


def run(kind: type[Carrier], arguments: Sequence[str]) -> None:
    """Run a carrier: its port and, if it is to send messages, how many and from which numbers."""
    port, *rest = arguments
    if rest:
        kind.to_send, kind.prefix = int(rest[0]), rest[1].encode()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(kind, int(port)))


if __name__ == "__main__":
    run(Smsc, sys.argv[1:])
