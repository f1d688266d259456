"""When a service ends, what is still charged, how long answers count, and ends of months (flows.md 5.3, 17)."""

import pytest

from tests.commands.transcript import Conversation, play
from tests.commands.world import has, shanghai


@pytest.mark.parametrize(
    ("start", "last", "before", "after"),
    [
        ("2026-02-10 10:00", "2026-02-28", "2026-02-28 23:59:58", "2026-03-01 00:00:00"),
        ("2028-02-28 23:50", "2028-02-29", "2028-02-29 23:59:58", "2028-03-01 00:00:00"),
        ("2028-02-29 12:00", "2028-02-29", "2028-02-29 23:59:58", "2028-03-01 00:00:00"),
        ("2026-04-30 23:58", "2026-04-30", "2026-04-30 23:59:58", "2026-05-01 00:00:00"),
        ("2026-12-31 10:00", "2026-12-31", "2026-12-31 23:59:58", "2027-01-01 00:00:00"),
        ("2026-12-31 23:59:59", "2026-12-31", "2026-12-31 23:59:59", "2027-01-01 00:00:00"),
        ("2026-05-01 00:00", "2026-05-31", "2026-05-31 23:59:58", "2026-06-01 00:00:00"),
        # The next day in Shanghai, still the day before in UTC.
        ("2026-03-01 07:59", "2026-03-31", "2026-03-31 23:59:58", "2026-04-01 00:00:00"),
        # The last second of a month belongs to it.
        ("2026-03-31 23:59:59.500", "2026-03-31", "2026-03-31 23:59:59.500", "2026-04-01 00:00:00"),
    ],
)
def test_month_end(start: str, last: str, before: str, after: str) -> None:
    month, day = last[5:7], last[8:]
    conversation = Conversation(start=start)
    conversation.play(
        f"""
        > 0000
        > [10086977] 3
        < [10086977 result] 手机报(新华)已退订，可用至{month}月{day}日，当月费用3元照常收取，次月起不再收费。…
        = SJB ending {last}
        """
    )
    conversation.play(f"@ {before}")
    held = conversation.account.subscriptions["subscription-SJB"]
    assert held.ends_at is not None
    assert held.ends_at >= shanghai(start)
    assert conversation.states()["SJB"] in (f"ending {last}", "ended" if before == start else "")
    conversation.play(f"@ {after}\n= SJB ended")


def test_year_turns_between_list_and_answer() -> None:
    play("> 0000\n@ 2027-01-01 00:01\n> 3\n< …可用至01月31日…\n= SJB ending 2027-01-31", start="2026-12-31 23:59")


@pytest.mark.parametrize(
    ("code", "given", "reply", "state"),
    [
        ("CL", {}, "彩铃已于03月02日退订，立即生效，不再收费。…", "ended"),
        ("HT", {}, "和娱乐已退订，24小时内(03月03日10时00分前)停止，不再收费。…", "ending 2026-03-03"),
        ("SJB", {}, "…可用至03月31日，当月费用3元照常收取，次月起不再收费。…", "ending 2026-03-31"),
        ("SJB", {"price_fen": 250}, "…当月费用2.50元照常收取…", "ending 2026-03-31"),
        ("SJB", {"in_plan": True}, "…可用至03月31日，期间不收费。…", "ending 2026-03-31"),
        ("GS", {}, "…可用至03月31日，期间使用仍按2.50元/次收费。…", "ending 2026-03-31"),
        ("MF", {}, "…可用至03月31日，期间不收费。…", "ending 2026-03-31"),
        ("CL", {"in_plan": True}, "彩铃(套餐内)已于03月02日退订，立即生效。…", "ended"),
        # A trial costs nothing, and an unsubscribe never prolongs it.
        ("TQ", {"trial_until": "2026-03-20 10:00"}, "天气预报(墨迹)已退订，立即生效，体验期内不收费。…", "ended"),
        ("SJB", {"trial_until": "2026-03-20 10:00"}, "…可用至03月20日，期间不收费。…", "ending 2026-03-20"),
        ("HT", {"trial_until": "2026-03-02 12:00"}, "…可用至03月02日，期间不收费。…", "ending 2026-03-02"),
        ("SJB", {"trial_until": "2026-05-20 10:00"}, "…可用至03月31日，期间不收费。…", "ending 2026-03-31"),
        # Within 72 hours of the order, including the last instant, it ends at once and is free, whatever its effect.
        ("CL", {"started": "2026-02-27 10:00:00"}, "彩铃已退订，立即生效，72小时内退订，不收费。…", "ended"),
        ("SJB", {"started": "2026-02-27 10:00:00"}, "…72小时内退订，不收费。…", "ended"),
        ("HT", {"started": "2026-02-27 10:00:00"}, "…72小时内退订，不收费。…", "ended"),
        ("SJB", {"started": "2026-02-27 09:59:59"}, "…当月费用3元照常收取…", "ending 2026-03-31"),
        ("CL", {"started": "2026-02-27 09:59:59"}, "彩铃已于03月02日退订，立即生效，不再收费。…", "ended"),
        ("SJB", {"started": "2026-03-02 09:59:59", "contract_until": "2026-12-31 10:00"}, "…72小时内退订，不收费。…", "ended"),
    ],
)  # fmt: skip
def test_the_effect_of_an_unsubscribe(code: str, given: dict[str, object], reply: str, state: str) -> None:
    held = (has(code, **given),)  # type: ignore[arg-type]
    play(f"> 0000\n> [10086977] 1\n< [10086977 result] {reply}\n= {code} {state}", has=held)
    said = Conversation(has=held).play(f"> QX{code}\n< [10086977 result] {reply}\n= {code} {state}")
    assert ("72小时" in said.sent[0].text) == ("72小时" in reply)
    assert len(said.evidence) == len(said.outcome.events) == 1


@pytest.mark.parametrize(
    ("after", "reply", "state"),
    [
        ("1h59m59s", "彩铃已于…", "ended"),
        ("2h", "彩铃已于…", "ended"),
        ("2h1s", "[10086977 reply] 您回复的业务清单已超时失效，未作任何更改。请发送0000重新查询。中国移动", "active"),
        ("5d22h", "…超时失效…0000…", "active"),
        ("7d2h", "…超时失效…", "active"),
        ("7d2h1s", "…未作任何更改…0000…", "active"),
    ],
)
def test_a_pick_counts_within_the_window(after: str, reply: str, state: str) -> None:
    for number in ("10086977", "10086"):
        for answer in ("1", "退订1"):
            play(f"> 0000\n@ +{after}\n> [{number}] {answer}\n< {reply}\n= CL {state}")


def test_a_pick_does_not_lengthen_the_window() -> None:
    play("> 0000\n@ +110m\n> 1\n= CL ended\n@ +20m\n> [10086977] 4\n< …超时失效…\n= TQ active")


def test_only_a_possible_answer_is_told_that_it_is_late() -> None:
    play(
        "> 0000\n@ +3h\n> [10086977] 你好\n< [10086] …未能识别…\n> [10086977] 全部\n< …超时失效…\n> [10086977] 查1\n< …超时失效…"
    )


def test_a_late_list_is_valid_from_when_it_was_made() -> None:
    """A 0000 that waited during downtime opens a window of two hours from its answer."""
    conversation = Conversation(start="2026-03-02 13:00")
    conversation.text("0000", sent_at=shanghai("2026-03-02 10:00"))
    conversation.play("@ 2026-03-02 15:00\n> [10086977] 1\n< [10086977 result] 彩铃…")


def test_a_listing_is_answered_after_midnight() -> None:
    play("> 0000\n@ 2026-03-03 00:10\n> 1\n< 彩铃已于03月03日退订…", start="2026-03-02 23:30")


def test_replies_do_not_depend_on_a_late_timer() -> None:
    """A service that has run out is not listed, even if the timer that ends it is late."""
    conversation = Conversation().play("> 0000\n> 3\n= SJB ending 2026-03-31")
    conversation.timers.clear()
    conversation.play(
        "@ 2026-04-01 00:00:01\n> 0000\n< …1、彩铃…2、和娱乐…3、天气预报(墨迹)2元/月；请回复…\n> QXSJB\n< 手机报(新华)此前已退订，无需…"
    )
