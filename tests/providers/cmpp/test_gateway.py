"""A whole gateway over CMPP: LinkID comes back, repeats have one effect, reports of either length (carriers.md 6)."""

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from app.db.inbox import inbound_message
from app.toys.ismg import BEIJING, DELIVER, SUBMIT, Ismg, Pdu, Session, behave
from app.toys.submits import V2, V3, Message, read_submit, report_content
from tests.providers.session.carriers import ANSWER, CMPP2, CMPP3, FROM, Cmpp
from tests.providers.session.gateway import Bound, gateway_with
from tests.providers.session.rig import listening

pytestmark = pytest.mark.anyio
VERSIONS = pytest.mark.parametrize("carrier", [CMPP2, CMPP3], ids=lambda carrier: carrier.name)
CmppBound = Bound[Ismg, Session, Pdu]


def submitted(this: CmppBound) -> list[Message]:
    return [read_submit(pdu.body, this.server.version) for pdu in this.session.of(SUBMIT)]


def is_listed(this: CmppBound, begun: int) -> bool:
    """Whether the last page of the listing came, behind the segments before it."""
    return "来电提醒" in "".join(one.text for one in submitted(this)[begun:])


async def test_each_segment_of_the_answer_has_the_link_id_of_its_question(sqlite_url: str) -> None:
    async with listening(CMPP3) as ismg, gateway_with(sqlite_url, CMPP3, ismg) as this:
        for link_id in ("link-1", "01234567890123456789"):
            begun = len(this.submits)
            ismg.deliver(this.session, replace(ismg.message(FROM, "10086", "0000"), link_id=link_id))
            await ismg.until(partial(is_listed, this, begun))
            await this.handed_over()
            assert {one.link_id for one in submitted(this)[begun:]} == {link_id}
            assert len(submitted(this)[begun:]) >= 3


async def test_the_link_id_of_a_long_text_is_that_of_a_part(sqlite_url: str) -> None:
    async with listening(CMPP3) as ismg, gateway_with(sqlite_url, CMPP3, ismg) as this:
        for number in (2, 1):
            header = bytes((5, 0, 3, 0x11, 2, number))
            part = replace(ismg.message(FROM, "10086", "00"), content=header + b"00", has_header=True, link_id="link")
            ismg.deliver(this.session, part)
        await ismg.until(lambda: "回复" in this.text)
        assert {one.link_id for one in submitted(this)} == {"link"}


@VERSIONS
async def test_what_the_ismg_sends_again_has_one_effect_in_any_session(database_url: str, carrier: Cmpp) -> None:
    async with listening(carrier) as ismg, gateway_with(database_url, carrier, ismg) as this:
        delivery = ismg.message(FROM, "10086", "YE")
        for _ in range(2):
            ismg.deliver(this.session, delivery)
        await this.answered(2)
        await ismg.until(lambda: this.submits)
        this.session.cut()
        await this.next_session()
        ismg.deliver(this.session, delivery)
        # The same text again, under an id of its own, is another message.
        ismg.deliver(this.session, ismg.message(FROM, "10086", "YE"))
        await this.answered(2)
        assert [carrier.result_of(pdu) for pdu in this.session.of(DELIVER | ANSWER)] == [0, 0]
        await this.running.drain()
        assert len(await this.running.rows(inbound_message)) == 2
        assert len(await this.running.outbound()) == 2


@VERSIONS
@pytest.mark.parametrize("octets", [V2, V3], ids=["60 octets", "71 octets"])
async def test_a_report_of_either_length_settles_a_message(sqlite_url: str, carrier: Cmpp, octets: int) -> None:
    async with listening(carrier) as ismg, gateway_with(sqlite_url, carrier, ismg) as this:
        this.write("YE")
        await ismg.until(lambda: this.submits)
        await this.handed_over()
        [sent] = submitted(this)
        report = ismg.report(sent, ismg.id(1))
        content = report_content(octets, report.msg_id, sent.destination, "DELIVRD", datetime.now(BEIJING))
        ismg.deliver(this.session, replace(report, content=content, msg_fmt=8, has_header=True))
        await this.answered(2)
        assert [row["status"] for row in await this.running.outbound()] == ["delivered"]


@VERSIONS
async def test_a_report_before_the_answer_to_its_submit_is_joined(sqlite_url: str, carrier: Cmpp) -> None:
    def hasty(session: Session, pdu: Pdu) -> None:
        if pdu.command == SUBMIT:
            theirs = ismg.next_id()
            ismg.deliver(session, ismg.report(read_submit(pdu.body, ismg.version), theirs))
            session.answer(pdu, bytes.fromhex(theirs) + ismg.result(0))
        else:
            behave(session, pdu)

    async with listening(carrier, hasty) as ismg, gateway_with(sqlite_url, carrier, ismg) as this:
        this.write("YE")
        await this.answered(2)
        await this.handed_over()
        await this.running.drain()
        assert [row["status"] for row in await this.running.outbound()] == ["delivered"]


async def test_a_pseudonym_is_answered_to_the_carrier_and_not_to_the_customer(sqlite_url: str) -> None:
    async with listening(CMPP3) as ismg, gateway_with(sqlite_url, CMPP3, ismg) as this:
        ismg.deliver(this.session, replace(ismg.message(FROM, "10086", "0000"), source_type=1))
        await this.answered(1)
        await this.running.drain()
        [row] = await this.running.rows(inbound_message)
        assert (row["status"], row["verdict"]) == ("ignored", "unreadable sender")
        assert this.submits == []
