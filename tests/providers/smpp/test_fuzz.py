"""A peer that sends anything: no task ends, and every stored message is answered (carriers.md 7)."""

import asyncio
import os
import random
from struct import pack_into

import pytest

from app.providers.base import Accepted, BindEndedError, EndlessLease
from app.providers.smpp.adapter import SmppProvider
from app.toys.smsc import ENQUIRE, Pdu, Session, Smsc, deliver_body
from tests.providers.smpp.rig import TIMES, Stored, listening, make, message, until

pytestmark = pytest.mark.anyio
SEED = 20260301
COUNT = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 10_000
PER_SESSION = 500
COMMANDS = [
    0x05,
    0x05,
    0x05,
    0x103,
    0x15,
    0x0B,
    0x102,
    0x03,
    0x80000000,
    0x80000004,
    0x80000015,
    0x80000006,
    0x80000009,
]
GOOD = [
    deliver_body("8613800138000", "10086", b"0000"),
    deliver_body("8613800138000", "10086", b"\x05\x00\x03\x11\x02\x01text", esm_class=0x40),
    deliver_body("8613800138000", "10086", b"id:1 stat:DELIVRD err:000 text:", esm_class=0x04),
    deliver_body("8613800138000", "10086", b"", tlvs={0x0424: "您好".encode("utf-16-be")}, data_coding=8),
    deliver_body("8613800138000", "10086", b"x", tlvs={0x020C: b"\0\1", 0x020E: b"\2", 0x020F: b"\1", 0x1403: b"id"}),
]


def mutated(rng: random.Random) -> bytes:
    """Return a PDU of the right length, with a body that is random, or good with some octets changed or missing."""
    body = bytearray(rng.choice(GOOD) if rng.random() < 0.8 else rng.randbytes(rng.randrange(60)))
    for _ in range(rng.choice((0, 1, 1, 3, 10))):
        if body:
            body[rng.randrange(len(body))] = rng.randrange(256)
    if rng.random() < 0.2:
        del body[rng.randrange(len(body) + 1) :]
    command = rng.choice(COMMANDS) if rng.random() < 0.95 else rng.getrandbits(32)
    return Pdu(command, rng.choice((0, 0, 3, rng.getrandbits(32))), rng.getrandbits(32), bytes(body)).octets


def broken(rng: random.Random) -> bytes:
    """Return octets that lose the stream."""
    octets = bytearray(mutated(rng))
    pack_into(">I", octets, 0, rng.choice((0, 15, 70_001, rng.getrandbits(32))))
    return bytes(octets)


async def flood(session: Session, rng: random.Random) -> None:
    """Send random PDUs, and wait until all that went before a test is read."""
    for _ in range(PER_SESSION // 50):
        session.write(b"".join(mutated(rng) for _ in range(50)))
        await asyncio.sleep(0)
    session.send(ENQUIRE, 4711)
    await session.smsc.until(lambda: not session.is_open or any(p.sequence == 4711 for p in session.of(0x80000015)))


async def test_whatever_a_peer_sends_the_next_good_pdu_works() -> None:
    rng = random.Random(SEED)
    async with listening() as smsc:
        provider, inbox = make(smsc, TIMES), Stored()

        async def keep_up() -> None:
            while True:
                try:
                    await provider.run(0, inbox, EndlessLease())
                except BindEndedError:
                    await asyncio.sleep(0)

        running = asyncio.create_task(keep_up())
        good = [await session_of(smsc, provider, inbox, rng, number) for number in range(COUNT // PER_SESSION)]
        assert sum(good) > 0.9 * len(good), f"seed {SEED}"
        assert not running.done()
        answered = sum(len(s.of(0x80000005)) + len(s.of(0x80000103)) for s in smsc.sessions)
        assert answered >= len(inbox.found), f"seed {SEED}"
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def session_of(smsc: Smsc, provider: SmppProvider, inbox: Stored, rng: random.Random, number: int) -> bool:
    """Flood one session, then check that it works, and lose it. Return False if it was lost before."""
    session = await smsc.session()
    await flood(session, rng)
    if not session.is_open:
        return False
    text = f"good {number}"
    smsc.deliver(session, deliver_body("8613800138000", "10086", text.encode()))
    await until(lambda: text in inbox.texts[-50:])
    await until(lambda: provider.is_ready)
    [result] = await provider.send([message()])
    assert isinstance(result, Accepted), f"seed {SEED}, session {number}: {result}"
    session.write(broken(rng))
    await smsc.until(lambda: not session.is_open)
    return True
