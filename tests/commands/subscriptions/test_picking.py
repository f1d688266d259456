"""Answering the listing with numbers (flows.md 5.2, 17; safety.md 17)."""

from dataclasses import replace

import pytest

from app.domain.subscriptions import SubscriptionState
from tests.commands.transcript import Conversation, play
from tests.commands.world import CATALOGUE, FOUR, has, service

NUMERALS = {
    "三": {3},
    "两": {2},
    "十": {10},
    "十二": {12},
    "二十": {20},
    "二十一": {21},
    "⑫": {12},
    "㉒": {22},
    "拾贰": {12},
    "贰拾壹": {21},
    "第二十一个": {21},
    "1️⃣0️⃣": {10},
    "１２": {12},
}


# Every separator, prefix and way to write digits.
ONE_AND_FOUR = (
    "1,4|1，4|1、4|1;4|1；4|1.4|1。4|1/4|1 4|1+4|1和4|1及4|1, 4|1 、 4|１，４|１　４|1\t4|1\n4|①、④|①④|❶❹|⑴⑷|⒈⒋|1️⃣4️⃣|①\u200b④"
    "|①4|1④|一、四|一和四|4,1|1,4,1|1,4,|1、4、|“1,4”|「1,4」|1,4。|1,4！|\u200b1,4\ufeff|01,04"
    "|第1个和第4个|第1、4个|第1个,4号|第一和第四项|1号4号|第1个第4个|1号、4号|#1,#4|#1 #4|＃1，＃4|壹、肆|壹和肆|1 and 4|1AND4|1, 4 and 4|1 AND 4|1和 4号"
    "|1、彩铃,4、天气预报|1、彩铃；4、天气预报(墨迹)|1 彩铃 4 天气预报|1彩铃和4天气预报|4、天气预报,1|1、彩铃5元/月；4|第1个彩铃、第4个天气预报"
    "|STOP 1,4|stop 1 and 4|QX#1,#4|QX+1+4|退订：1、4|退订第1个和第4个|取消1号和4号"
    "|退订1.4|退订 1 4|退訂1,4|取消 1、4|TD1,4|QX1,4|qx 1,4|td 1 4|ＴＤ１，４"
)
TWO_TO_FOUR = "2-4|2~4|2～4|2至4|2到4|２－４|2 - 4|2–4|2—4|2——4|二到四|2-3,4|4,2-3|退订2-4|2-4,3|②-④|2，3，4|2-2,3-4|贰至肆|第2个到第4个|第2至4个|2号-4号|#2-#4|2 to 4|2、和娱乐,3-4|2和娱乐、3、手机报(新华)3元/月；4"
ONLY_ONE = "1|①|一|１|1.|1)|(1)|【1】|TD1|退订1|取消一|1…|第1个|第 1 个|第一|1号|①号|#1|第1项|壹|1、彩铃|1.彩铃|1 彩铃|1：彩铃|TD1、彩铃|1、彩铃5元/月|1、彩铃5元/月；"
ALL_FOUR = "1-4|1,2,3,4|①②③④|一到四|一、二、三、四"


@pytest.mark.parametrize(
    ("answers", "picked"),
    [(ONE_AND_FOUR, {1, 4}), (TWO_TO_FOUR, {2, 3, 4}), (ONLY_ONE, {1}), (ALL_FOUR, {1, 2, 3, 4})],
)
def test_numbers_and_ranges(answers: str, picked: set[int]) -> None:
    for answer in answers.split("|"):
        for number in ("10086977", "10086"):
            conversation = Conversation()
            conversation.text("0000")
            replies = conversation.text(answer, number)
            names = ("彩铃", "和娱乐", "手机报", "天气预报")
            named = {place for place, name in enumerate(names, 1) if name in replies[0].text}
            ended = {place for place, code in enumerate(("CL", "HT", "SJB", "TQ"), 1) if code in conversation.ended()}
            assert (answer, named, ended) == (answer, picked, picked)
            assert [(message.number, message.kind) for message in replies] == [("10086977", "result")]


def test_numerals_up_to_99() -> None:
    services = [service(f"G{number:02}", f"资讯{number}号", 100) for number in range(1, 23)]
    catalogue = replace(CATALOGUE, services={item.service_code: item for item in services})
    for answer, numbers in NUMERALS.items():
        conversation = Conversation(has=tuple(has(item) for item in services), catalogue=catalogue)
        conversation.text("0000")
        conversation.text(answer, "10086977")
        assert (answer, conversation.ended()) == (answer, {f"G{number:02}" for number in numbers})


NO_PICKS = (
    "我要退订1|好的|是|Y|否|1吗|不要1|-1|1-|,1|4-2|1-2-3|hehe|😀|1😀|1\U0001fae1|一二三|一百|九十九亿|1个|4项|第1个月|1号楼|第个|#|##1|1#|#1#4|1&4|1 or 4|and 1|1to|1、和娱乐|2、彩铃|2、娱乐|1、彩|1、彩铃包|1、彩铃吗|4、天气|1、手机报|1-4、天气预报|5、彩铃|1?4|查"
    "|查1和2|全部都要|不要全部|1,全部|全部不退|彩铃|…"
)


PICKS_NOTHING = [
    # A number that was not shown is named, with an example, and the others do nothing either.
    ("9", "…没有序号9，未作任何更改…如1,3。…"),
    ("1,9", "…没有序号9，…"),
    ("9 1", "…没有序号9，…"),
    ("1-9", "…没有序号5,6,7,8,9，…"),
    ("4-6", "…没有序号5,6，…"),
    ("1-99999999999", "…没有序号5,6,7,8,9，…"),
    ("99999999999999999999", "…没有序号99999999...，…"),
    ("十二", "…没有序号十二，…"),
    ("TD9", "…没有序号9，…"),
    ("10", "…没有序号10，…如1,3。…"),
    ("00", "…没有序号00，…"),
    ("查9", "…没有序号9，…"),
    # A name of no service of the subscriber.
    ("退订彩铃和2吧", "…没有订购业务代码或名称为彩铃和2吧的业务，未作任何更改。…0000…"),
    ("取消", "…0000…"),
    # Digits without commas: commas are suggested.
    ("123", "…没有序号123，…多项用逗号分隔，如1,2,3。…"),
    ("１２３", "…如1,2,3。…"),
    ("14", "…如1,4。…"),
    ("441", "…如4,1。…"),
    ("44", "…如1,3。…"),
    ("12,34", "…没有序号12,34，…逗号…"),
    # Text that is not a pick is not guessed.
    *((answer, "…未能识别您的回复，…如1,3；…") for answer in NO_PICKS.split("|")),
]  # fmt: skip


def test_what_picks_nothing() -> None:
    for answer, reply in PICKS_NOTHING:
        play(
            f"""
            > 0000
            > [10086977] {answer}
            < [10086977 reply] {reply}
            = CL active, HT active, SJB active, TQ active
            > [10086977] 4
            < [10086977 result] 天气预报…
            = TQ ended, CL active
            """
        )


def test_zero_is_the_menu_and_the_listing_stays_open() -> None:
    play("> 0000\n> [10086977] 0\n< [10086] 您可发送以下指令：0000…\n> [10086977] 1\n= CL ended")


def test_picks_can_be_repeated_and_one_already_done_is_no_error() -> None:
    conversation = play(
        """
        > 0000
        > [10086977] 1
        < [10086977 result] 彩铃已于03月02日退订，立即生效，不再收费。查询请发送0000。中国移动
        > [10086977] 4
        < 天气预报(墨迹)已于…
        > [10086977] 1，3
        < [10086977 result] 彩铃此前已退订，无需重复办理；手机报(新华)已退订，可用至03月31日，当月费用3元照常收取，次月起不再收费。…
        > [10086977] 1,3
        < [10086977 reply] 彩铃此前已退订，无需重复办理；手机报(新华)此前已退订，可用至03月31日。…
        = CL ended, SJB ending 2026-03-31, TQ ended, HT active
        """
    )
    unsubscribes = [record.subject for record in conversation.evidence if record.kind == "unsubscribe"]
    assert unsubscribes == ["subscription-CL", "subscription-TQ", "subscription-SJB"]
    assert conversation.chain_is_whole()


def test_evidence_holds_what_was_asked_and_answered() -> None:
    conversation = Conversation()
    listing = conversation.text("0000")[0].text
    conversation.text("１、４")
    assert [record.kind for record in conversation.evidence] == ["unsubscribe"] * 2
    for record in conversation.evidence:
        assert record.payload is not None
        assert '"answer":"１、４"' in record.payload
        assert listing in record.payload


def test_the_number_means_what_was_shown() -> None:
    conversation = Conversation()
    older = has("LD", "2024-01-01 10:00")
    conversation.play("> 0000\n< …1、彩铃…")
    conversation.account = replace(
        conversation.account, subscriptions={older.id: older, **conversation.account.subscriptions}
    )
    conversation.play(
        """
        > [10086977] 1
        < 彩铃已于…
        = LD active
        > [10086977] 2
        < 和娱乐已退订…
        > 0000
        < …1、来电提醒1元/月；由…2、手机报…
        > [10086977] 1
        < 来电提醒…
        """
    )


def test_one_that_cannot_be_ended_does_not_stop_the_others() -> None:
    play(
        """
        > 0000
        > [10086977] 1,2,3,4
        < …彩铃在合约期内(至2026年12月31日)，不能退订；…和娱乐已退订…手机报…天气预报…
        = CL active, SJB ending 2026-03-31, TQ ended
        """,
        has=(has("CL", contract_until="2026-12-31 23:59:59"), *FOUR[1:]),
    )
    ended_between = Conversation()
    ended_between.play("> 0000")
    held = ended_between.account.subscriptions["subscription-CL"]
    ended = replace(held, state=SubscriptionState.ENDED, ends_at=ended_between.now, unsubscribed_at=ended_between.now)
    ended_between.account = replace(
        ended_between.account, subscriptions={**ended_between.account.subscriptions, held.id: ended}
    )
    ended_between.play("> [10086977] 1,4\n< [10086977 result] 彩铃此前已退订，…天气预报(墨迹)已于…\n= TQ ended")


@pytest.mark.parametrize(
    ("until", "reply", "state"),
    [
        ("2026-03-02 10:00:00", "…彩铃在合约期内…", "active"),
        ("2026-03-02 09:59:59", "彩铃已于…", "ended"),
    ],
)
def test_a_contract_applies_to_its_last_instant(until: str, reply: str, state: str) -> None:
    play(f"> 0000\n> 1\n< {reply}\n= CL {state}", has=(has("CL", contract_until=until),))
