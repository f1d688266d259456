"""A toy SMSC, or a toy ISMG, at the terminal: ``python -m app.toys [--cmpp 2.0|3.0] [PORT]``.

It prints what it is sent, and sends each line of its input as a message: the subscriber's number, the number dialled,
the text.
"""

import asyncio
import contextlib
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.toys import ismg, smsc
from app.toys.server import Server
from app.toys.smsc import deliver_body, read_submit
from app.toys.submits import UCS2, V2, V3
from app.toys.submits import read_submit as read_cmpp_submit

_UDHI, _HEADER_OCTETS = 0x40, 6
_VERSIONS = {"2.0": V2, "3.0": V3}
# Sends a message over the newest session: subscriber, number, text.
Deliver = Callable[[str, str, str], object]


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# ---- SMPP


def _show_smpp(session: smsc.Session, pdu: smsc.Pdu) -> None:
    """Do what a good carrier does, and print binds and messages."""
    smsc.behave(session, pdu)
    if pdu.command in smsc.BINDS:
        _print(f"bound as {smsc.BINDS[pdu.command]}")
    elif pdu.command == smsc.SUBMIT:
        message = read_submit(pdu.body)
        octets = message.short_message[_HEADER_OCTETS if message.esm_class & _UDHI else 0 :]
        text = octets.decode("utf-16-be" if message.data_coding == UCS2 else "latin-1", "replace")
        _print(f"{message.source[2]} to {message.destination[2]}: {text}")


def _smpp() -> tuple[smsc.Smsc, Deliver]:
    made = smsc.Smsc(receipts=True, behaviour=_show_smpp)

    def deliver(subscriber: str, number: str, text: str) -> None:
        body = deliver_body(subscriber, number, text.encode("utf-16-be"), data_coding=UCS2)
        made.deliver(made.open_sessions[-1], body)

    return made, deliver


# ---- CMPP


def _show_cmpp(session: ismg.Session, pdu: ismg.Pdu) -> None:
    """Do what a good carrier does, and print connects and messages."""
    ismg.behave(session, pdu)
    if pdu.command == ismg.CONNECT:
        status = ismg.connect_status(session.ismg, pdu.body)
        _print(f"refused with status {status}" if status else f"connected by {session.bound}")
    elif pdu.command == ismg.SUBMIT:
        message = read_cmpp_submit(pdu.body, session.ismg.version)
        link = f" ({message.link_id})" if message.link_id else ""
        _print(f"{message.source} to {message.destination}{link}: {message.text}")


def _cmpp(version: int) -> tuple[ismg.Ismg, Deliver]:
    made = ismg.Ismg(version, reports=True, behaviour=_show_cmpp)

    def deliver(subscriber: str, number: str, text: str) -> None:
        message = made.message(subscriber, number, text)
        made.deliver(made.open_sessions[-1], replace(message, link_id=message.msg_id.hex() if version == V3 else ""))

    return made, deliver


# ---- the terminal


def _deliver_line(server: Server[Any], deliver: Deliver, line: str) -> None:
    """Send a line of the input to the newest session."""
    words = line.strip().split(maxsplit=2)
    if len(words) < len(("subscriber", "number", "text")) or not server.open_sessions:
        _print("nobody is bound" if words and not server.open_sessions else "write: 8613800138000 10086 0000")
        return
    deliver(*words)


async def serve(port: int, version: str | None) -> None:
    """Listen on a port of loopback until the process is ended. ``version``: that of CMPP; None: SMPP."""
    server, deliver = _smpp() if version is None else _cmpp(_VERSIONS[version])
    await server.listen(port)
    _print(f"listening on 127.0.0.1:{server.port}")
    while line := await asyncio.to_thread(sys.stdin.readline):
        _deliver_line(server, deliver, line)
    await asyncio.Event().wait()


def main() -> None:
    """Run the toy."""
    parser = ArgumentParser(prog="python -m app.toys", description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--cmpp", choices=[*_VERSIONS], metavar="VERSION", help="speak CMPP 2.0 or 3.0, not SMPP")
    parser.add_argument("port", type=int, nargs="?", help="port of loopback (default: 2775, with --cmpp 7890)")
    given = parser.parse_args()
    port = given.port if given.port is not None else 2775 if given.cmpp is None else 7890
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(port, given.cmpp))


if __name__ == "__main__":
    main()
