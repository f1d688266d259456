"""XGMM: the service password (flows.md 11; safety.md 28)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands.collecting import load
from app.commands.parser import normalise
from app.domain.account import Language, SubscriberStatus
from app.domain.masking import PASSWORD_MASK, mask
from tests.commands.transcript import Conversation, hashed, play
from tests.commands.world import SUBSCRIBER

KNOWN = replace(SUBSCRIBER, password_hash=hashed("802357"))
CHANGE = "XGMM#802357#739184#739184"
DONE = "您的服务密码已修改成功，请使用新密码并妥善保管。如非本人操作，请立即联系我们。中国移动"


def test_after_a_change_only_the_new_password_counts() -> None:
    conversation = play(
        f"""
        > {CHANGE}
        < [10086 result] {DONE}
        > XGMM#802357#615283#615283
        < [10086 reply] 旧密码不正确，服务密码未修改。今天还可再试2次。中国移动
        > XGMM#739184#615283#615283
        < [10086 result] …修改成功…
        """,
        subscriber=KNOWN,
    )
    subscriber = conversation.account.subscriber
    assert subscriber is not None
    assert subscriber.password_hash == hashed("615283")
    assert [record.kind for record in conversation.evidence] == ["password-changed"] * 2
    for record in conversation.evidence:
        payload = record.payload or ""
        assert PASSWORD_MASK in payload
        assert not any(secret in payload for secret in ("802357", "739184", "615283", "hash of"))
    assert conversation.chain_is_whole()


@pytest.mark.parametrize(
    "text",
    [
        "xgmm#802357#739184#739184",
        "XGMM＃８０２３５７＃７３９１８４＃７３９１８４",
        "XGMM 802357 739184 739184",
        " Xgmm#802357#739184#739184。",
        "X G M M # 802357 # 739184 # 739184",
        "XGMM#80 23 57#7391 84#739184",
        "XGMM*802357*739184*739184",
        "XGMM802357 739184 739184",
        "“XGMM802357#739184#739184”",
        "XGMM##802357#739184#739184#",
    ],
)
def test_every_way_to_type_a_change_works(text: str) -> None:
    play(f"> {text}\n< {DONE}", subscriber=KNOWN)


@pytest.mark.parametrize("number", ["10086", "10086977", "10086901", "10086888"])
def test_a_change_works_at_every_number(number: str) -> None:
    play(f"> 0000\n> [{number}] {CHANGE}\n< …修改成功…", subscriber=KNOWN)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        ("111111#111111", "过于简单"),
        ("123456#123456", "过于简单"),
        ("345678#345678", "过于简单"),
        ("654321#654321", "过于简单"),
        ("138001#138001", "过于简单"),
        ("013800#013800", "过于简单"),
        ("001380#001380", "过于简单"),
        ("739184#739185", "不一致"),
        ("12345#12345", "格式不正确"),
        ("7391840#7391840", "格式不正确"),
        ("73a184#73a184", "格式不正确"),
        ("739184", "格式不正确"),
        ("739184#739184#739184", "格式不正确"),
        ("##", "格式不正确"),
        ("", "格式不正确"),
    ],
)
def test_a_bad_new_password_does_not_count_as_a_try(new: str, why: str) -> None:
    weak = f"> XGMM#802357#{new}\n< [10086 reply] …{why}…服务密码未修改…\n"
    play(f"{weak * 4}> {CHANGE}\n< {DONE}", subscriber=KNOWN)


def test_three_wrong_passwords_lock_until_the_next_day_in_shanghai() -> None:
    play(
        f"""
        > XGMM#802358#739184#739184
        < …不正确…今天还可再试2次…
        > XGMM#802359#739184#739184
        < …不正确…今天还可再试1次…
        > XGMM#802350#739184#739184
        < [10086 reply] 旧密码不正确，服务密码未修改。因连续输错，密码修改已锁定，请于明天(03月03日)再试。中国移动
        > {CHANGE}
        < [10086 reply] 因密码多次输错，密码修改已锁定，服务密码未修改。请于明天(03月03日)再试。中国移动
        @ 2026-03-02 23:59:59
        > {CHANGE}
        < …锁定…(03月03日)…
        @ 2026-03-03 00:00:00
        > XGMM#802358#739184#739184
        < …今天还可再试2次…
        > {CHANGE}
        < {DONE}
        """,
        subscriber=KNOWN,
    )


def test_a_right_password_resets_the_tries() -> None:
    wrong = "> XGMM#802358#739184#739184\n"
    play(f"{wrong}{wrong}< …再试1次…\n> {CHANGE}\n< {DONE}\n> XGMM#000000#615283#615283\n< …再试2次…", subscriber=KNOWN)


def test_a_lock_is_lifted_on_the_first_of_january_and_on_a_leap_day() -> None:
    wrong = "> XGMM#802358#739184#739184\n"
    for day, next_day in (("2026-12-31", "2027-01-01"), ("2028-02-28", "2028-02-29"), ("2028-02-29", "2028-03-01")):
        locked = f"{wrong * 3}< …锁定…({next_day[5:7]}月{next_day[8:]}日)…\n"
        play(f"{locked}@ {next_day} 00:00\n> {CHANGE}\n< {DONE}", subscriber=KNOWN, start=f"{day} 23:59:59")


def test_without_a_password_the_reply_says_how_to_get_one() -> None:
    for text in (CHANGE, "XGMM", "XGMM#1"):
        play(
            f"> {text}\n< [10086 reply] 您尚未设置服务密码，无法通过短信修改。请携带本人有效证件到营业厅设置。中国移动"
        )


def test_a_suspended_customer_may_change_it() -> None:
    play(f"> {CHANGE}\n< {DONE}", subscriber=replace(KNOWN, status=SubscriberStatus.SUSPENDED))


def test_in_english() -> None:
    play(
        f"""
        > XGMM#802358#739184#739184
        < The old password is wrong; your password was not changed. You can try 2 more times today. China Mobile
        > {CHANGE}
        < Your service password was changed. If this was not you, please contact us at once. China Mobile
        """,
        subscriber=replace(KNOWN, language=Language.EN),
    )


def test_a_try_counts_once_however_often_its_turn_is_repeated() -> None:
    """A crash between the two passes neither adds a try nor removes one."""
    conversation = Conversation(subscriber=KNOWN)
    for _ in range(5):
        conversation.ids = iter(["mo-1"])
        conversation.text("XGMM#802358#739184#739184")
    assert conversation.sent[-1].text.startswith("旧密码不正确，服务密码未修改。今天还可再试2次")


# ---- no text is stored unmasked


@given(
    st.lists(
        st.sampled_from(["X", "x", "Ｘ", " ", "\u200b", "\u115f", "G", "g", "M", "ｍ", "#", "“", "【", "8", "\u3000"]),
        min_size=4,
    )
)
def test_every_text_for_the_command_is_masked(signs: list[str]) -> None:
    text = "".join([*signs, "802357 739184 739184"])
    if normalise(text).key.startswith("XGMM"):
        assert mask(text) == PASSWORD_MASK


def test_the_command_can_have_no_alias() -> None:
    with pytest.raises(ValueError, match="has none"):
        load({"MM": "XGMM"})
