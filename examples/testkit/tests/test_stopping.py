"""A reader stops the newspaper by 0000, and the desk is told until when to send it."""

from datetime import datetime

import pytest
from smsgw_testkit import Item


def test_the_listing_shows_it(reader):
    listing = reader.send("0000")
    assert listing.one().sender == "10086977"
    assert listing.items == {1: Item(name="知音报", sp="知音", price_fen=300, unit="month", in_plan=False, note="")}


def test_a_pick_stops_it_within_a_day(reader, readers, smsgw, smsgw_events):
    reader.send("0000")
    assert "03月03日10时00分前" in reader.reply("1").sole("知音报")
    smsgw_events.wait_for("subscription.unsubscribed", handset=reader)
    assert readers.until == {f"+86{reader.number}": datetime.fromisoformat("2026-03-03T10:00:00+08:00")}

    smsgw.clock.to("2026-03-03 09:59:59")
    assert reader.subscriptions["ZHIYIN"].state == "ending"
    smsgw.clock.advance(seconds=1)
    assert reader.subscriptions["ZHIYIN"].state == "ended"


@pytest.mark.parametrize(("hours", "answer"), [(2, "已"), (2.001, "超时失效")])
def test_the_listing_can_be_answered_for_two_hours(reader, smsgw, hours, answer):
    reader.send("0000")
    smsgw.clock.advance(hours=hours)
    assert answer in reader.reply("1").text


def test_it_is_evident_what_was_asked_and_answered(reader):
    reader.send("0000")
    reader.reply("1")
    [stopped] = [record for record in reader.evidence if record.kind == "unsubscribe"]
    assert stopped.payload["answer"] == "1"
    assert "知音报" in stopped.payload["asked"]
    reader.verify_evidence()


def test_a_reply_that_the_network_refuses_for_now_comes_once(reader, smsgw):
    reader.send("0000")
    listing = reader.last
    with reader.network.fail(times=1):
        assert reader.send("1", to=listing.sender) == []
    came = smsgw.clock.advance(minutes=1)
    assert "知音报" in came.of(reader).one()


@pytest.mark.smsgw(now="2026-12-31T23:59:00")
def test_at_the_turn_of_the_year(reader):
    reader.send("0000")
    assert "01月01日23时59分前" in reader.reply("1").text
