"""KTYLTX, QXYLTX, and reminders twice a month for customers without a plan (flows.md 9)."""

from dataclasses import replace

import pytest

from app.commands.accounts.data_usage import ReadDataUsage, Reading
from app.commands.accounts.directory import SetSubscriber
from app.domain.account import Plan, SubscriberStatus
from app.domain.calendar import local
from tests.commands.transcript import Conversation, policy
from tests.commands.world import SUBSCRIBER, shanghai

NEW = SetSubscriber(
    "api:crm",
    frozenset({"plan", "status", "balance_fen", "points", "brand", "vip", "payment", "language"}),
    create=True,
)
PLAN = Plan("流量套餐", 102_400)
WITH_PLAN = replace(NEW, given=frozenset({"plan"}), create=False, plan=PLAN)
WITHOUT_PLAN = replace(WITH_PLAN, plan=None)


def new_customer(start: str) -> Conversation:
    conversation = Conversation(subscriber=None, has=(), start=start)
    assert conversation.happens(NEW) == []
    return conversation


@pytest.mark.parametrize(
    ("start", "middle", "last"),
    [
        ("2026-02-10 09:00", "2026-02-15", "2026-02-28"),
        ("2028-02-10 09:00", "2028-02-15", "2028-02-29"),
        ("2026-04-10 09:00", "2026-04-15", "2026-04-30"),
        ("2026-12-10 09:00", "2026-12-15", "2026-12-31"),
    ],
)
def test_on_the_fifteenth_and_the_last_day_at_ten(start: str, middle: str, last: str) -> None:
    conversation = new_customer(start)
    conversation.happens(ReadDataUsage((Reading(start[:7], 54_784, shanghai(start)),)))
    conversation.play(
        f"""
        @ {middle} 09:59:59
        <
        @ {middle} 10:00
        < [10086 notice] 截至{start[5:7]}月10日09时00分，您{start[5:7]}月已使用流量53.50MB。关闭提醒请发送QXYLTX到10086。中国移动
        @ {last} 09:59:59
        <
        @ {last} 10:00
        < [10086 notice] …53.50MB…
        """
    )


def test_without_a_reading_the_reminder_reports_zero() -> None:
    new_customer("2026-03-14 09:00").play(
        "@ 2026-03-15 10:00\n< 截至03月01日00时00分，您03月已使用流量0.00MB。关闭提醒请发送QXYLTX到10086。中国移动"
    )


def test_turning_off_and_on_names_the_kind_and_may_be_repeated() -> None:
    conversation = new_customer("2026-03-14 09:00")
    conversation.play(
        """
        > KTYLTX
        < [10086 result] 您此前已开通流量提醒，无需重复办理。每月15日和月末最后一天10时提醒您当月已用流量。关闭提醒请发送QXYLTX到10086。中国移动
        > KTLLTX
        < [10086 reply] 您此前已开通流量提醒…
        > QXYLTX
        < [10086 result] 已为您关闭流量提醒，每月15日和月末最后一天不再提醒您已用流量。重新开通请发送KTYLTX到10086。中国移动
        > qxlltx
        < [10086 reply] 您未开通流量提醒…
        @ 2026-03-16 00:00
        <
        > ktyltx
        < [10086 result] 已为您开通流量提醒，每月15日和月末最后一天…
        @ 2026-03-31 10:00
        < [10086 notice] …
        """
    )
    assert [(record.kind, record.subject) for record in conversation.evidence] == [("preference", "data_alerts")] * 3
    assert '"after":false,"answer":"QXYLTX","asked":null,"before":true' in (conversation.evidence[1].payload or "")
    assert conversation.chain_is_whole()


def test_with_a_plan_there_are_no_reminders_and_alerts_only_after_turning_them_on() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, plan=PLAN))
    conversation.play(
        """
        > QXYLTX
        < [10086 result] 您未开通流量提醒或此前已关闭，无需重复办理。当月流量用至套餐的50%/80%/90%/100%时不再提醒。重新开通请发送KTYLTX到10086。中国移动
        > KTYLTX
        < [10086 result] 已为您开通流量提醒，当月流量用至套餐的50%/80%/90%/100%时各提醒一次。关闭提醒请发送QXYLTX到10086。中国移动
        > KTYLTX
        < [10086 reply] 您此前已开通流量提醒，…
        @ 2026-03-31 23:59:59
        <
        """
    )


def test_a_plan_ends_the_reminders_and_its_end_restarts_them() -> None:
    conversation = new_customer("2026-03-14 09:00")
    conversation.happens(WITH_PLAN)
    conversation.play("@ 2026-03-20 09:00\n<")
    conversation.happens(WITHOUT_PLAN)
    conversation.happens(WITHOUT_PLAN)
    conversation.play("@ 2026-03-31 10:00\n< [10086 notice] …\n@ 2026-04-15 10:00\n< …")


def test_a_customer_created_by_a_text_gets_reminders() -> None:
    conversation = Conversation(subscriber=None, has=(), policy=policy(auto_create_subscribers=True))
    conversation.play("> 0000\n< …\n> YE\n< …\n@ 2026-03-15 10:00\n< [10086 notice] …您03月已使用流量0.00MB…")


def test_a_new_tenure_has_reminders_of_its_own() -> None:
    conversation = new_customer("2026-03-10 09:00")
    conversation.happens(replace(WITHOUT_PLAN, given=frozenset({"status"}), status=SubscriberStatus.CLOSED))
    conversation.timers.clear()
    conversation.play("@ 2026-03-16 09:00\n<")
    conversation.happens(NEW)
    conversation.play("@ 2026-03-31 10:00\n< [10086 notice] …")


@pytest.mark.parametrize(
    ("until", "comes"),
    [
        ("2026-03-01 08:00", "…您02月已使用流量2.00MB…"),
        ("2026-03-14 12:00", "…您02月已使用流量2.00MB…"),
        ("2026-04-20 08:00", "…您04月已使用流量4.00MB…"),
    ],
)
def test_reminders_missed_in_downtime_are_sent_as_one(until: str, comes: str) -> None:
    conversation = new_customer("2026-02-20 09:00")
    for month in ("2026-02", "2026-03", "2026-04"):
        conversation.now = max(
            conversation.now, shanghai(f"{month}-20 09:00" if month == "2026-02" else f"{month}-01 00:00")
        )
        conversation.happens(ReadDataUsage((Reading(month, int(month[-1]) * 1024, conversation.now),)))
    # Downtime: the clock moves on, and no timer runs.
    conversation.now = shanghai(until)
    conversation.play(f"@ +0s\n< [10086 notice] {comes}\n@ +1h\n<")


def test_a_missed_reminder_waits_for_the_morning() -> None:
    conversation = new_customer("2026-02-20 09:00")
    conversation.now = shanghai("2026-03-01 03:00")
    conversation.play("@ +0s\n<\n@ 2026-03-01 07:00\n< [10086 notice] …您02月…\n@ 2026-03-15 10:00\n< …您03月…")


def test_a_year_at_once_gives_the_same_reminders_as_day_by_day() -> None:
    at_once = new_customer("2026-03-02 10:00").play("@ +365d")
    by_day = new_customer("2026-03-02 10:00")
    for _ in range(365):
        by_day.play("@ +1d")
    assert at_once.sent == by_day.sent
    assert len(at_once.sent) == 24
    assert f"{local(by_day.now):%Y-%m-%d}" == "2027-03-02"
