"""Sessions of SMPP: what is answered to bad input, and how binds are refused (carriers.md 4.3, 5.1, 7)."""

import asyncio
from collections.abc import Callable

import pytest

from app.providers.base import Accepted, BindEndedError
from app.toys.smsc import BINDS, Pdu, Session, behave, deliver_body
from tests.providers.session.rig import CountedLease, Stored, message, until
from tests.providers.smpp.rig import bound, listening, make, read

pytestmark = pytest.mark.anyio
FROM, TO = "8613800138000", "10086"
HELLO = deliver_body(FROM, TO, b"0000")
RESPONSE, ENQUIRE = 0x80000005, 0x15


async def test_with_temporary_error_a_carrier_is_told_of_the_outage() -> None:
    async with bound(storage_down="temporary_error") as rig:
        rig.inbox.away = True
        rig.server.deliver(rig.session, HELLO)
        await rig.server.until(lambda: rig.session.of(RESPONSE))
        assert [pdu.status for pdu in rig.session.of(RESPONSE)] == [0x64]


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (Pdu(0x03, 0, 5, b"query_sm"), (0x80000000, 3, 5)),
        (Pdu(0x7777, 0, 6), (0x80000000, 3, 6)),
        (Pdu(0x05, 0, 7, b"\0\0"), (0x80000005, 0x66, 7)),
        (Pdu(0x05, 0, 8, HELLO[:-3]), (0x80000005, 0x66, 8)),
        (Pdu(0x103, 0, 9, b""), (0x80000103, 0x66, 9)),
        (Pdu(0x0B, 0, 1, b"a\0b\0"), None),
        (Pdu(0x102, 0, 1, b"x"), None),
        (Pdu(0x80000003, 0, 1), None),
        (Pdu(0x80000000, 0x03, 0), None),
        (Pdu(0x80000004, 0, 99, b"id\0"), None),
        (Pdu(0x05, 0, 4, HELLO + b"\x04\x24\xff\xff1"), (0x80000005, 0, 4)),
        (Pdu(0x05, 0, 4, HELLO + b"\x14\x00\x00\x01a\x14\x00\x00\x01b"), (0x80000005, 0, 4)),
    ],
)
async def test_bad_input_is_answered_as_the_table_says_and_the_session_goes_on(
    pdu: Pdu, answer: tuple[int, int, int] | None
) -> None:
    async with bound() as rig:
        before = len(rig.session.pdus)
        rig.session.write(pdu.octets)
        rig.session.send(ENQUIRE, 1234)
        await rig.server.until(lambda: rig.session.of(0x80000015))
        if answer and answer[:2] == (RESPONSE, 0):
            await rig.server.until(lambda: rig.session.of(RESPONSE))
        said = [(one.command, one.status, one.sequence) for one in rig.session.pdus[before:]]
        assert sorted(said) == sorted([(0x80000015, 0, 1234), *([answer] if answer else [])])
        assert await rig.send() == Accepted("smsc-1")


# ---- binds


def refusing(*statuses: int, command: int | None = None, body: bytes = b"") -> Callable[[Session, Pdu], None]:
    """Return a carrier that refuses the first binds with these statuses."""
    left = list(statuses)

    def refuse(session: Session, pdu: Pdu) -> None:
        if pdu.command in BINDS and left:
            session.send(command or pdu.command | 0x80000000, pdu.sequence, body, left.pop(0))
        else:
            behave(session, pdu)

    return refuse


@pytest.mark.parametrize(
    ("status", "pause", "says"),
    [
        (0x0D, (60, 60), "RBINDFAIL 0x0D; check"),
        (0x0E, (60, 60), "RINVPASWD 0x0E; check"),
        (0x0F, (60, 60), "RINVSYSID 0x0F; check"),
        (0x53, (60, 60), "RINVSYSTYP 0x53; check"),
        (0x05, (5, 6), "RALYBND 0x05; an earlier session"),
        (0x08, (0, 1), "RSYSERR 0x08"),
        (0x12345678, (0, 1), "0x12345678"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"toy\0"], ids=["no body", "body"])
async def test_a_refused_bind_says_why_and_how_long_to_wait(
    status: int, pause: tuple[float, float], says: str, body: bytes
) -> None:
    async with listening(refusing(status, body=body)) as smsc:
        provider = make(smsc.port)
        with pytest.raises(BindEndedError, match=says) as refused:
            await provider.run(0, Stored(), CountedLease())
        assert pause[0] <= refused.value.pause.total_seconds() <= pause[1]
        assert not provider.is_ready


async def test_of_two_secrets_the_second_is_tried_when_the_first_is_wrong() -> None:
    async with listening(refusing(0x0E, 0x0E, 0x0E)) as smsc:
        provider = make(smsc.port, secret=["first", "second"])
        pauses = []
        for _ in range(3):
            with pytest.raises(BindEndedError, match="RINVPASWD") as refused:
                await provider.run(0, Stored(), CountedLease())
            pauses.append(refused.value.pause.total_seconds())
        assert [b"first" in session.pdus[0].body for session in smsc.sessions] == [True, False, True]
        assert [b"second" in session.pdus[0].body for session in smsc.sessions] == [False, True, False]
        assert [pause >= 60 for pause in pauses] == [False, True, False]


async def test_the_second_secret_is_not_tried_when_the_system_type_is_wrong() -> None:
    async with listening(refusing(0x53, 0x53)) as smsc:
        provider = make(smsc.port, secret=["first", "second"])
        for pause in (60, 120):
            with pytest.raises(BindEndedError, match="0x53") as refused:
                await provider.run(0, Stored(), CountedLease())
            assert refused.value.pause.total_seconds() == pause
        assert [b"first" in session.pdus[0].body for session in smsc.sessions] == [True, True]


@pytest.mark.parametrize("command", [None, 0x80000000], ids=["bind_transceiver_resp", "generic_nack"])
async def test_where_no_transceiver_is_known_a_pair_is_bound(command: int | None) -> None:
    async with listening(refusing(0x03, command=command)) as smsc:
        provider, inbox = make(smsc.port), Stored()
        with pytest.raises(BindEndedError, match="no transceiver") as refused:
            await provider.run(0, inbox, CountedLease())
        assert refused.value.pause.total_seconds() == 0
        running = asyncio.create_task(provider.run(0, inbox, CountedLease()))
        await until(lambda: provider.is_ready)
        transmitter, receiver = smsc.sessions[1:]
        assert (transmitter.bound, receiver.bound) == ("transmitter", "receiver")
        assert await provider.send([message()]) == [Accepted("smsc-1")]
        smsc.deliver(receiver, HELLO)
        smsc.deliver(transmitter, HELLO)
        await smsc.until(lambda: receiver.of(RESPONSE) and transmitter.of(0x80000000))
        assert [pdu.status for pdu in transmitter.of(0x80000000)] == [4]
        assert inbox.texts == ["0000"]
        receiver.cut()
        with pytest.raises(BindEndedError, match="connection was lost"):
            await running
        await smsc.until(lambda: not transmitter.is_open)


async def test_before_the_binds_answer_a_test_is_answered_and_a_message_is_not_stored() -> None:
    def hasty(session: Session, pdu: Pdu) -> None:
        if pdu.command in BINDS:
            session.send(ENQUIRE, 5)
            session.send(0x05, 6, HELLO)
            answer = Pdu(pdu.command | 0x80000000, 0, pdu.sequence, b"toy\0").octets
            session.bound = "transceiver"
            session.write(answer + Pdu(0x05, 0, 7, HELLO).octets)
        else:
            behave(session, pdu)

    async with bound(hasty) as rig:
        await rig.server.until(lambda: rig.session.of(RESPONSE))
        said = [(pdu.command, pdu.status, pdu.sequence) for pdu in rig.session.pdus[1:]]
        assert said == [(0x80000015, 0, 5), (0x80000000, 4, 6), (RESPONSE, 0, 7)]
        assert rig.inbox.texts == ["0000"]
        await rig.send()
        assert 0x0204 not in read(rig)[0].tlvs, "the carrier did not say that it knows optional parameters"
