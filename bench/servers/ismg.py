"""An ISMG that accepts every message at once. Run as `python -m bench.servers.ismg VERSION PORT [MESSAGES PREFIX]`.

VERSION is 2.0 or 3.0. The rest is as in `bench.servers.smsc`.
"""

import sys
from struct import Struct

from typing_extensions import override

from bench.servers.smsc import ANSWER, Carrier, run

_HEADER = Struct(">III")
_CONNECT, _SUBMIT, _DELIVER, _ACTIVE_TEST = 0x1, 0x4, 0x5, 0x8


class Ismg(Carrier):
    """Answers connects, submits, tests of the link and goodbyes."""

    header = _HEADER.size
    greeting, deliver = _CONNECT, _DELIVER
    version = 0x30

    @override
    def read(self, octets: bytes, place: int) -> tuple[int, int]:
        _, command, sequence = _HEADER.unpack_from(octets, place)
        return command, sequence

    @override
    def answer(self, command: int, sequence: int) -> bytes:
        zeros = bytes(4 if self.version == 0x30 else 1)  # noqa: PLR2004  the octets of a Status or Result
        if command == _CONNECT:
            return _pdu(command | ANSWER, sequence, zeros + bytes(16) + bytes((self.version,)))
        if command == _SUBMIT:
            return _pdu(command | ANSWER, sequence, sequence.to_bytes(8) + zeros)
        return _pdu(command | ANSWER, sequence, b"\0" if command == _ACTIVE_TEST else b"")

    @override
    def message(self, number: int) -> bytes:
        is_3 = self.version == 0x30  # noqa: PLR2004  as CONNECT writes 3.0
        sender = b"%b%07d" % (self.prefix, number)
        content = "查".encode("utf-16-be")
        fields = (
            (number + 1).to_bytes(8),
            b"10086".ljust(21, b"\0") + b"HELP".ljust(10, b"\0") + b"\0\0\x08",
            sender.ljust(33 if is_3 else 21, b"\0"),
            bytes((0, len(content))) + content + bytes(20 if is_3 else 8),
        )
        return _pdu(_DELIVER, number + 1, b"".join(fields))


def _pdu(command: int, sequence: int, body: bytes = b"") -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command, sequence) + body


if __name__ == "__main__":
    Ismg.version = 0x20 if sys.argv[1] == "2.0" else 0x30
    run(Ismg, sys.argv[2:])
