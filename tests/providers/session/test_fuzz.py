"""A peer that sends anything: no task ends, and every stored message is answered (carriers.md 7)."""

import asyncio
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import pack_into
from typing import Any

import pytest

from app.providers.base import Accepted, BindEndedError, EndlessLease
from app.providers.session.provider import SessionProvider
from app.toys import smsc
from app.toys.submits import Delivery, report_content
from tests.providers.session.carriers import ANSWER, FROM, TO, AnyCarrier, AnySession, Cmpp
from tests.providers.session.rig import Stored, listening, make, message, until

pytestmark = pytest.mark.anyio
SEED = 20260301
COUNT = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 10_000
PER_SESSION = 500
TEST = 4711
LONGEST_PDU_THAT_IS_NOT = 70_001
SMPP_COMMANDS = (0x05, 0x05, 0x05, 0x103, 0x15, 0x0B, 0x102, 0x03, *(0x80000000 + n for n in (0, 4, 0x15, 6, 9)))
CMPP_COMMANDS = (0x5, 0x5, 0x5, 0x5, 0x8, 0x6, 0x7, 0x4, *(0x80000000 + n for n in (1, 2, 4, 5, 8)))
WIDE = "您好".encode("utf-16-be")
PART = b"\x05\x00\x03\x11\x02\x01"


def good_of_smpp() -> list[bytes]:
    return [
        smsc.deliver_body(FROM, TO, b"0000"),
        smsc.deliver_body(FROM, TO, PART + b"text", esm_class=0x40),
        smsc.deliver_body(FROM, TO, b"id:1 stat:DELIVRD err:000 text:", esm_class=0x04),
        smsc.deliver_body(FROM, TO, b"", tlvs={0x0424: WIDE}, data_coding=8),
        smsc.deliver_body(FROM, TO, b"x", tlvs={0x020C: b"\0\1", 0x020E: b"\2", 0x020F: b"\1", 0x1403: b"id"}),
    ]


def good_of_cmpp(version: int) -> list[bytes]:
    reports = [
        report_content(one, b"\1" * 8, FROM, "DELIVRD", datetime(2026, 3, 1, tzinfo=UTC)) for one in (0x20, 0x30)
    ]
    found = [
        Delivery(b"\1" * 8, FROM, TO, b"0000"),
        Delivery(bytes(8), FROM, TO, WIDE, 8, link_id="link"),
        Delivery(b"\2" * 8, FROM, TO, PART + WIDE, 8, has_header=True),
        Delivery(b"\3" * 8, FROM, TO, "您好".encode("gb18030"), 15, source_type=1),
        *(Delivery(b"\4" * 8, FROM, TO, report, is_report=True) for report in reports),
    ]
    return [one.body(version) for one in found]


@dataclass
class Fuzzed:
    """What a fuzzed carrier sends: PDUs of a kind, at random."""

    carrier: AnyCarrier
    rng: random.Random

    def __post_init__(self) -> None:
        is_cmpp = isinstance(self.carrier, Cmpp)
        self.good = good_of_cmpp(self.carrier.version) if isinstance(self.carrier, Cmpp) else good_of_smpp()
        self.commands = CMPP_COMMANDS if is_cmpp else SMPP_COMMANDS

    def mutated(self) -> bytes:
        """Return a PDU of the right length, whose body is random, or good with some octets changed or missing."""
        rng = self.rng
        body = bytearray(rng.choice(self.good) if rng.random() < 0.8 else rng.randbytes(rng.randrange(60)))
        for _ in range(rng.choice((0, 1, 1, 3, 10))):
            if body:
                body[rng.randrange(len(body))] = rng.randrange(256)
        if rng.random() < 0.2:
            del body[rng.randrange(len(body) + 1) :]
        command = rng.choice(self.commands) if rng.random() < 0.95 else rng.getrandbits(32)
        octets = bytearray(self.carrier.pdu(command, rng.getrandbits(32), bytes(body)))
        if self.carrier.kind == "smpp":
            pack_into(">I", octets, 8, rng.choice((0, 0, 3, rng.getrandbits(32))))
        return bytes(octets)

    def broken(self) -> bytes:
        """Return octets that lose the stream."""
        octets = bytearray(self.mutated())
        pack_into(">I", octets, 0, self.rng.choice((0, 11, LONGEST_PDU_THAT_IS_NOT, self.rng.getrandbits(32))))
        return bytes(octets)

    async def flood(self, server: Any, session: AnySession) -> None:  # noqa: ANN401  any kind's
        """Send random PDUs, and wait until all that went before a test is read."""
        for _ in range(PER_SESSION // 50):
            session.write(b"".join(self.mutated() for _ in range(50)))
            await asyncio.sleep(0)
        session.write(self.carrier.pdu(self.carrier.test, TEST))
        answer = self.carrier.test | ANSWER
        await server.until(lambda: not session.is_open or any(pdu.sequence == TEST for pdu in session.of(answer)))


async def test_whatever_a_peer_sends_the_next_good_pdu_works(carrier: AnyCarrier) -> None:
    fuzzed = Fuzzed(carrier, random.Random(SEED))
    async with listening(carrier) as server:
        provider, inbox = make(carrier, server.port), Stored()

        async def keep_up() -> None:
            while True:
                try:
                    await provider.run(0, inbox, EndlessLease())
                except BindEndedError:
                    await asyncio.sleep(0)

        running = asyncio.create_task(keep_up())
        good = [await session_of(fuzzed, server, provider, inbox, n) for n in range(COUNT // PER_SESSION)]
        assert sum(good) > 0.9 * len(good), f"seed {SEED}"
        assert not running.done()
        answers = (carrier.deliver | ANSWER, 0x103 | ANSWER)
        answered = sum(len(session.of(answer)) for session in server.sessions for answer in answers)
        assert answered >= len(inbox.found) > 0, f"seed {SEED}"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def session_of(fuzzed: Fuzzed, server: Any, provider: SessionProvider, inbox: Stored, number: int) -> bool:  # noqa: ANN401
    """Flood one session, then check that it works, and lose it. Return False if it was lost before."""
    session, carrier = await server.session(), fuzzed.carrier
    await fuzzed.flood(server, session)
    if not session.is_open:
        return False
    text = f"good {number}"
    carrier.send(server, session, carrier.delivery(server, text))
    await until(lambda: text in inbox.texts[-50:])
    await until(lambda: provider.is_ready)
    [result] = await provider.send([message()])
    assert isinstance(result, Accepted), f"seed {SEED}, session {number}: {result}"
    session.write(fuzzed.broken())
    await server.until(lambda: not session.is_open)
    return True
