"""QX and TD with an order keyword (flows.md 3, 4, 17; safety.md 9)."""

from dataclasses import replace

from app.domain.account import SubscriptionState
from tests.commands.transcript import Conversation, play
from tests.commands.world import FOUR, has


def test_ends_that_service_at_once() -> None:
    for text in ("QXCL", "TDCL", "qxcl", "ＱＸＣＬ", "QX CL", "QXCL。", "QX#CL", "“QXCL”", "q x c l", "QXCL\u200b"):
        for number in ("10086", "10086977", "1008620417", "10086888"):
            play(f"> [{number}] {text}\n< [10086977 result] 彩铃已于03月02日退订…\n= CL ended, HT active")
            play(f"> 0000\n> [{number}] {text}\n< [10086977 result] 彩铃已于…\n= CL ended, HT active")


def test_what_is_not_there_to_end() -> None:
    play(
        """
        > QXYYH
        < [10086977 reply] 您没有订购音乐盒，无需退订。…
        > QXCL
        > QXCL
        < [10086977 reply] 彩铃此前已退订，无需重复办理；…
        > QXSJB
        > TDSJB
        < [10086977 reply] 手机报(新华)此前已退订，可用至03月31日；…
        > QXNOSUCH
        < [10086977 reply] 没有业务代码为NOSUCH的业务，未作任何更改。查询和退订请发送0000。中国移动
        > QX 彩虹
        < …没有业务代码为彩虹的业务…0000…
        > QX
        < 请在QX后写上业务代码…
        > QX#
        < 请在QX后写上业务代码…
        > QXKD
        < [10086977 reply] 宽带电视不能短信退订，请拨打10086，或到营业厅办理；…
        = CL ended, KD active, HT active
        """,
        has=(*FOUR, has("KD")),
    )


def test_the_one_that_runs_is_meant() -> None:
    before = replace(has("CL", "2026-02-01 10:00"), id="before", state=SubscriptionState.ENDED)
    play("> QXCL\n< [10086977 result] 彩铃…", has=(has("CL", "2025-12-01 10:00"), before))


def test_a_withdrawn_service_is_left_by_its_word() -> None:
    play("> QXYYH\n< [10086977 result] 音乐盒已于…\n= YYH ended", has=(has("YYH"),))


def test_a_long_word_is_not_said_back() -> None:
    """It may hold anything, even a password in a form that nobody masked."""
    came = Conversation().text("QX802357#739184#739184")
    assert "没有这一业务代码" in came[0].text
    assert "802357" not in came[0].text
    assert "739184" not in came[0].text


def test_only_a_warning_asks() -> None:
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
    play("> QXHDH\n@ +2h1s\n> [10086977] Y\n< …要确认的退订已过期…\n= FH active", has=warned)
    # Beneath a list it lives as long as the list.
    play("> 0000\n@ +119m\n> QXHDH\n@ +61s\n> [10086977] Y\n< …已过期…\n= FH active", has=warned)
    play("> QXHDH\n> 0000\n> [10086977] Y\n< …未能识别…\n= FH active", has=warned)


def test_a_pick_with_a_word_before_it_is_no_order_keyword() -> None:
    """TD1 is an answer while a list understands it (flows.md 3, step 3)."""
    for text in ("TD1", "QX1", "td 1", "退订1", "取消1"):
        play(f"> 0000\n> {text}\n< [10086977 result] 彩铃已于…\n= CL ended, HT active")
    play("> TD1\n< …没有业务代码为1的业务…\n> QX1,4\n< …没有业务代码为1,4的业务…\n= CL active")
    play("> 0000\n@ +2h1s\n> TD1\n< …已过期…\n= CL active")
    play("> 0000\n> QXCL\n< 彩铃已于…\n= CL ended")
