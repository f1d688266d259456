"""Answers to a listing: 查2, after a failed delivery, and to an earlier listing (flows.md 5.2; safety.md 17, 21)."""

from dataclasses import replace

import pytest

from app.domain.evidence import EvidenceDraft
from tests.commands.transcript import Conversation, play
from tests.commands.world import has, shanghai


@pytest.mark.parametrize("question", ["查1", "1?", "1？", " 查 1 ", "查①", "查一", "查1?"])
def test_the_origin_of_an_order_is_told_from_the_evidence(question: str) -> None:
    ordered = Conversation(has=(has("YYH", "2026-02-10 09:30"),))
    ordered.record(EvidenceDraft("order-confirmed", "subscription-YYH", {"answer": "是"}))
    ordered.play(
        f"""
        > 0000
        > [10086977] {question}
        < [10086977 reply] 音乐盒于2026年02月10日通过短信开通，由本号码短信回复“是”确认。中国移动
        = YYH active
        > [10086977] 1
        = YYH ended
        """
    )


def test_the_origin_of_imports_and_of_services_without_evidence() -> None:
    imported = Conversation(has=(has("YYH", "2020-02-10 09:30"), has("CL")))
    imported.record(EvidenceDraft("import", "subscription-YYH", {"who": "crm"}))
    imported.play(
        """
        > 0000
        > [10086977] 查1
        < 音乐盒于2020年02月10日通过短信开通，2026年03月02日由原系统转入，确认记录在原系统。…
        > [10086977] 查2
        < 彩铃于2025年12月01日通过短信开通，没有确认记录，如有疑问请发送0000退订。…
        """
    )


def test_a_listing_that_never_arrived_takes_no_picks() -> None:
    for number in ("10086977", "10086"):
        for answer in ("1,3", "全部", "9", "查1", "TD1"):
            play(
                f"""
                > 0000
                ! lost
                > [{number}] {answer}
                < [10086977 reply] …未完整送达，未作任何更改。请发送0000重新查询。中国移动
                = CL active, SJB active
                > 0000
                > [10086977] 1
                = CL ended
                """
            )
    play("> 0000\n! lost\n> [10086977] 您好\n< …未完整送达…")
    play("> 0000\n> [10086977] 全部\n! lost\n> [10086977] 是\n< …退订确认短信未完整送达…\n= CL active")


def test_a_pick_sent_before_a_new_listing_was_made() -> None:
    """It answers the earlier listing; if that had another service under the number, nothing is done."""
    older = has("LD", "2024-01-01 10:00")

    def crossed(answer: str, seconds: int) -> Conversation:
        conversation = Conversation()
        conversation.play("> 0000\n< …1、彩铃…")
        conversation.account = replace(
            conversation.account, subscriptions={older.id: older, **conversation.account.subscriptions}
        )
        conversation.play("@ +60s\n> 0000\n< …1、来电提醒…2、彩铃…")
        conversation.text(answer, "10086977", sent_at=shanghai(f"2026-03-02 10:00:{seconds}"))
        return conversation

    assert crossed("1", 30).ended() == set()
    assert "此前的业务清单" in crossed("1", 30).sent[-1].text
    assert crossed("1-2", 30).ended() == set()

    # If both listings agree, the pick counts: a provider's slow clock must not block an unsubscribe.
    same = Conversation()
    same.play("> 0000\n@ +60s\n> 0000")
    same.text("1", "10086977", sent_at=shanghai("2026-03-02 10:00:30"))
    assert same.ended() == {"CL"}

    # A time before both listings comes from a provider's wrong clock and is not trusted.
    wrong = crossed("1", 30)
    wrong.text("2", "10086977", sent_at=shanghai("2026-03-02 02:00:30"))
    assert wrong.ended() == {"CL"}


def test_the_window_counts_by_when_the_answer_was_sent() -> None:
    in_time = Conversation().play("> 0000\n@ 2026-03-02 12:10")
    in_time.text("1", "10086977", sent_at=shanghai("2026-03-02 12:00"))
    assert in_time.ended() == {"CL"}
    late = Conversation().play("> 0000\n@ 2026-03-02 12:10")
    late.text("1", "10086977", sent_at=shanghai("2026-03-02 12:00:01"))
    assert (late.ended(), "超时失效" in late.sent[-1].text) == (set(), True)
