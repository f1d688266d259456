"""Signatures and quotes of handsets, and texts that are too long (flows.md 2; safety.md 37)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands.collecting import load
from app.domain.tickets import Ticket
from tests.commands.test_parser import QUICK, TEXTS
from tests.commands.transcript import Conversation, policy, registry

READER = registry().reader

SIGNED = [
    "{}\n发自我的iPhone",
    "{}\n來自我的手機",
    "{}\r\nSent from my phone",
    "{}\n\n  发自手机客户端 \n下载请点这里",
    "{}\n--\n办公室",
    "{}\n发自三星手机",
    "{}\n来自我的一加",
    "{}\n发自微信\nSent via mail",
    "{}\u2028發自我的iPhone",
    "\n{}\n——张三\n\n",
    "{}\n" + "--" + "甲" * 38,
    "> 请回复序号，如1,3\n{}",
    ">> 是\n\n＞ 否\n{}\n发自我的iPhone",
]
UNSIGNED = [
    # Too long, in too many lines, or not at the end.
    "{}\n" + "--" + "甲" * 39,
    "{}\n--\n张三\n办公室",
    "发自我的iPhone\n{}",
    "{}\n办公室",
    "{} 发自我的iPhone",
    "{}\n-张三",
    "{}\n> 请回复",
    # More than a signature.
    "{}\n发自我的iPhone 15",
    "{}\n--否",
    "{}\n-- 不要",
    "{}\n--\nno",
    "{}\nSent from N",
    "{}\n--ＱＸＣＬ",
    "{}\n--退 订",
    "{}\n发自我\nUnsubscribe",
    "{}\n--stop it",
    "{}\n--2",
    "{}\n--④",
    "{}\n--第三个",
    "{}\n-- 三 和 四",
    "{}\n--贰",
    "{}\n--？",
    "{}\n--是",
    "{}\n--全部",
    "{}\n--话费",
    "{}\n-- y e",
    "{}\n--TS",
]


@pytest.mark.parametrize("text", ["0000", "TD", "1,4", "是", "否", "QXCL", "8366", "全部"])
def test_a_signature_is_removed(text: str) -> None:
    assert {form: READER.read(form.format(text)).key for form in SIGNED} == dict.fromkeys(SIGNED, text)
    assert [form for form in UNSIGNED if READER.read(form.format(text)).key == text] == []


def test_a_text_of_nothing_but_signatures_and_quotes_stays() -> None:
    for text in (
        "发自我的iPhone",
        "--",
        "\n--\n办公室",
        "> 0000",
        "> 是\n> 否",
        "> 是\n\u200b",
        "\u200b\n发自我的iPhone",
    ):
        assert READER.read(text).key, text
    assert not Conversation().play("> 0000").text("> 全部\n\u200b", "10086977")[0].text.startswith("您将退订")


@QUICK
@given(
    st.sampled_from(["发自我的", "--", "—", "Sent from ", "來自我的"]),
    st.text("甲乙 my.phone-", max_size=8),
    st.sampled_from(
        [
            "1",
            "否",
            "退订",
            "取消",
            "STOP",
            "QXCL",
            "投诉",
            "⑫",
            "no",
            "ＮＯ",
            "n",
            "余 额",
            "不",
            "T",
            "0000",
            "?",
            "kthdh",
        ]
    ),
    st.text("丙丁 ,。", max_size=4),
    st.sampled_from(["是", "1", "0000", "QXCL"]),
)
def test_a_line_with_a_word_or_number_is_no_signature(
    opening: str, before: str, word: str, behind: str, said: str
) -> None:
    for line in (f"{opening}{before} {word} {behind}", f"{opening}{before}\n{word}", f"--\n{opening} {word}{behind}"):
        assert READER.read(f"{said}\n{line}").key != said, line


@QUICK
@given(TEXTS)
def test_reading_once_is_enough(text: str) -> None:
    said = READER.read(text)
    assert READER.read(said.words) == said


def test_a_line_with_an_alias_is_no_signature() -> None:
    assert READER.read("0000\n--WDYE").key == "0000"
    assert load({"WDYE": "YE"}).reader.read("0000\n--WDYE").key != "0000"


def test_an_answer_is_understood_and_stored_as_it_came() -> None:
    conversation = Conversation()
    conversation.text("0000")
    conversation.text("1,4\n发自我的iPhone", "10086977")
    assert conversation.ended() == {"CL", "TQ"}
    assert all("1,4\\n发自我的iPhone" in (record.payload or "") for record in conversation.evidence)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("TS 天天扣费\n发自我的iPhone", "天天扣费\n发自我的iPhone"),
        ("投诉\n发自内心地说，乱扣费", "发自内心地说，乱扣费"),
        ("> 已扣费\nTS 乱扣费\n--张三", "> 已扣费\nTS 乱扣费\n--张三"),
    ],
)
def test_free_text_keeps_signatures_and_quotes(text: str, kept: str) -> None:
    conversation = Conversation()
    conversation.text(text)
    assert [ticket.text for ticket in conversation.account.records_of(Ticket)] == [kept]


def test_a_keyword_that_only_begins_like_that_of_free_text_loses_its_signature() -> None:
    assert READER.read("投诉查询\n发自我的iPhone").key == "投诉查询"


# ---- texts that are too long

LONG = ["0" * 4_001, "QXCL" + " " * 4_000, "1," * 2_001, "1" + " " * 4_000, "是" + "\n" * 4_000, "退订" + "谢" * 4_000,
        "全部" + "。" * 4_000, "查" + "1" * 4_000, "STOP " + "A" * 4_000, "N" + "。" * 4_000, "> a\n" * 1_000 + "0000"]  # fmt: skip


@pytest.mark.parametrize("number", ["10086", "10086977", "10086888", "10086901"])
def test_a_text_over_4000_characters_is_no_answer_and_no_command(number: str) -> None:
    for text in LONG:
        conversation = Conversation().play("> 0000\n> [10086977] 全部")
        came = conversation.text(text, number)
        assert [message.kind for message in came] == ["reply"], text[:9]
        assert "未能识别" in came[0].text
        assert conversation.ended() == set()
    conversation = Conversation().play("> 0000")
    conversation.text("1" + " " * 3_999, "10086977")
    assert conversation.ended() == {"CL"}


def test_of_a_long_complaint_the_first_4000_characters_are_kept() -> None:
    for text in ("TS " + "扣" * 5_000, "“投诉：" + "扣" * 9_000 + "”"):
        conversation = Conversation()
        conversation.text(text)
        assert [ticket.text for ticket in conversation.account.records_of(Ticket)] == ["扣" * 4_000]
    conversation = Conversation()
    conversation.text("TS")
    conversation.text("费" * 5_000)
    assert [ticket.text for ticket in conversation.account.records_of(Ticket)] == ["费" * 4_000]


# ---- behind a keyword


def test_signs_behind_a_keyword_are_ignored() -> None:
    for text in ("0000,", "0000，", "0000、", "0000?", "0000？", "0000？？", "TD？", "退订,", "“0000”，", "0000。，", "stop?", "0000+", "0000/",
                 "查询退订：", "0000,\n发自我的iPhone"):  # fmt: skip
        conversation = Conversation().play("> 0000")
        assert "1、彩铃" in conversation.text(text, "10086977")[0].text, text
    for text, said in {
        "YE?": "余额",
        "余额？": "余额",
        "1111，": "1、",
        "CXTS?": "投诉",
        "HELP,": "您可发送以下指令",
        "TS?": "投诉的内容",
    }.items():
        assert said in Conversation().text(text)[0].text, text


def test_signs_behind_an_answer_are_not_ignored() -> None:
    for text in ("是？", "是,", "Y?", "确认？", "1？是"):
        conversation = Conversation().play("> 0000\n> [10086977] 全部")
        assert "未能识别" in conversation.text(text, "10086977")[0].text, text
        assert conversation.ended() == set()
    Conversation().play("> 0000\n> [10086977] 2？\n< …和娱乐于2025年…\n= HT active")


def test_a_plus_between_keyword_and_argument_is_ignored() -> None:
    talk = Conversation(policy=policy(aliases={"WDTS": "TS"}))
    talk.play("> QX+CL\n= CL ended\n> KT+CL\n< [1008620400] …彩铃…\n> ZD+202610\n< …账单…\n> TS+乱扣费")
    assert [ticket.text for ticket in talk.account.records_of(Ticket)] == ["乱扣费"]
