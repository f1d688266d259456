"""全部: asks once more, then ends exactly what was numbered (flows.md 5.2, 17; safety.md 17)."""

from dataclasses import replace

import pytest

from app.domain.catalogue import Catalogue
from app.domain.segments import measure
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import FIVE, has, provider, service

ASKED = "[10086977 reply] 您将退订以下5项业务：彩铃、和娱乐、手机报(新华)、天气预报(墨迹)、来电提醒(套餐内)。确认全部退订请回复“是”，保留请回复“否”。中国移动"
UNTOUCHED = "CL active, HT active, SJB active, TQ active, LD active, KD active"


def test_asks_first_then_ends_exactly_what_was_numbered() -> None:
    play(
        f"""
        > 0000
        > [10086977] 全部
        < {ASKED}
        = {UNTOUCHED}
        > [10086977] 是
        < [10086977 result] 彩铃已于03月02日退订，立即生效，不再收费；和娱乐已退订，24小时内(03月03日10时00分前)停止，不再收费；手机报(新华)已退订，可用至03月31日，当月费用3元照常收取，次月起不再收费；天气预报(墨迹)已于03月02日退订，立即生效，不再收费；来电提醒(套餐内)已于03月02日退订，立即生效。查询请发送0000。中国移动
        = CL ended, HT ending 2026-03-03, SJB ending 2026-03-31, TQ ended, LD ended, KD active
        > [10086977] 是
        < [10086977 reply] 此前已按您的回复办理，无需重复回复。查询请发送0000。中国移动
        > [10086977] 全部
        < 清单中的业务此前均已退订…
        @ +24h
        = HT ended
        """,
        has=FIVE,
    )


WORDS_FOR_ALL = "全部|所有|ALL|all|QB|ｑｂ|全部。|“全部”|全 部|退订全部|全部退订|取消全部|TD全部|QXALL"


def test_every_word_for_all() -> None:
    for word in WORDS_FOR_ALL.split("|"):
        for number in ("10086977", "10086"):
            asked = f"> 0000\n> [{number}] {word}\n< {ASKED}\n= {UNTOUCHED}"
            play(f"{asked}\n> [{number}] Y\n= CL ended, KD active", has=FIVE)


@pytest.mark.parametrize("no", ["否", "N", "NO", "n", "“否”。"])
def test_a_no_ends_nothing(no: str) -> None:
    play(
        f"""
        > 0000
        > [10086977] 全部
        > [10086977] {no}
        < [10086977 result] 好的，已为您保留彩铃等5项业务，未作任何更改。中国移动
        = {UNTOUCHED}
        > [10086977] 是
        < …此前已按您的回复办理…
        = {UNTOUCHED}
        > [10086977] 1
        = CL ended
        """,
        has=FIVE,
    )


def test_only_a_yes_to_the_question_ends_anything() -> None:
    for answer in ("1,全部", "全部都要", "不要全部", "全部不退"):
        play(f"> 0000\n> [10086977] {answer}\n< …未能识别…\n> [10086977] 是\n< …未能识别…\n= {UNTOUCHED}", has=FIVE)
    for yes in ("是", "Y", "确认"):
        play(f"> 0000\n> [10086977] {yes}\n< [10086977] …未能识别…如1,3…\n= {UNTOUCHED}", has=FIVE)
    for other in ("好", "是不是", "可以", "是吧", "YY", "hehe"):
        play(f"> 0000\n> [10086977] 全部\n> [10086977] {other}\n< …退订彩铃等5项业务请回复Y…\n= {UNTOUCHED}", has=FIVE)


def test_a_number_is_a_pick_and_ends_the_question() -> None:
    play(
        """
        > 0000
        > [10086977] 全部
        > [10086977] 1
        < [10086977 result] 彩铃已于…
        = CL ended, HT active
        > [10086977] 是
        < …未能识别您的回复…请回复业务序号…
        = HT active, SJB active
        """,
        has=FIVE,
    )


def test_silence_changes_nothing_and_the_question_expires_with_its_listing() -> None:
    play(f"> 0000\n> [10086977] 全部\n@ +26h\n= {UNTOUCHED}\n> [10086977] 是\n< …超时失效…\n= {UNTOUCHED}", has=FIVE)
    play(
        """
        > 0000
        @ 11:59
        > [10086977] 全部
        @ 12:00
        > [10086977] 是
        = CL ended
        """.replace("@ ", "@ 2026-03-02 "),
        has=FIVE,
    )
    play("> 0000\n@ +119m\n> [10086977] 全部\n@ +61s\n> [10086977] 是\n< …退订确认已超时失效…\n= CL active", has=FIVE)
    # A new listing closes the old question.
    play("> 0000\n> [10086977] 全部\n> 0000\n> [10086977] 是\n< …未能识别…\n= CL active", has=FIVE)


def test_warnings_come_after_the_yes() -> None:
    conversation = play(
        """
        > 0000
        > [10086977] 全部
        < 您将退订以下3项业务：和多号、彩铃、手机报(新华)。…
        > [10086977] 是
        < [10086977 result] 彩铃已于…手机报(新华)已退订…和多号：取消后副号将无法找回。确定退订和多号请回复Y，保留请回复N。中国移动
        = CL ended, SJB ending 2026-03-31, FH active
        > [10086977] Y
        < [10086977 result] 和多号已于…
        = FH ended
        > [10086977] Y
        < …此前已按您的回复办理…
        """,
        has=(has("FH", "2025-11-01 10:00"), has("CL"), has("SJB")),
    )
    assert [question.closed_as for question in conversation.account.questions.values()] == [
        None,
        "answered",
        "answered",
    ]


def test_what_was_unsubscribed_meanwhile_is_not_asked_about() -> None:
    play(
        """
        > 0000
        > [10086977] 1,3
        > [10086977] 全部
        < 您将退订以下3项业务：和娱乐、天气预报(墨迹)、来电提醒(套餐内)。…
        > QXTQ
        > [10086977] 是
        < …和娱乐已退订…天气预报(墨迹)此前已退订…来电提醒…
        """,
        has=FIVE,
    )


def test_all_can_be_switched_off() -> None:
    off = policy(allow_unsubscribe_all=False)
    play(
        f"> 0000\n> [10086977] 全部\n< 请回复要退订的业务序号，多项用逗号分隔，如1,3。…\n> 是\n= {UNTOUCHED}",
        has=FIVE,
        policy=off,
    )


def test_sixty_long_names_are_all_named() -> None:
    names = [f"甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未{n}" for n in range(10, 70)]
    services = [service(f"G{n}", name, 100, sp="X") for n, name in enumerate(names, 10)]
    catalogue = Catalogue.of(2, [provider("X", "一二三四五六七八九十一二三四五六七八九十")], services)
    conversation = Conversation(has=tuple(has(item) for item in services), catalogue=catalogue)
    conversation.text("0000")
    asked = conversation.text("全部", "10086977")
    text = "".join(message.text for message in asked)
    assert [name for name in names if name not in text] == []
    assert "60项业务" in text
    assert all(measure(message.text).segments <= 5 for message in asked)
    results = conversation.text("是", "10086977")
    assert [name for name in names if name not in "".join(message.text for message in results)] == []
    assert all(measure(message.text).segments <= 5 for message in results)
    assert set(conversation.states().values()) == {"ended"}


def test_one_service_that_is_kept_is_named() -> None:
    in_plan = replace(FIVE[0], in_plan=True)
    play("> 0000\n> 全部\n> 否\n< …已为您保留彩铃，未作…", has=(in_plan,))
