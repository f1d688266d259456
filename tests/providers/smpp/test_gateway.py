"""A whole gateway over SMPP: the dialogue of 0000, receipts of segments, an outage (carriers.md 10.1, 10.7, 10.10, 10.11)."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from prometheus_client import REGISTRY

from app.db import provider_state
from app.db.inbox import inbound_message
from app.db.message_parts import message_part
from app.db.provider_state import Circuit
from app.providers.smpp.adapter import SmppProvider
from app.settings import Environment, SettingsFile
from app.toys.smsc import (
    ENQUIRE,
    SUBMIT,
    UNBIND,
    Message,
    Pdu,
    Session,
    Smsc,
    behave,
    deliver_body,
    read_submit,
    receipt,
)
from tests.outage import away
from tests.providers.smpp.rig import OPTIONS, TIMES, listening, until
from tests.running import Running, options_of, running, settings_for
from tests.services.test_engine import seconds_until

pytestmark = pytest.mark.anyio
NUMBER = "8613800138000"
SECRET = str(OPTIONS["secret"])


@asynccontextmanager
async def gateway_with(database_url: str, smsc: Smsc, **options: object) -> AsyncIterator[tuple[Running, Session]]:
    given = options_of(**{**OPTIONS, "address": f"127.0.0.1:{smsc.port}", **options})
    file = SettingsFile(default_provider="world", providers={"world": given})
    async with running(settings_for(database_url, Environment.TEST, file)) as gateway:
        provider = gateway.gateway.carriers.providers["world"]
        assert isinstance(provider, SmppProvider)
        # The first session has the times of the settings, the second one those of the tests.
        first = await smsc.session()
        provider.times = TIMES
        first.cut()
        await smsc.until(lambda: smsc.sessions[-1] is not first and smsc.sessions[-1].bound)
        session = await smsc.session()
        await until(lambda: provider.is_ready)
        yield gateway, session


def wide(text: str) -> bytes:
    return deliver_body(NUMBER, "10086", text.encode("utf-16-be"), data_coding=8)


def texts_of(sent: Sequence[Message]) -> str:
    """Return the texts of segments, joined."""
    return "".join(one.short_message[6 if one.esm_class & 0x40 else 0 :].decode("utf-16-be") for one in sent)


def submitted(session: Session) -> list[Message]:
    return [read_submit(pdu.body) for pdu in session.of(SUBMIT)]


def answered(session: Session, count: int) -> bool:
    return len(session.of(0x80000005)) == count


async def test_a_dialogue_and_its_receipts(database_url: str) -> None:
    async with listening(receipts=True) as smsc, gateway_with(database_url, smsc) as (gateway, session):
        smsc.deliver(session, wide("００００"))
        await smsc.until(lambda: "回复" in texts_of(submitted(session)))
        menu = submitted(session)
        assert menu[0].destination == (1, 1, NUMBER)
        assert menu[0].source[2].startswith("10086")
        assert len(menu) > 1
        number = menu[0].source[2]
        smsc.deliver(session, deliver_body(NUMBER, number, b"1"))
        await smsc.until(lambda: len(submitted(session)) > len(menu))

        async def are_delivered() -> bool:
            return {row["status"] for row in await gateway.outbound()} == {"delivered"}

        await seconds_until(are_delivered)


async def test_a_receipt_that_quotes_our_reference_settles_a_message_whose_answer_was_lost(database_url: str) -> None:
    def say_nothing(session: Session, pdu: Pdu) -> None:
        if pdu.command != SUBMIT:
            behave(session, pdu)

    async with listening() as smsc, gateway_with(database_url, smsc) as (gateway, session):
        smsc.behaviour = say_nothing
        smsc.deliver(session, wide("帮助"))
        await smsc.until(lambda: len(submitted(session)) > 0)
        smsc.behaviour = behave
        session.cut()
        await smsc.until(lambda: smsc.sessions[-1] is not session and smsc.sessions[-1].bound)
        await gateway.drain()
        [row] = await gateway.outbound()
        assert row["status"] == "unknown"
        reference = (int(row["id"]) & 0xFFFF).to_bytes(2)
        count = 0
        for sender, status in (("8613900139000", "unknown"), (NUMBER, "delivered")):
            for segment in range(row["segments"]):
                tlvs = {0x001E: f"theirs-{segment}\0".encode(), 0x0427: b"\2", 0x0204: reference}
                smsc.deliver(smsc.sessions[-1], deliver_body(sender, "10086", b"", esm_class=4, tlvs=tlvs))
            count += row["segments"]
            await until(partial(answered, smsc.sessions[-1], count))
            [found] = await gateway.outbound()
            assert found["status"] == status


async def test_a_receipt_by_its_text_alone_is_one_only_from_the_recipient_of_its_message(database_url: str) -> None:
    async with (
        listening() as smsc,
        gateway_with(database_url, smsc, receipts_in_text=True) as (gateway, session),
    ):
        smsc.deliver(session, wide("帮助"))
        await smsc.until(lambda: len(submitted(session)) > 0)
        await until(lambda: answered(session, 1))
        await gateway.drain()
        texts = [f"id:{row['provider_message_id']} stat:DELIVRD" for row in await gateway.rows(message_part)]
        for sender in ("8613900139000", NUMBER):
            for text in texts:
                smsc.deliver(session, deliver_body(sender, "10086", text.encode()))
        await until(lambda: answered(session, 1 + 2 * len(texts)))
        await gateway.drain()
        first, *answers = await gateway.outbound()
        assert (first["status"], first["msisdn"]) == ("delivered", f"+{NUMBER}")
        assert {one["msisdn"] for one in answers} == {"+8613900139000"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_a_message_is_delivered_when_all_its_segments_are(sqlite_url: str, order: Sequence[int]) -> None:
    async with listening() as smsc, gateway_with(sqlite_url, smsc) as (gateway, session):
        smsc.deliver(session, wide("００００"))
        await smsc.until(lambda: len(submitted(session)) >= 3)
        await until(lambda: not gateway.gateway.carriers.deliveries["world"]._dispatch.busy)
        sent = submitted(session)
        # The first of its pages has three segments.
        assert [one.short_message[4:6] for one in sent[:3]] == [b"\3\1", b"\3\2", b"\3\3"]
        for count, place in enumerate(order, 1):
            smsc.deliver(session, receipt(sent[place], f"smsc-{place + 1}"))
            await smsc.until(partial(answered, session, 1 + count))
            page = (await gateway.outbound())[0]
            assert page["status"] == ("delivered" if count == 3 else "accepted")


async def test_a_segment_that_is_not_delivered_fails_the_message(sqlite_url: str) -> None:
    async with listening() as smsc, gateway_with(sqlite_url, smsc) as (gateway, session):
        smsc.deliver(session, wide("００００"))
        await smsc.until(lambda: len(submitted(session)) >= 3)
        await until(lambda: not gateway.gateway.carriers.deliveries["world"]._dispatch.busy)
        sent = submitted(session)
        smsc.deliver(session, receipt(sent[0], "smsc-1"))
        smsc.deliver(session, receipt(sent[1], "smsc-2", "UNDELIV"))
        await smsc.until(partial(answered, session, 3))
        assert (await gateway.outbound())[0]["status"] == "undelivered"


async def test_an_outage_of_the_database_loses_no_message(
    database_url: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as smsc, gateway_with(database_url, smsc) as (gateway, session):
        with away(gateway.gateway.storage.database):
            for _ in range(20):
                smsc.deliver(session, wide("帮助" * 30))
            await smsc.until(lambda: not session.is_open, 20)
            assert session.of(0x80000005) == []
            assert len(session.of(0x06)) == 1
        again = await smsc.session()
        for _ in range(20):
            smsc.deliver(again, wide("帮助" * 30))
        await smsc.until(lambda: len(again.of(0x80000005)) == 20)
        assert len(await gateway.rows(inbound_message)) == 20
    said = capsys.readouterr()
    logged = said.out + said.err + caplog.text
    assert "a bind is up" in logged
    for private in (NUMBER[2:], "帮助", SECRET):
        assert private not in logged


@pytest.mark.parametrize(("on_unknown", "doubled"), [("wait", 0), ("resend", 16)])
async def test_a_link_that_is_cut_with_16_unanswered(sqlite_url: str, on_unknown: str, doubled: int) -> None:
    def hears(session: Session, pdu: Pdu) -> None:
        if pdu.command != SUBMIT or session is not smsc.sessions[1]:
            behave(session, pdu)

    # The whole message in one segment.
    options = {"window": 16, "on_unknown": on_unknown, "long": "payload"}
    async with listening(hears) as smsc, gateway_with(sqlite_url, smsc, **options) as (gateway, session):
        before = possible_doubles()
        for place in range(20):
            smsc.deliver(session, deliver_body(f"86138001380{place:02}", "10086", b"HELP"))
        await smsc.until(lambda: len(submitted(session)) == 16)
        session.cut()
        await smsc.until(lambda: smsc.sessions[-1].bound and smsc.sessions[-1] is not session)
        again = smsc.sessions[-1]
        await until(lambda: gateway.gateway.carriers.providers["world"].is_ready)
        for _ in range(3):
            await gateway.advance(minutes=1)
        statuses = Counter(row["status"] for row in await gateway.outbound())
        assert statuses == ({"accepted": 20} if doubled else {"accepted": 4, "unknown": 16})
        lost, sent = ({one.destination for one in submitted(each)} for each in (session, again))
        assert (len(lost & sent), len(lost | sent), len(submitted(again))) == (doubled, 20, 4 + doubled)
        assert possible_doubles() - before == doubled


def possible_doubles() -> float:
    return REGISTRY.get_sample_value("smsgw_outbound_possible_doubles_total", {"provider": "world"}) or 0


async def test_throttling_loses_nothing_and_keeps_the_order(sqlite_url: str) -> None:
    left = [0x58] * 3

    def throttling(session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT and left:
            session.answer(pdu, status=left.pop())
        else:
            behave(session, pdu)

    async with listening(throttling) as smsc, gateway_with(sqlite_url, smsc) as (gateway, session):
        smsc.deliver(session, wide("００００"))
        await smsc.until(lambda: len(submitted(session)) == 3)
        for _ in range(3):
            await gateway.advance(minutes=1)
        assert {row["status"] for row in await gateway.outbound()} == {"accepted"}
        sent = submitted(session)
        # The first three were throttled: all of the first page, before anything of the second.
        numbers = [one.short_message[5] if one.esm_class & 0x40 else 0 for one in sent]
        assert numbers[:3] == [1, 2, 3]
        assert numbers[3:] == [1, 2, 3, 0]
        delivery = gateway.gateway.carriers.deliveries["world"]
        assert delivery._dispatch._pace.rate is not None
        circuits = await gateway.gateway.storage.database.read(provider_state.circuits)
        assert circuits.get("world", Circuit()).failures == 0


async def test_what_was_stored_and_perhaps_not_answered_is_a_repeat_for_the_next_process(database_url: str) -> None:
    async with listening() as smsc:
        async with gateway_with(database_url, smsc) as (gateway, session):
            smsc.deliver(session, wide("帮助"))
            await smsc.until(partial(answered, session, 1))
            # The carrier answers nothing that would show that it has the answer.
            smsc.behaviour = lambda session, pdu: None if pdu.command in (ENQUIRE, UNBIND) else behave(session, pdu)
        smsc.behaviour = behave
        async with gateway_with(database_url, smsc) as (gateway, session):
            for count in (1, 2):
                smsc.deliver(session, wide("帮助"))
                await smsc.until(partial(answered, session, count))
                assert len(await gateway.rows(inbound_message)) == count
