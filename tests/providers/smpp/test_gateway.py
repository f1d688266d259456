"""A whole gateway over SMPP: what only it has, receipts with our reference or by text, and messages without an id."""

from functools import partial

import pytest

from app.db.inbox import inbound_message
from app.db.message_parts import message_part
from app.toys.smsc import ENQUIRE, SUBMIT, UNBIND, Pdu, Session, behave, deliver_body
from tests.providers.session.carriers import SMPP
from tests.providers.session.gateway import gateway_with
from tests.providers.session.rig import until
from tests.providers.smpp.rig import listening

pytestmark = pytest.mark.anyio
NUMBER = "8613800138000"


def wide(text: str) -> bytes:
    return deliver_body(NUMBER, "10086", text.encode("utf-16-be"), data_coding=8)


def answered(session: Session, count: int) -> bool:
    return len(session.of(0x80000005)) == count


async def test_a_receipt_that_quotes_our_reference_settles_a_message_whose_answer_was_lost(database_url: str) -> None:
    def say_nothing(session: Session, pdu: Pdu) -> None:
        if pdu.command != SUBMIT:
            behave(session, pdu)

    async with listening() as smsc, gateway_with(database_url, SMPP, smsc) as this:
        smsc.behaviour = say_nothing
        smsc.deliver(this.session, wide("帮助"))
        await smsc.until(lambda: this.submits)
        smsc.behaviour = behave
        session = this.session
        session.cut()
        await smsc.until(lambda: smsc.sessions[-1] is not session and smsc.sessions[-1].bound)
        await this.running.drain()
        [row] = await this.running.outbound()
        assert row["status"] == "unknown"
        reference = (int(row["id"]) & 0xFFFF).to_bytes(2)
        count = 0
        for sender, status in (("8613900139000", "unknown"), (NUMBER, "delivered")):
            for segment in range(row["segments"]):
                tlvs = {0x001E: f"theirs-{segment}\0".encode(), 0x0427: b"\2", 0x0204: reference}
                smsc.deliver(smsc.sessions[-1], deliver_body(sender, "10086", b"", esm_class=4, tlvs=tlvs))
            count += row["segments"]
            await until(partial(answered, smsc.sessions[-1], count))
            [found] = await this.running.outbound()
            assert found["status"] == status


async def test_a_receipt_by_its_text_alone_is_one_only_from_the_recipient_of_its_message(database_url: str) -> None:
    async with (
        listening() as smsc,
        gateway_with(database_url, SMPP, smsc, receipts_in_text=True) as this,
    ):
        smsc.deliver(this.session, wide("帮助"))
        await smsc.until(lambda: this.submits)
        await until(lambda: answered(this.session, 1))
        await this.running.drain()
        texts = [f"id:{row['provider_message_id']} stat:DELIVRD" for row in await this.running.rows(message_part)]
        for sender in ("8613900139000", NUMBER):
            for text in texts:
                smsc.deliver(this.session, deliver_body(sender, "10086", text.encode()))
        await until(lambda: answered(this.session, 1 + 2 * len(texts)))
        await this.running.drain()
        first, *answers = await this.running.outbound()
        assert (first["status"], first["msisdn"]) == ("delivered", f"+{NUMBER}")
        assert {one["msisdn"] for one in answers} == {"+8613900139000"}


async def test_what_was_stored_and_perhaps_not_answered_is_a_repeat_for_the_next_process(database_url: str) -> None:
    async with listening() as smsc:
        async with gateway_with(database_url, SMPP, smsc) as this:
            smsc.deliver(this.session, wide("帮助"))
            await smsc.until(partial(answered, this.session, 1))
            # The carrier answers nothing that would show that it has the answer.
            smsc.behaviour = lambda session, pdu: None if pdu.command in (ENQUIRE, UNBIND) else behave(session, pdu)
        smsc.behaviour = behave
        async with gateway_with(database_url, SMPP, smsc) as this:
            for count in (1, 2):
                smsc.deliver(this.session, wide("帮助"))
                await smsc.until(partial(answered, this.session, count))
                assert len(await this.running.rows(inbound_message)) == count
