"""1111: the list of services on offer, and ordering by its numbers (flows.md 4, 6; safety.md 6)."""

from dataclasses import replace

import pytest

from app.domain.account import Language
from app.domain.catalogue import Catalogue
from app.domain.orders import Order
from tests.commands.orders.test_orders import BY_NAME, SHORT, catalogue, order_of, played
from tests.commands.transcript import Conversation, play
from tests.commands.world import FOUR, SUBSCRIBER, has

OFFERED = Catalogue.of(
    3,
    list(SHORT),
    [
        replace(BY_NAME["YYH"], on_offer=True),
        replace(BY_NAME["TQ"], trial_days=7),
        BY_NAME["YS"],
        replace(BY_NAME["LD"], visible=False),
        replace(BY_NAME["CL"], on_offer=False),
    ],
)
LISTING = """
< [10086 reply] 您好！可订购的业务有：1、影视365 5.50元/月；2、音乐盒6元/月；3、天气预报(墨迹)2元/月，先免费体验7天；请回复序号订购，如1；您确认后才会开通。2小时内回复有效，回复免费。中国移动
"""


@pytest.mark.parametrize("word", ["1111", "DG", "dg", "订购", "訂購", "１１１１", "11 11"])
def test_services_on_offer_and_visible_are_listed(word: str) -> None:
    played(f"> {word}{LISTING}", catalogue=OFFERED)


def test_a_number_is_asked_about_and_the_list_stays_open_two_hours() -> None:
    played(
        """
        > 1111
        > 2
        < [1008620400 confirmation] …音乐盒业务，6元/月…
        > [1008620400] 不要
        @ +2h
        > 3
        < [1008620401 confirmation] …天气预报业务…
        @ +1s
        > 1
        < [10086 reply] 您回复的可订购业务清单已超时失效，未作任何更改。请发送1111重新查询。中国移动
        """,
        catalogue=OFFERED,
    )


def test_the_number_means_what_was_shown() -> None:
    conversation = played("> 1111", catalogue=OFFERED)
    conversation.catalogue = catalogue(replace(BY_NAME["YYH"], price_fen=700, on_offer=True), BY_NAME["CL"])
    conversation.play("> 2\n< …音乐盒业务，7元/月…")


def test_services_that_run_are_not_offered_and_those_that_end_are() -> None:
    played("> 1111\n< …1、影视365 5.50元/月；2、音乐盒6元/月；请…", catalogue=OFFERED, has=(has("TQ"),))
    everything = [replace(item, on_offer=False) for item in BY_NAME.values()]
    nothing = catalogue(*everything, replace(BY_NAME["TQ"], on_offer=True))
    played("> 1111\n< [10086 reply] 目前没有可订购的业务…", catalogue=nothing, has=(has("TQ"),))
    ending = catalogue(*everything, replace(BY_NAME["SJB"], on_offer=True))
    played(
        "> QXSJB\n> 1111\n< …1、手机报(新华)3元/月；…\n> 1\n< …您已退订新华的手机报业务…", catalogue=ending, has=FOUR
    )


def test_wrong_numbers_and_other_text() -> None:
    conversation = played(
        """
        > 1111
        > 4
        < [10086 reply] 可订购业务清单中没有序号4，未作任何更改。请回复清单中的一个序号，如1。中国移动
        > 12345678901234567890
        < …没有序号99…
        > 1,2
        < [10086 reply] 抱歉，未能识别您的回复，未作任何更改。订购请回复一个业务序号，如1；重新查询请发送1111。中国移动
        """,
        catalogue=OFFERED,
    )
    assert not conversation.account.records[Order]


@pytest.mark.parametrize("answer", ["2", "二", "KT2", "订购2", "DG 2", "②", "2。"])
def test_ways_to_write_a_number(answer: str) -> None:
    played(f"> 1111\n> {answer}\n< [1008620400 confirmation] …音乐盒…", catalogue=OFFERED)


def test_a_number_alone_is_ambiguous_while_a_listing_is_open() -> None:
    conversation = Conversation(has=FOUR, catalogue=catalogue(replace(BY_NAME["YYH"], on_offer=True)))
    conversation.play(
        """
        > 0000
        > 1111
        > 1
        < [10086 reply] 您有多条短信待回复，未作任何更改。请分别回复至对应号码：业务清单请回复至10086977；订购请发送KT1至10086。中国移动
        = CL active
        > KT1
        < [1008620400 confirmation] …
        > [10086977] 1
        < [10086977 result] 彩铃…
        = CL ended
        """
    )


def test_a_new_list_replaces_the_old_one() -> None:
    conversation = played("> 1111", catalogue=OFFERED)
    conversation.catalogue = catalogue(*(replace(item, on_offer=False) for item in BY_NAME.values()), BY_NAME["TQ"])
    conversation.play("> 1111\n< …1、天气预报(墨迹)2元/月；请…\n> 1\n< …天气预报业务…")
    assert order_of(conversation, "TQ").is_open


def test_a_list_that_did_not_arrive_takes_no_number() -> None:
    played("> 1111\n! lost\n> 1\n< [10086 reply] 上一条可订购业务清单短信未完整送达…", catalogue=OFFERED)


def test_an_order_from_the_list_is_refused_with_its_reason() -> None:
    poor = replace(SUBSCRIBER, balance_fen=599)
    played("> 1111\n> 2\n< [10086 reply] 您的话费余额不足6元，未能订购音乐盒…", catalogue=OFFERED, subscriber=poor)


def test_in_english() -> None:
    play(
        """
        > 1111
        < [10086 reply] On offer: 1、影视365 CNY5.50/month；2、音乐盒 CNY6/month；3、天气预报(墨迹) CNY2/month, after a 7-day free trial；Reply with a number to order, e.g. 1; it starts only after you confirm. Valid for two hours, replies are free. China Mobile
        > 3
        < [1008620400 confirmation] Dear customer, you are about to order 天气预报 from 墨迹, CNY2/month, after a free trial of 7 days (we ask again before it ends: without your yes it stops, free of charge), no contract, stops at once whenever you ask, free if stopped within 72 hours. Reply YES within 24h to order…
        """,
        has=(),
        catalogue=OFFERED,
        subscriber=replace(SUBSCRIBER, language=Language.EN),
    )


def test_long_lists_go_on_in_further_messages() -> None:
    many = [
        replace(BY_NAME["LD"], service_code=f"L{n:02}", name=f"甲乙丙丁戊己庚辛壬癸子丑{n}", order_keyword=None)
        for n in range(60)
    ]
    conversation = played("> 1111", catalogue=Catalogue.of(4, list(SHORT), many))
    text = "".join(sent.text for sent in conversation.sent)
    assert all(f"{n + 1}、{item.name}" in text for n, item in enumerate(many))
    conversation.play("> 60\n< …甲乙丙丁戊己庚辛壬癸子丑59业务…")
