"""Troubles of the network end with their block, and those of one handset disturb no other."""

from datetime import timedelta

from smsgw_testkit import Gateway, Handset


def test_troubles_of_one_handset(smsgw: Gateway, handset: Handset) -> None:
    other = smsgw.subscriber()
    with handset.network.fail(times=1):
        assert handset.send("HELP") == []
        assert len(other.send("HELP")) == 1
    assert len(smsgw.clock.advance(minutes=1).of(handset)) == 1


def test_a_block_ends_what_it_began(smsgw: Gateway, handset: Handset) -> None:
    with smsgw.network.down():
        assert handset.send("HELP") == []
    assert len(smsgw.clock.advance(minutes=1).of(handset)) == 1
    assert len(handset.send("HELP")) == 1
    with handset.unreachable():
        assert handset.send("HELP").one().status == "undelivered"
    assert handset.send("HELP").one().status == "delivered"


def test_a_block_in_another_leaves_the_outer_one(smsgw: Gateway, handset: Handset) -> None:
    for network in (smsgw.network, handset.network):
        with network.reports("undelivered"):
            with network.reports("none"), network.refuse(times=3):
                with network.refuse(times=1):
                    assert handset.send("HELP") == []
                    assert handset.send("HELP").one().status == "accepted"
                assert handset.send("HELP") == []
            assert handset.send("HELP").one().status == "undelivered"
        assert handset.send("HELP").one().status == "delivered"


def test_every_trouble_has_its_effect(smsgw: Gateway) -> None:
    refused, lost, throttled = smsgw.subscriber(), smsgw.subscriber(), smsgw.subscriber()
    refused.network.refuse(times=1)
    lost.network.lose_answers(times=1)
    throttled.network.throttle(times=1)
    for one in (refused, lost, throttled):
        one.send("HELP")
    smsgw.clock.advance(minutes=5)
    assert [len(one.inbox) for one in (refused, lost, throttled)] == [0, 1, 1]


def test_reports_that_come_later(smsgw: Gateway, handset: Handset) -> None:
    handset.network.reports("undelivered", after=timedelta(minutes=1))
    assert handset.send("HELP").one().status == "accepted"
    smsgw.clock.advance(minutes=1)
    assert handset.last.status == "undelivered"
    handset.network.ok()
    assert handset.send("HELP").one().status == "delivered"
