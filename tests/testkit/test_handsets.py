"""A phone sends, replies and receives, and says what is missing."""

import pytest

from smsgw_testkit import Gateway, Handset, Item, NoMessage, Refused, SmsgwError


def test_a_text_brings_what_came_for_it(handset: Handset) -> None:
    came = handset.send("0000")
    assert [message.sender for message in came] == ["10086977", "10086977"]
    assert came.items[2] == Item("手机报", "新华", 300, "month", in_plan=False, note="")
    assert came[0].kind == "choosing-services"
    assert came[0].at.isoformat() == "2026-03-02T10:00:00+08:00"
    assert came[0].encoding == "ucs2"
    assert came[0].segments == 3
    assert came[0].status == "delivered"
    assert "彩铃" in handset.reply("1").one()
    assert [message.is_sent for message in handset.thread] == [True, False, False, True, False]
    assert "彩铃" not in handset.send("0000")[0]


def test_what_is_missing_is_explained(handset: Handset) -> None:
    handset.send("0000")
    with handset.network.fail(), pytest.raises(NoMessage) as nothing:
        handset.send("什么").one()
    assert str(nothing.value) == (
        "nothing came; '什么' to 10086 was understood as: not understood; "
        "open questions: 10086977 (choosing-services) until 03-02 12:00:00"
    )


def test_a_repeat_of_the_carrier_brings_nothing(handset: Handset) -> None:
    handset.send("0000")
    listing = handset.last_sent_id
    handset.send("HELP")
    assert handset.asks_again() == []
    assert handset.asks_again(listing) == []
    assert len(handset.inbox) == 3
    with pytest.raises(SmsgwError, match="has sent no message 17"):
        handset.asks_again("17")


def test_what_comes_unasked(smsgw: Gateway, handset: Handset) -> None:
    assert handset.receive() == []
    smsgw.order(handset, "ZQ")
    question = handset.receive(timeout=5).one()
    assert question.in_reply_to is None
    assert "足球快讯" in question
    assert handset.receive() == []
    handset.send("HELP")
    handset.clear()
    assert handset.inbox == []
    assert handset.last.text
    with pytest.raises(NoMessage, match="nothing has come to 13900139000"):
        smsgw.handset("13900139000").reply("1")


def test_a_handset_begins_anew_when_its_gateway_is_reset(smsgw: Gateway, handset: Handset) -> None:
    handset.send("HELP")
    smsgw.order(handset, "ZQ")
    assert len(handset.receive()) == 1
    handset.clear()
    smsgw.reset(now="2026-01-05 10:00")
    with pytest.raises(SmsgwError, match="has sent nothing"):
        handset.asks_again()
    smsgw.order(handset, "ZQ")
    assert [len(found) for found in (handset.receive(), handset.inbox)] == [1, 1]
    assert smsgw.handset(handset.number) is handset
    assert f"handset {handset.number}:" in smsgw.description()


def test_without_waiting(smsgw: Gateway, handset: Handset) -> None:
    assert handset.send("HELP", wait=False) == []
    smsgw.drain()
    assert len(handset.inbox) == 1


def test_a_customer_of_ones_own(smsgw: Gateway) -> None:
    one, other = smsgw.subscriber(), smsgw.subscriber(language="en", brand="mzone")
    assert one.number != other.number
    assert other.language == "en"
    assert "M-Zone" in other.send("0000").text
    one.language = "en"
    assert "no value-added services" in one.send("0000").text
    one.change(balance_fen=-100, status="suspended")
    assert one.customer["status"] == "suspended"
    with pytest.raises(Refused, match=r"PATCH /api/v1/subscribers/.*: 422") as refused:
        one.change(colour="red")
    assert refused.value.errors


def test_evidence_and_subscriptions(smsgw: Gateway, handset: Handset) -> None:
    handset.send("0000")
    handset.reply("1")
    assert handset.subscriptions["CL"].state == "ended"
    assert handset.subscriptions["TQ"].trial_ends_at is not None
    [stopped] = [record for record in handset.evidence if record.kind == "unsubscribe"]
    assert stopped.payload is not None
    assert stopped.payload["answer"] == "1"
    assert handset.verify_evidence() == len(handset.evidence)


def order_as_software_does(smsgw: Gateway, customer: Handset) -> None:
    """Order by HTTP, as software under test does: the kit knows nothing of it, and waits for nothing."""
    smsgw.api.post("/api/v1/orders", {"msisdn": customer.number, "service_code": "ZQ", "channel": "sp"})


def test_what_is_read_is_waited_for(smsgw: Gateway) -> None:
    for _ in range(10):
        asked, replying, heard, shown = (smsgw.subscriber() for _ in range(4))
        for customer in (asked, replying, heard, shown):
            order_as_software_does(smsgw, customer)
        assert [question["kind"] for question in asked.questions] == ["confirming-order"]
        assert "足球快讯" in replying.reply("是").one()
        assert "足球快讯" in heard.inbox
        assert "足球快讯" in shown.last
        shown.send("否", to=shown.last.sender, wait=False)
        assert shown.subscriptions == {}
        heard.reply("是", wait=False)
        assert list(heard.subscriptions) == ["ZQ"]


def test_without_waiting_is_said_of_what_did_not_come(handset: Handset) -> None:
    with pytest.raises(NoMessage, match=r"nothing came; 'HELP' was sent with wait=False; smsgw.drain\(\) waits"):
        handset.send("HELP", wait=False).one()
