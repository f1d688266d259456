"""A toy SMSC at the terminal: ``python -m app.toys [PORT]``.

It prints what it is sent, and sends each line of its input as a message: the subscriber's number, the number dialled,
the text.
"""

import asyncio
import contextlib
import sys
from argparse import ArgumentParser

from app.toys.smsc import BINDS, SUBMIT, Pdu, Session, Smsc, behave, deliver_body, read_submit

_UCS2 = 8


def show(session: Session, pdu: Pdu) -> None:
    """Do what a good carrier does, and print binds and messages."""
    behave(session, pdu)
    if pdu.command in BINDS:
        _print(f"bound as {BINDS[pdu.command]}")
    elif pdu.command == SUBMIT:
        message = read_submit(pdu.body)
        octets = message.short_message[6 if message.esm_class & 0x40 else 0 :]
        text = octets.decode("utf-16-be" if message.data_coding == _UCS2 else "latin-1", "replace")
        _print(f"{message.source[2]} to {message.destination[2]}: {text}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def deliver(smsc: Smsc, line: str) -> None:
    """Send a line of the input to the newest session."""
    words = line.strip().split(maxsplit=2)
    open_sessions = [session for session in smsc.sessions if session.bound and session.is_open]
    if len(words) < len(("subscriber", "number", "text")) or not open_sessions:
        _print("nobody is bound" if words and not open_sessions else "write: 8613800138000 10086 0000")
        return
    subscriber, number, text = words
    body = deliver_body(subscriber, number, text.encode("utf-16-be"), data_coding=_UCS2)
    smsc.deliver(open_sessions[-1], body)


async def serve(port: int) -> None:
    """Listen on a port of loopback until the process is ended."""
    smsc = Smsc(receipts=True, behaviour=show)
    await smsc.listen(port)
    _print(f"listening on 127.0.0.1:{smsc.port}")
    while line := await asyncio.to_thread(sys.stdin.readline):
        deliver(smsc, line)
    await asyncio.Event().wait()


def main() -> None:
    """Run the toy."""
    parser = ArgumentParser(prog="python -m app.toys", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("port", type=int, nargs="?", default=2775, help="port of loopback (default: 2775)")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
