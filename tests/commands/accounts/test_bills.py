"""Balance, spend, points and bills: YE, HF, JF and ZD (flows.md 10)."""

from dataclasses import replace

import pytest

from app.commands.accounts.bills import RecordBill, RecordSpend
from app.domain.account import Language, Payment, SubscriberStatus
from app.domain.bills import BillItem
from app.domain.refusals import RefusalReason
from tests.commands.refusals import INVALID
from tests.commands.transcript import Conversation, play
from tests.commands.world import SUBSCRIBER, shanghai

FEBRUARY = RecordBill("2026-02", (BillItem("套餐月费", 5800), BillItem("短信费", 110)))
LAST_FIVE = "202602、202601、202512、202511、202510"
ONLY = (
    f"[10086 reply] 截至03月02日10时00分，仅支持查询最近5个月的已出账单，可查询：{LAST_FIVE}，如发送ZD#202602。中国移动"
)


@pytest.mark.parametrize("name", ["套餐；月费", "a;b", "www.example.com", "evil.top", "月\u200b费", "月\n费"])
def test_items_of_a_bill_may_not_read_as_something_else(name: str) -> None:
    conversation = Conversation()
    conversation.happens(RecordBill("2026-02", (BillItem("免费流量", 0), BillItem(name, 100))))
    refusal = conversation.outcome.refusal
    assert refusal is not None
    assert (refusal.reason, refusal.detail.startswith("items: ")) == (INVALID, True)
    conversation.happens(RecordBill("2026-02", (BillItem("5元流量包", 500), BillItem("免费流量：3.5GB", 0))))
    assert conversation.outcome.refusal is None


@pytest.mark.parametrize(
    ("fen", "shown"),
    [(3050, "30.50元"), (10, "0.10元"), (100, "1元"), (5, "0.05元"), (123456, "1234.56元"), (0, "0元")],
)
def test_a_prepaid_balance(fen: int, shown: str) -> None:
    for word in ("YE", "CXYE", "YECX", "余额", "話費餘額"):
        play(
            f"> {word}\n< [10086 reply] 截至03月02日10时00分，您的话费余额为{shown}。中国移动",
            subscriber=replace(SUBSCRIBER, balance_fen=fen),
        )


def test_a_postpaid_balance_and_a_debt() -> None:
    postpaid = replace(SUBSCRIBER, payment=Payment.POSTPAID, balance_fen=5000)
    play(
        "> YE\n< 截至03月02日10时00分，您的账户余额为50元，当月话费将于出账后从账户扣除。中国移动", subscriber=postpaid
    )
    for payment in Payment:
        owing = replace(postpaid, payment=payment, balance_fen=-550)
        play("> YE\n< 截至03月02日10时00分，您的账户余额为0元，欠费5.50元。中国移动", subscriber=owing)


def test_a_suspended_customer_may_ask() -> None:
    stopped = replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED, balance_fen=50)
    play("> YE\n< …0.50元…\n> HELP\n< …0000…\n> HF\n< …\n> JF\n< …\n> ZD\n< …\n> CXYL\n< …", subscriber=stopped)


def test_points() -> None:
    for word in ("JF", "CXJF", "JFCX", "积分"):
        play(
            f"> {word}\n< [10086 reply] 截至03月02日10时00分，您的积分为1200分。中国移动",
            subscriber=replace(SUBSCRIBER, points=1200),
        )


def test_spend_is_of_its_month_and_the_newest_counts() -> None:
    conversation = Conversation(start="2026-03-31 20:00")
    conversation.happens(RecordSpend("2026-03", 4210, shanghai("2026-03-31 19:00")))
    conversation.happens(RecordSpend("2026-03", 100, shanghai("2026-03-31 18:59:59")))
    assert conversation.outcome.verdict == "older"
    conversation.play(
        """
        > HF
        < [10086 reply] 截至03月31日19时00分，您03月话费为42.10元。中国移动
        @ 2026-03-31 23:59:59
        > 话费
        < …42.10元…
        @ 2026-04-01 00:00:00
        > HF
        < 截至04月01日00时00分，暂无您04月的话费数据，请稍后再查。中国移动
        """
    )
    conversation.happens(RecordSpend("2026-04", 1, shanghai("2026-04-03 00:00")))
    assert conversation.outcome.refusal is not None
    assert conversation.outcome.refusal.reason == INVALID


# ---- bills


@pytest.mark.parametrize(
    "text",
    [
        "ZD",
        "CXZD",
        "账单",
        "帳單",
        "ZD#202602",
        "ZD 202602",
        "zd＃２０２６０２",
        "ZDCX#2026-02",
        "ZD#2026年2月",
        "ZD # 202602",
        "ZD#",
    ],
)
def test_a_bill_with_its_items(text: str) -> None:
    conversation = Conversation()
    conversation.happens(FEBRUARY)
    conversation.play(
        f"> {text}\n< [10086 reply] 您2026年02月的账单(截至02月28日)合计59.10元：套餐月费58元；短信费1.10元。中国移动"
    )


@pytest.mark.parametrize(
    "month",
    [
        "202603",
        "202604",
        "202509",
        "202513",
        "202600",
        "2026",
        "abc",
        "0",
        "2026020",
        "99999999",
        "２０２６",
        "2026-02-01",
    ],
)
def test_other_months_are_answered_with_the_available_ones(month: str) -> None:
    conversation = Conversation()
    conversation.happens(FEBRUARY)
    conversation.play(f"> ZD#{month}\n< {ONLY}")


def test_a_month_without_a_bill_says_so_and_names_those_with_one() -> None:
    none = "截至03月02日10时00分，暂无您2026年02月的账单。"
    play(f"> ZD\n< {none}中国移动\n> ZD#202602\n< {none}中国移动\n> ZD#202510\n< …暂无您2025年10月的账单。中国移动")
    conversation = Conversation()
    for month in ("2026-01", "2025-11", "2025-09"):
        conversation.happens(RecordBill(month, (BillItem("月费", 100),)))
    conversation.play(f"> ZD\n< {none}可查询：202601、202511，如发送ZD#202601。中国移动")


def test_the_five_months_move_at_new_year() -> None:
    conversation = Conversation(start="2025-12-31 23:59:59")
    for month in ("2025-07", "2025-11", "2025-12"):
        conversation.happens(RecordBill(month, (BillItem("月费", int(month[-2:]) * 100),)))
    conversation.play(
        """
        > ZD#202507
        < …合计7元：月费7元…
        > ZD
        < 您2025年11月的账单(截至11月30日)合计11元：月费11元。中国移动
        > ZD#202512
        < …仅支持查询…202511、202510、202509、202508、202507…
        @ 2026-01-01 00:00:00
        > ZD
        < 您2025年12月的账单(截至12月31日)合计12元…
        > ZD#202507
        < …仅支持查询…202512、202511、202510、202509、202508…
        """
    )


def test_a_bill_of_february_in_a_leap_year() -> None:
    conversation = Conversation(start="2028-03-01 00:00:00")
    conversation.happens(RecordBill("2028-02", (BillItem("月费", 100),)))
    conversation.play("> ZD\n< …截至02月29日…")


def test_a_second_bill_replaces_the_first_and_a_rebate_is_deducted() -> None:
    conversation = Conversation()
    conversation.happens(FEBRUARY)
    conversation.happens(RecordBill("2026-02", (BillItem("套餐月费", 5800), BillItem("优惠", -800))))
    conversation.play("> ZD\n< …合计50元：套餐月费58元；优惠-8元。中国移动")


def test_a_long_bill_is_sent_completely() -> None:
    conversation = Conversation()
    conversation.happens(
        RecordBill("2026-02", tuple(BillItem(f"项目{number:03}说明文字说明文字", 100) for number in range(60)))
    )
    sent = conversation.text("ZD")
    assert len(sent) > 1
    assert all(any(f"项目{number:03}" in message.text for message in sent) for number in range(60))


def test_in_english() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN))
    conversation.happens(FEBRUARY)
    conversation.play(
        """
        > YE
        < As of March 2, 10:00 your balance is CNY30. China Mobile
        > HF
        < As of March 2, 10:00 there are no figures for March yet. Please try again later. China Mobile
        > JF
        < As of March 2, 10:00 you have 0 points. China Mobile
        > ZD
        < Your bill for February 2026 (up to February 28) is CNY59.10: 套餐月费 CNY58; 短信费 CNY1.10. China Mobile
        > ZD#202501
        < As of March 2, 10:00 only bills of the last five closed months can be shown. Available: 202602, 202601, 202512, 202511, 202510; send e.g. ZD#202602. China Mobile
        """
    )


def test_bills_of_a_number_without_a_customer_are_refused() -> None:
    conversation = Conversation(subscriber=None, has=())
    for given in (FEBRUARY, RecordSpend("2026-03", 1, conversation.now)):
        conversation.happens(given)
        assert conversation.outcome.refusal is not None
        assert conversation.outcome.refusal.reason is RefusalReason.INVALID_MSISDN
