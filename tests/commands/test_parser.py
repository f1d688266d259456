"""Normalising and parsing: total, idempotent, fast (flows.md 2)."""

import time

from hypothesis import given
from hypothesis import strategies as st

from app.commands import vocabulary
from app.commands.parser import Said, is_all, normalise, parse_origin_question, parse_pick
from tests.commands.transcript import Conversation
from tests.effort import tries

# Any text, with lone surrogates, mostly made of words and signs that are understood.
PIECES = st.sampled_from(
    [
        *"0１2③三十百Oo〇零,，、;；.。/ +和及-~～至到—–“”\"'「」()（）!！?？查是否YyNn退订取消全部所有TDQXqb#＃*\n\t\x00\u200b\ufeff\u202e\u0301\ufe0f\u20e3\ud83d\udc00",
        *"👨‍👩‍👧‍👦İßﬀﷺ①❶⑴⒈㊿",
        *(
            "0000",
            "QXCL",
            "TD1",
            "2-4",
            "全部",
            "1️⃣",
            "0️⃣",
            "退訂",
            "99999999999",
            "\n发自",
            "\n--",
            "\n> ",
            "第2个",
            "3号",
        ),
        *("STOP ", " and ", "贰", "彩铃", "手机报(新华)", "投诉：", "R&B", "？", "拾"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(st.characters(), max_size=40))
QUICK = tries(150)


@QUICK
@given(TEXTS)
def test_normalising_once_is_enough(text: str) -> None:
    said = normalise(text)
    assert normalise(said.words) == said
    assert said.key == "".join(said.words.split())
    assert not set(said.words) & {"\x00", "\u200b", "\ufeff", "\u202e", "\ud83d"}


@QUICK
@given(
    TEXTS,
    st.sampled_from(
        ["10086", "10086977", "10086999", "10086888", "1008620401", "10086901", "+861008697", "", "\ud83d"]
    ),
)
def test_any_text_gives_an_outcome(text: str, number: str) -> None:
    conversation = Conversation()
    conversation.text("0000")
    conversation.text(text, number)
    conversation.text("全部", "10086977")
    conversation.text(text, number)
    assert all(message.text.encode() for message in conversation.sent)


@QUICK
@given(TEXTS)
def test_a_pick_contains_only_signs_of_picks(text: str) -> None:
    said = normalise(text)
    spans = parse_pick(said)
    if spans is None:
        return
    assert all(0 <= span.first <= span.last <= 10**9 for span in spans)
    signs = "".join(vocabulary.DIGIT_NUMERALS) + vocabulary.TENS + vocabulary.SEPARATORS + vocabulary.RANGE_MARKS
    forms = vocabulary.ORDINAL + vocabulary.NUMBER_MARK + vocabulary.NUMBER_WORD + vocabulary.COUNTERS
    words = (*vocabulary.UNSUBSCRIBE_WORDS, vocabulary.AND, *vocabulary.LONG_RANGE_MARKS, ":")
    assert set(said.words) <= set("0123456789" + signs + forms + "".join(words))
    assert [is_all(said), said.is_yes, said.is_no] == [False] * 3


HUGE = [
    "甲" * 10_000, "0" * 10_000, "1,9," * 2_500, "１－９９９９９９９９，" * 1_000, "”。" * 5_000, "“" * 10_000, "\u200d" * 10_000,
    "1️⃣" * 3_333, "a\u200d\u0301" * 3_333, "十" * 10_000, "1-" * 5_000, "#1" * 5_000, "XG MM#" * 1_666, "查" * 10_000, "全部" * 5_000,
    "QX" * 5_000, "ZD " * 3_333, "802357#" * 1_428, "①" * 10_000, " " * 10_000, "1" + " " * 9_998 + "1", "\ud83d" * 10_000,
    "1-4," * 250, "1-99999999," * 90, "'\"" * 5_000, "。" * 10_000,
    "1" + "\u20e3" * 3_999, "①" + "\ufe0f\u20e3" * 1_999, "\uff10" + "\u20e3\u200b" * 1_900,
]  # fmt: skip


def test_ten_thousand_characters_take_no_time() -> None:
    for text in HUGE:
        conversation = Conversation()
        conversation.text("0000")
        began = time.process_time()
        conversation.text(text, "10086977")
        assert time.process_time() - began < 0.2, text[:10]
        conversation.play("> 0000\n< [10086977] …")


NORMALISED = {
    "  “ ye！ ” ": "YE", "「「0000」」。！": "0000", "ｋｔ　ｃｌ": "KT CL", "straße": "STRAßE", "ıİ": "ıİ", "a\u0301": "á", "e\uffa0\u0301": "É", "①②③": "1,2,3",
    "①②3④": "1,2,3,4", "⑩": "10", "㊿": "50", "❷➌": "2,3", "1️⃣2⃣": "1,2", "①\u200b③": "1,3", "1\u200b3": "13", "餘額查詢": "余额查询",
    "oO0〇零": "00000", "0️⃣0⃣⓪⓿": "0000", "1️⃣0️⃣": "10", "0️⃣1️⃣": "01", "⓪①": "01", "10①": "10,1", "1⃣⃣⃣": "1", "①⃣⃣2": "1,2", "⓪⃣⃣": "0", "１⃣⃣0️⃣⃣": "10", "①⓪③": "10,3", "⓪": "0", "o0 0": "000", "": "", "。": "", "\u3164退\u2060订\u00ad": "退订", "1\u20282": "1 2", "...": "", "5G": "5G",
}  # fmt: skip


def test_normalised() -> None:
    assert {text: normalise(text).words for text in NORMALISED} == NORMALISED


def test_origin_questions() -> None:
    numbers = {
        "查2": 2,
        "2?": 2,
        "查2?": 2,
        "查十二": 12,
        "2": None,
        "查": None,
        "?": None,
        "查A": None,
        "查2号": 2,
        "查第2个": 2,
        "第二个?": 2,
        "查#2": 2,
        "查2个": None,
        "查2-3": None,
        "??2": None,
    }
    assert {text: parse_origin_question(normalise(text)) for text in numbers} == numbers


def test_only_exact_words_are_yes_or_no() -> None:
    words = ["是", "是的", "Y", "YES", "确认", "否", "N", "NO", "好", "是不是", "不", "是啊", "YE S", "1", "", "OK"]
    read = {word: (said.is_yes, said.is_no) for word in words for said in [normalise(word)]}
    assert [word for word, (yes, _) in read.items() if yes] == ["是", "是的", "Y", "YES", "确认", "YE S"]
    assert [word for word, (_, no) in read.items() if no] == ["否", "N", "NO"]
    assert Said("", "") == normalise("")
