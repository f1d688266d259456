"""New terms of a service: worse ones apply only after the subscriber's yes (safety.md 3)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.domain.account import Language, SubscriberStatus
from app.domain.catalogue import CancelEffect, ConfirmMode
from app.domain.orders import Order, OrderState
from app.domain.subscriptions import Subscription
from app.domain.turn import TimerDue
from tests.commands.transcript import Conversation, policy
from tests.commands.world import FOUR, SUBSCRIBER, has, shanghai

DAY = "2026-04-01 00:00"


def announced(
    price_fen: int = 700, effect: CancelEffect = CancelEffect.IMMEDIATE, *, code: str = "CL", **given: object
) -> Conversation:
    """A conversation in which new terms of one of four services have just been announced."""
    conversation = Conversation(**{"has": FOUR, **given})  # type: ignore[arg-type]
    data = AnnouncedTerms("change-1", price_fen, effect, shanghai(DAY), "api:catalogue").text()
    conversation.happens(TimerDue(NEW_TERMS, f"subscription-{code}", conversation.now, data))
    return conversation


def held(conversation: Conversation, code: str = "CL") -> Subscription:
    return conversation.account.subscriptions[f"subscription-{code}"]


def order_states(conversation: Conversation) -> list[OrderState]:
    return [order.state for order in conversation.account.records[Order].values() if isinstance(order, Order)]


def test_a_yes_brings_the_new_terms_on_their_day() -> None:
    conversation = announced(700, CancelEffect.MONTH_END)
    assert conversation.sent[-1].text == (
        "尊敬的客户，您好！您使用的中国移动的彩铃业务自04月01日00时00分起资费调整：现5元/月，调整后7元/月，"
        "无合约期，可随时退订，退订后可用至月底(当月照常收费)。请在此前回复“是”同意，"
        "回复其他内容或不回复则届时停止，不再收费，回复免费。退订发送0000到10086。中国移动"
    )
    conversation.play(
        """
        @ +10d
        > [1008620400] 是
        < [1008620400 result] 您已同意彩铃的新资费，自04月01日00时00分起资费为7元/月。退订发送0000到10086。中国移动
        > 0000
        < …1、彩铃5元/月；…
        @ 2026-04-01 00:00:01
        <
        > 0000
        < …1、彩铃7元/月；…
        = CL active
        """
    )
    after = held(conversation)
    assert after.terms.cancel_effect is CancelEffect.MONTH_END
    assert after.confirmed_at == shanghai("2026-03-12 10:00")
    assert conversation.chain_is_whole()


def test_without_a_yes_it_ends_on_the_day() -> None:
    for answer, state in (("", OrderState.EXPIRED), ("> [1008620400] 不", OrderState.DECLINED)):
        conversation = announced().play(
            f"""
            {answer}
            @ 2026-04-01 00:00
            = CL active
            @ 2026-04-01 07:00
            < [10086 notice] 您好！因您未确认彩铃的新资费，该业务已于04月01日停止，不再收费。中国移动
            = CL ended
            """
        )
        assert held(conversation).ends_at == shanghai(DAY)
        assert order_states(conversation) == [state]
        conversation.play("> [1008620400] 是\n< …")
        assert conversation.states()["CL"] == "ended"


def test_no_worse_terms_need_no_yes() -> None:
    conversation = announced(400).play("@ 2026-04-01 00:00:01\n<\n> 0000\n< …1、彩铃4元/月；…")
    assert order_states(conversation) == []
    same = announced(300, CancelEffect.IMMEDIATE, code="SJB").play("@ 2026-04-01 00:00:01\n<\n= SJB active")
    assert held(same, "SJB").terms.cancel_effect is CancelEffect.IMMEDIATE


def test_a_slower_cancel_effect_is_worse() -> None:
    conversation = announced(500, CancelEffect.WITHIN_24H)
    assert order_states(conversation) == [OrderState.AWAITING]


def test_after_an_unsubscribe_nothing_is_asked_and_a_yes_counts_for_nothing() -> None:
    conversation = Conversation().play("> QXSJB\n= SJB ending 2026-03-31")
    data = AnnouncedTerms("change-1", 900, CancelEffect.IMMEDIATE, shanghai(DAY), "api:catalogue").text()
    conversation.happens(TimerDue(NEW_TERMS, "subscription-SJB", conversation.now, data))
    assert order_states(conversation) == []
    unsubscribed = announced().play(
        "> QXCL\n= CL ended\n> [1008620400] 是\n< …已失效…\n@ 2026-04-01 08:00\n<\n= CL ended"
    )
    assert unsubscribed.chain_is_whole()


def test_services_in_the_plan_are_not_asked_about() -> None:
    inside = replace(has("CL"), in_plan=True)
    conversation = announced(has=(inside,))
    assert order_states(conversation) == []
    conversation.play("@ 2026-04-01 08:00\n= CL active")


def test_asked_by_day_only_and_again_if_it_did_not_arrive() -> None:
    night = announced(start="2026-03-02 23:00")
    assert night.sent == []
    night.play("@ 2026-03-03 06:59:59\n<\n@ 2026-03-03 07:00\n< [1008620400 confirmation] …")
    lost = Conversation().play("! refusing")
    data = AnnouncedTerms("change-1", 700, CancelEffect.IMMEDIATE, shanghai(DAY), "api:catalogue").text()
    lost.happens(TimerDue(NEW_TERMS, "subscription-CL", lost.now, data))
    lost.play(
        "! taking\n@ +24h\n< [1008620401 confirmation] …\n> [1008620401] 是\n< …同意…\n@ 2026-04-01 00:00:01\n= CL active"
    )
    assert held(lost).terms.price_fen == 700


def test_the_announcement_twice_is_one_question() -> None:
    conversation = announced()
    data = AnnouncedTerms("change-1", 700, CancelEffect.IMMEDIATE, shanghai(DAY), "api:catalogue").text()
    conversation.happens(TimerDue(NEW_TERMS, "subscription-CL", conversation.now, data))
    assert order_states(conversation) == [OrderState.AWAITING]


def test_a_yes_needs_no_balance() -> None:
    poor = replace(Conversation().subscriber, balance_fen=0)  # type: ignore[type-var]
    announced(subscriber=poor).play("> [1008620400] 是\n< …同意…\n@ 2026-04-01 00:00:01\n= CL active")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "您的号码已停机，暂不能确认彩铃的新资费，现有资费未变。复机后请在04月01日00时00分前再次回复“是”同意，否则该业务届时停止，不再收费。中国移动"),
        ({"policy": policy(confirm_mode=ConfirmMode.CODE)}, "…请在04月01日00时00分前再次回复确认短信中的验证码同意，…"),
        ({"subscriber": replace(SUBSCRIBER, language=Language.EN)}, "Your number is suspended, so we cannot accept your agreement to the new terms of 彩铃 now; nothing has changed. Once it is active again reply YES before April 1, 00:00; otherwise 彩铃 stops then and nothing more is charged. China Mobile"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("again", [True, False])
def test_a_yes_in_suspension_can_be_said_again(given: dict[str, object], said: str, *, again: bool) -> None:
    conversation = announced(**given)  # type: ignore[arg-type]
    (order,) = conversation.account.records_of(Order)
    yes = order.code or "是"

    def becomes(status: SubscriberStatus) -> None:
        conversation.happens(SetSubscriber("api:crm", frozenset({"status"}), create=False, status=status))

    becomes(SubscriberStatus.SUSPENDED)
    conversation.play(f"> [1008620400] {yes}\n< [1008620400 result] {said}\n= CL active")
    becomes(SubscriberStatus.ACTIVE)
    if again:
        conversation.text(yes, "1008620400")
    conversation.play("@ 2026-04-01 00:00:01")
    assert (held(conversation).terms.price_fen, conversation.states()["CL"]) == (
        (700, "active") if again else (500, "ended")
    )
