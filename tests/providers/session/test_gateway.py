"""A whole gateway over sessions: the dialogue of 0000, reports of segments, an outage (carriers.md 10)."""

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY

from app.db import provider_state
from app.db.inbox import inbound_message
from app.db.provider_state import Circuit
from tests.outage import away
from tests.providers.session.carriers import ANSWER, FROM, SECRET, AnyCarrier, AnyPdu, AnySession
from tests.providers.session.gateway import NAME, gateway_with
from tests.providers.session.rig import listening
from tests.services.test_engine import seconds_until

pytestmark = pytest.mark.anyio


async def test_a_dialogue_and_its_reports(database_url: str, carrier: AnyCarrier) -> None:
    async with listening(carrier, reports=True) as server, gateway_with(database_url, carrier, server) as this:
        this.write("００００")
        await server.until(lambda: "回复" in this.text)
        menu = this.submitted
        assert menu[0].destination == carrier.recipients
        assert len(menu) >= 3
        assert menu[0].place == b"\3\1"
        listed, number = this.text, menu[0].source
        assert number == "10086977"
        this.write("1", to=number)
        await server.until(lambda: "退订" in this.text[len(listed) :])

        async def are_delivered() -> bool:
            return {row["status"] for row in await this.running.outbound()} == {"delivered"}

        await seconds_until(are_delivered)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_a_message_is_delivered_when_all_its_segments_are(
    sqlite_url: str, order: Sequence[int], carrier: AnyCarrier
) -> None:
    async with listening(carrier) as server, gateway_with(sqlite_url, carrier, server) as this:
        this.write("００００")
        await server.until(lambda: len(this.submits) >= 3)
        await this.handed_over()
        # The first of its pages has three segments.
        assert [one.place for one in this.submitted[:3]] == [b"\3\1", b"\3\2", b"\3\3"]
        for count, place in enumerate(order, 1):
            this.report(place, place + 1)
            await this.answered(1 + count)
            page = (await this.running.outbound())[0]
            assert page["status"] == ("delivered" if count == 3 else "accepted")


async def test_a_segment_that_is_not_delivered_fails_the_message(sqlite_url: str, carrier: AnyCarrier) -> None:
    async with listening(carrier) as server, gateway_with(sqlite_url, carrier, server) as this:
        this.write("００００")
        await server.until(lambda: len(this.submits) >= 3)
        await this.handed_over()
        this.report(0, 1)
        this.report(1, 2, is_good=False)
        await this.answered(3)
        assert (await this.running.outbound())[0]["status"] == "undelivered"


async def test_an_outage_of_the_database_loses_no_message(
    database_url: str, carrier: AnyCarrier, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(carrier) as server, gateway_with(database_url, carrier, server) as this:
        session, bodies = this.session, [carrier.delivery(server, "帮助" * 30) for _ in range(20)]
        with away(this.running.gateway.storage.database):
            for body in bodies:
                carrier.send(server, session, body)
            await server.until(lambda: not session.is_open, 20)
            assert session.of(carrier.deliver | ANSWER) == []
            assert len(session.of(carrier.goodbye)) == 1
        this.session = await server.session()
        for body in bodies:
            carrier.send(server, this.session, body)
        await this.answered(20)
        assert len(await this.running.rows(inbound_message)) == 20
    said = capsys.readouterr()
    logged = said.out + said.err + caplog.text
    assert "a bind is up" in logged
    for private in (FROM[2:], "帮助", SECRET):
        assert private not in logged


@pytest.mark.parametrize(("on_unknown", "doubled"), [("wait", 0), ("resend", 16)])
async def test_a_link_that_is_cut_with_16_unanswered(
    sqlite_url: str, on_unknown: str, doubled: int, carrier: AnyCarrier
) -> None:
    def hears(session: AnySession, pdu: AnyPdu) -> None:
        if pdu.command != carrier.submit or session is not server.sessions[1]:
            carrier.behave(session, pdu)

    options = {"window": 16, "on_unknown": on_unknown}
    async with listening(carrier, hears) as server, gateway_with(sqlite_url, carrier, server, **options) as this:
        before, session = possible_doubles(), this.session
        # Its answer is one segment.
        for place in range(20):
            this.write("YE", source=f"86138001380{place:02}")
        await server.until(lambda: len(this.submits) == 16)
        lost = {one.destination for one in this.submitted}
        session.cut()
        await this.next_session()
        for _ in range(3):
            await this.running.advance(minutes=1)
        statuses = Counter(row["status"] for row in await this.running.outbound())
        assert statuses == ({"accepted": 20} if doubled else {"accepted": 4, "unknown": 16})
        sent = {one.destination for one in this.submitted}
        assert (len(lost & sent), len(lost | sent), len(this.submits)) == (doubled, 20, 4 + doubled)
        assert possible_doubles() - before == doubled


def possible_doubles() -> float:
    return REGISTRY.get_sample_value("smsgw_outbound_possible_doubles_total", {"provider": NAME}) or 0


async def test_throttling_loses_nothing_and_keeps_the_order(sqlite_url: str, carrier: AnyCarrier) -> None:
    left = [carrier.throttled] * 3

    def throttling(session: AnySession, pdu: AnyPdu) -> None:
        if pdu.command == carrier.submit and left:
            carrier.refuse(session, pdu, left.pop())
        else:
            carrier.behave(session, pdu)

    async with listening(carrier, throttling) as server, gateway_with(sqlite_url, carrier, server) as this:
        this.write("００００")
        await server.until(lambda: len(this.submits) == 3)
        for _ in range(3):
            await this.running.advance(minutes=1)
        assert {row["status"] for row in await this.running.outbound()} == {"accepted"}
        # The first three were throttled: all of the first page, before anything of the second.
        numbers = [one.place[1] if one.place else 0 for one in this.submitted]
        assert numbers[:3] == [1, 2, 3]
        assert numbers[3:] == [1, 2, 3, 0]
        delivery = this.running.gateway.carriers.deliveries[NAME]
        assert delivery._dispatch._pace.rate is not None
        circuits = await this.running.gateway.storage.database.read(provider_state.circuits)
        assert circuits.get(NAME, Circuit()).failures == 0


async def test_a_long_text_of_a_customer_is_joined(sqlite_url: str, carrier: AnyCarrier) -> None:
    async with listening(carrier) as server, gateway_with(sqlite_url, carrier, server) as this:
        for number, text in ((2, "００"), (1, "００")):
            part = bytes((5, 0, 3, 0x11, 2, number))
            carrier.send(server, this.session, carrier.delivery(server, text, part=part))
        await server.until(lambda: "回复" in this.text)
        assert this.submitted[0].place == b"\3\1"
