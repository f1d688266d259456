"""What programs read from texts: items of listings, and what is said of a message that is missing."""

from datetime import datetime, timedelta

import pytest

from app.domain.account import Brand, Language
from app.domain.catalogue import Billing
from app.domain.texts import listing, offers
from app.domain.texts.listing import HowToAnswer, Line
from app.domain.texts.offers import Offer
from smsgw_testkit import Item, Message, Messages, NoMessage
from smsgw_testkit.times import SHANGHAI

AT = datetime(2026, 3, 2, 10, 0, tzinfo=SHANGHAI)


def message(text: str, *, code: str | None = None) -> Message:
    return Message(
        text=text, sender="10086977", to="+8613800138000", at=AT, segments=1, encoding="ucs2", status="delivered",
        kind=None, id="1", in_reply_to="0", code=code, handset="13800138000", is_sent=False,
    )  # fmt: skip


def listed(text: str) -> dict[int, Item]:
    return Messages([message(text)]).items


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("1、彩铃5元/月；", Item("彩铃", None, 500, "month", in_plan=False, note="")),
        ("1、手机报(新华)3元/月；", Item("手机报", "新华", 300, "month", in_plan=False, note="")),
        (
            "1、天气(墨迹)2元/月，免费体验至12月11日；",
            Item("天气", "墨迹", 200, "month", in_plan=False, note="免费体验至12月11日"),
        ),
        ("1、来电提醒0元(套餐内)；", Item("来电提醒", None, 0, None, in_plan=True, note="")),
        ("1、影视365 1元/月；", Item("影视365", None, 100, "month", in_plan=False, note="")),
        ("1、故事2.5元/次；", Item("故事", None, 250, "use", in_plan=False, note="")),
        ("1、5元包10元/月；", Item("5元包", None, 1000, "month", in_plan=False, note="")),
        ("1、彩铃 CNY5/month；", Item("彩铃", None, 500, "month", in_plan=False, note="")),
        ("1、报(新华) CNY0(in plan)；", Item("报", "新华", 0, None, in_plan=True, note="")),
        (
            "1、足球 CNY8/month, after a 7-day free trial；",
            Item("足球", None, 800, "month", in_plan=False, note="after a 7-day free trial"),
        ),
    ],
)
def test_an_item(text: str, item: Item) -> None:
    assert listed(f"您正在使用的业务有：{text}请回复序号取消对应业务，多项用逗号分隔，如1,3；") == {1: item}


@pytest.mark.parametrize("language", Language)
def test_every_item_of_a_listing_and_of_offers_is_read(language: Language) -> None:
    lines = [
        Line(name="彩铃", sp_short_name=None, price_fen=550, billing=Billing.MONTHLY, in_plan=False, number=1),
        Line(name="影视365", sp_short_name="新华", price_fen=300, billing=Billing.PER_USE, in_plan=False, number=2, trial_ends_at=AT),
        Line(name="来电提醒", sp_short_name=None, price_fen=0, billing=Billing.FREE, in_plan=True, number=3),
        Line(name="宽带", sp_short_name=None, price_fen=2000, billing=Billing.MONTHLY, in_plan=False, cancel_how="请到营业厅办理"),
    ]  # fmt: skip
    how = HowToAnswer(window=timedelta(hours=2), picks=(1, 2, 3), all_allowed=True, free_reply=True)
    outside = listing.outside_plan(language, Brand.GOTONE, [line for line in lines if not line.in_plan], how)
    inside = listing.inside_plan(language, Brand.GOTONE, [line for line in lines if line.in_plan], how, alone=False)
    found = Messages(message("".join(passage.pieces)) for passage in (outside, inside)).items
    assert [(item.name, item.sp, item.price_fen, item.in_plan) for item in found.values()] == [
        ("彩铃", None, 550, False), ("影视365", "新华", 300, False), ("来电提醒", None, 0, True),
    ]  # fmt: skip
    assert found[2].note
    offer = Offer(number=1, name="足球", sp_short_name="体坛", price_fen=800, billing=Billing.MONTHLY, trial_days=7)
    text = "".join(offers.offers(language, [offer], timedelta(hours=2), free_reply=True))
    assert listed(text)[1].price_fen == 800


def test_what_is_not_there_is_said_with_the_whole_text() -> None:
    came = Messages([message("抱歉，未能识别")], lambda: "'1' to 10086 was understood as: not understood")
    with pytest.raises(NoMessage, match=r"no '已退订'.*not understood") as missing:
        came.sole("已退订")
    assert "[10086977] 抱歉，未能识别" in str(missing.value)
    with pytest.raises(NoMessage, match="there is no listing"):
        came.items  # noqa: B018  it is a property
    with pytest.raises(NoMessage, match="no message asks for a code"):
        came.code  # noqa: B018  it is a property
    with pytest.raises(NoMessage, match=r"^nothing came; ask later$"):
        Messages([], lambda: "ask later").one()


def test_messages_are_searched_and_joined() -> None:
    both = Messages([message("一"), message("二", code="3865")])
    assert both.text == "一二"
    assert "二" in both
    assert "三" not in both
    assert both[0] in both
    assert both.sole("一").text == "一"
    assert both.code == "3865"
    with pytest.raises(NoMessage, match="2 messages came where one"):
        both.one()
