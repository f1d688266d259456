"""Services with a cancel warning are asked about before they end (flows.md 5.2, 17)."""

from dataclasses import replace

from app.domain.segments import measure
from tests.commands.transcript import Conversation, play
from tests.commands.world import CATALOGUE, FOUR, has, service

WARNED = (has("FH", "2025-11-01 10:00"), *FOUR)


def test_a_service_with_a_warning_is_asked_about() -> None:
    for yes in ("Y", "ｙ", "是", "YES", "确认", "是的", "“是”。"):
        play(
            f"""
            > 0000
            < …1、和多号10元/月；…
            > [10086977] 1
            < [10086977 reply] 和多号：取消后副号将无法找回。确定退订和多号请回复Y，保留请回复N。中国移动
            = FH active
            > [10086977] {yes}
            < [10086977 result] 和多号已于…
            = FH ended, CL active
            """,
            has=WARNED,
        )
    for no in ("N", "n", "否", "NO"):
        play(
            f"""
            > 0000
            > [10086977] 1
            > [10086977] {no}
            < [10086977 result] 好的，已为您保留和多号，未作任何更改。中国移动
            = FH active
            # The listing is still open, and a second answer changes nothing.
            > [10086977] Y
            < …此前已按您的回复办理…
            = FH active, CL active
            > [10086977] 2
            = CL ended, FH active
            """,
            has=WARNED,
        )


def test_the_other_services_end_at_once_in_the_same_reply() -> None:
    play(
        """
        > 0000
        > [10086977] 1,2
        < [10086977 result] 彩铃已于03月02日退订，…和多号：取消后副号将无法找回。确定退订和多号请回复Y，保留请回复N。中国移动
        = CL ended, FH active, HT active
        > [10086977] 好吧
        < …退订和多号请回复Y，保留请回复N。…
        > [10086977] Y
        < [10086977 result] 和多号已于…
        = FH ended, HT active
        > [10086977] Y
        < [10086977 reply] 此前已按您的回复办理…
        """,
        has=WARNED,
    )


def test_a_listing_has_at_most_one_yes_no_question() -> None:
    """A new question replaces the one before; the same warning asked twice is one question (flows.md 17)."""
    play(
        """
        > 0000
        > [10086977] 1
        > [10086977] 1
        < …确定退订和多号请回复Y…
        > [10086977] 4
        < …亲情号：取消后号码不再保留。…
        > [10086977] Y
        < 亲情号已于…
        = FH active, QQ ended
        > [10086977] Y
        < …此前已按您的回复办理…
        = FH active
        # A pick leaves an open warning as it is.
        > [10086977] 1
        > [10086977] 2
        < 彩铃已于…
        > [10086977] Y
        < 和多号已于…
        """,
        has=(has("FH", "2025-11-01 10:00"), has("CL"), has("LD"), has("QQ", "2026-01-01 10:00")),
    )


def test_many_warnings_keep_within_five_segments() -> None:
    services = [
        replace(
            service(f"W{n:02}", f"甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午{n:02}", 100),
            cancel_warning="取消后无法恢复，已有的内容将全部清除",
        )
        for n in range(30)
    ]
    catalogue = replace(CATALOGUE, services={item.service_code: item for item in services})
    conversation = Conversation(has=tuple(has(item) for item in services), catalogue=catalogue)
    conversation.text("0000")
    replies = conversation.text("1-30")
    assert all(measure(message.text).segments <= 5 for message in replies)
    assert "等30项业务请回复Y" in replies[-1].text
    conversation.play("> [10086977] Y\n= W00 ended, W29 ended")
