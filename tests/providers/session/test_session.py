"""The session layer, with each kind of carrier, to a toy on a real socket (carriers.md 3.4, 4, 7)."""

import asyncio
import socket
import time
from collections.abc import Callable
from struct import pack
from typing import Any

import pytest

from app.domain.messages import DeliveryReport, InboundMessage, OutboundStatus
from app.domain.values import replace
from app.providers.base import Accepted, BindEndedError, Refused, RefusedForNow, SendResult, Unknown
from app.providers.session.link import Link
from app.toys.smsc import deliver_body
from tests.providers.session.carriers import ANSWER, FROM, SMPP, TO, AnyCarrier, AnyPdu, AnySession
from tests.providers.session.rig import TIMES, CountedLease, Rig, Stored, bound, listening, make, message, until

pytestmark = pytest.mark.anyio
AnyRig = Rig[Any, Any, Any]


class Held:
    """A carrier that answers no submit by itself; ``asked`` has them."""

    def __init__(self, carrier: AnyCarrier) -> None:
        self.carrier = carrier
        self.asked: list[Any] = []

    def __call__(self, session: AnySession, pdu: AnyPdu) -> None:
        if pdu.command == self.carrier.submit:
            self.asked.append(pdu)
        else:
            self.carrier.behave(session, pdu)


def without(carrier: AnyCarrier, *commands: int) -> Callable[[Any, Any], None]:
    """Return a carrier that does not react to some commands."""
    return lambda session, pdu: None if pdu.command in commands else carrier.behave(session, pdu)


def sending(rig: AnyRig, count: int) -> list["asyncio.Task[SendResult]"]:
    """Begin to send messages to as many customers."""
    return [
        asyncio.create_task(rig.send(message(recipient=f"+86138001380{number:02}", reference=f"{number}")))
        for number in range(count)
    ]


# ---- answers


async def test_answers_are_matched_by_their_number_in_any_order(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, window=5) as rig:
        tasks = sending(rig, 5)
        await rig.server.until(lambda: len(held.asked) == 5)
        for place, pdu in reversed(list(enumerate(held.asked))):
            rig.accept(pdu, place)
            rig.accept(pdu, 99)
        rig.accept(replace(held.asked[0], sequence=77), 98)
        assert await asyncio.gather(*tasks) == [Accepted(rig.id(place)) for place in range(5)]
        assert await rig.server.session() is rig.session


async def test_sequence_numbers_go_on_over_sessions(carrier: AnyCarrier) -> None:
    async with bound(carrier) as rig:
        await rig.send()
        before = rig.of(carrier.submit)[0].sequence
        rig.session.cut()
        await rig.end()
        again = asyncio.create_task(rig.provider.run(0, rig.inbox, CountedLease()))
        await until(lambda: rig.provider.is_ready)
        await rig.send()
        assert [pdu.sequence for pdu in rig.server.sessions[-1].of(carrier.submit)] == [before + 2]
        again.cancel()


async def test_each_session_has_a_greater_number_than_those_before(carrier: AnyCarrier) -> None:
    async with listening(carrier) as server:
        provider, inbox = make(carrier, server.port), Stored()
        for count in range(1, 7):
            running = asyncio.create_task(provider.run(0, inbox, CountedLease()))
            carrier.send(server, await server.session(), carrier.delivery(server, "0000", is_nameless=True))
            await until(lambda: len(inbox.found) == count)  # noqa: B023  awaited at once
            running.cancel()
            await asyncio.wait([running])
    seen = [item.seen for item in inbox.found if isinstance(item, InboundMessage) and item.seen]
    numbers = [one.epoch for one in seen]
    assert len(numbers) == 6
    assert numbers == sorted(set(numbers))


async def test_never_more_than_the_window_is_under_way_and_a_late_answer_frees_its_place(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, window=3, times=replace(TIMES, place=60)) as rig:
        tasks = sending(rig, 5)
        assert await asyncio.gather(*tasks[:3]) == [Unknown("no answer")] * 3
        assert len(held.asked) == 3
        for number, pdu in enumerate(held.asked[:2], 1):
            rig.accept(pdu, number)
        rig.refuse(held.asked[2])
        await rig.server.until(lambda: len(held.asked) == 5)
        await rig.stored(3)
        assert rig.inbox.reported == [
            DeliveryReport(rig.id(1), OutboundStatus.ACCEPTED, reference="0"),
            DeliveryReport(rig.id(2), OutboundStatus.ACCEPTED, reference="1"),
            DeliveryReport("", OutboundStatus.FAILED, carrier.shown, reference="2"),
        ]
        for pdu in held.asked[3:]:
            rig.accept(pdu, 3)
        assert await asyncio.gather(*tasks[3:]) == [Accepted(rig.id(3))] * 2


async def test_a_place_is_free_again_after_a_minute_without_an_answer(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, window=1) as rig:
        first, second = sending(rig, 2)
        assert await first == Unknown("no answer")
        await rig.server.until(lambda: len(held.asked) == 2)
        rig.accept(held.asked[1], 2)
        assert await second == Accepted(rig.id(2))
        assert len(held.asked) == 2


async def test_what_was_written_is_unknown_when_the_link_breaks_and_the_rest_is_tried_again(
    carrier: AnyCarrier,
) -> None:
    held = Held(carrier)
    async with bound(carrier, held, window=16) as rig:
        tasks = sending(rig, 20)
        await rig.server.until(lambda: len(held.asked) == 16)
        rig.session.cut()
        results = await asyncio.gather(*tasks)
        assert results[:16] == [Unknown("link lost")] * 16
        assert all(isinstance(result, RefusedForNow) for result in results[16:])
        assert str(await rig.end()) == "the connection was lost"
        assert await rig.send() == RefusedForNow("no bind is up")


def stop_reading(rig: AnyRig) -> Link:
    """Have the carrier read nothing more, and little be on its way to it. Return the gateway's end of the link."""
    link = rig.provider._binds[0]._sessions[0]._link
    assert link._transport is not None
    link._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    rig.session._transport.pause_reading()
    return link


async def test_what_the_operating_system_does_not_take_is_not_written_and_tried_again_when_the_link_breaks(
    carrier: AnyCarrier,
) -> None:
    async with bound(carrier, Held(carrier), window=1000, times=replace(TIMES, answer=30, begin=30)) as rig:
        link = stop_reading(rig)
        long = [message("你" * 70, recipient=f"+861380013{n:04}", reference=f"{n}") for n in range(990)]
        begun = [asyncio.create_task(rig.send(item)) for item in long]
        await until(lambda: link._is_full)
        held = sending(rig, 5)
        await until(lambda: len(link._out) == 5)
        rig.session.cut()
        assert await asyncio.gather(*begun) == [Unknown("link lost")] * 990
        assert await asyncio.gather(*held) == [RefusedForNow("link lost before it was sent")] * 5


async def test_a_carrier_that_sends_and_reads_nothing_is_left(carrier: AnyCarrier) -> None:
    async with bound(carrier, times=replace(TIMES, idle=60)) as rig:
        stop_reading(rig)
        rig.session.write(carrier.pdu(carrier.test, 5) * 150_000)
        assert str(await rig.end()) == "the carrier does not read what it is sent"


async def test_a_message_that_finds_no_place_in_time_is_refused_for_now(carrier: AnyCarrier) -> None:
    async with bound(carrier, Held(carrier), window=1, times=replace(TIMES, begin=0.05, place=60)) as rig:
        first, second = sending(rig, 2)
        assert await second == RefusedForNow("the window is full")
        assert await first == Unknown("no answer")


async def test_a_rate_counts_segments(carrier: AnyCarrier) -> None:
    async with bound(carrier, rate=20, times=replace(TIMES, begin=0.05)) as rig:
        assert await rig.send(message("你" * 130, segments=2)) == Accepted(rig.id(1), (rig.id(1), rig.id(2)))
        results = await asyncio.gather(*sending(rig, 3))
        assert RefusedForNow("the pace allows no more") in results


# ---- in


async def test_the_answer_to_a_submit_waits_for_no_commit(carrier: AnyCarrier) -> None:
    async with bound(carrier) as rig:
        rig.inbox.go_on.clear()
        for _ in range(3):
            rig.deliver()
        assert await rig.send() == Accepted(rig.server.id(1))
        assert rig.answers == []
        rig.inbox.go_on.set()
        await rig.server.until(lambda: len(rig.answers) == 3)
        assert [(pdu.sequence, carrier.result_of(pdu)) for pdu in rig.answers] == [(1, 0), (2, 0), (3, 0)]


async def test_what_one_read_brings_is_one_batch(carrier: AnyCarrier) -> None:
    async with bound(carrier) as rig:
        rig.deliver_all(*["0000"] * 100)
        await rig.server.until(lambda: len(rig.answers) == 100)
        assert sum(rig.inbox.batches) == 100
        assert len(rig.inbox.batches) < 5
        assert len({item.message_id for item in rig.inbox.found if isinstance(item, InboundMessage)}) == 100


async def test_a_message_that_cannot_be_stored_is_refused_and_stops_no_other(carrier: AnyCarrier) -> None:
    async with bound(carrier) as rig:
        rig.inbox.poison = "poison"
        rig.deliver_all("one", "poison", "two")
        await rig.server.until(lambda: len(rig.answers) == 3)
        assert [carrier.result_of(pdu) for pdu in rig.answers] == [0, carrier.never, 0]
        assert rig.inbox.texts == ["one", "two"]


async def test_a_message_of_which_nobody_knows_yet_whether_it_is_a_repeat_waits_and_is_answered_in_order(
    carrier: AnyCarrier,
) -> None:
    async with bound(carrier, times=replace(TIMES, stall=0.1)) as rig:
        rig.inbox.undecided = "perhaps"
        rig.deliver_all("one", "perhaps", "two")
        await until(lambda: rig.inbox.texts == ["one"])
        await asyncio.sleep(0.2)  # longer than an outage may last before no more is submitted
        assert rig.answers == []
        assert await rig.send() == Accepted(rig.server.id(1))
        rig.inbox.undecided = None
        await rig.server.until(lambda: len(rig.answers) == 3)
        assert [(pdu.sequence, carrier.result_of(pdu)) for pdu in rig.answers] == [(1, 0), (2, 0), (3, 0)]
        assert rig.inbox.texts == ["one", "perhaps", "two"]


async def test_the_session_lives_through_a_short_outage_and_answers_tests(carrier: AnyCarrier) -> None:
    async with bound(carrier, times=replace(TIMES, stall=30, give_up=60)) as rig:
        rig.inbox.away = True
        rig.deliver()
        rig.session.write(carrier.pdu(carrier.test, 9))
        await rig.server.until(lambda: rig.of(carrier.test | ANSWER))
        assert await rig.send() == Accepted(rig.server.id(1))
        assert rig.answers == []
        rig.inbox.away = False
        await rig.server.until(lambda: rig.answers)
        assert rig.inbox.texts == ["0000"]


async def test_a_long_outage_stops_submits_and_then_ends_the_session_in_good_order(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, times=replace(TIMES, answer=5)) as rig:
        rig.inbox.away = True
        rig.deliver()
        [task] = sending(rig, 1)
        await rig.server.until(lambda: held.asked)
        await until(lambda: not rig.provider.is_ready)
        assert await rig.send() == RefusedForNow("no bind is up")
        assert rig.of(carrier.goodbye) == []
        rig.accept(held.asked[0], 1)
        assert await task == Accepted(rig.id(1))
        assert str(await rig.end()) == "the database is away"
        assert len(rig.of(carrier.goodbye)) == 1
        assert rig.answers == []


async def test_with_a_thousand_unanswered_the_carrier_waits_and_its_tests_go_on(carrier: AnyCarrier) -> None:
    async with bound(carrier, times=replace(TIMES, idle=0.05, stall=30, give_up=60)) as rig:
        rig.inbox.go_on.clear()
        rig.deliver_all(*["0000"] * 30_000)
        storing = rig.provider._binds[0]._sessions[0]._storing
        await until(lambda: len(storing) >= 1000)
        await asyncio.sleep(0.3)  # longer than three tests would take
        assert len(storing) == 1000
        rig.inbox.go_on.set()
        await rig.server.until(lambda: len(rig.answers) == 30_000)


# ---- the lease


async def test_without_renewal_nothing_is_submitted_then_the_session_ends_in_good_order(carrier: AnyCarrier) -> None:
    lease = CountedLease()
    async with bound(carrier, lease=lease) as rig:
        lease.seconds_left = 10
        assert not rig.provider.is_ready
        assert str(await rig.end()) == "the database is away"
        assert len(rig.of(carrier.goodbye)) == 1


async def test_past_the_lease_nothing_is_written_and_the_connection_is_closed_without_a_word(
    carrier: AnyCarrier,
) -> None:
    lease = CountedLease()
    async with bound(carrier, lease=lease, times=replace(TIMES, tick=30)) as rig:
        rig.inbox.go_on.clear()
        rig.deliver()
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing))
        lease.seconds_left = -1
        rig.inbox.go_on.set()
        assert "lease" in str(await rig.end())
        await rig.server.until(lambda: not rig.session.is_open)
        assert rig.of(carrier.goodbye) == rig.answers == []


async def test_a_session_begins_only_with_a_lease(carrier: AnyCarrier) -> None:
    lease = CountedLease(5)
    async with listening(carrier) as server:
        provider = make(carrier, server.port)
        running = asyncio.create_task(provider.run(0, Stored(), lease))
        await asyncio.sleep(0.05)
        assert server.sessions == []
        lease.seconds_left = 20
        await server.session()
        running.cancel()


async def test_a_process_that_was_stopped_takes_no_message_that_it_reads_then_and_hears_the_answers(
    carrier: AnyCarrier,
) -> None:
    held = Held(carrier)
    async with bound(carrier, held, times=replace(TIMES, asleep=0.3)) as rig:
        [task] = sending(rig, 1)
        await rig.server.until(lambda: held.asked)
        rig.accept(held.asked[0], 1)
        rig.deliver()
        time.sleep(0.4)  # noqa: ASYNC251  the whole process stands still
        assert await task == Accepted(rig.id(1))
        assert str(await rig.end()) == "the process was stopped for some time"
        await rig.server.until(lambda: not rig.session.is_open)
        assert rig.of(carrier.goodbye) == rig.answers == []
        assert rig.inbox.found == []


# ---- tests of the link


async def test_a_silent_peer_is_tested_and_then_left(carrier: AnyCarrier) -> None:
    async with bound(
        carrier, without(carrier, carrier.submit, carrier.test), window=2, times=replace(TIMES, idle=0.1)
    ) as rig:
        tasks = sending(rig, 3)
        assert str(await rig.end()) == "the carrier does not answer"
        results = await asyncio.gather(*tasks)
        assert [type(result) for result in results] == [Unknown, Unknown, RefusedForNow]
        assert len(rig.of(carrier.submit)) == 2
        assert len(rig.of(carrier.test)) == 3


async def test_anything_that_is_heard_counts_as_life(carrier: AnyCarrier) -> None:
    async with bound(
        carrier, without(carrier, carrier.submit, carrier.test), times=replace(TIMES, idle=0.1, test=0.2)
    ) as rig:
        for _ in range(8):
            await asyncio.sleep(0.1)
            rig.session.write(carrier.pdu(carrier.test, 5))
        assert rig.provider.is_ready


async def test_an_answer_to_a_test_shows_that_our_answers_arrived(carrier: AnyCarrier) -> None:
    async with bound(carrier, times=replace(TIMES, confirm=0.05)) as rig:
        rig.deliver(is_nameless=True)
        await rig.server.until(lambda: len(rig.of(carrier.test)) == 1)
        await until(lambda: rig.provider._binds[0]._sessions[0]._keepalive.confirmed == 1)
        await asyncio.sleep(0.2)
        assert len(rig.of(carrier.test)) == 1


async def test_messages_with_an_id_of_the_carrier_need_no_test(carrier: AnyCarrier) -> None:
    if carrier is SMPP:
        body = deliver_body(FROM, TO, b"0000", tlvs={0x1403: b"mo-1"})
        options = {"mo_id_tlv": "0x1403"}
    else:
        body, options = b"", {}
    async with bound(carrier, times=replace(TIMES, confirm=0.05), options=options) as rig:
        carrier.send(rig.server, rig.session, body or carrier.delivery(rig.server, "0000"))
        await rig.server.until(lambda: rig.answers)
        await asyncio.sleep(0.2)
        assert rig.of(carrier.test) == []


# ---- the end


async def test_the_carriers_goodbye_is_answered_behind_what_came_before_it(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held) as rig:
        [task] = sending(rig, 1)
        await rig.server.until(lambda: held.asked)
        rig.deliver()
        rig.session.write(carrier.pdu(carrier.goodbye, 2))
        rig.accept(held.asked[0], 1)
        assert await task == Accepted(rig.id(1))
        error = await rig.end()
        assert (str(error), error.pause.total_seconds()) == ("the carrier ended the session", 1)
        await rig.server.until(lambda: not rig.session.is_open)
        assert [pdu.command for pdu in rig.session.pdus[-2:]] == [carrier.deliver | ANSWER, carrier.goodbye | ANSWER]


async def test_a_drain_waits_for_answers_stores_what_came_and_says_goodbye(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, times=replace(TIMES, answer=5)) as rig:
        [task] = sending(rig, 1)
        await rig.server.until(lambda: held.asked)
        rig.inbox.go_on.clear()
        rig.deliver()
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing))
        rig.running.cancel()
        await until(lambda: not rig.provider.is_ready)
        assert isinstance(await rig.send(), RefusedForNow)
        assert rig.of(carrier.goodbye) == []
        rig.accept(held.asked[0], 1)
        assert await task == Accepted(rig.id(1))
        rig.inbox.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await rig.running
        await rig.server.until(lambda: not rig.session.is_open)
        assert [pdu.command for pdu in rig.session.pdus[-2:]] == [carrier.deliver | ANSWER, carrier.goodbye]


@pytest.mark.parametrize("how", ["silence", "close"])
async def test_a_goodbye_without_an_answer_ends_all_the_same(carrier: AnyCarrier, how: str) -> None:
    def leave(session: AnySession, pdu: AnyPdu) -> None:
        if pdu.command != carrier.goodbye:
            carrier.behave(session, pdu)
        elif how == "close":
            session.cut()

    async with bound(carrier, leave) as rig:
        rig.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(rig.running, 2)


async def test_a_goodbye_of_the_carrier_that_crosses_ours_is_answered(carrier: AnyCarrier) -> None:
    def cross(session: AnySession, pdu: AnyPdu) -> None:
        if pdu.command == carrier.goodbye:
            session.write(carrier.pdu(carrier.goodbye, 2))
        else:
            carrier.behave(session, pdu)

    async with bound(carrier, cross) as rig:
        rig.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rig.running
        await rig.server.until(lambda: not rig.session.is_open)
        assert [pdu.sequence for pdu in rig.of(carrier.goodbye | ANSWER)] == [2]


# ---- bad input


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (pack(">IIII", 11, 0x05, 0, 1), "impossible length"),
        (pack(">IIII", 70_001, 0x05, 0, 1), "impossible length"),
        (pack(">IIII", 0xFFFFFFFF, 0x05, 0, 1), "impossible length"),
        (pack(">IIII", 40, 0x05, 0, 1), "half a PDU"),
        (b"\0\0\0", "half a PDU"),
    ],
)
async def test_a_lost_stream_ends_the_session(carrier: AnyCarrier, octets: bytes, says: str) -> None:
    async with bound(carrier) as rig:
        rig.session.write(octets)
        assert says in str(await rig.end())


async def test_addresses_are_tried_in_order(carrier: AnyCarrier) -> None:
    async with listening(carrier) as gone, listening(carrier) as server:
        await gone.close()
        provider = make(carrier, server.port, address=[f"127.0.0.1:{gone.port}", f"127.0.0.1:{server.port}"])
        running = asyncio.create_task(provider.run(0, Stored(), CountedLease()))
        await server.session()
        running.cancel()


async def test_why_there_is_no_connection_is_said_without_the_address(carrier: AnyCarrier) -> None:
    async with listening(carrier) as gone:
        await gone.close()
        with pytest.raises(BindEndedError) as refused:
            await make(carrier, gone.port).run(0, Stored(), CountedLease())
        assert str(refused.value) == "no connection: Connection refused"


async def test_a_bind_without_an_answer_ends(carrier: AnyCarrier) -> None:
    async with listening(carrier, lambda _session, _pdu: None) as server:
        with pytest.raises(BindEndedError, match="was not answered"):
            await make(carrier, server.port).run(0, Stored(), CountedLease())


# ---- several segments


async def test_a_throttled_segment_is_sent_again_alone_under_the_same_reference(carrier: AnyCarrier) -> None:
    left = {2: [carrier.throttled] * 2}

    def throttling(session: AnySession, pdu: AnyPdu) -> None:
        number = carrier.read(pdu).place[1] if pdu.command == carrier.submit else 0
        if left.get(number):
            carrier.refuse(session, pdu, left[number].pop())
        else:
            carrier.behave(session, pdu)

    async with bound(carrier, throttling) as rig:
        item = message("你" * 150, segments=3)
        progress = None
        for _ in range(2):
            result = await rig.send(replace(item, progress=progress))
            assert isinstance(result, RefusedForNow)
            assert result.throttled
            progress = result.progress
        assert await rig.send(replace(item, progress=progress)) == Accepted(rig.id(1), tuple(map(rig.id, (1, 3, 2))))
        headers = [sent.header for sent in rig.submitted]
        assert [header[5] for header in headers] == [1, 2, 3, 2, 2]
        assert len({header[3] for header in headers}) == 1


async def test_one_segment_that_is_refused_fails_the_message_and_the_rest_is_not_begun(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, window=1) as rig:
        task = asyncio.create_task(rig.send(message("你" * 150, segments=3)))
        await rig.server.until(lambda: held.asked)
        rig.refuse(held.asked[0])
        assert await task == Refused(f"{carrier.shown}, segment 1 of 3")
        assert len(held.asked) == 1


async def test_one_unknown_segment_makes_the_message_unknown_and_late_answers_name_all(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, times=replace(TIMES, place=60)) as rig:
        task = asyncio.create_task(rig.send(message("你" * 130, segments=2)))
        await rig.server.until(lambda: len(held.asked) == 2)
        rig.accept(held.asked[1], 2)
        result = await task
        assert isinstance(result, Unknown)
        assert result.progress is not None
        assert f'"{rig.id(2)}"' in result.progress
        rig.accept(held.asked[0], 1)
        await rig.stored(2)
        # The carrier may cut where the gateway's own count does not.
        assert [(report.provider_message_id, report.part, report.segments) for report in rig.inbox.reported] == [
            (rig.id(1), 1, 2),
            (rig.id(2), 2, 2),
        ]


async def test_nothing_of_the_same_subscriber_goes_between_the_segments_of_a_message(carrier: AnyCarrier) -> None:
    async with bound(carrier, window=1) as rig:
        long = asyncio.create_task(rig.send(message("你" * 150, segments=3)))
        short = asyncio.create_task(rig.send(message("short", encoding="gsm7")))
        assert isinstance(await long, Accepted)
        assert isinstance(await short, Accepted)
        assert [len(sent.header + sent.octets) for sent in rig.submitted] == [140, 140, 38, 5]


# ---- repeats


async def next_session(rig: AnyRig) -> AnySession:
    """Begin another session of the same provider, after the last one has ended."""
    rig.running = asyncio.create_task(rig.provider.run(0, rig.inbox, CountedLease()))
    await until(lambda: rig.provider.is_ready)
    found: AnySession = rig.server.sessions[-1]
    return found


async def test_every_message_says_where_it_was_delivered_and_what_a_repeat_has_in_common_with_it(
    carrier: AnyCarrier,
) -> None:
    async with bound(carrier) as rig:
        for text in ("0000", "0000", "other"):
            rig.deliver(text, is_nameless=True)
        await rig.server.until(lambda: len(rig.answers) == 3)
        rig.session.cut()
        await rig.end()
        rig.session = await next_session(rig)
        rig.deliver(is_nameless=True)
        await until(lambda: len(rig.inbox.found) == 4)
        seen = [item.seen for item in rig.inbox.found if isinstance(item, InboundMessage)]
        assert [(one.slot, one.sequence) for one in seen if one] == [(0, 1), (0, 2), (0, 3), (0, 1)]
        assert len({one.epoch for one in seen if one}) == 2
        assert [one.octets == seen[0].octets for one in seen if one and seen[0]] == [True, True, False, True]


async def test_an_answer_behind_ours_confirms_what_was_answered_before(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held) as rig:
        for _ in range(2):
            rig.deliver(is_nameless=True)
        await rig.server.until(lambda: len(rig.answers) == 2)
        [task] = sending(rig, 1)
        await rig.server.until(lambda: held.asked)
        rig.deliver(is_nameless=True)
        await rig.server.until(lambda: len(rig.answers) == 3)
        assert rig.inbox.confirmed is None
        rig.accept(held.asked[0], 1)
        await task
        await until(lambda: rig.inbox.confirmed == (0, 2))
        rig.session.cut()
        await rig.end()
        assert rig.inbox.confirmed == (0, 2)


async def test_a_late_answer_beside_a_message_does_not_keep_it_unconfirmed(carrier: AnyCarrier) -> None:
    held = Held(carrier)
    async with bound(carrier, held, times=replace(TIMES, place=60)) as rig:
        [task] = sending(rig, 1)
        assert await task == Unknown("no answer")
        rig.inbox.go_on.clear()
        rig.deliver(is_nameless=True)
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing) == 1)
        rig.accept(held.asked[0], 1)
        rig.deliver(is_nameless=True)
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing) == 3)
        rig.inbox.go_on.set()
        await rig.server.until(lambda: len(rig.answers) == 2)
    assert rig.inbox.confirmed == (0, 2)


async def test_the_answer_to_our_goodbye_confirms_everything(carrier: AnyCarrier) -> None:
    async with bound(carrier) as rig:
        for _ in range(2):
            rig.deliver(is_nameless=True)
        await rig.server.until(lambda: len(rig.answers) == 2)
    assert rig.inbox.confirmed == (0, 2)


async def test_the_try_to_store_that_is_under_way_ends_before_the_next_session_begins(carrier: AnyCarrier) -> None:
    async with bound(carrier) as rig:
        rig.inbox.go_on.clear()
        rig.deliver()
        await until(lambda: len(rig.provider._binds[0]._sessions[0]._storing))
        rig.session.cut()
        await until(lambda: not rig.provider.is_ready)
        await asyncio.sleep(0.05)
        assert not rig.running.done()
        rig.inbox.go_on.set()
        await rig.end()
        assert rig.inbox.texts == ["0000"]
        assert rig.answers == []


async def test_a_message_waits_for_the_segments_of_another_one_only_so_long(carrier: AnyCarrier) -> None:
    async with bound(carrier, Held(carrier), window=1, times=replace(TIMES, begin=0.1, place=60)) as rig:
        long = asyncio.create_task(rig.send(message("你" * 150, segments=3)))
        await rig.server.until(lambda: rig.submitted)
        short = await rig.send(message("short", encoding="gsm7"))
        assert isinstance(short, RefusedForNow)
        assert isinstance(await long, Unknown)
