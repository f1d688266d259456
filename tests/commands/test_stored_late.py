"""Texts sent in time count however late they are stored, and a late backlog is worked off (safety.md 13, 21, 22)."""

from datetime import timedelta

import pytest

from app.domain.charges import ChargeState
from app.domain.orders import Order, OrderState
from app.domain.refunds import Refund
from tests.commands.charges.charging import announce, charge_of
from tests.commands.orders.test_orders import WITH_TRIAL, order_of, played
from tests.commands.transcript import Conversation
from tests.commands.world import FOUR, shanghai


def given_back(conversation: Conversation) -> dict[str, int]:
    refunds = [item for item in conversation.account.records[Refund].values() if isinstance(item, Refund)]
    return {item.charge_id: item.amount_fen for item in refunds}


@pytest.mark.parametrize("seconds", [0, 59, 60, 90, 3600, 80_000])
def test_a_backlog_of_more_than_thirty_texts_runs_to_its_end(seconds: int) -> None:
    conversation = Conversation(has=FOUR)
    sent_at = conversation.now - timedelta(seconds=seconds)
    for _ in range(33):
        conversation.text("QXCL", sent_at=sent_at)
    conversation.text("QXHT", sent_at=sent_at)
    conversation.text("TS 扣费太多", sent_at=sent_at)
    conversation.play("@ +61s")
    assert {"CL", "HT"} <= conversation.ended()
    assert "投诉已受理" in conversation.sent[-1].text


def test_stamps_that_go_back_and_forth_do_not_lift_the_limit() -> None:
    conversation = Conversation(has=FOUR)
    for number in range(60):
        conversation.text("YE", sent_at=conversation.now - timedelta(seconds=90 * (number % 2)))
    assert len([sent for sent in conversation.sent if "余额" in sent.text]) <= 31


@pytest.mark.parametrize("text", ["QXSJB", "3"])
def test_an_unsubscribe_sent_before_the_fee_fell_due_refunds_it(text: str) -> None:
    conversation = Conversation(has=FOUR, start="2026-03-31 20:00").play("> 0000\n@ 2026-04-01 09:00")
    announce(conversation, "c-1", "SJB", 300, "2026-04-01 10:30")
    conversation.play("@ 2026-04-01 12:00")
    assert charge_of(conversation, "c-1").state is ChargeState.CHARGED
    (said, *_) = conversation.text(text, "10086977", sent_at=shanghai("2026-03-31 21:00"))
    assert "已收取的04月费用3元将退还" in said.text
    assert given_back(conversation) == {"c-1": 300}


def test_an_unsubscribe_within_the_window_of_a_fee_charged_since_refunds_it() -> None:
    conversation = Conversation(has=FOUR)
    announce(conversation, "c-1", "CL", 500, "2026-03-02 11:00")
    conversation.play("@ 2026-03-02 13:00")
    conversation.text("QXCL", sent_at=shanghai("2026-03-02 10:30"))
    assert given_back(conversation) == {"c-1": 500}


def test_an_unsubscribe_after_the_fee_was_charged_refunds_nothing() -> None:
    conversation = Conversation(has=FOUR)
    announce(conversation, "c-1", "CL", 500, "2026-03-02 11:00")
    conversation.play("@ 2026-03-02 13:00\n> QXCL\n< …")
    assert given_back(conversation) == {}


@pytest.mark.parametrize(("text", "number"), [("否", "1008620400"), ("不要", "1008620400"), ("否", "10086")])
def test_a_no_sent_before_the_order_ran_out_declines_it(text: str, number: str) -> None:
    conversation = played("> KTSJB\n@ +24h1s")
    assert order_of(conversation, "SJB").state is OrderState.EXPIRED
    conversation.text(text, number, sent_at=conversation.now - timedelta(hours=1))
    assert order_of(conversation, "SJB").state is OrderState.DECLINED
    assert conversation.states() == {}
    assert conversation.chain_is_whole()


def test_a_yes_that_was_unclear_when_it_was_sent_stays_so() -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL).play("> KTSJB\n> KTTQ\n@ +2m\n> [1008620400] 否\n< …")
    conversation.text("是", sent_at=conversation.now - timedelta(minutes=1))
    assert conversation.states() == {}
    orders = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    assert [item.state for item in orders if item.service_code == "TQ"] == [OrderState.AWAITING]
