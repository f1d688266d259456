"""Texts built from parts: sentences, sign-offs, and names before prices."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.account import Brand, Language
from app.domain.bills import Bill, BillItem
from app.domain.catalogue import Billing
from app.domain.names import sign_off_violation
from app.domain.texts import bills, fee_summary, fees, listing, offers, tickets
from app.domain.texts.sign_off import Place, SignOff
from app.domain.texts.wording import Text, before_price, sentence


@pytest.mark.parametrize(
    ("words", "closed"),
    [
        ("我们正在核实", "我们正在核实。"),
        ("我们正在核实。", "我们正在核实。"),
        ("手机报已退订，不收费；", "手机报已退订，不收费。"),
        ("是吗？", "是吗？"),
        ("多收了{fee}", "多收了{fee}。"),
    ],
)
def test_sentences_are_closed(words: str, closed: str) -> None:
    assert sentence(Language.ZH, words) == closed


@pytest.mark.parametrize("words", ["We are looking into it", "We are looking into it.", "We are looking into it; "])
def test_an_english_sentence_ends_with_a_blank(words: str) -> None:
    assert sentence(Language.EN, words) == "We are looking into it. "


@pytest.mark.parametrize(
    ("place", "text", "zh", "en"),
    [
        (Place.END, "好。", "好。中国移动", "好。 China Mobile"),
        (Place.END, "Done.", "Done.中国移动", "Done. China Mobile"),
        (Place.FRONT, "好。", "【中国移动】好。", "【China Mobile】好。"),
        # Full-width brackets would make this UCS-2.
        (Place.FRONT, "Done.", "【中国移动】Done.", "[China Mobile] Done."),
    ],
)
def test_where_a_text_is_signed(place: Place, text: str, zh: str, en: str) -> None:
    sign_off = SignOff(place=place)
    assert (sign_off.sign(Language.ZH, text), sign_off.sign(Language.EN, text)) == (zh, en)
    assert SignOff(Text("", ""), place).sign(Language.ZH, text) == text


@pytest.mark.parametrize("name", ["", "中国联通", "China Unicom", "3HK", "甲 乙"])
def test_names_that_sign(name: str) -> None:
    assert sign_off_violation(name) is None


@pytest.mark.parametrize(
    "name",
    ["【中国移动】", "中国移动(北京)", "[CMCC]", " 中国移动", "中国移动。", "中国\n移动", "一二三四五六七八九十" * 2 + "一", "3 HK", "③ HK", "免费", "a.cn", "5元"],
)  # fmt: skip
def test_names_that_do_not_sign(name: str) -> None:
    assert sign_off_violation(name) is not None


MARCH = datetime(2026, 3, 1, tzinfo=UTC)
LINE = listing.Line("", None, 100, Billing.MONTHLY, in_plan=False, number=1)
ANSWERED = listing.HowToAnswer(timedelta(hours=2), (1,), all_allowed=True, free_reply=True)
# Every text that writes a price after a name.
PRICED: list[Callable[[Language, str], str]] = [
    lambda language, name: fees.describe(language, name, 100),
    lambda language, name: tickets.fee(language, name, 100),
    lambda language, name: fee_summary.summary(language, MARCH, [(name, 100)])[1],
    lambda language, name: "".join(bills.bill(language, Bill("2026-02", MARCH, (BillItem(name, 100),) * 2))),
    lambda language, name: "".join(
        listing.outside_plan(language, Brand.EASYOWN, [replace(LINE, name=name)], ANSWERED).pieces
    ),
    lambda language, name: "".join(
        listing.inside_plan(
            language, Brand.EASYOWN, [replace(LINE, name=name, in_plan=True)], ANSWERED, alone=True
        ).pieces
    ),
    lambda language, name: "".join(
        offers.offers(
            language, [offers.Offer(1, name, None, 100, Billing.MONTHLY, 0)], timedelta(hours=2), free_reply=True
        )
    ),
]


@pytest.mark.parametrize("text", PRICED, ids=range(len(PRICED)))
@pytest.mark.parametrize("name", ["影视365", "影院三", "影视③", "影视３"])
def test_a_name_that_ends_in_a_numeral_is_kept_apart_from_its_price(
    text: Callable[[Language, str], str], name: str
) -> None:
    assert re.search(rf"{name} [01]元", text(Language.ZH, name))
    assert not re.search(rf"{name}\d", text(Language.ZH, name))
    assert re.search(rf"{name}:? CNY[01]", text(Language.EN, name))
    assert re.search("彩铃[01]元", text(Language.ZH, "彩铃"))


@pytest.mark.parametrize(
    "name", ["影视365", "影视３", "影院三", "影视③", "影视Ⅲ", "影视❸", "课程½", "影视3\u0332", "频道两"]
)
def test_a_blank_separates_a_name_that_ends_in_a_numeral_from_its_price(name: str) -> None:
    assert before_price(Language.ZH, name) == f"{name} "
    assert before_price(Language.EN, name) == name


@pytest.mark.parametrize("name", ["彩铃", "影视(3)", "影视365(新华)", "英语5+", "股票100%", ""])
def test_other_names_get_no_blank(name: str) -> None:
    assert before_price(Language.ZH, name) == name
