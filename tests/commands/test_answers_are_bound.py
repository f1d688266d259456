"""A yes answers only the question of the number it is sent to; an answer proves that its question arrived (safety.md 6)."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from app.commands.orders.calls import PlaceOrder
from app.commands.tickets.resolving import RespondFirst
from app.domain.charges import ChargeState
from app.domain.dialogue import Arrival
from app.domain.orders import Order, OrderState
from app.domain.policy import ProviderTraits
from app.domain.subscriptions import Channel, SubscriptionState
from app.domain.tickets import Ticket
from app.domain.turn import AwaitHandOver
from tests.commands.charges.charging import announce, charge_of, code
from tests.commands.orders.test_new_terms import announced
from tests.commands.orders.test_orders import WITH_TRIAL
from tests.commands.orders.test_trials import on_trial
from tests.commands.transcript import Conversation, policy
from tests.commands.world import FOUR, has

OWN = "1008620400"
# Numbers that a text can be sent to: those of the gateway, some of which asked nothing, and foreign ones.
NUMBERS = (
    "10086", "10086977", "10086901", "10086888", OWN, "1008620455", "10086123", "1008688", "10086204", "106581234", "", "+8613900139000",
)  # fmt: skip
WORDS = ("是", "是的", "Y", "yes", "YES", "确认", "“是”。", "確認")
ONES = ("1", "１", "①", "1。")


def ordered() -> Conversation:
    return Conversation(has=FOUR, catalogue=WITH_TRIAL).play("> KTYYH\n< [1008620400] …")


def by_an_sp() -> Conversation:
    conversation = Conversation(has=FOUR, catalogue=WITH_TRIAL)
    conversation.happens(PlaceOrder("api:sp", "YYH", Channel.SP))
    return conversation


def in_trial() -> Conversation:
    return on_trial("2026-03-20 12:00").play("@ 2026-03-17 12:00\n< [1008620400] …")


def running_out() -> Conversation:
    conversation = Conversation(has=(has("SJB", "2025-06-01 10:00"),), catalogue=WITH_TRIAL)
    return conversation.play("> QXSJB\n< …\n@ +1h\n> KTSJB\n< [1008620400] …继续使用…")


def new_terms() -> Conversation:
    return announced(900)


# Each leaves one question about something paid open, sent from 1008620400.
QUESTIONS: Mapping[str, Callable[[], Conversation]] = {
    "order": ordered, "order of an SP": by_an_sp, "trial": in_trial, "keeping": running_out, "terms": new_terms,
}  # fmt: skip


def paid(conversation: Conversation) -> set[tuple[str, SubscriptionState, bool]]:
    """Return the subscriptions with their states, and the new terms that were agreed to."""
    agreed = [
        (order.service_code, SubscriptionState.ACTIVE, True)
        for order in conversation.account.records[Order].values()
        if isinstance(order, Order) and order.state is OrderState.CONFIRMED
    ]
    held = conversation.account.subscriptions.values()
    return {(item.service_code, item.state, item.goes_on) for item in held} | set(agreed)


@pytest.mark.parametrize(("kind", "number"), list(itertools.product(QUESTIONS, NUMBERS)))
def test_a_yes_starts_or_keeps_something_paid_only_where_it_was_asked(kind: str, number: str) -> None:
    for word in (*WORDS, *ONES):
        conversation = QUESTIONS[kind]()
        before = paid(conversation)
        came = conversation.text(word, number)
        counts = number == OWN or (number == "10086" and word in WORDS)
        assert (paid(conversation) != before) is counts, f"{word!r} to {number}"
        if counts:
            (answer,) = [
                json.loads(record.payload or "{}")
                for record in conversation.evidence
                if "yes" in record.kind or "confirmed" in record.kind
            ]
            assert answer["asked"] in [sent.text for sent in conversation.sent if sent.number == OWN]
        elif word in WORDS:
            assert [OWN in sent.text for sent in came] == [True], f"{word!r} to {number}"
            conversation.text("是", OWN)
            assert paid(conversation) != before


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("text", ["YE", "你好", "1111", "JF", "TS 信号差", "1"])
def test_after_other_text_from_10086_a_yes_to_10086_does_not_count(kind: str, text: str) -> None:
    conversation = QUESTIONS[kind]()
    before = paid(conversation)
    assert "10086" in {sent.number for sent in conversation.text(text)}
    for word in WORDS:
        (came,) = conversation.text(word)
        assert OWN in came.text
        conversation.move(conversation.now.replace(microsecond=0))
        conversation.account = replace(
            conversation.account, limits=replace(conversation.account.limits, misunderstood=())
        )
    assert paid(conversation) == before
    conversation.text("是", OWN)
    assert paid(conversation) != before


def test_text_before_the_question_does_not_matter() -> None:
    Conversation(has=(), catalogue=WITH_TRIAL).play(
        "> YE\n< …\n> 你好\n< …\n> KTYYH\n< …\n> 是\n< [1008620400 result] …\n= YYH active"
    )


def test_a_yes_to_10086_after_an_agents_question_is_no_yes_to_the_order() -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL).play("> TS 信号差\n< …")
    conversation.happens(PlaceOrder("api:sp", "YYH", Channel.SP))
    (ticket,) = conversation.account.records[Ticket]
    conversation.happens(RespondFirst("agent:1", ticket, "您的问题解决了吗？请回复是或否"))
    conversation.play("> 是\n< [10086] …1008620400…\n> [1008620400] 是\n< …\n= YYH active")


@pytest.mark.parametrize("beside", ["0000", "1111", "TS"])
def test_beside_another_open_question_a_yes_to_10086_does_not_count(beside: str) -> None:
    conversation = Conversation(has=FOUR, catalogue=WITH_TRIAL).play(f"> {beside}\n< …\n> KTYYH\n< …")
    conversation.text("是")
    assert "YYH" not in conversation.states()
    conversation.play("> [1008620400] 是\n< …\n= YYH active")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_code_counts_at_every_number_of_the_gateway(number: str) -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL, policy=policy(confirm_mode="code")).play("> KTYYH\n< …")
    given = next(item.code for item in conversation.account.records[Order].values() if isinstance(item, Order))
    ours = number in ("10086", "10086977", "10086901", "10086888", OWN, "1008620455")
    assert given is not None
    conversation.text("是", number)
    assert "YYH" not in conversation.states()
    if number == OWN:  # 是 without the code declined the order
        return
    conversation.text(given, number)
    assert (conversation.states() == {"YYH": "active"}) is ours


@pytest.mark.parametrize("number", [number for number in NUMBERS if number != "10086999"])
def test_the_code_of_a_fee_disputes_it_at_every_number(number: str) -> None:
    conversation = Conversation(has=FOUR, catalogue=WITH_TRIAL).play("> 0000\n< …")
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> KTYYH\n< …")
    conversation.text(code(conversation, "c-1"), number)
    assert charge_of(conversation, "c-1").state is ChargeState.DISPUTED


def test_the_third_wrong_code_elsewhere_closes_the_question() -> None:
    conversation = Conversation(has=FOUR, catalogue=WITH_TRIAL, policy=policy(confirm_mode="code"))
    conversation.play("""
        > 0000
        < …
        > KTYYH
        < [1008620400] …
        > 9998
        < [10086 reply] 验证码有误，音乐盒未确认…
        # A pick is not a wrong code, and neither is the code of a fee.
        > 1
        < [10086977 result] 彩铃…
        > [10086977] 9997
        < …
        > [10086888] 9996
        < …
    """)
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    conversation.text("9995")
    conversation.text("9994")
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    assert (order.state, order.reason) == (OrderState.DECLINED, "wrong_codes")
    assert order.code is not None
    conversation.text(order.code)
    assert "YYH" not in conversation.states()
    assert conversation.chain_is_whole()


def test_with_a_single_number_an_order_asks_for_a_code() -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL, carrier=ProviderTraits("one", single_number=True))
    conversation.play("> KTYYH\n< [10086] …验证码…\n> 是\n< …验证码…")
    assert conversation.states() == {}
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    conversation.play(f"> {order.code}\n< …\n= YYH active")


# ---- an answer proves that its question arrived


@pytest.mark.parametrize("arrival", [Arrival.UNKNOWN, Arrival.UNDER_WAY])
@pytest.mark.parametrize("word", ["否", "N", "code", "TD", "取消", "TDcode"])
@pytest.mark.parametrize("number", ["10086901", "10086"])
def test_a_dispute_before_the_receipt_counts(arrival: Arrival, word: str, number: str) -> None:
    if number == "10086" and word in ("TD", "取消"):
        return  # at 10086 these are commands
    conversation = Conversation(has=FOUR)
    conversation.receipt = arrival
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    assert charge_of(conversation, "c-1").state is ChargeState.ANNOUNCED
    conversation.text(word.replace("code", code(conversation, "c-1")), number)
    disputed = charge_of(conversation, "c-1")
    assert (disputed.state, disputed.reminded_at) == (ChargeState.DISPUTED, conversation.now)
    conversation.move(conversation.now.replace(day=6))
    assert charge_of(conversation, "c-1").state is not ChargeState.CHARGED
    assert conversation.chain_is_whole()


@pytest.mark.parametrize("refused", [1, 2])
def test_a_no_disputes_only_fees_whose_reminder_may_have_arrived(refused: int) -> None:
    conversation = Conversation(has=FOUR)
    for place, service_code in enumerate(("SJB", "CL")):
        conversation.taking = place >= refused
        announce(conversation, f"c-{place}", service_code, 300, "2026-03-02 13:00")
        if not conversation.taking:
            id_, question = list(conversation.account.questions.items())[-1]
            failed = {**conversation.account.questions, id_: replace(question, failed_at=conversation.now)}
            conversation.account = replace(conversation.account, questions=failed)
    conversation.taking = False
    conversation.text("否", "10086901")
    states = [charge_of(conversation, f"c-{place}").state for place in range(2)]
    assert states == [ChargeState.ANNOUNCED if place < refused else ChargeState.DISPUTED for place in range(2)]
    conversation.play("@ 2026-03-02 20:00")
    assert charge_of(conversation, "c-0").state is not ChargeState.CHARGED


@pytest.mark.parametrize("kind", QUESTIONS)
@pytest.mark.parametrize("arrival", [Arrival.UNKNOWN, Arrival.UNDER_WAY, Arrival.UNSENT])
def test_a_fixed_yes_before_the_receipt(kind: str, arrival: Arrival) -> None:
    for number, word in itertools.product((OWN, "10086"), WORDS):
        conversation = QUESTIONS[kind]()
        before = paid(conversation)
        (id_,) = [question.id for question in conversation.account.questions.values() if question.extension == "20400"]
        waiting = replace(conversation.account.questions[id_], handed_over_at=None)
        conversation.account = replace(conversation.account, questions={**conversation.account.questions, id_: waiting})
        conversation.arrivals[id_] = arrival
        conversation.text(word, number)
        counts = arrival is Arrival.UNKNOWN and number == OWN
        assert (paid(conversation) != before) is counts, f"{word} to {number}"
        # An answer waits until the attempt to hand over its question has ended.
        assert isinstance(conversation.waiting, AwaitHandOver) is (arrival is Arrival.UNDER_WAY)
        if arrival is not Arrival.UNDER_WAY:
            assert conversation.account.questions[id_].closed_at is None or counts
        if counts:
            assert conversation.account.questions[id_].handed_over_at == conversation.now


@pytest.mark.parametrize("arrival", [Arrival.UNKNOWN, Arrival.UNDER_WAY])
@pytest.mark.parametrize(("word", "number"), [("否", "10086"), ("否", OWN), ("不要", OWN), ("YE", OWN)])
def test_a_no_before_the_receipt_counts(arrival: Arrival, word: str, number: str) -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL)
    conversation.receipt = arrival
    conversation.play("> KTYYH\n< [1008620400] …")
    conversation.text(word, number)
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    assert order.state is OrderState.DECLINED


@pytest.mark.parametrize("arrival", [Arrival.UNKNOWN, Arrival.UNDER_WAY])
def test_a_right_code_before_the_receipt_counts(arrival: Arrival) -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL, policy=policy(confirm_mode="code"))
    conversation.receipt = arrival
    conversation.play("> KTYYH\n< …")
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    conversation.text(order.code or "")
    assert conversation.states() == {"YYH": "active"}


def test_a_question_that_was_never_taken_accepts_no_yes() -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL).play("! refusing\n> KTYYH\n<\n! taking")
    for number in NUMBERS:
        conversation.text("是", number)
    assert conversation.states() == {}


@pytest.mark.parametrize("text", ["是", "否", "1", "不要", "你好"])
def test_an_answer_to_an_undeliverable_question_is_told_that_it_was(text: str) -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL).play(
        f"! refusing\n> KTYYH\n<\n! taking\n> [{OWN}] {text}"
    )
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    assert order.state is OrderState.UNDELIVERABLE
    assert "音乐盒的确认短信此前未能送达" in conversation.sent[-1].text
    assert "KTYYH" in conversation.sent[-1].text
    assert conversation.states() == {}


@pytest.mark.parametrize("number", ["10086", "10086977", "10086901", "10086888", "1008620455", "106581234"])
def test_a_wrong_code_counts_at_every_number_and_without_a_reply(number: str) -> None:
    conversation = Conversation(has=(), catalogue=WITH_TRIAL, policy=policy(confirm_mode="code")).play("> KTYYH\n< …")
    for _ in range(6):
        conversation.text("阿巴阿巴", number)
    for wrong in ("9998", "9997", "9996"):
        conversation.text(wrong, number)
    (order,) = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    assert (order.state, order.reason) == (OrderState.DECLINED, "wrong_codes")


def test_with_a_single_number_every_reply_comes_from_it() -> None:
    conversation = Conversation(has=FOUR, catalogue=WITH_TRIAL).play("> KTYYH\n< [1008620400] …")
    conversation.carrier = ProviderTraits("one", single_number=True)
    conversation.play("> QXCL\n< [10086] …")
    conversation.carrier = ProviderTraits("test")
    conversation.play("> 是\n< [10086] …1008620400…")
    assert "YYH" not in conversation.states()


def test_a_trial_goes_on_at_the_price_at_the_time_of_the_yes() -> None:
    conversation = in_trial()
    (held,) = conversation.account.subscriptions.values()
    dearer = replace(held, terms=replace(held.terms, price_fen=900))
    conversation.account = replace(conversation.account, subscriptions={held.id: dearer})
    conversation.play(
        "> [1008620400] 是\n< [1008620401] …继续使用的资费为9元/月…\n> [1008620401] 是\n< …此后资费9元/月…"
    )
    assert conversation.account.subscriptions[held.id].goes_on


@pytest.mark.parametrize("kind", ["trial", "keeping", "terms"])
def test_a_late_yes_for_a_held_service_is_not_told_that_it_was_not_ordered(kind: str) -> None:
    conversation = QUESTIONS[kind]()
    conversation.text("不要", OWN)
    (late,) = conversation.text("是", OWN)
    assert "按此前通知处理" in late.text
    assert "未订购" not in late.text
