"""Impossible times: an answer dated before its question counts from when it was stored (safety.md 34)."""

from datetime import datetime, timedelta

import pytest

from app.domain.charges import ChargeState
from app.domain.orders import OrderState
from app.domain.turn import TextReceived
from tests.commands.charges.charging import announce, charge_of
from tests.commands.orders.test_orders import order_of, played
from tests.commands.transcript import Conversation, policy
from tests.commands.world import FOUR, shanghai

# How far a provider's stamps are behind: UTC sent as local time, a wrong clock, and clocks that are slow. A question is
# 20 seconds old when it is answered.
SHIFTS = [
    timedelta(hours=8),
    timedelta(hours=3, minutes=17),
    timedelta(minutes=2),
    timedelta(hours=23, minutes=59),
    timedelta(seconds=21),
]
shifted = pytest.mark.parametrize("shift", SHIFTS, ids=str)


def said(conversation: Conversation, text: str, number: str, shift: timedelta) -> str:
    return " ".join(sent.text for sent in conversation.text(text, number, sent_at=conversation.now - shift))


def reminded(amount: int = 300) -> Conversation:
    conversation = Conversation(has=FOUR)
    announce(conversation, "c-1", "SJB", amount, "2026-03-05 12:00")
    return conversation


@shifted
@pytest.mark.parametrize("pick", ["1", "1,4", "全部", "查1", "TD1"])
@pytest.mark.parametrize("number", ["10086977", "10086"])
def test_a_pick_counts_from_when_it_was_stored(shift: timedelta, pick: str, number: str) -> None:
    conversation = Conversation(has=FOUR).play("> 0000\n@ +20s")
    assert "超时失效" not in said(conversation, pick, number, shift)
    if pick == "全部":
        said(conversation, "是", "10086977", shift)
    if pick != "查1":
        assert "CL" in conversation.ended()


@shifted
def test_a_pick_that_is_stored_after_the_window_is_late_all_the_same(shift: timedelta) -> None:
    conversation = Conversation(has=FOUR).play("> 0000\n@ +2h10m")
    assert "超时失效" in said(conversation, "1", "10086977", shift + timedelta(hours=2, minutes=10))
    assert conversation.ended() == set()


@shifted
@pytest.mark.parametrize("text", ["否", "N", "取消", "TD", "code", "QXSJB"])
def test_a_dispute_counts_from_when_it_was_stored(shift: timedelta, text: str) -> None:
    conversation = reminded().play("@ +20m")
    said(
        conversation,
        text.replace("code", str(charge_of(conversation, "c-1").code)),
        "10086901",
        shift + timedelta(minutes=20),
    )
    assert charge_of(conversation, "c-1").state in (ChargeState.DISPUTED, ChargeState.WAIVED, ChargeState.CANCELLED)


@shifted
def test_an_unsubscribe_in_the_window_of_a_fee_waives_it(shift: timedelta) -> None:
    conversation = reminded().play("@ +20m")
    said(conversation, "QXSJB", "10086", shift + timedelta(minutes=20))
    assert charge_of(conversation, "c-1").state is ChargeState.WAIVED


@shifted
def test_a_dispute_that_is_stored_after_the_window_is_late_all_the_same(shift: timedelta) -> None:
    conversation = reminded().play("@ +61m")
    said(conversation, "否", "10086901", shift + timedelta(minutes=61))
    assert charge_of(conversation, "c-1").state is ChargeState.REMINDED


@shifted
@pytest.mark.parametrize("text", ["否", "不要", "0000", "QXCL"])
def test_a_no_counts_from_when_it_was_stored(shift: timedelta, text: str) -> None:
    conversation = played("> KTSJB\n@ +20s")
    said(conversation, text, "1008620400", shift)
    assert order_of(conversation, "SJB").state is OrderState.DECLINED


@shifted
def test_a_yes_that_is_dated_before_its_question_has_the_question_sent_again_once(shift: timedelta) -> None:
    conversation = played("> KTSJB\n@ +20s")
    [again] = conversation.text("是", "1008620400", sent_at=conversation.now - shift)
    assert (again.number, again.kind) == ("1008620401", "confirmation")
    assert conversation.states() == {}
    conversation.play("@ +20s")
    said(conversation, "是", "1008620400", shift)  # to the first question, which was replaced
    assert conversation.states() == {}
    said(conversation, "是", "1008620401", shift)
    assert conversation.states() == {"SJB": "active"}
    assert conversation.chain_is_whole()


def test_a_stamp_in_whole_seconds_is_not_before_a_question_of_the_same_second() -> None:
    asked = shanghai("2026-03-02 10:00") + timedelta(milliseconds=700)
    for early, states in ((timedelta(milliseconds=700), {"SJB": "active"}), (timedelta(milliseconds=701), {})):
        conversation = Conversation(has=())
        conversation.now = asked
        conversation.text("KTSJB")
        conversation.play("@ +20s")
        said(conversation, "是", "1008620400", timedelta(seconds=20) + early)
        assert conversation.states() == states, early


def test_a_yes_stored_before_its_question_in_the_same_second_does_not_count() -> None:
    conversation = Conversation(has=())
    conversation.now = shanghai("2026-03-02 10:00") + timedelta(milliseconds=700)
    conversation.text("KTSJB")
    stored = conversation.now - timedelta(milliseconds=500)
    conversation.play("@ +20s")
    conversation.happens(TextReceived("0", "1008620400", "是", "是", stored, stored_at=stored), stored)
    assert conversation.states() == {}


@shifted
def test_a_yes_that_was_stored_before_the_question_was_sent_again_does_not_count(shift: timedelta) -> None:
    """Of two texts that come together the second does not answer the question that the first one caused."""
    conversation = played("> KTSJB\n@ +20s")
    said(conversation, "是", "10086", shift)
    second = TextReceived("0", "10086", "是", "是", conversation.now - shift, stored_at=conversation.now)
    conversation.happens(second, second.sent_at)
    assert conversation.states() == {}
    said(conversation, "是", "1008620401", shift)
    assert conversation.states() == {"SJB": "active"}


@shifted
def test_a_right_code_counts_from_when_it_was_stored(shift: timedelta) -> None:
    conversation = played("> KTSJB", policy=policy(confirm_mode="code")).play("@ +20s")
    said(conversation, str(order_of(conversation, "SJB").code), "1008620400", shift)
    assert conversation.states() == {"SJB": "active"}


def test_a_pick_dated_while_an_earlier_list_was_open_means_that_list() -> None:
    conversation = Conversation(has=FOUR).play("> 0000\n@ +10m\n> QXCL\n> 0000\n@ +20s")
    meant_before = conversation.now - timedelta(minutes=5)
    came = conversation.text("1", "10086977", sent_at=meant_before)
    assert "此前的业务清单" in came[0].text
    assert conversation.ended() == {"CL"}


def test_an_answer_sent_in_time_counts_whatever_was_asked_since() -> None:
    conversation = Conversation(has=FOUR).play("> 0000\n@ +2h5m")
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +5m")
    conversation.text("1", "10086977", sent_at=shanghai("2026-03-02 11:59"))
    assert conversation.ended() == {"CL"}


def test_an_impossible_time_without_a_question_is_harmless() -> None:
    at: datetime = shanghai("2026-03-02 02:00")
    conversation = Conversation(has=())
    conversation.text("你好", sent_at=at)
    assert "未能识别" in conversation.sent[-1].text
