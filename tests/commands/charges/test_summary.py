"""DZXXSF: the summary of last month's charges on the 1st (flows.md 8)."""

from dataclasses import replace
from datetime import time

import pytest

from app.domain.account import Language
from tests.commands.charges.charging import announce, code, states
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import SUBSCRIBER


def test_switching_on_and_off_is_answered_each_time() -> None:
    conversation = play(
        """
        > DZXXSF
        < [10086 result] 已为您开通信息费月度提醒…
        > dz xx sf
        < [10086 reply] 您此前已开通…
        > QXXXSF
        < [10086 result] 已为您关闭…
        > QXDZXXSF
        < [10086 reply] 您未开通…
        @ 2026-05-02 12:00
        <
        """
    )
    assert [record.kind for record in conversation.evidence] == ["preference", "preference"]
    assert '"DZXXSF"' in (conversation.evidence[0].payload or "")


def test_total_and_items_of_what_was_charged_in_the_month() -> None:
    conversation = Conversation(start="2026-03-20 10:00")
    conversation.play("> DZXXSF")
    announce(conversation, "c-1", "SJB", 300, "2026-03-31 23:59:59")
    announce(conversation, "c-2", "CL", 500, "2026-03-25 12:00")
    announce(conversation, "c-3", "TQ", 200, "2026-04-01 00:00")
    announce(conversation, "c-4", "HT", 300, "2026-03-28 12:00")
    conversation.play(f"> [10086901] {code(conversation, 'c-4')}")
    conversation.play(
        """
        # Nobody answers in time, so it is waived.
        @ 2026-03-31 22:00
        < …和娱乐3元…免收…
        @ 2026-04-01 09:59:59
        <
        @ 2026-04-01 10:00
        < [10086 notice] …您03月的信息费共8元，其中：手机报(新华)3元；彩铃5元。…
        @ 2026-05-01 09:59:59
        """
    )
    assert states(conversation) == {"c-1": "charged", "c-2": "charged", "c-3": "charged", "c-4": "waived"}
    conversation.play(
        "@ 2026-05-01 10:00\n< …您04月的信息费共2元，其中：天气预报(墨迹)2元。…\n@ 2026-06-01 10:00\n< …您05月的信息费为0元…"
    )


@pytest.mark.parametrize(
    ("start", "at", "month"),
    [
        ("2026-12-20 10:00", "2027-01-01 10:00", "12月"),
        ("2028-02-20 10:00", "2028-03-01 10:00", "02月"),
        ("2026-02-28 23:59", "2026-03-01 10:00", "02月"),
        ("2026-03-01 09:59", "2026-03-01 10:00", "02月"),
        ("2026-03-01 10:00", "2026-04-01 10:00", "03月"),
    ],
)  # fmt: skip
def test_the_summary_is_of_the_month_that_ended(start: str, at: str, month: str) -> None:
    play(f"> DZXXSF\n< …\n@ {at}\n< …您{month}的信息费为0元…", start=start)


def test_no_summary_twice_for_a_month() -> None:
    play(
        """
        > DZXXSF
        @ 2026-04-01 10:00
        < …03月…
        > QXXXSF
        > DZXXSF
        @ 2026-04-30 23:59
        <
        @ 2026-05-01 12:00
        < …04月…
        """,
        start="2026-03-20 10:00",
    )


def test_the_summary_comes_at_the_hour_of_the_settings_and_outside_quiet_hours() -> None:
    play(
        """
        > DZXXSF
        @ 2026-04-01 06:59:59
        <
        @ 2026-04-01 07:00
        < …03月…
        """,
        policy=policy(fee_summary_time=time(6, 30)),
    )


def test_in_english() -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, language=Language.EN), start="2026-03-20 10:00")
    conversation.play("> DZXXSF\n< The monthly fee reminder is on…")
    announce(conversation, "c-1", "CL", 500, "2026-03-25 12:00")
    conversation.play("@ 2026-04-01 10:00\n< …CNY5 in March: 彩铃: CNY5.…")
