"""A yes binds to what was asked, others may ask seldom, and free periods are given once (safety.md 4, 5, 11)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.commands.accounts.directory import AgentUnsubscribe
from app.commands.orders.calls import PlaceOrder
from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.commands.orders.trial_timers import TRIAL_QUESTION
from app.domain.catalogue import CancelEffect, Catalogue
from app.domain.orders import Order, OrderKind, OrderState, Reason
from app.domain.subscriptions import Channel
from app.domain.turn import TimerDue
from tests.commands.orders.test_orders import WITH_TRIAL, order_of, played
from tests.commands.transcript import Conversation
from tests.commands.world import CATALOGUE, has, service, shanghai

SERVICE, SP = "service", "sp"
# Changes of a service between question and yes, and a word in the new question.
CHANGES: list[tuple[str, dict[str, object], str]] = [
    (SERVICE, {"name": "足球新闻"}, "足球新闻"),
    (SERVICE, {"price_fen": 900}, "9元/月"),
    (SERVICE, {"price_fen": 700}, "7元/月"),
    (SERVICE, {"cancel_effect": CancelEffect.MONTH_END}, "用至月底"),
    (SERVICE, {"cancellable_by_sms": False, "cancel_how": "请到营业厅办理"}, "请到营业厅办理"),
    (SERVICE, {"trial_days": 3}, "免费体验3天"),
    (SERVICE, {"trial_days": 0}, "无合约期"),
    (SERVICE, {"sp_code": "MOJI"}, "墨迹"),
    (SP, {"short_name": "晨光"}, "晨光"),
]


def changed(catalogue: Catalogue, what: str, code: str, fields: dict[str, object]) -> Catalogue:
    services, providers = dict(catalogue.services), dict(catalogue.providers)
    # The table of changes names fields with values of any type.
    if what == SERVICE:
        services[code] = replace(services[code], **fields)  # type: ignore[arg-type]
    else:
        sp = services[code].sp_code
        providers[sp] = replace(providers[sp], **fields)  # type: ignore[arg-type]
    return Catalogue.of(catalogue.version + 1, list(providers.values()), list(services.values()))


@pytest.mark.parametrize(("what", "fields", "words"), CHANGES)
def test_a_change_of_what_the_question_named_is_asked_again(what: str, fields: dict[str, object], words: str) -> None:
    conversation = played("> KTZQ\n< [1008620400] …")
    conversation.catalogue = changed(conversation.catalogue, what, "ZQ", fields)
    (again,) = conversation.text("是", "1008620400")
    assert again.number == "1008620401"
    assert words in again.text
    assert conversation.states() == {}
    conversation.text("是", "1008620401")
    assert conversation.states().keys() == {"ZQ"}
    confirmed = [record for record in conversation.evidence if record.kind == "order-confirmed"]
    assert len(confirmed) == 1
    assert words in (confirmed[0].payload or "")


HALL, SHOP = "请到营业厅办理", "请到任一营业厅"


def asked(kind: OrderKind, *, by_sms: bool = True) -> Conversation:
    """Return a conversation with an open question of this kind about 和娱乐 of an SP; ``by_sms``: SMS can end it."""
    of = replace(
        service("HT", "和娱乐", 300, sp="XINHUA", effect=CancelEffect.WITHIN_24H),
        cancellable_by_sms=by_sms,
        cancel_how=HALL,
    )
    offered = Catalogue.of(2, list(CATALOGUE.providers.values()), [of])
    trial = "2026-03-06 12:00" if kind is OrderKind.TRIAL else None
    held = () if kind is OrderKind.ORDER else (has(of, trial_until=trial),)
    conversation = Conversation(has=held, catalogue=offered)
    match kind:
        case OrderKind.TRIAL:
            conversation.happens(TimerDue(TRIAL_QUESTION, "subscription-HT", conversation.now))
        case OrderKind.TERMS:
            data = AnnouncedTerms(
                "change-1", 500, CancelEffect.WITHIN_24H, shanghai("2026-04-01 00:00"), "api:x"
            ).text()
            conversation.happens(TimerDue(NEW_TERMS, "subscription-HT", conversation.now, data))
        case OrderKind.KEEP:
            conversation.happens(AgentUnsubscribe("agent:1", "HT", "she called"))
            conversation.text("KTHT")
        case _:
            conversation.text("KTHT")
    assert conversation.sent[-1].number == "1008620400"
    return conversation


# Changes for every kind of question, and a word in the new question.
RENAMED: list[tuple[str, bool, dict[str, object], str]] = [
    (SERVICE, True, {"name": "和音乐"}, "和音乐"),
    (SP, True, {"short_name": "晨光"}, "晨光"),
    (SERVICE, False, {"cancel_how": SHOP}, SHOP),
    (SERVICE, False, {"cancel_how": None}, "不可短信退订"),
    (SERVICE, False, {"cancellable_by_sms": True}, "0000"),
]


@pytest.mark.parametrize("kind", OrderKind)
@pytest.mark.parametrize(("what", "by_sms", "fields", "words"), RENAMED)
def test_changed_names_and_ways_to_end_are_asked_again_by_every_question(
    kind: OrderKind, what: str, fields: dict[str, object], words: str, *, by_sms: bool
) -> None:
    conversation = asked(kind, by_sms=by_sms)
    before = conversation.account.subscriptions
    conversation.catalogue = changed(conversation.catalogue, what, "HT", fields)
    (again,) = conversation.text("是", "1008620400")
    assert again.number == "1008620401"
    assert words in again.text
    assert conversation.account.subscriptions == before
    conversation.text("是", "1008620401")
    assert order_of(conversation, "HT").state == "confirmed"


@pytest.mark.parametrize("kind", OrderKind)
@pytest.mark.parametrize(
    "fields", [{"cancel_how": SHOP}, {"cancel_warning": "取消后不可恢复"}, {"visible": False}, {"order_keyword": "HYL"}]
)
def test_a_change_of_what_no_question_named_is_not_asked(kind: OrderKind, fields: dict[str, object]) -> None:
    conversation = asked(kind)
    conversation.catalogue = changed(conversation.catalogue, SERVICE, "HT", fields)
    conversation.text("是", "1008620400")
    assert order_of(conversation, "HT").state == "confirmed"


@pytest.mark.parametrize("kind", [kind for kind in OrderKind if kind is not OrderKind.ORDER])
def test_a_held_service_can_still_be_ended_by_sms_after_the_service_closed_that(kind: OrderKind) -> None:
    conversation = asked(kind)
    closed = {"cancellable_by_sms": False, "cancel_how": SHOP, "sms_closed_after": conversation.catalogue.version}
    conversation.catalogue = changed(conversation.catalogue, SERVICE, "HT", closed)
    (done,) = conversation.text("是", "1008620400")
    assert order_of(conversation, "HT").state == "confirmed"
    assert "退订发送0000到10086" in done.text


# ---- orders by others


def asks(conversation: Conversation, code: str, channel: Channel) -> OrderState:
    conversation.happens(PlaceOrder("api:other", code, channel))
    return order_of(conversation, code).state


OTHERS = ("SJB", "TQ", "YS", "CL")


@pytest.mark.parametrize("channel", [Channel.SP, Channel.AGENT])
def test_others_may_ask_three_times_a_day(channel: Channel) -> None:
    conversation = played("@ 2026-03-02 21:00")
    assert [asks(conversation, code, channel) for code in OTHERS] == [*["awaiting_confirmation"] * 3, "refused"]
    assert order_of(conversation, OTHERS[3]).reason is Reason.TOO_MANY_ORDERS
    both = Channel.AGENT if channel is Channel.SP else Channel.SP
    assert asks(conversation, "HT", both) == "refused"
    conversation.play("@ 2026-03-03 07:00")
    assert asks(conversation, "HT", channel) == "awaiting_confirmation"


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize(("at", "by_day"), [("06:59:59", False), ("07:00", True), ("21:59:59", True), ("22:00", False), ("03:00", False)])  # fmt: skip
def test_others_may_ask_only_by_day(channel: Channel, at: str, *, by_day: bool) -> None:
    conversation = played(f"@ 2026-03-03 {at}")
    may = by_day or channel not in (Channel.SP, Channel.AGENT)
    assert asks(conversation, "SJB", channel) == ("awaiting_confirmation" if may else "refused")
    assert [sent.number for sent in conversation.sent] == (["1008620400"] if may else [])


@pytest.mark.parametrize("channel", Channel)
def test_others_may_not_ask_for_30_days_after_a_no(channel: Channel) -> None:
    conversation = played("> KTSJB\n< …\n> [1008620400] 不要\n< …")
    others = channel in (Channel.SP, Channel.AGENT)
    conversation.move(conversation.now + timedelta(days=30))
    assert asks(conversation, "SJB", channel) == ("refused" if others else "awaiting_confirmation")
    assert asks(conversation, "TQ", channel) == "awaiting_confirmation"
    conversation.move(conversation.now + timedelta(seconds=1))
    assert asks(conversation, "SJB", channel) == ("awaiting_confirmation" if others else "refused")


def test_silence_is_no_decline_and_the_customers_own_orders_do_not_count() -> None:
    conversation = played("> KTSJB\n< …\n> KTTQ\n< …\n> KTYS\n< …")
    assert asks(conversation, "CL", Channel.SP) == "awaiting_confirmation"
    conversation.play("@ +25h")
    assert asks(conversation, "CL", Channel.SP) == "awaiting_confirmation"


# ---- free periods and trials


def test_ordering_again_every_third_day_is_not_free() -> None:
    conversation = played(
        "> KTSJB\n< …，72小时内退订免费。…\n> [1008620400] 是\n< …72小时内退订免费。…\n@ +2d\n> QXSJB\n< …72小时内退订，不收费…"
    )
    conversation.play("""
        > KTSJB
        < …72小时内退订不再免费。…
        > [1008620401] 是
        < 您已成功订购手机报(新华)，03月04日起生效，资费3元/月。退订发送0000到10086。中国移动
        > QXSJB
        < …可用至03月31日，当月费用3元照常收取…
        = SJB ending 2026-03-31
    """)


@pytest.mark.parametrize(("days", "free"), [(180, False), (181, True)])
def test_the_free_hours_are_given_again_after_180_days(days: int, *, free: bool) -> None:
    conversation = played("> KTSJB\n> [1008620400] 是\n> QXSJB\n= SJB ended")
    conversation.move(conversation.now + timedelta(days=days))
    (asked,) = conversation.text("KTSJB")
    assert ("，72小时内退订免费" in asked.text, "退订不再免费" in asked.text) == (free, not free)


@pytest.mark.parametrize(("days", "trial"), [(180, False), (181, True)])
def test_a_trial_is_given_again_after_180_days(days: int, *, trial: bool) -> None:
    conversation = played("> KTZQ\n> [1008620400] 是\n> QXZQ\n= ZQ ended")
    conversation.move(conversation.now + timedelta(days=days))
    (asked,) = conversation.text("KTZQ")
    assert ("先免费体验7天" in asked.text, "您已体验过" in asked.text) == (trial, not trial)
    conversation.text("是", asked.number)
    assert conversation.states()["ZQ"] == ("trial" if trial else "active")


def test_an_imported_trial_counts_as_given() -> None:
    held = has("TQ", "2026-03-01 12:00", trial_until="2026-03-20 12:00")
    catalogue = changed(WITH_TRIAL, SERVICE, "TQ", {"trial_days": 7})
    conversation = Conversation(has=(held,), catalogue=catalogue).play(
        "> QXTQ\n= TQ ended\n> KTTQ\n< …您已体验过，不再免费体验，…"
    )
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    assert order.trial_days == 0
