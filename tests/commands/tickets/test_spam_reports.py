"""Spam reports to 10086999 (flows.md 12)."""

import pytest

from app.domain.spam import SpamReport
from tests.commands.transcript import Conversation, play

CONTENT = "恭喜您中奖了，回复Yes领奖"


def reports(conversation: Conversation) -> list[tuple[str | None, str]]:
    return [(report.number, report.content) for report in conversation.account.records_of(SpamReport)]


@pytest.mark.parametrize(
    "text",
    [
        f"13900000001*{CONTENT}",
        f"13900000001 {CONTENT}",
        f"13900000001＊{CONTENT}",
        f"１３９０００００００１*{CONTENT}",
        f"  13900000001 * {CONTENT}",
        f"+8613900000001\n{CONTENT}",
        f"【008613900000001*{CONTENT}",
    ],
)
def test_number_and_content(text: str) -> None:
    conversation = Conversation()
    conversation.text(text, "10086999")
    # Full-width punctuation is stored in its plain form.
    assert reports(conversation) == [("+8613900000001", CONTENT.replace("，", ","))]
    assert [sent.number for sent in conversation.sent] == ["10086999"]
    assert "已收到" in conversation.sent[0].text


def test_a_service_number_is_recorded_by_its_digits() -> None:
    assert reports(play("> [10086999] 106900001234*中奖\n< …已收到…")) == [("106900001234", "中奖")]


@pytest.mark.parametrize(
    ("text", "number", "content"),
    [
        ("1069 1234 5678 贷款", "106912345678", "贷款"),
        ("1069-1234-5678*贷款", "106912345678", "贷款"),
        ("1069 1234 5678＊贷款", "106912345678", "贷款"),
        ("1069 - 1234 – 5678 * 贷款", "106912345678", "贷款"),
        ("139 0000 0001 贷款", "+8613900000001", "贷款"),
        ("139-0000-0001 贷款", "+8613900000001", "贷款"),
        ("+86 139 0000 0001 贷款", "+8613900000001", "贷款"),
        ("(+86)139-0000-0001*贷款", "+8613900000001", "贷款"),
        ("(86)139 0000 0001*贷款", "+8613900000001", "贷款"),
        ("\u202a+86 139 0000 0001\u202c 贷款", "+8613900000001", "贷款"),
        ("1069\u200b1234\xa05678\u2011贷款 x", None, "1069\u200b1234 5678\u2010贷款 x"),
        ("010-12345678 贷款", "01012345678", "贷款"),
        ("95588 贷款", "95588", "贷款"),
        # What follows a whole number is what it said.
        ("13900000001 95折优惠", "+8613900000001", "95折优惠"),
        ("13900000001 95 折优惠", "+8613900000001", "95 折优惠"),
        ("139 0000 0001 2026 新年好", "+8613900000001", "2026 新年好"),
        ("106912345678 100 元红包", "106912345678", "100 元红包"),
        ("1069 1234 5678*100 元红包", "106912345678", "100 元红包"),
        ("1069 1234 5678 100元红包", "106912345678", "100元红包"),
        ("95588 (广告)贷款", "95588", "(广告)贷款"),
        ("13900000001 回复*1", "+8613900000001", "回复*1"),
        ("1069 1234 5678", None, "1069 1234 5678"),
        ("1 2*贷款", None, "1 2*贷款"),
        ("123456789012345678901*贷款", None, "123456789012345678901*贷款"),
    ],
)
def test_blanks_and_hyphens_inside_the_sender_number(text: str, number: str | None, content: str) -> None:
    conversation = Conversation()
    conversation.text(text, "10086999")
    assert reports(conversation) == [(number, content)]


def test_the_first_4000_characters_of_a_long_text_are_recorded() -> None:
    for text in ("13900000001*" + "贷" * 9_000, "13900000001" + " 1" * 9_000, "9 " * 9_000, "1" * 9_000):
        conversation = Conversation()
        conversation.text(text, "10086999")
        assert len(reports(conversation)[0][1]) <= 4_000


@pytest.mark.parametrize(
    "text", ["恭喜您中奖了", "*中奖", "13900000001", "13900000001*", "12*中奖", "0000", "TS 投诉", "是"]
)
def test_a_report_without_a_number_is_recorded_and_the_format_asked_for(text: str) -> None:
    conversation = play(f"> 0000\n> [10086999] {text}\n< [10086999 reply] …“号码*内容”的格式…\n= CL active, TQ active")
    assert [number for number, _ in reports(conversation)] == [None]


def test_a_report_repeated_within_a_day_counts_once() -> None:
    conversation = play("""
        > [10086999] 13900000001*中奖
        < …已收到…
        @ +24h
        > [10086999] 13900000001 中奖
        < …已收到…
        > [10086999] 13900000001*代开发票
        > [10086999] 13900000002*中奖
    """)
    assert len(reports(conversation)) == 3
    conversation.play("@ +1s\n> [10086999] 13900000001*中奖")
    assert len(reports(conversation)) == 4


def test_what_looks_like_a_password_is_recorded_masked() -> None:
    assert reports(play("> [10086999] 13900000001*我的密码802357#739184")) == [
        ("+8613900000001", "我的密码******#******")
    ]
