"""The session layer, over SMPP to a toy SMSC on a real socket (carriers.md 3.4, 4, 7)."""

import asyncio
import time
from collections.abc import Callable
from struct import pack

import pytest

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.values import replace
from app.providers.base import Accepted, BindEndedError, Refused, RefusedForNow, SendResult, Unknown
from app.toys.smsc import BINDS, SUBMIT, Pdu, Session, behave, deliver_body
from tests.providers.smpp.rig import TIMES, CountedLease, Rig, Stored, bound, listening, make, message, until

pytestmark = pytest.mark.anyio
FROM, TO = "8613800138000", "10086"
HELLO = deliver_body(FROM, TO, b"0000")
RESPONSE, UNBIND, ENQUIRE = 0x80000005, 0x06, 0x15


class Held:
    """A carrier that answers no submit by itself; ``asked`` has them."""

    def __init__(self) -> None:
        self.asked: list[Pdu] = []

    def __call__(self, session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT:
            self.asked.append(pdu)
        else:
            behave(session, pdu)


def without(*commands: int) -> Callable[[Session, Pdu], None]:
    """Return a carrier that does not react to some commands."""
    return lambda session, pdu: None if pdu.command in commands else behave(session, pdu)


def sending(rig: Rig, count: int) -> list["asyncio.Task[SendResult]"]:
    """Begin to send messages to as many customers."""
    return [
        asyncio.create_task(rig.send(message(recipient=f"+86138001380{number:02}", reference=f"{number}")))
        for number in range(count)
    ]


# ---- answers


async def test_answers_are_matched_by_their_number_in_any_order() -> None:
    held = Held()
    async with bound(held, window=5) as rig:
        tasks = sending(rig, 5)
        await rig.smsc.until(lambda: len(held.asked) == 5)
        for place, pdu in reversed(list(enumerate(held.asked))):
            rig.session.answer(pdu, b"id-%d\0" % place)
            rig.session.answer(pdu, b"again\0")
        rig.session.send(SUBMIT | RESPONSE, 77, b"nobody\0")
        assert await asyncio.gather(*tasks) == [Accepted(f"id-{place}") for place in range(5)]
        assert await rig.smsc.session() is rig.session


async def test_sequence_numbers_go_on_over_sessions() -> None:
    async with bound() as rig:
        await rig.send()
        before = rig.session.of(SUBMIT)[0].sequence
        rig.session.cut()
        await rig.end()
        again = asyncio.create_task(rig.provider.run(0, rig.inbox, CountedLease()))
        await until(lambda: rig.provider.is_ready)
        await rig.send()
        assert [pdu.sequence for pdu in rig.smsc.sessions[-1].of(SUBMIT)] == [before + 2]
        again.cancel()


async def test_each_session_has_a_greater_number_than_those_before() -> None:
    async with listening() as smsc:
        provider, inbox = make(smsc, TIMES), Stored()
        for count in range(1, 7):
            running = asyncio.create_task(provider.run(0, inbox, CountedLease()))
            smsc.deliver(await smsc.session(), HELLO)
            await until(lambda: len(inbox.found) == count)  # noqa: B023  awaited at once
            running.cancel()
            await asyncio.wait([running])
    seen = [item.seen for item in inbox.found if isinstance(item, InboundMessage) and item.seen]
    numbers = [one.epoch for one in seen]
    assert len(numbers) == 6
    assert numbers == sorted(set(numbers))


async def test_never_more_than_the_window_is_under_way_and_a_late_answer_frees_its_place() -> None:
    held = Held()
    async with bound(held, window=3, times=replace(TIMES, place=60)) as rig:
        tasks = sending(rig, 5)
        assert await asyncio.gather(*tasks[:3]) == [Unknown("no answer")] * 3
        assert len(held.asked) == 3
        for pdu in held.asked[:2]:
            rig.session.answer(pdu, b"late\0")
        rig.session.answer(held.asked[2], status=0x0B)
        await rig.smsc.until(lambda: len(held.asked) == 5)
        await rig.stored(3)
        assert rig.inbox.reported == [
            DeliveryReport("late", OutboundStatus.ACCEPTED, reference="0"),
            DeliveryReport("late", OutboundStatus.ACCEPTED, reference="1"),
            DeliveryReport("", OutboundStatus.FAILED, "RINVDSTADR 0x0B", reference="2"),
        ]
        for pdu in held.asked[3:]:
            rig.session.answer(pdu, b"in time\0")
        assert await asyncio.gather(*tasks[3:]) == [Accepted("in time")] * 2


async def test_a_place_is_free_again_after_a_minute_without_an_answer() -> None:
    held = Held()
    async with bound(held, window=1) as rig:
        first, second = sending(rig, 2)
        assert await first == Unknown("no answer")
        await rig.smsc.until(lambda: len(held.asked) == 2)
        rig.session.answer(held.asked[1], b"second\0")
        assert await second == Accepted("second")
        assert len(held.asked) == 2


async def test_what_was_written_is_unknown_when_the_link_breaks_and_the_rest_is_tried_again() -> None:
    held = Held()
    async with bound(held, window=16) as rig:
        tasks = sending(rig, 20)
        await rig.smsc.until(lambda: len(held.asked) == 16)
        rig.session.cut()
        results = await asyncio.gather(*tasks)
        assert results[:16] == [Unknown("link lost")] * 16
        assert all(isinstance(result, RefusedForNow) for result in results[16:])
        assert str(await rig.end()) == "the connection was lost"
        assert await rig.send() == RefusedForNow("no bind is up")


async def test_a_message_that_finds_no_place_in_time_is_refused_for_now() -> None:
    async with bound(Held(), window=1, times=replace(TIMES, begin=0.05, place=60)) as rig:
        first, second = sending(rig, 2)
        assert await second == RefusedForNow("the window is full")
        assert await first == Unknown("no answer")


async def test_a_rate_counts_segments() -> None:
    async with bound(rate=20, times=replace(TIMES, begin=0.05)) as rig:
        assert await rig.send(message("你" * 130, segments=2)) == Accepted("smsc-1", ("smsc-1", "smsc-2"))
        results = await asyncio.gather(*sending(rig, 3))
        assert RefusedForNow("the pace allows no more") in results


# ---- in


async def test_the_answer_to_a_submit_waits_for_no_commit() -> None:
    async with bound() as rig:
        rig.inbox.go_on.clear()
        for _ in range(3):
            rig.smsc.deliver(rig.session, HELLO)
        assert await rig.send() == Accepted("smsc-1")
        assert rig.session.of(RESPONSE) == []
        rig.inbox.go_on.set()
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 3)
        assert [(pdu.sequence, pdu.status, pdu.body) for pdu in rig.session.of(RESPONSE)] == [
            (number, 0, b"\0") for number in (1, 2, 3)
        ]


async def test_what_one_read_brings_is_one_batch() -> None:
    async with bound() as rig:
        rig.session.write(b"".join(Pdu(0x05, 0, number, HELLO).octets for number in range(1, 101)))
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 100)
        assert sum(rig.inbox.batches) == 100
        assert len(rig.inbox.batches) < 5
        assert len({item.message_id for item in rig.inbox.found if isinstance(item, InboundMessage)}) == 100


async def test_a_message_that_cannot_be_stored_is_refused_and_stops_no_other() -> None:
    async with bound() as rig:
        rig.inbox.poison = "poison"
        texts = [b"one", b"poison", b"two"]
        rig.session.write(
            b"".join(Pdu(0x05, 0, n, deliver_body(FROM, TO, text)).octets for n, text in enumerate(texts, 1))
        )
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 3)
        assert [pdu.status for pdu in rig.session.of(RESPONSE)] == [0, 0x66, 0]
        assert rig.inbox.texts == ["one", "two"]


async def test_a_message_of_which_nobody_knows_yet_whether_it_is_a_repeat_waits_and_is_answered_in_order() -> None:
    async with bound(times=replace(TIMES, stall=0.1)) as rig:
        rig.inbox.undecided = "perhaps"
        texts = [b"one", b"perhaps", b"two"]
        rig.session.write(
            b"".join(Pdu(0x05, 0, n, deliver_body(FROM, TO, text)).octets for n, text in enumerate(texts, 1))
        )
        await until(lambda: rig.inbox.texts == ["one"])
        await asyncio.sleep(0.2)  # longer than an outage may last before no more is submitted
        assert rig.session.of(RESPONSE) == []
        assert await rig.send() == Accepted("smsc-1")
        rig.inbox.undecided = None
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 3)
        assert [(pdu.sequence, pdu.status) for pdu in rig.session.of(RESPONSE)] == [(1, 0), (2, 0), (3, 0)]
        assert rig.inbox.texts == ["one", "perhaps", "two"]


async def test_the_session_lives_through_a_short_outage_and_answers_tests() -> None:
    async with bound(times=replace(TIMES, stall=30, give_up=60)) as rig:
        rig.inbox.away = True
        rig.smsc.deliver(rig.session, HELLO)
        rig.session.send(ENQUIRE, 9)
        await rig.smsc.until(lambda: rig.session.of(0x80000015))
        assert await rig.send() == Accepted("smsc-1")
        assert rig.session.of(RESPONSE) == []
        rig.inbox.away = False
        await rig.smsc.until(lambda: rig.session.of(RESPONSE))
        assert rig.inbox.texts == ["0000"]


async def test_a_long_outage_stops_submits_and_then_ends_the_session_in_good_order() -> None:
    held = Held()
    async with bound(held, times=replace(TIMES, answer=5)) as rig:
        rig.inbox.away = True
        rig.smsc.deliver(rig.session, HELLO)
        [task] = sending(rig, 1)
        await rig.smsc.until(lambda: held.asked)
        await until(lambda: not rig.provider.is_ready)
        assert await rig.send() == RefusedForNow("no bind is up")
        assert rig.session.of(UNBIND) == []
        rig.session.answer(held.asked[0], b"still counts\0")
        assert await task == Accepted("still counts")
        assert str(await rig.end()) == "the database is away"
        assert len(rig.session.of(UNBIND)) == 1
        assert rig.session.of(RESPONSE) == []


async def test_with_temporary_error_a_carrier_is_told_of_the_outage() -> None:
    async with bound(storage_down="temporary_error") as rig:
        rig.inbox.away = True
        rig.smsc.deliver(rig.session, HELLO)
        await rig.smsc.until(lambda: rig.session.of(RESPONSE))
        assert [pdu.status for pdu in rig.session.of(RESPONSE)] == [0x64]


async def test_with_a_thousand_unanswered_the_carrier_waits_and_its_tests_go_on() -> None:
    async with bound(times=replace(TIMES, idle=0.05, stall=30, give_up=60)) as rig:
        rig.inbox.go_on.clear()
        hello = b"".join(Pdu(0x05, 0, number, HELLO).octets for number in range(1, 30_001))
        rig.session.write(hello)
        storing = rig.provider._binds[0]._sessions[0]._storing
        await until(lambda: len(storing) >= 1000)
        await asyncio.sleep(0.3)  # longer than three tests would take
        assert len(storing) == 1000
        rig.inbox.go_on.set()
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 30_000)


# ---- the lease


async def test_without_renewal_nothing_is_submitted_then_the_session_ends_in_good_order() -> None:
    lease = CountedLease()
    async with bound(lease=lease) as rig:
        lease.seconds_left = 10
        assert not rig.provider.is_ready
        assert str(await rig.end()) == "the database is away"
        assert len(rig.session.of(UNBIND)) == 1


async def test_past_the_lease_nothing_is_written_and_the_connection_is_closed_without_a_word() -> None:
    lease = CountedLease()
    async with bound(lease=lease, times=replace(TIMES, tick=30)) as rig:
        rig.inbox.go_on.clear()
        rig.smsc.deliver(rig.session, HELLO)
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing))
        lease.seconds_left = -1
        rig.inbox.go_on.set()
        assert "lease" in str(await rig.end())
        await rig.smsc.until(lambda: not rig.session.is_open)
        assert rig.session.of(UNBIND) == rig.session.of(RESPONSE) == []


async def test_a_session_begins_only_with_a_lease() -> None:
    lease = CountedLease(5)
    async with listening() as smsc:
        provider = make(smsc)
        running = asyncio.create_task(provider.run(0, Stored(), lease))
        await asyncio.sleep(0.05)
        assert smsc.sessions == []
        lease.seconds_left = 20
        await smsc.session()
        running.cancel()


async def test_a_process_that_was_stopped_takes_no_message_that_it_reads_then_and_hears_the_answers() -> None:
    held = Held()
    async with bound(held, times=replace(TIMES, asleep=0.3)) as rig:
        [task] = sending(rig, 1)
        await rig.smsc.until(lambda: held.asked)
        rig.session.answer(held.asked[0], b"in time\0")
        rig.smsc.deliver(rig.session, HELLO)
        time.sleep(0.4)  # noqa: ASYNC251  the whole process stands still
        assert await task == Accepted("in time")
        assert str(await rig.end()) == "the process was stopped for some time"
        await rig.smsc.until(lambda: not rig.session.is_open)
        assert rig.session.of(UNBIND) == rig.session.of(RESPONSE) == []
        assert rig.inbox.found == []


# ---- tests of the link


async def test_a_silent_peer_is_tested_and_then_left() -> None:
    async with bound(without(SUBMIT, ENQUIRE), window=2, times=replace(TIMES, idle=0.1)) as rig:
        tasks = sending(rig, 3)
        assert str(await rig.end()) == "the carrier does not answer"
        results = await asyncio.gather(*tasks)
        assert [type(result) for result in results] == [Unknown, Unknown, RefusedForNow]
        assert len(rig.session.of(SUBMIT)) == 2
        assert len(rig.session.of(ENQUIRE)) == 3


async def test_anything_that_is_heard_counts_as_life() -> None:
    async with bound(without(SUBMIT, ENQUIRE), times=replace(TIMES, idle=0.1, test=0.2)) as rig:
        for _ in range(8):
            await asyncio.sleep(0.1)
            rig.session.send(ENQUIRE, 5)
        assert rig.provider.is_ready


async def test_an_answer_to_a_test_shows_that_our_answers_arrived() -> None:
    async with bound(times=replace(TIMES, confirm=0.05)) as rig:
        rig.smsc.deliver(rig.session, HELLO)
        await rig.smsc.until(lambda: len(rig.session.of(ENQUIRE)) == 1)
        await until(lambda: rig.provider._binds[0]._sessions[0]._keepalive.confirmed == 1)
        await asyncio.sleep(0.2)
        assert len(rig.session.of(ENQUIRE)) == 1


# ---- the end


async def test_the_carriers_goodbye_is_answered_behind_what_came_before_it() -> None:
    held = Held()
    async with bound(held) as rig:
        [task] = sending(rig, 1)
        await rig.smsc.until(lambda: held.asked)
        answer = Pdu(SUBMIT | 0x80000000, 0, held.asked[0].sequence, b"in time\0").octets
        rig.session.write(Pdu(0x05, 0, 1, HELLO).octets + Pdu(UNBIND, 0, 2).octets + answer)
        assert await task == Accepted("in time")
        error = await rig.end()
        assert (str(error), error.pause.total_seconds()) == ("the carrier ended the session", 1)
        await rig.smsc.until(lambda: not rig.session.is_open)
        assert [pdu.command for pdu in rig.session.pdus[-2:]] == [RESPONSE, 0x80000006]


async def test_a_drain_waits_for_answers_stores_what_came_and_says_goodbye() -> None:
    held = Held()
    async with bound(held, times=replace(TIMES, answer=5)) as rig:
        [task] = sending(rig, 1)
        await rig.smsc.until(lambda: held.asked)
        rig.inbox.go_on.clear()
        rig.smsc.deliver(rig.session, HELLO)
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing))
        rig.running.cancel()
        await until(lambda: not rig.provider.is_ready)
        assert isinstance(await rig.send(), RefusedForNow)
        assert rig.session.of(UNBIND) == []
        rig.session.answer(held.asked[0], b"in time\0")
        assert await task == Accepted("in time")
        rig.inbox.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await rig.running
        await rig.smsc.until(lambda: not rig.session.is_open)
        assert [pdu.command for pdu in rig.session.pdus[-2:]] == [RESPONSE, UNBIND]


@pytest.mark.parametrize("how", ["silence", "close"])
async def test_a_goodbye_without_an_answer_ends_all_the_same(how: str) -> None:
    def leave(session: Session, pdu: Pdu) -> None:
        if pdu.command != UNBIND:
            behave(session, pdu)
        elif how == "close":
            session.cut()

    async with bound(leave) as rig:
        rig.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(rig.running, 2)


# ---- bad input


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (pack(">IIII", 15, 0x05, 0, 1), "impossible length"),
        (pack(">IIII", 70_001, 0x05, 0, 1), "impossible length"),
        (pack(">IIII", 0xFFFFFFFF, 0x05, 0, 1), "impossible length"),
        (pack(">IIII", 40, 0x05, 0, 1), "half a PDU"),
        (b"\0\0\0", "half a PDU"),
    ],
)
async def test_a_lost_stream_ends_the_session(octets: bytes, says: str) -> None:
    async with bound() as rig:
        rig.session.write(octets)
        assert says in str(await rig.end())


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
        await rig.smsc.until(lambda: rig.session.of(0x80000015))
        if answer and answer[:2] == (RESPONSE, 0):
            await rig.smsc.until(lambda: rig.session.of(RESPONSE))
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
        provider = make(smsc)
        with pytest.raises(BindEndedError, match=says) as refused:
            await provider.run(0, Stored(), CountedLease())
        assert pause[0] <= refused.value.pause.total_seconds() <= pause[1]
        assert not provider.is_ready


async def test_of_two_secrets_the_second_is_tried_when_the_first_is_wrong() -> None:
    async with listening(refusing(0x0E, 0x0E, 0x0E)) as smsc:
        provider = make(smsc, secret=["first", "second"])
        pauses = []
        for _ in range(3):
            with pytest.raises(BindEndedError, match="RINVPASWD") as refused:
                await provider.run(0, Stored(), CountedLease())
            pauses.append(refused.value.pause.total_seconds())
        assert [b"first" in session.pdus[0].body for session in smsc.sessions] == [True, False, True]
        assert [b"second" in session.pdus[0].body for session in smsc.sessions] == [False, True, False]
        assert [pause >= 60 for pause in pauses] == [False, True, False]


@pytest.mark.parametrize("command", [None, 0x80000000], ids=["bind_transceiver_resp", "generic_nack"])
async def test_where_no_transceiver_is_known_a_pair_is_bound(command: int | None) -> None:
    async with listening(refusing(0x03, command=command)) as smsc:
        provider, inbox = make(smsc), Stored()
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
        await rig.smsc.until(lambda: rig.session.of(RESPONSE))
        said = [(pdu.command, pdu.status, pdu.sequence) for pdu in rig.session.pdus[1:]]
        assert said == [(0x80000015, 0, 5), (0x80000000, 4, 6), (RESPONSE, 0, 7)]
        assert rig.inbox.texts == ["0000"]
        await rig.send()
        assert 0x0204 not in rig.submitted[0].tlvs, "the carrier did not say that it knows optional parameters"


async def test_addresses_are_tried_in_order() -> None:
    async with listening() as gone, listening() as smsc:
        await gone.close()
        provider = make(smsc, address=[f"127.0.0.1:{gone.port}", f"127.0.0.1:{smsc.port}"])
        running = asyncio.create_task(provider.run(0, Stored(), CountedLease()))
        await smsc.session()
        running.cancel()


async def test_a_bind_without_an_answer_ends() -> None:
    async with listening(lambda _session, _pdu: None) as smsc:
        with pytest.raises(BindEndedError, match="was not answered"):
            await make(smsc).run(0, Stored(), CountedLease())


# ---- several segments


async def test_a_throttled_segment_is_sent_again_alone_under_the_same_reference() -> None:
    left = {2: [0x58, 0x58]}

    def throttling(session: Session, pdu: Pdu) -> None:
        number = pdu.body[pdu.body.index(b"\x05\x00\x03") + 5] if pdu.command == SUBMIT else 0
        if left.get(number):
            session.answer(pdu, status=left[number].pop())
        else:
            behave(session, pdu)

    async with bound(throttling) as rig:
        item = message("你" * 150, segments=3)
        progress = None
        for _ in range(2):
            result = await rig.send(replace(item, progress=progress))
            assert isinstance(result, RefusedForNow)
            assert result.throttled
            progress = result.progress
        assert await rig.send(replace(item, progress=progress)) == Accepted("smsc-1", ("smsc-1", "smsc-3", "smsc-2"))
        headers = [sent.short_message[:6] for sent in rig.submitted]
        assert [header[5] for header in headers] == [1, 2, 3, 2, 2]
        assert len({header[3] for header in headers}) == 1


async def test_one_segment_that_is_refused_fails_the_message_and_the_rest_is_not_begun() -> None:
    held = Held()
    async with bound(held, window=1) as rig:
        task = asyncio.create_task(rig.send(message("你" * 150, segments=3)))
        await rig.smsc.until(lambda: held.asked)
        rig.session.answer(held.asked[0], status=0x0B)
        assert await task == Refused("RINVDSTADR 0x0B, segment 1 of 3")
        assert len(held.asked) == 1


async def test_one_unknown_segment_makes_the_message_unknown_and_late_answers_name_all() -> None:
    held = Held()
    async with bound(held, times=replace(TIMES, place=60)) as rig:
        task = asyncio.create_task(rig.send(message("你" * 130, segments=2)))
        await rig.smsc.until(lambda: len(held.asked) == 2)
        rig.session.answer(held.asked[1], b"two\0")
        result = await task
        assert isinstance(result, Unknown)
        assert result.progress is not None
        assert '"two"' in result.progress
        rig.session.answer(held.asked[0], b"one\0")
        await rig.stored(2)
        assert [(report.provider_message_id, report.part) for report in rig.inbox.reported] == [("one", 1), ("two", 2)]


async def test_nothing_of_the_same_subscriber_goes_between_the_segments_of_a_message() -> None:
    async with bound(window=1) as rig:
        long = asyncio.create_task(rig.send(message("你" * 150, segments=3)))
        short = asyncio.create_task(rig.send(message("short", encoding="gsm7")))
        assert isinstance(await long, Accepted)
        assert isinstance(await short, Accepted)
        assert [len(sent.short_message) for sent in rig.submitted] == [140, 140, 38, 5]


# ---- repeats


async def next_session(rig: Rig) -> Session:
    """Begin another session of the same provider, after the last one has ended."""
    rig.running = asyncio.create_task(rig.provider.run(0, rig.inbox, CountedLease()))
    await until(lambda: rig.provider.is_ready)
    return rig.smsc.sessions[-1]


async def test_every_message_says_where_it_was_delivered_and_what_a_repeat_has_in_common_with_it() -> None:
    async with bound() as rig:
        for text in (b"0000", b"0000", b"other"):
            rig.smsc.deliver(rig.session, deliver_body(FROM, TO, text))
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 3)
        rig.session.cut()
        await rig.end()
        rig.smsc.deliver(await next_session(rig), HELLO)
        await until(lambda: len(rig.inbox.found) == 4)
        seen = [item.seen for item in rig.inbox.found if isinstance(item, InboundMessage)]
        assert [(one.slot, one.sequence) for one in seen if one] == [(0, 1), (0, 2), (0, 3), (0, 1)]
        assert len({one.epoch for one in seen if one}) == 2
        assert [one.octets == seen[0].octets for one in seen if one and seen[0]] == [True, True, False, True]


async def test_an_answer_behind_ours_confirms_what_was_answered_before() -> None:
    held = Held()
    async with bound(held) as rig:
        for _ in range(2):
            rig.smsc.deliver(rig.session, HELLO)
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 2)
        [task] = sending(rig, 1)
        await rig.smsc.until(lambda: held.asked)
        rig.smsc.deliver(rig.session, HELLO)
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 3)
        assert rig.inbox.confirmed is None
        rig.session.answer(held.asked[0], b"id\0")
        await task
        await until(lambda: rig.inbox.confirmed == (0, 2))
        rig.session.cut()
        await rig.end()
        assert rig.inbox.confirmed == (0, 2)


async def test_the_answer_to_our_goodbye_confirms_everything() -> None:
    async with bound() as rig:
        for _ in range(2):
            rig.smsc.deliver(rig.session, HELLO)
        await rig.smsc.until(lambda: len(rig.session.of(RESPONSE)) == 2)
    assert rig.inbox.confirmed == (0, 2)


async def test_the_try_to_store_that_is_under_way_ends_before_the_next_session_begins() -> None:
    async with bound() as rig:
        rig.inbox.go_on.clear()
        rig.smsc.deliver(rig.session, HELLO)
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing))
        rig.session.cut()
        await until(lambda: not rig.provider.is_ready)
        await asyncio.sleep(0.05)
        assert not rig.running.done()
        rig.inbox.go_on.set()
        await rig.end()
        assert rig.inbox.texts == ["0000"]
        assert rig.session.of(RESPONSE) == []


async def test_a_message_waits_for_the_segments_of_another_one_only_so_long() -> None:
    async with bound(Held(), window=1, times=replace(TIMES, begin=0.1, place=60)) as rig:
        long = asyncio.create_task(rig.send(message("你" * 150, segments=3)))
        await rig.smsc.until(lambda: rig.submitted)
        short = await rig.send(message("short", encoding="gsm7"))
        assert isinstance(short, RefusedForNow)
        assert isinstance(await long, Unknown)
