"""CXYL, readings, and alerts by threshold (flows.md 9, 17)."""

from dataclasses import replace

import pytest

from app.commands.accounts.data_usage import ReadDataUsage, Reading, ReadingResult
from app.domain.account import Language, Plan, Subscriber
from app.domain.refusals import RefusalReason
from app.domain.texts.data_usage import size
from app.domain.usage import DataUsage
from tests.commands.transcript import Conversation, Sent, policy
from tests.commands.world import SUBSCRIBER, shanghai

ACCEPTED, OLDER = ReadingResult.ACCEPTED, ReadingResult.OLDER
PLAN = Plan("流量套餐", 102_400, 29)
HAS_PLAN = replace(SUBSCRIBER, plan=PLAN)
MB = 1024


def customer(start: str = "2026-03-02 10:00", subscriber: Subscriber = HAS_PLAN) -> Conversation:
    return Conversation(subscriber=subscriber, start=start)


def read(conversation: Conversation, used_kb: float, at: str | None = None, month: str = "2026-03") -> list[Sent]:
    """Report a reading of now, or of another time in Shanghai; return the messages that come."""
    moment = shanghai(at) if at else conversation.now
    return conversation.happens(ReadDataUsage((Reading(month, int(used_kb), moment),)))


def test_usage_total_rest_and_excess() -> None:
    conversation = customer()
    read(conversation, 53.5 * MB, "2026-03-02 09:05")
    conversation.play(
        "> CXYL\n< [10086 reply] 截至03月02日09时05分，您03月已使用流量53.50MB，套餐内共100.00MB，剩余46.50MB。中国移动"
    )
    read(conversation, 120 * MB)
    conversation.play(
        """
        > 流量查询
        < [10086 reply] 截至03月02日10时00分，您03月已使用流量120.00MB，套餐内共100.00MB，剩余0.00MB，已超出20.00MB。超出部分按0.29元/MB收费。中国移动
        """
    )


def test_without_a_plan_only_what_was_used() -> None:
    for subscriber in (SUBSCRIBER, replace(SUBSCRIBER, plan=Plan("语音套餐", 0))):
        conversation = customer(subscriber=subscriber)
        read(conversation, 1536 * MB)
        conversation.play("> LLCX\n< 截至03月02日10时00分，您03月已使用流量1.50GB。中国移动")


def test_without_a_reading_usage_is_zero_as_of_the_first() -> None:
    conversation = customer("2026-02-28 22:00")
    read(conversation, 99_000, month="2026-02")
    conversation.play(
        """
        > CXYL
        < 截至02月28日22时00分，您02月已使用流量96.68MB，…
        @ 2026-02-28 23:59:59
        > CXYL
        < …96.68MB…
        @ 2026-03-01 00:00:00
        > CXYL
        < 截至03月01日00时00分，您03月已使用流量0.00MB，套餐内共100.00MB，剩余100.00MB。中国移动
        """
    )


def test_in_english() -> None:
    conversation = customer(
        subscriber=replace(HAS_PLAN, language=Language.EN, plan=replace(PLAN, overage_fen_per_mb=None))
    )
    read(conversation, 120 * MB)
    conversation.play(
        """
        > CXYL
        < As of March 2, 10:00 you have used 120.00MB of data in March; your plan includes 100.00MB, 0.00MB left, 20.00MB over. Data beyond the plan is charged at the standard rate. China Mobile
        > KTYLTX
        < Data alerts are on. You will be notified once a month at 50%/80%/90%/100% of your plan. To stop these alerts send QXYLTX to 10086. China Mobile
        """
    )


@pytest.mark.parametrize(
    ("kb", "shown"),
    [
        (0, "0.00MB"), (1, "0.00MB"), (512, "0.50MB"), (1023, "1.00MB"), (55_000, "53.71MB"), (1_047_552, "1023.00MB"),
        (1_048_575, "1024.00MB"), (1_048_576, "1.00GB"), (2_621_440, "2.50GB"), (10**12, "953674.32GB"),
    ],
)  # fmt: skip
def test_sizes(kb: int, shown: str) -> None:
    assert size(kb) == shown


# ---- thresholds


def turned_on(start: str = "2026-03-02 10:00") -> Conversation:
    return customer(start).play("> KTYLTX\n< [10086 result] 已为您开通流量提醒，…50%/80%/90%/100%…")


def percents(messages: list[Sent]) -> list[str]:
    """Return the thresholds that the messages name."""
    assert all((sent.number, sent.kind) == ("10086", "notice") for sent in messages)
    words = ("50%", "80%", "90%", "用完")
    return [word for sent in messages for word in words if word in sent.text]


def test_each_threshold_once_and_the_highest_only() -> None:
    conversation = turned_on()
    alerts = []
    for used in (51_199, 51_200, 60_000, 92_672, 93_000, 102_399, 102_400, 204_800):
        conversation.play("@ +60s")
        alerts.append(percents(read(conversation, used)))
    assert alerts == [[], ["50%"], [], ["90%"], [], [], ["用完"], []]
    assert conversation.sent[1].text == (
        "流量提醒：截至03月02日10时02分，您03月已使用流量50.00MB，已达套餐内100.00MB的50%，剩余50.00MB。关闭提醒请发送QXYLTX到10086。中国移动"
    )
    assert conversation.sent[-1].text == (
        "流量提醒：截至03月02日10时07分，您03月已使用流量100.00MB，套餐内100.00MB已用完。超出部分按0.29元/MB收费。关闭提醒请发送QXYLTX到10086。中国移动"
    )


def test_a_reading_that_jumps_over_three_comes_twice_and_out_of_order() -> None:
    conversation = turned_on()
    assert percents(read(conversation, 95 * MB, "2026-03-02 09:58")) == ["90%"]
    assert read(conversation, 95 * MB, "2026-03-02 09:58") == []
    assert read(conversation, 10 * MB, "2026-03-02 09:00") == []
    assert conversation.outcome.result == (OLDER,)
    # A correction lowers the usage, but the threshold stays spent.
    assert read(conversation, 40 * MB, "2026-03-02 09:59") == []
    assert read(conversation, 85 * MB) == []
    conversation.play("> CXYL\n< …85.00MB…")


def test_several_readings_at_once_give_one_alert() -> None:
    conversation = turned_on()
    readings = tuple(
        Reading("2026-03", used * MB, shanghai(f"2026-03-02 09:0{minute}"))
        for minute, used in ((1, 55), (3, 85), (2, 60), (4, 92))
    )
    assert percents(conversation.happens(ReadDataUsage(readings))) == ["90%"]
    assert conversation.outcome.result == (ACCEPTED, ACCEPTED, OLDER, ACCEPTED)


def test_a_threshold_passed_while_alerts_are_off_is_spent() -> None:
    conversation = customer()
    assert read(conversation, 60 * MB) == []
    conversation.play("> KTYLTX\n< …开通…\n@ +60s")
    assert read(conversation, 62 * MB) == []
    assert percents(read(conversation, 82_000)) == ["80%"]
    conversation.play("> QXYLTX\n< [10086 result] 已为您关闭流量提醒，…\n@ +60s")
    assert read(conversation, 95 * MB) == []
    conversation.play("> KTYLTX\n@ +60s")
    assert percents(read(conversation, 99 * MB)) == []
    assert percents(read(conversation, 100 * MB)) == ["用完"]


@pytest.mark.parametrize(
    ("end", "following"),
    [("2026-03-31 23:59:59", "2026-04"), ("2028-02-29 23:59:59", "2028-03"), ("2026-12-31 23:59:59", "2027-01")],
)
def test_a_new_month_begins_anew_and_a_past_one_never_alerts(end: str, following: str) -> None:
    conversation = turned_on(end)
    month = end[:7]
    # At night the alert is held until the morning.
    assert read(conversation, 60 * MB, month=month) == []
    conversation.play("@ +1s")
    assert read(conversation, 99 * MB, month=month) == []
    assert read(conversation, 1 * MB, month=following) == []
    conversation.play(
        f"> CXYL\n< …已使用流量1.00MB…\n@ {following}-01 06:59:59\n<\n@ {following}-01 07:00\n< [10086 notice] …60.00MB…50%…"
    )
    assert percents(read(conversation, 55 * MB, month=following)) == ["50%"]


@pytest.mark.parametrize(
    ("at", "waits"),
    [("06:59:59", True), ("07:00:00", False), ("21:59:59", False), ("22:00:00", True), ("23:30:00", True)],
)
def test_alerts_keep_the_quiet_hours(at: str, *, waits: bool) -> None:
    conversation = turned_on(f"2026-03-02 {at}")
    assert (read(conversation, 60 * MB) == []) is waits
    if waits:
        day = "2026-03-02" if at < "07" else "2026-03-03"
        conversation.play(f"@ {day} 07:00\n< [10086 notice] …50%…")


def test_thresholds_are_a_setting() -> None:
    conversation = Conversation(subscriber=HAS_PLAN, policy=policy(data_thresholds=(75,)))
    conversation.play("> KTYLTX\n< …用至套餐的75%时…")
    assert read(conversation, 74 * MB) == []
    assert "75%" in read(conversation, 100 * MB)[0].text


def test_a_reading_from_the_future_or_without_a_customer_is_refused() -> None:
    conversation = customer()
    read(conversation, 1, "2026-03-03 10:00:01")
    assert (conversation.outcome.result, conversation.outcome.records) == ((ReadingResult.AHEAD,), ())
    read(conversation, 1, "2026-03-03 10:00:00")
    assert conversation.account.record(DataUsage, "2026-03") is not None
    stranger = Conversation(subscriber=None, has=())
    read(stranger, 1)
    assert stranger.outcome.refusal is not None
    assert stranger.outcome.refusal.reason is RefusalReason.INVALID_MSISDN
