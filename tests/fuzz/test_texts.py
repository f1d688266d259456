"""Texts in every spelling do what they say, and nothing else (flows.md 2, 4, 5.2; safety.md 37)."""

import re
import time
import unicodedata

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.catalogue import Catalogue
from tests.commands.test_parser import PIECES, TEXTS
from tests.commands.transcript import Conversation
from tests.commands.world import CATALOGUE, FOUR, has, provider, service
from tests.effort import is_thorough, tries
from tests.fuzz.spellings import picks, spelled

# ---- keywords

# The keywords (flows.md 4) but those of commands that take free text or passwords.
KEYWORDS = [
    "0000",
    "00000",
    "TD",
    "退订",
    "查询退订",
    "CXTD",
    "我要退订",
    "退订业务",
    "取消业务",
    "STOP",
    "UNSUBSCRIBE",
    "1111",
    "订购",
    "DG",
    "DZXXSF",
    "QXXXSF",
    "QXDZXXSF",
    "KTYLTX",
    "KTLLTX",
    "QXYLTX",
    "QXLLTX",
    "CXYL",
    "CXLL",
    "LLCX",
    "流量",
    "流量查询",
    "YE",
    "CXYE",
    "YECX",
    "余额",
    "话费余额",
    "HF",
    "CXHF",
    "HFCX",
    "话费",
    "JF",
    "CXJF",
    "JFCX",
    "积分",
    "ZD",
    "CXZD",
    "ZDCX",
    "账单",
    "CXTS",
    "投诉查询",
    "10086",
    "0",
    "HELP",
    "帮助",
    "BZ",
    "?",
    "KTYS",
    "KTNO",
    "QXCL",
    "TDCL",
    "退订CL",
    "取消SJB",
    "STOPCL",
    "QX彩铃",
    "QXHDH",
    "QXNO",
    "退订全部",
    "QX全部",
    "全部",
]
NUMBERS = st.sampled_from(["10086", "10086977"])


def done(text: str, number: str) -> tuple[object, ...]:
    """Return all that a text does where a listing is open."""
    conversation = Conversation()
    conversation.text("0000")
    came = conversation.text(text, number)
    kinds = [record.kind for record in conversation.evidence]
    records = [type(record) for record in conversation.outcome.records]
    return came, conversation.states(), kinds, records


@tries(600)
@given(st.sampled_from(KEYWORDS).flatmap(lambda word: st.tuples(st.just(word), spelled(word))), NUMBERS)
def test_a_keyword_does_the_same_in_every_spelling(words: tuple[str, str], number: str) -> None:
    plain, spelling = words
    assert done(spelling, number) == done(plain, number)


# ---- picks

# As many services as twenty-two, whose names hold no number.
COLOURS = "赤橙黄绿青蓝紫金银铜铁锡东西南北春夏秋冬风雨"
MANY = [service(f"G{place:02}", f"{name}讯", 100) for place, name in enumerate(COLOURS, 1)]
OF_MANY = Catalogue.of(1, [provider("CMCC", "中国移动")], MANY)
MOST = len(MANY)


def with_many() -> Conversation:
    """Return a conversation in which all the services are listed, in the order of their codes."""
    conversation = Conversation(has=tuple(has(item) for item in MANY), catalogue=OF_MANY)
    conversation.text("0000")
    return conversation


def numbers_ended(conversation: Conversation) -> set[int]:
    return {int(code[1:]) for code in conversation.ended()}


@tries(300)
@given(picks(MOST), NUMBERS)
def test_a_pick_takes_exactly_its_numbers(pick: tuple[str, frozenset[int]], number: str) -> None:
    text, numbers = pick
    conversation = with_many()
    came = conversation.text(text, number)
    assert numbers_ended(conversation) == numbers
    told = "".join(message.text for message in came)
    assert {place for place, name in enumerate(COLOURS, 1) if f"{name}讯" in told} == numbers
    conversation.text(text, number)
    assert numbers_ended(conversation) == numbers, "said twice"


@tries(150)
@given(picks(99), NUMBERS)
def test_a_pick_with_a_wrong_number_takes_nothing_and_stays_open(pick: tuple[str, frozenset[int]], number: str) -> None:
    text, numbers = pick
    hypothesis.assume(max(numbers) > MOST)
    conversation = with_many()
    [told] = conversation.text(text, number)
    assert numbers_ended(conversation) == set()
    assert "没有序号" in told.text
    assert "未作任何更改" in told.text
    assert conversation.evidence == []
    conversation.text("2")
    assert numbers_ended(conversation) == {2}


# ---- any text

_RANGES = re.compile(r"[-~至到–—]|TO")
_YES = ("是", "Y", "确认")


def plain(text: str) -> str:
    """Return a text without what cannot be seen, in one case and width."""
    shown = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Mn", "Me"))
    return "".join(unicodedata.normalize("NFKC", shown).upper().split())


def numbers_in(text: str) -> set[int]:
    """Return every number that a text may be said to hold; with the mark of a range all between them, too."""
    apart = "".join(
        f",{int(value)}," if (value := unicodedata.numeric(char, -1)) >= 0 and not char.isdecimal() else char
        for char in text
    )
    found = {
        int(run)
        for form in (plain(apart), plain(text), plain(text).replace(",", ""))
        for run in re.findall("[0-9]{1,9}", form)
    }
    # 两 is two, which Unicode does not say.
    words = re.findall("[一二两三四五六七八九十百壹贰叁肆伍陆柒捌玖拾]+", plain(text))
    found |= {sum(int(unicodedata.numeric(char, 2)) for char in word) for word in words}
    found |= {int(digit) for run in re.findall("[0-9]+", plain(text)) for digit in run}
    if len(found) > 1 and _RANGES.search(plain(text)):
        return set(range(min(found), min(max(found), MOST) + 1))
    return found


MEANT = [
    "1", "2,4", "1-3", "①③", "第二个", "退订3", "TD1", "全部", "是", "Y", "yes", "确认", "是的", "QXCL", "QX彩铃", "退订和娱乐", "QXHDH", "KTYS", "QX", "彩铃",
]  # fmt: skip


def _edited(text: str, edits: list[tuple[int, str, str]]) -> str:
    """Return a text with pieces put in, letters left out, or swapped with the next."""
    for place, edit, piece in edits:
        at = place % (len(text) + 1)
        middle = {"in": piece + text[at : at + 1], "out": "", "swap": text[at + 1 : at + 2] + text[at : at + 1]}[edit]
        text = text[:at] + middle + text[at + (2 if edit == "swap" else 1) :]
    return text


EDITS = st.tuples(st.integers(0, 9), st.sampled_from(["in", "in", "out", "swap"]), PIECES)
NEARLY = st.builds(_edited, st.sampled_from(MEANT), st.lists(EDITS, max_size=2))
CONTEXTS = [["0000"], ["0000", "全部"], ["KTYS"], ["1111"], ["0000", "KTYS"], ["QXHDH"], ["TS"], []]
ANYWHERE = st.sampled_from(
    [
        "10086",
        "10086977",
        "1008620400",
        "10086",
        "10086977",
        "1008620400",
        "1008620433",
        "10086901",
        "10086888",
        "10086999",
        "",
        "+8610086977",
        "９９",
    ]
)


@tries(1000)
@given(st.sampled_from(CONTEXTS), st.one_of(NEARLY, NEARLY, NEARLY, TEXTS), ANYWHERE)
def test_no_text_ends_or_starts_what_it_does_not_say(context: list[str], text: str, number: str) -> None:
    held = (*FOUR, has("FH", "2025-01-01 10:00"))
    conversation = Conversation(has=held)
    for said in context:
        conversation.text(said)
    before = conversation.states()
    asked = "".join(message.text for message in conversation.sent)
    conversation.text(text, number)
    said, places = plain(text), numbers_in(text)
    for code in conversation.ended():
        name, keyword = CATALOGUE.services[code].name, CATALOGUE.services[code].order_keyword or code
        place = re.search(rf"(\d+)、{name}", asked)
        picked = place is not None and int(place[1]) in places
        agreed = ("确认全部退订" in asked or f"退订{name}" in asked) and any(word in said for word in _YES)
        assert picked or agreed or name in said or keyword in said, f"{text!r} ended {name}"
    for code in conversation.states().keys() - before.keys():
        assert code == "YS", "only this one was asked about"
        assert "您将订购" in asked
        assert any(word in said for word in _YES) or 1 in places, f"{text!r} started {code}"


# ---- time

LONGEST_SECONDS = 0.3
GROWN = st.builds(
    lambda start, pieces, end, size: start + ("".join(pieces) * size)[:size] + end,
    st.sampled_from(["", "TS ", "XGMM#", "13800138000*", "1", "> ", "QX", "“"]),
    st.lists(PIECES, min_size=1, max_size=4).filter(any),
    st.sampled_from(["", "!", "1", "\n--", "”", "号", "#123456"]),
    st.sampled_from([990, 3_900, 3_990, 20_000, 60_000]),
)


@pytest.mark.parametrize("number", ["10086", "10086977", "10086888", "10086999"])
def test_every_text_is_handled_in_no_time(number: str) -> None:
    @tries(30)
    @given(GROWN)
    def is_quick(text: str) -> None:
        conversation = with_many()
        began = time.process_time()
        conversation.text(text, number)
        seconds = time.process_time() - began
        if is_thorough():
            hypothesis.target(seconds)
        assert seconds < LONGEST_SECONDS, f"{seconds:.2f} s for {len(text)} characters: {text[:40]!r}"

    is_quick()


def test_the_services_are_listed_in_order() -> None:
    shown = "".join(message.text for message in with_many().sent)
    assert re.findall(r"\d+、(.)讯", shown) == list(COLOURS)
