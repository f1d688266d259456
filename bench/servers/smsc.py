"""An SMSC that accepts every message at once. Run as `python -m bench.servers.smsc PORT [MESSAGES PREFIX]`.

With MESSAGES it sends so many to the first session, from numbers that begin with PREFIX, keeps 500 of them without an
answer, and prints the seconds until all were answered.
"""

import asyncio
import sys
import time
from struct import Struct
from typing import cast

import uvloop

_HEADER = Struct(">IIII")
_ANSWER = 0x80000000
_BIND, _SUBMIT, _DELIVER = 0x09, 0x04, 0x05
_UNANSWERED = 500


class Smsc(asyncio.Protocol):
    """Answers binds, submits, tests of the link and goodbyes."""

    to_send = 0
    """Messages that are to be sent."""
    prefix = b""
    """Of their senders, before seven digits."""

    def __init__(self) -> None:
        self._read = b""
        self._sent = self._answered = 0
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        read, place, out = self._read + data, 0, bytearray()
        while len(read) - place >= _HEADER.size:
            length, command, _, sequence = _HEADER.unpack_from(read, place)
            if len(read) - place < length:
                break
            place += length
            if command == _BIND:
                out += _pdu(command | _ANSWER, sequence, b"bench\0\x02\x10\0\x01\x34")
                self._began = time.perf_counter()
            elif command == _SUBMIT:
                out += _pdu(command | _ANSWER, sequence, b"%x\0" % sequence)
            elif command < _ANSWER:
                out += _pdu(command | _ANSWER, sequence)
            else:
                self._answered += command == _DELIVER | _ANSWER
        self._read = read[place:]
        if Smsc.to_send:
            out += self._messages()
        self._transport.write(out)

    def _messages(self) -> bytes:
        """Return as many messages as may be sent now."""
        if self._answered == Smsc.to_send:
            print(time.perf_counter() - self._began, flush=True)
            Smsc.to_send = 0
            return b""
        first, self._sent = self._sent, min(Smsc.to_send, self._answered + _UNANSWERED)
        return b"".join(_message(number) for number in range(first, self._sent))


def _message(number: int) -> bytes:
    text = "查".encode("utf-16-be")
    parties = b"\0\1\1%b%07d\0\0\x0110086\0" % (Smsc.prefix, number)
    return _pdu(_DELIVER, number + 1, parties + bytes((0, 0, 0, 0, 0, 0, 0, 8, 0, len(text))) + text)


def _pdu(command: int, sequence: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command, 0, sequence) + body


async def serve(port: int) -> None:
    """Listen on a loopback port until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Smsc, "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    port, *rest = sys.argv[1:]
    if rest:
        Smsc.to_send, Smsc.prefix = int(rest[0]), rest[1].encode()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(port)))
