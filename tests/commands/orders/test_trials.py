"""Trials: the question before the end, the end, and imports (flows.md 6, 17; safety.md 8, 19)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.commands.accounts.directory import SetSubscriber
from app.commands.accounts.import_lines import ImportSubscription
from app.commands.orders.trial_timers import trial_timers
from app.domain.account import SubscriberStatus
from app.domain.calendar import QuietHours, local
from app.domain.orders import Order, OrderState
from app.domain.subscriptions import Channel, Subscription, SubscriptionState
from app.domain.trials import question_due
from app.domain.turn import Stimulus, Turn
from tests.commands.orders.test_orders import BY_NAME, WITH_TRIAL, catalogue
from tests.commands.transcript import Conversation
from tests.commands.world import SUBSCRIBER, has, shanghai

QUIET = QuietHours()
DAYS_3 = timedelta(days=3)


def on_trial(until: str, started: str = "2026-03-01 12:00", start: str = "2026-03-16 09:00") -> Conversation:
    """A subscriber with one trial, its timers set as an import sets them; all times are Asia/Shanghai."""
    held = has("TQ", started, trial_until=until)
    conversation = Conversation(has=(held,), start=start, catalogue=WITH_TRIAL)
    turn = Turn(
        Stimulus(), conversation.account, conversation.catalogue, conversation.policy, conversation.carrier,
        conversation.now, conversation.now, conversation.ids, conversation.randbelow,
    )  # fmt: skip
    conversation.timers.update({(timer.kind, timer.subject): timer for timer in trial_timers(turn, held)})
    return conversation


def held(conversation: Conversation) -> Subscription:
    return conversation.account.subscriptions["subscription-TQ"]


def state(conversation: Conversation) -> OrderState:
    (order,) = conversation.account.records[Order].values()
    assert isinstance(order, Order)
    return order.state


# ---- when the gateway asks


@pytest.mark.parametrize(
    ("until", "started", "asked"),
    [
        ("2026-03-20 12:00", "2026-03-01 12:00", "2026-03-17 12:00"),
        ("2026-03-20 23:30", "2026-03-01 12:00", "2026-03-17 21:30"),
        ("2026-03-20 06:59", "2026-03-01 12:00", "2026-03-16 21:30"),
        ("2026-03-20 07:00", "2026-03-01 12:00", "2026-03-17 07:00"),
        ("2026-03-20 22:00", "2026-03-01 12:00", "2026-03-17 21:30"),
        ("2026-03-20 21:59", "2026-03-01 12:00", "2026-03-17 21:59"),
        ("2026-03-04 10:00", "2026-03-02 10:00", "2026-03-03 10:00"),  # two days: halfway
        ("2026-03-05 10:00", "2026-03-02 10:00", "2026-03-03 21:30"),  # as long as the notice: halfway, at 22:00
        ("2028-03-02 12:00", "2028-02-20 12:00", "2028-02-28 12:00"),  # over a leap day
        ("2027-01-02 12:00", "2026-12-01 12:00", "2026-12-30 12:00"),
    ],
)
def test_when_the_gateway_asks(until: str, started: str, asked: str) -> None:
    begun = shanghai(started)
    assert question_due(begun, shanghai(until), DAYS_3, QUIET, begun) == shanghai(asked)


def test_a_late_question_is_asked_as_soon_as_it_is_day() -> None:
    begun, ends = shanghai("2026-03-01 12:00"), shanghai("2026-03-20 12:00")
    assert question_due(begun, ends, DAYS_3, QUIET, shanghai("2026-03-19 15:00")) == shanghai("2026-03-19 15:00")
    assert question_due(begun, ends, DAYS_3, QUIET, shanghai("2026-03-19 23:00")) == shanghai("2026-03-20 07:00")
    # A trial that ends before the next day is not asked about; it ends at no cost.
    assert question_due(begun, shanghai("2026-03-20 06:00"), DAYS_3, QUIET, shanghai("2026-03-19 23:00")) is None


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  made aware
    st.timedeltas(timedelta(minutes=1), timedelta(days=400)),
    st.timedeltas(timedelta(0), timedelta(days=400)),
)
def test_always_by_day_and_within_the_trial(begun: datetime, length: timedelta, after: timedelta) -> None:
    asked = question_due(begun, begun + length, DAYS_3, QUIET, begun + after)
    if asked is None:
        return
    assert begun <= asked < begun + length
    assert 7 <= local(asked).hour < 22
    wanted = begun + length - DAYS_3 if length > DAYS_3 else begun + length / 2
    assert asked <= wanted or asked == QUIET.release(max(begun + after, begun))


# ---- how trials end


def test_a_yes_goes_on_at_the_price_from_the_end_of_the_trial() -> None:
    conversation = on_trial("2026-03-20 12:00").play(
        """
        @ 2026-03-17 11:59:59
        <
        @ +1s
        < [1008620400 confirmation] 尊敬的客户，您好！您免费体验的墨迹的天气预报业务将于03月20日12时00分到期。继续使用的资费为2元/月，无合约期，可随时退订，退订立即生效。请在到期前回复“是”确认，回复其他内容或不回复则到期停止，不收费，回复免费。退订发送0000到10086。中国移动
        @ +1d
        > [1008620400] 是
        < [1008620400 result] 您已确认继续使用天气预报(墨迹)，免费体验至03月20日12时00分，此后资费2元/月。退订发送0000到10086。中国移动
        = TQ trial
        > [1008620400] 是
        < …此前已确认…
        @ 2026-03-20 12:00:01
        <
        = TQ active
        """
    )
    assert held(conversation).confirmed_at == shanghai("2026-03-18 12:00")
    assert held(conversation).goes_on
    assert [record.kind for record in conversation.evidence] == ["order-asked", "trial-confirmed", "trial-over"]
    (event,) = conversation.outcome.events
    assert (event.type, event.data["action"], event.data["goes_on"]) == ("subscription.trial_over", 1, True)


def test_a_yes_counts_to_the_last_instant() -> None:
    conversation = on_trial("2026-03-20 12:00").play(
        """
        @ 2026-03-20 12:00
        = TQ trial
        > [1008620400] 1
        < …继续使用天气预报…
        @ +1s
        = TQ active
        """
    )
    assert state(conversation) is OrderState.CONFIRMED


@pytest.mark.parametrize("word", ["不要", "否", "2"])
def test_a_no_lets_the_service_end_with_its_trial(word: str) -> None:
    conversation = on_trial("2026-03-20 12:00").play(
        f"""
        @ 2026-03-18 10:00
        > [1008620400] {word}
        < [1008620400 result] 好的，天气预报(墨迹)将于03月20日体验期满后停止，不收费。中国移动
        = TQ trial
        @ 2026-03-20 12:00
        = TQ trial
        @ +1s
        <
        = TQ ended
        """
    )
    assert held(conversation).ends_at == shanghai("2026-03-20 12:00")
    (event,) = conversation.outcome.events
    assert (event.receiver, event.type, event.data["action"]) == ("sp:MOJI", "subscription.ended", 2)


def test_silence_ends_the_trial_and_a_late_yes_starts_nothing() -> None:
    conversation = on_trial("2026-03-20 12:00").play(
        """
        @ 2026-03-20 12:00:01
        < [1008620400 confirmation] …
        = TQ ended
        > [1008620400] 是
        < [1008620400 reply] 本次确认已超时失效，天气预报(墨迹)按此前通知处理…
        > 是
        < …超时失效…
        = TQ ended
        """
    )
    assert state(conversation) is OrderState.EXPIRED
    assert conversation.chain_is_whole()


def test_from_the_order_through_the_trial_to_the_paid_service() -> None:
    Conversation(has=(), catalogue=WITH_TRIAL, start="2028-02-24 10:00").play(
        """
        > KTZQ
        > [1008620400] 是
        < …免费体验至03月02日10时00分，此后资费8元/月，届时需您再次确认。72小时内退订免费…
        = ZQ trial
        @ 2028-02-28 10:00
        < [1008620401 confirmation] …足球快讯业务将于03月02日10时00分到期。继续使用的资费为8元/月…
        > [1008620401] 1
        @ 2028-03-02 10:00:01
        = ZQ active
        """
    )


def test_an_unsubscribed_trial_is_not_asked_about() -> None:
    on_trial("2026-03-20 12:00").play("> QXTQ\n= TQ ended\n@ 2026-03-21 12:00\n<\n= TQ ended")


def test_an_unsubscribe_while_the_question_is_open() -> None:
    conversation = on_trial("2026-03-20 12:00").play(
        """
        @ 2026-03-18 10:00
        > QXTQ
        < …天气预报(墨迹)已退订…体验期内不收费…
        > KTTQ
        < [1008620401 confirmation] …您将订购墨迹的天气预报业务…
        > [1008620401] 是
        < [1008620401 result] …成功订购天气预报…
        = TQ active
        > [1008620400] 是
        < [1008620400 result] 天气预报(墨迹)的确认已失效…
        @ 2026-03-21 12:00
        = TQ active
        """
    )
    assert conversation.chain_is_whole()


def test_an_unsubscribe_after_the_yes_ends_the_trial_unpaid() -> None:
    on_trial("2026-03-20 12:00").play(
        "@ 2026-03-18 10:00\n> [1008620400] 是\n> QXTQ\n< …不收费…\n= TQ ended\n@ 2026-03-21 10:00\n<\n= TQ ended"
    )


def test_a_yes_refused_for_a_temporary_reason_can_be_repeated_before_the_end() -> None:
    conversation = on_trial("2026-03-20 12:00").play("@ 2026-03-18 10:00")
    for change, answer in (
        (
            {"status": SubscriberStatus.SUSPENDED},
            "您的号码已停机，暂不能确认继续使用天气预报(墨迹)，未收费。复机后请在03月20日12时00分前再次回复“是”确认，否则体验期满后停止，不收费。中国移动",
        ),
        (
            {"balance_fen": 199},
            "您的话费余额不足2元，暂不能确认继续使用天气预报(墨迹)，未收费。充值后请在03月20日12时00分前再次回复“是”确认，否则体验期满后停止，不收费。中国移动",
        ),
    ):
        conversation.account = replace(conversation.account, subscriber=replace(SUBSCRIBER, **change))
        conversation.play(f"> [1008620400] 是\n< [1008620400 result] {answer}\n= TQ trial")
    conversation.account = replace(conversation.account, subscriber=SUBSCRIBER)
    conversation.play("> [1008620400] 是\n< …继续使用…\n@ 2026-03-20 12:00:01\n= TQ active")


def test_a_trial_of_a_withdrawn_service_ends() -> None:
    conversation = on_trial("2026-03-20 12:00")
    conversation.catalogue = catalogue(replace(BY_NAME["TQ"], on_offer=False))
    conversation.play("@ 2026-03-20 12:00:01\n<\n= TQ ended")
    asked = on_trial("2026-03-20 12:00").play("@ 2026-03-18 10:00")
    asked.catalogue = catalogue(replace(BY_NAME["TQ"], on_offer=False))
    asked.play(
        """
        > [1008620400] 是
        < [1008620400 result] 天气预报(墨迹)已下线，不能继续使用，将于03月20日12时00分体验期满后停止，不收费。…
        @ 2026-03-20 12:00:01
        = TQ ended
        """
    )


def test_the_price_is_the_one_agreed_to() -> None:
    conversation = on_trial("2026-03-20 12:00")
    conversation.catalogue = catalogue(replace(BY_NAME["TQ"], price_fen=900))
    conversation.play(
        "@ 2026-03-18 10:00\n< …继续使用的资费为2元/月…\n> [1008620400] 是\n@ 2026-03-20 12:00:01\n= TQ active"
    )
    assert held(conversation).terms.price_fen == 200


def test_a_question_that_did_not_arrive_is_asked_again_a_day_later() -> None:
    conversation = on_trial("2026-03-20 12:00").play(
        """
        ! refusing
        @ 2026-03-17 13:00
        ! taking
        @ 2026-03-18 13:00
        < [1008620401 confirmation] …天气预报…
        > [1008620401] 是
        @ 2026-03-20 12:00:01
        = TQ active
        """
    )
    states = [order.state for order in conversation.account.records[Order].values() if isinstance(order, Order)]
    assert states == [OrderState.UNDELIVERABLE, OrderState.CONFIRMED]


def test_after_a_night_without_the_gateway_it_is_asked_by_day() -> None:
    conversation = on_trial("2026-03-20 12:00")
    timer = conversation.timers["trial-question", "subscription-TQ"]
    late = replace(timer, due_at=shanghai("2026-03-18 03:00"))
    conversation.timers["trial-question", "subscription-TQ"] = late
    conversation.play("@ 2026-03-18 06:59:59\n<\n@ 2026-03-18 07:00\n< [1008620400 confirmation] …天气预报…")


# ---- imports and the end of a tenure


def imported(conversation: Conversation, until: str) -> None:
    started = conversation.now - timedelta(days=10)
    request = ImportSubscription(
        "test", "TQ", SubscriptionState.TRIAL, in_plan=False, started_at=started, channel=Channel.APP,
        trial_ends_at=shanghai(until),
    )  # fmt: skip
    conversation.happens(request)


def test_an_imported_trial_is_asked_about_and_ends() -> None:
    conversation = Conversation(has=(), start="2026-03-16 09:00", catalogue=WITH_TRIAL)
    imported(conversation, "2026-03-20 12:00")
    conversation.play(
        "@ 2026-03-17 12:00\n< [1008620400 confirmation] …天气预报…\n@ 2026-03-20 12:00:01\n<\n= TQ ended"
    )


def test_an_import_of_a_later_end_moves_it() -> None:
    conversation = Conversation(has=(), start="2026-03-16 09:00", catalogue=WITH_TRIAL)
    imported(conversation, "2026-03-18 12:00")
    imported(conversation, "2026-03-25 12:00")
    conversation.play("@ 2026-03-21 12:00\n= TQ trial\n@ 2026-03-25 12:00:01\n= TQ ended")


def test_an_import_keeps_a_yes_given_before() -> None:
    conversation = on_trial("2026-03-20 12:00").play("@ 2026-03-18 10:00\n> [1008620400] 是")
    imported(conversation, "2026-03-22 12:00")
    conversation.play("@ 2026-03-20 13:00\n= TQ trial\n@ 2026-03-22 12:00:01\n<\n= TQ active")


def test_open_orders_expire_with_the_tenure() -> None:
    conversation = on_trial("2026-03-20 12:00").play("@ 2026-03-18 10:00")
    conversation.happens(SetSubscriber("test", frozenset({"status"}), create=False, status=SubscriberStatus.CLOSED))
    assert state(conversation) is OrderState.EXPIRED
