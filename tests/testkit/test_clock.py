"""The clock stands, moves when it is told to, and gives what came on the way."""

from datetime import datetime, timedelta

import pytest

from smsgw_testkit import ClockError, Gateway, Handset
from smsgw_testkit.times import SHANGHAI


def test_it_stands_at_one_time_in_every_run(smsgw: Gateway) -> None:
    assert smsgw.clock.now == datetime(2026, 3, 2, 10, 0, tzinfo=SHANGHAI)
    assert smsgw.clock.stands


def test_what_comes_on_the_way_by_handset(smsgw: Gateway, handset: Handset) -> None:
    other = smsgw.subscriber()
    came = smsgw.clock.to("2026-03-12 12:00")
    assert "天气预报" in came.of(handset).text
    assert came.of(other) == []
    assert list(came) == [handset.number]
    assert smsgw.clock.advance(minutes=1) == {}
    assert smsgw.clock.advance(timedelta(seconds=30), hours=1) == {}
    assert smsgw.clock.now == datetime(2026, 3, 12, 13, 1, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize("number", ["+8613800138000", "008613800138000"])
def test_what_comes_to_a_number_that_is_written_in_full(smsgw: Gateway, number: str) -> None:
    reader = smsgw.handset(number)
    assert "天气预报" in smsgw.clock.to("2026-03-12 12:00").of(reader)


def test_back_in_time(smsgw: Gateway, handset: Handset) -> None:
    handset.send("HELP")
    with pytest.raises(ClockError, match="reset"):
        smsgw.clock.to("2026-03-02 09:59")
    with pytest.raises(ClockError, match="reset"):
        smsgw.clock.set("2026-03-02 09:59")
    with pytest.raises(ClockError, match="reset"):
        smsgw.clock.advance(hours=-1)
    with pytest.raises(ClockError, match="'tomorrow' is no time; write it as '2026-03-02 10:00'"):
        smsgw.clock.to("tomorrow")


def test_it_runs_and_stops(smsgw: Gateway) -> None:
    states = []
    for change in (smsgw.clock.run, smsgw.clock.stop, lambda: smsgw.reset(now="real")):
        change()
        states.append(smsgw.clock.stands)
    assert states == [False, True, False]
    assert smsgw.clock.now - datetime.now(SHANGHAI) < timedelta(minutes=1)
    smsgw.reset(fixture=None, now="2028-02-29 10:00")
    assert smsgw.clock.now == datetime(2028, 2, 29, 10, 0, tzinfo=SHANGHAI)
    assert "非本网号码" in smsgw.handset("13800138000").send("0000")
