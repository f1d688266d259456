"""The desk orders the newspaper; the customer decides."""

import pytest

from app import desk


@pytest.fixture
def asked(smsgw, smsgw_handset):
    """A customer for whom the desk has ordered the newspaper."""
    customer = smsgw_handset()
    desk.order(smsgw.url, smsgw.token, customer.number)
    return customer


def test_a_yes_makes_a_reader(asked, readers, smsgw_events):
    question = asked.receive().sole("知音报")
    assert "3元/月" in question
    assert "已" in asked.reply("是").text
    event = smsgw_events.wait_for("subscription.ordered", handset=asked)
    assert event.receiver == "ZHIYINBAO"
    assert readers.until == {f"+86{asked.number}": None}


def test_silence_makes_none(asked, readers, smsgw, smsgw_events):
    smsgw.clock.advance(hours=24, seconds=1)
    smsgw_events.none()
    assert readers.until == {}
    assert asked.subscriptions == {}


def test_the_desk_offline_hears_of_it_later(asked, readers, smsgw, smsgw_events):
    smsgw_events.answer(503, times=2)
    asked.reply("是")
    assert readers.until == {}
    smsgw.clock.advance(hours=1)
    assert f"+86{asked.number}" in readers.until
    smsgw_events.expect(["subscription.ordered"])
