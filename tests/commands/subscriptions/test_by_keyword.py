"""QX and TD with an order keyword or a name (flows.md 3, 4, 17; safety.md 9)."""

from dataclasses import replace

import pytest

from app.domain.catalogue import Catalogue
from app.domain.subscriptions import SubscriptionState
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import CATALOGUE, FOUR, has, service


def test_an_order_keyword_or_name_ends_that_service_at_once() -> None:
    for text in ("QXCL", "TDCL", "qxcl", "ＱＸＣＬ", "QX CL", "QXCL。", "QX#CL", "“QXCL”", "q x c l", "QXCL\u200b",
                 "退订CL", "取消cl", "退訂 CL", "STOP CL", "stopcl", "UNSUBSCRIBE CL", "QX+CL", "QX + CL", "取消：CL", "QXCL,", "QXCL、",
                 "QX彩铃", "TD彩铃", "退订彩铃", "取消 彩铃", "STOP 彩铃", "QX“彩铃”", "退订：彩铃。", "QX彩铃，", "QX彩 铃"):  # fmt: skip
        for number in ("10086", "10086977", "1008620417"):
            play(f"> [{number}] {text}\n< [10086977 result] 彩铃已于03月02日退订…\n= CL ended, HT active")
            play(f"> 0000\n> [{number}] {text}\n< [10086977 result] 彩铃已于…\n= CL ended, HT active")


def test_nothing_ends_where_no_such_service_can_be_ended() -> None:
    play(
        """
        > QXYYH
        < [10086977 reply] 您未订购音乐盒，无需退订。…
        > QXCL
        > QXCL
        < [10086977 reply] 彩铃此前已退订，无需重复办理。…
        > QXSJB
        > TDSJB
        < [10086977 reply] 手机报(新华)此前已退订，可用至03月31日。…
        > QXNOSUCH
        < [10086977 reply] 您没有订购业务代码或名称为NOSUCH的业务，未作任何更改。查询和退订请发送0000。中国移动
        > QX 彩虹
        < …没有订购业务代码或名称为彩虹的业务…0000…
        > QX
        < 请在QX后加上业务代码或业务名称…
        > QX#
        < 请在QX后加上业务代码或业务名称…
        > QXKD
        < [10086977 reply] 宽带电视不可短信退订，请拨打10086，或到营业厅办理。…
        = CL ended, KD active, HT active
        """,
        has=(*FOUR, has("KD")),
    )


def test_the_running_subscription_is_meant() -> None:
    before = replace(has("CL", "2026-02-01 10:00"), id="before", state=SubscriptionState.ENDED)
    play("> QXCL\n< [10086977 result] 彩铃…", has=(has("CL", "2025-12-01 10:00"), before))


def test_a_withdrawn_service_is_unsubscribed_by_its_keyword() -> None:
    play("> QXYYH\n< [10086977 result] 音乐盒已于…\n= YYH ended", has=(has("YYH"),))


def test_a_long_word_is_not_repeated_in_the_reply() -> None:
    """It may be a password in a form that is not masked."""
    replies = Conversation().text("QX802357#739184#739184")
    assert "没有订购该业务代码或名称" in replies[0].text
    assert "802357" not in replies[0].text
    assert "739184" not in replies[0].text


def test_only_a_service_with_a_warning_is_asked_about() -> None:
    warned = (has("FH"), has("CL"))
    play(
        """
        > QXHDH
        < [10086977 reply] 和多号：取消后副号将无法找回。确定退订和多号请回复Y，保留请回复N。中国移动
        = FH active
        @ +2h
        > Y
        < [10086977 result] 和多号已于…
        = FH ended, CL active
        > [10086977] Y
        < …此前已按您的回复办理…
        """,
        has=warned,
    )
    play("> QXHDH\n@ +2h1s\n> [10086977] Y\n< …退订确认已超时失效…\n= FH active", has=warned)
    # While a listing is open, the question expires with it.
    play("> 0000\n@ +119m\n> QXHDH\n@ +61s\n> [10086977] Y\n< …超时失效…\n= FH active", has=warned)
    play("> QXHDH\n> 0000\n> [10086977] Y\n< …未能识别…\n= FH active", has=warned)


def test_a_pick_with_a_word_before_it_is_no_order_keyword() -> None:
    """TD1 answers an open listing (flows.md 3, step 3)."""
    for text in ("TD1", "QX1", "td 1", "TD+1", "退订1", "取消1"):
        play(f"> 0000\n> {text}\n< [10086977 result] 彩铃已于…\n= CL ended, HT active")
    for text in ("TD 1,3", "TD+1,3", "TD1、3", "退订1和3"):
        play(f"> 0000\n> {text}\n< [10086977 result] 彩铃已于…手机报(新华)已退订…\n= CL ended, SJB ending 2026-03-31")


def test_a_number_without_a_listing_is_told_to_ask_for_one() -> None:
    for text in ("TD1", "TD+1", "TD 1,3", "QX1,4", "退订第2个"):
        play(
            f"> {text}\n< [10086977 reply] 序号以业务清单为准，未作任何更改。请先发送0000查询业务，再回复序号退订。中国移动\n= CL active"
        )
        play(f"> 1111\n> {text}\n< [10086977 reply] 序号以业务清单为准…\n= CL active")


WISHES = (
    "我要退订彩铃",
    "帮我取消彩铃",
    "请退订 彩铃",
    "请帮我退订彩铃业务",
    "我要退訂彩铃",
    "我要退订CL",
    "请取消CL。",
)


@pytest.mark.parametrize("text", WISHES)
def test_a_wish_to_unsubscribe_asks_first(text: str) -> None:
    for number in ("10086", "10086977", "10086888", "1008620455"):
        for before in ("", "> 0000\n"):
            play(
                f"""
                {before}> [{number}] {text}
                < [10086977 reply] 您是否要退订彩铃？确定退订彩铃请回复Y，保留请回复N。中国移动
                = CL active
                > [10086977] Y
                < [10086977 result] 彩铃已于03月02日退订…
                = CL ended, HT active
                """
            )
    play(f"> {text}\n> N\n< 好的，已为您保留彩铃…\n= CL active")


def test_a_wish_that_names_nothing_known_is_no_command() -> None:
    for text in (
        "我要退订音乐盒",
        "我要退订1",
        "帮我取消一下",
        "请退订彩铃吗",
        "不要退订彩铃",
        "我不要退订彩铃",
        "我要退订彩铃和2",
    ):
        play(f"> {text}\n< [10086 reply] 抱歉，未能识别您的短信…\n= CL active")
        play(f"> 0000\n> [10086977] {text}\n< [10086977 reply] 抱歉，未能识别您的回复…如1,3…\n= CL active")


def test_a_wish_that_fits_several_lists_and_one_for_all_asks() -> None:
    play("> 请退订天气\n< [10086977 reply] …1、天气提示…2、天气预报(墨迹)…\n= TQ active", has=(has("TQ"), has("MF")))
    play("> 我要退订全部\n< [10086977 reply] 您将退订以下4项业务：…请回复“是”…\n= CL active, TQ active")
    play("> 0000\n@ +2h1s\n> TD1\n< …超时失效…\n= CL active")
    play("> 0000\n> QXCL\n< 彩铃已于…\n= CL ended")


# ---- names


def subscribed_to(*names: str) -> Conversation:
    """A subscriber with services of these names and the order keywords S1, S2 …"""
    services = [service(f"S{place}", name, 100) for place, name in enumerate(names, 1)]
    catalogue = Catalogue.of(1, list(CATALOGUE.providers.values()), services)
    return Conversation(has=tuple(has(item) for item in services), catalogue=catalogue)


@pytest.mark.parametrize(
    ("names", "text", "ended"),
    [
        # One name is the beginning or the end of another.
        (("音乐", "音乐盒"), "QX音乐", {"S1"}),
        (("音乐", "音乐盒"), "QX音乐盒", {"S2"}),
        (("盒", "音乐盒"), "退订盒", {"S1"}),
        (("音乐+", "音乐"), "QX音乐+", {"S1"}),
        (("音乐+", "音乐"), "QX音乐", {"S2"}),
        (("音乐+",), "QX+音乐+", {"S1"}),
        (("5G", "5G会员"), "QX5G会员", {"S2"}),
        (("5g会员",), "qx ５Ｇ 会员", {"S1"}),
        (("影视365",), "STOP影视365", {"S1"}),
        # The name contains words that are commands by themselves.
        (("业务管家", "彩铃"), "退订业务管家", {"S1"}),
        (("退订助手",), "QX退订助手", {"S1"}),
        (("流量包",), "取消流量包", {"S1"}),
        (("全部业务管家",), "QX全部业务管家", {"S1"}),
        (("和娱乐",), "退订和娱乐", {"S1"}),
        (("红楼(会员)",), "退订红楼(会员)", {"S1"}),
        (("《红楼》",), "退订《红楼》", {"S1"}),
        (("《红楼》",), "退订红楼", {"S1"}),
        (("乐翻天!",), "退订乐翻天！", {"S1"}),
        # The gateway asks first or sends the listing: nothing is ended yet.
        (("音乐盒", "彩铃"), "QX音乐", set()),
        (("音乐盒", "音乐包"), "QX音乐", set()),
        (("音乐盒", "音乐包"), "QX乐", set()),
        (("影视365",), "QX365", set()),
        (("彩铃",), "QX彩铃？", set()),
        (("彩铃",), "退订彩铃业务", set()),
        (("全部业务管家",), "退订全部业务", set()),
        # Not a service of the subscriber, or no name.
        (("彩铃",), "QX彩铃吗", set()),
        (("彩铃",), "QX彩铃和", set()),
        (("彩铃",), "取消彩虹", set()),
        (("影视(会员)",), "QX(", set()),
    ],
)  # fmt: skip
def test_a_name_ends_that_service_and_never_another(names: tuple[str, ...], text: str, ended: set[str]) -> None:
    for number in ("10086", "10086977"):
        conversation = subscribed_to(*names)
        conversation.text(text, number)
        assert conversation.ended() == ended
        conversation.text("0000")
        conversation.text(text, number)
        assert conversation.ended() == ended


def test_an_order_keyword_goes_before_a_name() -> None:
    conversation = subscribed_to("彩铃", "S1")
    conversation.play("> QXS1\n< [10086977 result] 彩铃…\n= S1 ended, S2 active")


def test_a_name_may_include_its_sp_as_listed() -> None:
    for text in ("QX手机报(新华)", "退订手机报（新华）", "QX手机报"):
        play(f"> {text}\n< [10086977 result] 手机报(新华)…\n= SJB ending 2026-03-31, TQ active")


def test_a_part_of_one_name_asks_first() -> None:
    play(
        """
        > 退订天气
        < [10086977 reply] 您是否要退订天气预报(墨迹)？确定退订天气预报(墨迹)请回复Y，保留请回复N。中国移动
        = TQ active
        > N
        < [10086977 result] 好的，已为您保留天气预报(墨迹)…
        > 退订天气
        > Y
        < [10086977 result] 天气预报(墨迹)已于…
        = TQ ended, CL active, HT active, SJB active
        > 退订天气预报
        < [10086977 reply] 天气预报(墨迹)此前已退订…
        """
    )
    # The service's own warning is sent with it, once.
    play(
        "> 退订和多\n< [10086977 reply] 和多号：取消后副号将无法找回。确定…\n> Y\n= FH ended",
        has=(has("FH"), has("CL")),
    )
    play("> 退订宽带\n< [10086977 reply] 宽带电视不可短信退订…\n= KD active", has=(has("KD"),))


def test_a_part_of_several_names_sends_the_listing() -> None:
    conversation = subscribed_to("甲子资讯", "乙丑资讯")
    conversation.play("> QX资讯\n< [10086977 reply] …1、甲子资讯…2、乙丑资讯…\n> 2\n= S2 ended, S1 active")


def test_a_number_is_never_a_part_of_a_name() -> None:
    """A late pick stays a pick, though the name 影视365 contains its digit."""
    conversation = subscribed_to("影视365", "三国")
    conversation.play(
        "> 0000\n@ +2h1s\n> TD3\n< …超时失效…\n> 退订三\n< …超时失效…\n@ +8d\n> TD3\n< …序号以业务清单为准…\n= S1 active"
    )


@pytest.mark.parametrize(
    "text", ["退订全部", "QX全部", "取消所有", "退订全部业务", "TD ALL", "STOP ALL", "qx：全部", "退订全部。"]
)
def test_everything_without_a_list(text: str) -> None:
    asked = "…您将退订以下4项业务：彩铃、和娱乐、手机报(新华)、天气预报(墨迹)。确认全部退订请回复“是”…"
    play(f"> {text}\n< [10086977] {asked}\n= CL active\n> 是\n= CL ended, HT ending 2026-03-03, TQ ended")
    play(f"> {text}\n< [10086977] {asked}\n> 否\n< …保留…\n= CL active")
    play(f"> 0000\n@ +3h\n> {text}\n< [10086977] {asked}\n= CL active")
    # While a listing is open, a number is a pick.
    play(f"> 0000\n> {text}\n< [10086977] {asked}\n> 1\n= CL ended, TQ active")
    off = policy(allow_unsubscribe_all=False)
    play(f"> {text}\n< [10086977] …1、彩铃…\n= CL active", policy=off)
    play(f"> {text}\n< [10086977] …没有正在使用的增值业务…", has=())


def test_a_name_is_a_command_while_a_complaint_is_awaited() -> None:
    play(
        "> TS\n> QX彩铃\n< [10086977 result] 彩铃…\n> 退订天气\n< [10086977] …天气预报…\n> 退订不了\n< [10086 result] …受理…"
    )
    play("> TS\n@ +11m\n> QX彩铃\n< [10086977 result] 彩铃…\n= CL ended")


@pytest.mark.parametrize(
    "text",
    ["我要退订", "我要退訂", "退订业务", "取消业务", "退訂業務", "STOP", "Stop.", "unsubscribe", "“STOP”", "S T O P"],
)
def test_unsubscribe_words_alone_send_the_listing(text: str) -> None:
    play(f"> {text}\n< [10086977 reply] …1、彩铃…\n= CL active")


@pytest.mark.parametrize(
    ("text", "also"),
    [
        ("退订彩铃", "< [10086977 result] 彩铃…"),
        ("STOP CL", "< [10086977 result] 彩铃…"),
        ("退订天气", "< [10086977 reply] 您是否要退订天气预报…"),
        ("退订全部", "< [10086977 reply] 您将退订以下4项业务…"),
        ("STOP", "< [10086977 reply] …1、彩铃…"),
        ("取消", ""),
        ("退订不了", ""),
        ("取消订购", ""),
    ],
)
def test_at_an_orders_number_it_declines_and_is_obeyed(text: str, also: str) -> None:
    play(f"> KTLD\n> [1008620400] {text}\n< [1008620400] …来电提醒…\n{also}")
