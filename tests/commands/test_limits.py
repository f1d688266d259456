"""The loop guard, the rate limit, the cap on segments, and strangers (flows.md 3, 17; safety.md 22, 25)."""

from dataclasses import replace

import pytest

from app.domain.account import Language, SubscriberStatus
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import FOUR, SUBSCRIBER, has, service, shanghai


def repeated(conversation: Conversation, count: int, text: str, number: str = "10086") -> int:
    """Send a text ``count`` times; return how many messages come back."""
    return sum(len(conversation.text(text, number)) for _ in range(count))


@pytest.mark.parametrize("text", ["自动回复您好", "TD会议中", "qxautoreply", "KTV包厢预订", ""])
def test_two_machines_fall_silent(text: str) -> None:
    conversation = Conversation()
    assert repeated(conversation, 12, text) == 5
    # The silence ends 10 minutes after the last reply; unanswered texts do not prolong it.
    conversation.play("@ +9m59s")
    assert repeated(conversation, 2, text) == 0
    conversation.play("> 0000\n< …1、彩铃…\n> 1\n< 彩铃…\n> 0\n< 您可发送以下指令…")
    conversation.play("@ +1s")
    assert repeated(conversation, 12, text) == 5


def test_the_repeated_question_counts_as_well() -> None:
    conversation = Conversation().play("> 0000")
    assert repeated(conversation, 12, "您好我在开会", "10086977") == 5
    conversation.play("> [10086977] 9\n< …没有序号9…\n> [10086977] 1\n< 彩铃…")
    assert repeated(conversation, 3, "你好") == 0


def test_replies_that_are_far_apart_are_no_loop() -> None:
    conversation = Conversation()
    for _ in range(12):
        assert repeated(conversation, 1, "你好") == 1
        conversation.play("@ +150s")


def test_a_clock_set_back_silences_nobody() -> None:
    conversation = Conversation()
    repeated(conversation, 12, "你好")
    repeated(conversation, 20, "0")
    conversation.now = shanghai("2026-03-01 10:00")
    assert repeated(conversation, 30, "你好") == 5
    assert repeated(conversation, 1, "0") == 1
    stranger = Conversation(subscriber=None, has=())
    assert repeated(stranger, 3, "0000") == 1
    stranger.now = shanghai("2026-03-01 09:00")
    assert repeated(stranger, 3, "0000") == 1


def test_more_than_thirty_a_minute() -> None:
    conversation = Conversation()
    assert repeated(conversation, 30, "0") == 30
    conversation.play(
        """
        > 0
        < [10086 reply] 您发送短信过于频繁，查询请稍后再试；退订等请求将于1分钟后为您办理。中国移动
        > QXCL
        <
        > 0
        <
        > 你好
        <
        > 查1
        <
        = CL active
        @ +59s
        > 0000
        <
        = CL active
        @ +1s
        < [10086977 result] 彩铃已于…
        = CL ended
        > 0
        < 您可发送以下指令…
        """
    )


def test_picks_yeses_and_noes_are_kept() -> None:
    for answer, state in (("4", "ended"), ("退订4", "ended"), ("9", "active")):
        conversation = Conversation().play("> 0000")
        repeated(conversation, 31, "0")
        conversation.play(f"> [10086977] {answer}\n<\n= TQ active\n@ +1m\n< [10086977] …\n= TQ {state}")
    for answer, state in (("是", "ended"), ("否", "active")):
        conversation = Conversation().play("> 0000\n> 全部")
        repeated(conversation, 31, "0")
        conversation.play(f"> [10086977] {answer}\n<\n= CL active\n@ +1m\n< [10086977 result] …\n= CL {state}")
    # 查 is a query, so it is dropped.
    conversation = Conversation().play("> 0000")
    repeated(conversation, 31, "0")
    conversation.play("> [10086977] 查1\n<\n@ +1m\n<")


def test_what_was_sent_long_ago_is_counted_by_its_own_time() -> None:
    """Texts that waited during downtime are not too many."""
    conversation = Conversation()
    answered = sum(len(conversation.text("0", sent_at=shanghai(f"2026-03-02 09:{minute:02}"))) for minute in range(60))
    assert answered == 60


def test_two_hundred_segments_an_hour() -> None:
    services = [
        service(f"G{n:02}", f"甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未{n}", 100, sp="XINHUA") for n in range(10, 49)
    ]
    conversation = Conversation(has=(*FOUR, *(has(item) for item in services)))
    conversation.catalogue = replace(
        conversation.catalogue,
        services={**conversation.catalogue.services, **{item.service_code: item for item in services}},
    )
    pages = len(conversation.text("0000"))
    listings = 1
    while conversation.text("0000"):
        listings += 1
        conversation.play("@ +10s")
    segments = sum(-(-len(message.text) // 67) for message in conversation.sent)
    assert 180 < segments <= 200
    assert listings * pages == len(conversation.sent)
    # No list was sent, so the last one still counts; changes are reported beyond the cap.
    conversation.play(
        """
        > 你好
        > [10086977] 2
        < [10086977 result] 和娱乐…
        > QXCL
        < [10086977 result] 彩铃…
        > 0000
        <
        > QXSJB
        < [10086977 result] 手机报…
        @ +62m
        > 0000
        < …
        < …
        < …
        < …
        < …
        """
    )
    assert conversation.ended() == {"HT", "CL", "SJB"}


def test_the_two_hundredth_segment_is_sent() -> None:
    for before, answered in ((199, 1), (200, 0)):
        conversation = Conversation(has=())
        limits = conversation.account.limits.count_segments(before, conversation.now)
        conversation.account = replace(conversation.account, limits=limits)
        assert repeated(conversation, 2, "0000") == answered


def test_beyond_the_cap_a_no_is_still_a_no() -> None:
    conversation = Conversation().play("> 0000\n> 全部")
    limits = conversation.account.limits.count_segments(200, conversation.now)
    conversation.account = replace(conversation.account, limits=limits)
    conversation.play("> [10086977] 否\n< [10086977 result] …已为您保留…\n> 0000\n<\n> [10086977] 是\n<\n= CL active")


# ---- numbers without a customer


def test_a_stranger_is_told_once_a_day() -> None:
    conversation = Conversation(subscriber=None, has=())
    conversation.play(
        """
        > 0000
        < [10086 reply] 您好！您的号码非本网号码，无法为您办理业务。如有疑问请咨询您的运营商。中国移动
        > 1
        <
        > QXCL
        <
        @ +23h
        > TD
        <
        @ +1h
        > TD
        < 您好！您的号码非本网号码…
        """
    )
    closed = replace(SUBSCRIBER, status=SubscriberStatus.CLOSED, language=Language.EN)
    play("> 0000\n< 您好！您的号码非本网号码…\n> 1\n<\n= CL active", subscriber=closed)


def test_a_subscriber_is_created_on_first_contact_if_the_settings_say_so() -> None:
    demo = policy(auto_create_subscribers=True)
    conversation = Conversation(subscriber=None, has=(), policy=demo).play(
        "> 0000\n< 尊敬的神州行客户，您好！您目前没有…\n> hi\n< …未能识别…"
    )
    assert conversation.account.subscriber is not None
    assert conversation.account.subscriber.tenure == 1
    closed = replace(SUBSCRIBER, status=SubscriberStatus.CLOSED)
    again = Conversation(subscriber=closed, policy=demo).play("> 0000\n< …您目前没有…")
    assert again.account.subscriber is not None
    assert (again.account.subscriber.tenure, again.account.subscriptions) == (2, {})
