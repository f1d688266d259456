"""Orders and the answers that confirm or decline them (flows.md 6, 17; safety.md 2-6, 9, 23)."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from app.commands.orders.calls import PlaceOrder
from app.domain.account import Language, Payment, SubscriberStatus
from app.domain.catalogue import CancelEffect, Catalogue, Service
from app.domain.orders import Order, OrderState, Reason, free_number
from app.domain.policy import ProviderTraits
from app.domain.subscriptions import Channel, SubscriptionState
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import CATALOGUE, FOUR, SERVICES, SUBSCRIBER, has, provider, service, shanghai

BY_NAME = {item.service_code: item for item in SERVICES}
SHORT = (*(provider(code, name) for code, name in (("CMCC", "中国移动"), ("XINHUA", "新华"), ("MOJI", "墨迹"))),)


def catalogue(*changed: Service) -> Catalogue:
    """A catalogue of all services, in which these replace those with their service codes."""
    services = {**BY_NAME, **{item.service_code: item for item in changed}}
    return Catalogue.of(2, list(SHORT), list(services.values()))


TRIAL = replace(service("ZQ", "足球快讯", 800, sp="XINHUA"), trial_days=7)
WITH_TRIAL = catalogue(TRIAL, replace(BY_NAME["YYH"], on_offer=True))


def order_of(conversation: Conversation, service_code: str) -> Order:
    """Return the newest order of a service."""
    orders = [item for item in conversation.account.records[Order].values() if isinstance(item, Order)]
    return [item for item in orders if item.service_code == service_code][-1]


def played(transcript: str, **given: object) -> Conversation:
    return play(transcript, **{"has": (), "catalogue": WITH_TRIAL, **given})


def test_the_question_names_all_terms() -> None:
    played(
        """
        > KTSJB
        < [1008620400 confirmation] 尊敬的客户，您好！您将订购新华的手机报业务，3元/月，无合约期，可随时退订，退订后可用至月底(当月照常收费)，72小时内退订免费。请在24小时内回复“是”确认订购，回复其他内容或不回复则不订购，回复免费。退订发送0000到10086。中国移动
        > KTZQ
        < [1008620401 confirmation] …新华的足球快讯业务，8元/月，先免费体验7天，期满前再次征询您，未确认则到期停止、不收费，…退订立即生效，72小时内退订免费。…
        > KTGS
        < [1008620402 confirmation] …故事点播业务，2.50元/次，无合约期，可随时退订，退订后可用至月底，72小时内退订免费。请在…
        > KTKD
        < [1008620403 confirmation] …宽带电视业务，19.90元/月，…退订方式：请拨打10086，或到营业厅办理。中国移动
        """
    )
    played(
        """
        > KTSJB
        < [1008620400 confirmation] Dear customer, you are about to order 手机报 from 新华, CNY3/month, no contract, can be stopped at any time, runs to the end of that month (still charged), free if stopped within 72 hours. Reply YES within 24h to order; any other reply, or none, means no. To stop it send 0000 to 10086. China Mobile
        > [1008620400] yes
        < [1008620400 result] You have ordered 手机报(新华) at CNY3/month, starting March 2. Stopping it within 72 hours is free. To stop it send 0000 to 10086. China Mobile
        """,
        subscriber=replace(SUBSCRIBER, language=Language.EN),
        carrier=ProviderTraits("test"),
    )


@pytest.mark.parametrize("word", ["是", "是的", "Y", "yes", "确认", "1", "是。", "“是”", " Ｙ ", "１", "確認", "①"])
def test_a_yes_starts_the_service(word: str) -> None:
    played(
        f"""
        > KTSJB
        > [1008620400] {word}
        < [1008620400 result] 您已成功订购手机报(新华)，03月02日起生效，资费3元/月。72小时内退订免费。退订发送0000到10086。中国移动
        = SJB active
        > [1008620400] {word}
        < [1008620400 reply] 您此前已确认手机报(新华)，无需重复回复。查询请发送0000。中国移动
        """
    )


@pytest.mark.parametrize(
    "word", ["否", "N", "不要", "是不是", "好", "2", "11", "1,2", "多少钱", "👍", "", "QX99", "KTV包厢"]
)
def test_any_other_text_to_the_orders_number_is_a_no(word: str) -> None:
    conversation = played("> KTSJB")
    first = conversation.text(word, "1008620400")[0]
    assert (first.kind, first.text) == ("result", "好的，您未订购手机报(新华)，不收费。中国移动")
    conversation.play("> [1008620400] 是\n< [1008620400 reply] 您此前未确认手机报(新华)，未订购…")
    assert conversation.states() == {}
    assert order_of(conversation, "SJB").state is OrderState.DECLINED


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("0000", "…没有正在使用…"),
        ("KTTQ", "…订购墨迹的天气预报…"),
        ("QXCL", "彩铃已于…"),
        ("帮助", "您可发送以下指令…"),
    ],
)
def test_a_keyword_to_the_orders_number_declines_and_is_obeyed(word: str, answer: str) -> None:
    running = (has("CL"),) if word == "QXCL" else ()
    conversation = played(
        f"""
        > KTSJB
        > [1008620400] {word}
        < [1008620400 result] 好的，您未订购手机报(新华)，不收费。中国移动
        < {answer}
        > [1008620400] 是
        < …此前未确认手机报…
        """,
        has=running,
    )
    assert "SJB" not in conversation.states()
    payloads = [json.loads(record.payload or "{}") for record in conversation.evidence]
    assert [item["answer"] for item in payloads if item.get("state") == "declined"] == [word]
    assert conversation.chain_is_whole()


def test_a_yes_alone_confirms_neither_of_two_open_orders() -> None:
    played(
        """
        > KTSJB
        < [1008620400 confirmation] …
        > KTYYH
        < [1008620401 confirmation] …
        > 是
        < [10086 reply] 您有多条短信待回复，未作任何更改。请分别回复至对应号码：确认手机报(新华)请回复至1008620400；确认音乐盒请回复至1008620401。中国移动
        > 否
        < [10086 reply] 您有多条短信待回复…
        > [1008620401] 是
        < [1008620401 result] …音乐盒…
        = YYH active
        # The gateway has sent other text from 10086 since.
        > 确认
        < [10086 reply] 您的回复未生效，未作任何更改。请回复至对应号码：确认手机报(新华)请回复至1008620400。中国移动
        > [1008620400] 确认
        < [1008620400 result] …手机报…
        = SJB active
        """
    )


def test_to_10086_itself_1_does_not_confirm_and_other_text_does_not_decline() -> None:
    conversation = played(
        """
        > KTSJB
        > 1
        < [10086 reply] 抱歉，未能识别…
        > 好的
        < [10086 reply] 抱歉，未能识别…
        """
    )
    assert order_of(conversation, "SJB").state is OrderState.AWAITING
    conversation.play("> 否\n< [1008620400 result] 好的，您未订购手机报…\n> 是\n< …此前未确认…")


def test_an_order_answered_1_while_a_listing_is_open() -> None:
    played(
        """
        > 0000
        > KTYYH
        > [1008620400] 1
        < [1008620400 result] 您已成功订购音乐盒…
        = YYH active, CL active
        > [10086977] 1
        < [10086977 result] 彩铃…
        = YYH active, CL ended
        """,
        has=FOUR,
    )


def test_a_listing_takes_1_and_an_order_the_word() -> None:
    played(
        """
        > 0000
        > KTYYH
        > 1
        < [10086977 result] 彩铃…
        # The listing is open, too, so the reply says where to answer.
        > 是
        < [10086 reply] …请回复至对应号码：确认音乐盒请回复至1008620400。中国移动
        > [1008620400] 是
        < [1008620400 result] …音乐盒…
        = CL ended, YYH active
        """,
        has=FOUR,
    )


def test_an_order_expires_just_after_24_hours_of_silence() -> None:
    played("> KTSJB\n@ +24h\n<\n> [1008620400] 是\n< …成功订购…03月03日起…\n= SJB active")
    conversation = played(
        """
        > KTSJB
        @ +24h1s
        <
        > [1008620400] 是
        < [1008620400 reply] 本次确认已超时失效，未为您办理手机报(新华)，不收费。如需订购请发送1111。中国移动
        > 是
        < …超时失效…
        > [1008620400] 谢谢
        < [10086 reply] 抱歉，未能识别…
        """
    )
    assert (conversation.states(), order_of(conversation, "SJB").state) == ({}, OrderState.EXPIRED)


def test_an_answer_from_before_the_end_that_comes_after_it_reopens_nothing() -> None:
    conversation = played("> KTSJB\n@ +24h1s")
    came = conversation.text("是", "1008620400", sent_at=shanghai("2026-03-03 09:59"))
    assert "超时失效" in came[0].text
    assert conversation.states() == {}


def test_a_service_starts_on_the_day_of_the_yes() -> None:
    played("> KTSJB\n@ 2026-03-03 00:01\n> [1008620400] 是\n< …03月03日起…", start="2026-03-02 23:58")
    played("> KTSJB\n@ 2028-02-29 23:59:59\n> [1008620400] 是\n< …02月29日起…", start="2028-02-29 22:00")
    conversation = played(
        "> KTZQ\n> [1008620400] 是\n< …02月29日起生效，免费体验至03月07日23时59分…", start="2028-02-29 23:59"
    )
    subscription = conversation.account.running_subscription("ZQ", conversation.now)
    assert subscription.trial_ends_at == shanghai("2028-03-07 23:59")  # type: ignore[union-attr]
    played("> KTSJB\n@ 2027-01-01 00:00\n> [1008620400] 是\n< …01月01日起…", start="2026-12-31 23:59")


def test_orders_are_asked_about_at_any_hour() -> None:
    for hour in ("21:59", "22:00", "03:00", "06:59", "07:00"):
        played("> KTSJB\n< [1008620400 confirmation] …", start=f"2026-03-02 {hour}")


# ---- refused


@pytest.mark.parametrize(
    ("text", "answer", "given"),
    [
        ("KTTQ", "您已订购天气预报(墨迹)，无需重复订购…", {"has": FOUR}),
        ("KTYYH", "音乐盒已下线，不能订购…", {"catalogue": CATALOGUE}),
        ("KTSJB", "您的号码已停机，暂不能订购手机报(新华)…", {"subscriber": replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED)}),
        ("KTSJB", "您的话费余额不足3元，未能订购手机报(新华)…", {"subscriber": replace(SUBSCRIBER, balance_fen=299)}),
        ("KTXYZ", "业务代码XYZ不存在，…1111…", {}),
        ("KT 彩虹", "该业务代码不存在，…1111…", {}),
        ("KT", "请在KT后加上业务代码…", {}),
    ],
)  # fmt: skip
def test_refused_at_once_with_the_reason(text: str, answer: str, given: dict[str, object]) -> None:
    conversation = played(f"> {text}\n< [10086 reply] {answer}", **given)
    before = conversation.states()
    conversation.text("是")
    assert conversation.states() == before


def test_an_order_without_an_immediate_fee_needs_no_balance() -> None:
    poor = replace(SUBSCRIBER, balance_fen=0)
    for word in ("KTZQ", "KTMF", "KTGS"):
        played(
            f"> {word}\n< [1008620400 confirmation] …\n> [1008620400] 是\n< [1008620400 result] …成功…", subscriber=poor
        )
    played("> KTSJB\n< [1008620400 confirmation] …", subscriber=replace(poor, payment=Payment.POSTPAID))
    played("> KTSJB\n< [1008620400 confirmation] …", subscriber=replace(poor, balance_fen=300))


def test_a_second_order_while_one_waits() -> None:
    played(
        """
        > KTSJB
        > ktsjb
        < [10086 reply] 手机报(新华)正在等待您确认，请回复此前的确认短信(1008620400)。中国移动
        > [1008620400] 是
        < …成功订购手机报…
        """
    )


def test_a_declined_order_can_be_made_again_with_its_own_yes() -> None:
    played(
        """
        > KTSJB
        > [1008620400] 否
        > KTYYH
        < [1008620401 confirmation] …
        > [1008620400] 是
        < [1008620400 reply] …此前未确认手机报…
        = YYH never
        > [1008620401] 是
        = YYH active, SJB never
        > QXYYH
        > KTYYH
        < [1008620402 confirmation] …
        > [1008620402] 是
        < …成功订购音乐盒…
        """
    )


# ---- a yes is checked like a new order


def test_a_yes_is_checked_like_a_new_order() -> None:
    for change, answer in (
        ({"status": SubscriberStatus.SUSPENDED}, "…已停机…"),
        ({"balance_fen": 599}, "…余额不足6元…"),
    ):
        conversation = played("> KTYYH")
        conversation.account = replace(conversation.account, subscriber=replace(SUBSCRIBER, **change))
        conversation.play(f"> [1008620400] 是\n< [1008620400 result] {answer}\n> [1008620400] 是\n< …已失效…")
        assert conversation.states() == {}
        assert order_of(conversation, "YYH").state is OrderState.REFUSED
    withdrawn = played("> KTYYH")
    withdrawn.catalogue = CATALOGUE
    withdrawn.play("> [1008620400] 是\n< …已下线，不能订购…")
    imported = played("> KTYYH")
    imported.account = replace(imported.account, subscriptions={"x": has(BY_NAME["YYH"])})
    imported.play("> [1008620400] 是\n< …您已订购音乐盒…")


@pytest.mark.parametrize("asked", [True, False])
def test_a_refusal_to_keep_a_service_says_when_it_stops(*, asked: bool) -> None:
    """Both when the order is refused and, once ``asked``, when the yes is."""
    suspended, offered = replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED), replace(BY_NAME["SJB"], on_offer=False)
    for change, said in (
        (
            suspended,
            "您的号码已停机，暂不能保留手机报(新华)，该业务仍将于03月31日停止。复机后请重新订购。",
        ),
        (None, "手机报(新华)已下线，不能保留，仍将于03月31日停止。…"),
    ):
        conversation = Conversation(has=(has("SJB", "2025-06-01 10:00"),)).play("> QXSJB")
        if asked:
            conversation.text("KTSJB")
        if change:
            conversation.account = replace(conversation.account, subscriber=change)
        else:
            conversation.catalogue = catalogue(offered)
        word = "> [1008620400] 是" if asked else "> KTSJB"
        conversation.play(f"{word}\n< {said}…\n= SJB ending 2026-03-31")


@pytest.mark.parametrize("fen", [900, 400])
def test_another_price_is_asked_about_anew(fen: int) -> None:
    conversation = played("> KTYYH\n< …6元/月…")
    conversation.catalogue = catalogue(replace(BY_NAME["YYH"], on_offer=True, price_fen=fen))
    conversation.play(
        f"""
        > [1008620400] 是
        < [1008620401 confirmation] …音乐盒业务，{fen // 100}元/月…24小时内…
        = YYH never
        > [1008620400] 是
        < [1008620400 reply] 音乐盒的订购内容已变更，未为您办理，请回复最新的确认短信。中国移动
        @ +23h
        > [1008620401] 是
        < …成功订购音乐盒，03月03日起生效，资费{fen // 100}元/月…
        = YYH active
        """
    )
    orders = conversation.account.records[Order]
    assert len(orders) == 1
    assert conversation.account.running_subscription("YYH", conversation.now).terms.price_fen == fen  # type: ignore[union-attr]


def test_a_changed_trial_or_cancel_effect_is_asked_about_again() -> None:
    for changed in (replace(TRIAL, trial_days=3), replace(TRIAL, cancel_effect=CancelEffect.MONTH_END)):
        conversation = played("> KTZQ")
        conversation.catalogue = catalogue(changed)
        conversation.play("> [1008620400] 是\n< [1008620401 confirmation] …\n= ZQ never")


# ---- questions that did not arrive


def test_a_yes_to_a_question_that_did_not_arrive_is_none() -> None:
    conversation = played("! refusing\n> KTSJB\n> 是\n> [1008620400] 是")
    assert conversation.states() == {}
    assert order_of(conversation, "SJB").state is OrderState.UNDELIVERABLE
    conversation.play(
        "! taking\n> 是\n< …手机报(新华)的确认短信此前未能送达…请发送KTSJB…\n> KTSJB\n< [1008620401 confirmation] …"
    )


def test_a_yes_that_was_sent_before_the_question_is_none() -> None:
    for early in ("09:57", "09:59:30", "09:59:59"):
        conversation = played("> KTSJB")
        conversation.text("是", "1008620400", sent_at=shanghai(f"2026-03-02 {early}"))
        assert conversation.states() == {}


# ---- numbers


def test_all_hundred_numbers_rest() -> None:
    conversation = played("")
    for _ in range(100):
        asked = conversation.text("KTSJB")[0]
        assert (asked.kind, asked.number[:-2]) == ("confirmation", "10086204")
        conversation.play(f"> [{asked.number}] 否\n@ +1m")
    assert len({sent.number for sent in conversation.sent if sent.kind == "confirmation"}) == 100
    conversation.play("> KTSJB\n< [10086 reply] 您近期订购过于频繁，暂不能订购手机报…")
    assert order_of(conversation, "SJB").reason is Reason.TOO_MANY_ORDERS
    first = next(sent.number for sent in conversation.sent if sent.kind == "confirmation")
    conversation.play(f"@ 2026-03-09 10:00:01\n> KTSJB\n< [{first} confirmation] …")


def test_numbers_are_drawn_from_those_unused_for_7_days() -> None:
    at = shanghai("2026-03-02 10:00")
    closed = order_of(played("> KTSJB\n> [1008620400] 否"), "SJB").closed(OrderState.DECLINED, at)
    drawn = [free_number((closed,), {"01"}, at, place.__mod__) for place in range(98)]
    assert sorted(filter(None, drawn)) == [f"{number:02}" for number in range(2, 100)]
    assert free_number((closed,), set(), at + timedelta(days=7, seconds=1), lambda _: 0) == "00"
    assert free_number((), {f"{number:02}" for number in range(100)}, at, lambda _: 0) is None


# ---- keeping an unsubscribed service


def test_an_ending_service_is_kept_after_a_yes_without_a_second_fee() -> None:
    conversation = played(
        """
        > QXSJB
        = SJB ending 2026-03-31
        > KTSJB
        < [1008620400 confirmation] 尊敬的客户，您好！您已退订新华的手机报业务，将于03月31日停止。继续使用的资费为3元/月，当月费用不重复收取，…回复“是”确认保留…
        = SJB ending 2026-03-31
        > KTSJB
        < …正在等待您确认…
        > [1008620400] 是
        < [1008620400 result] 已为您保留手机报(新华)，资费3元/月，已收取的当月费用不重复收取。…
        = SJB active
        @ 2026-04-01 00:01
        = SJB active
        """,
        has=FOUR,
    )
    kept = conversation.account.running_subscription("SJB", conversation.now)
    assert kept is not None
    assert (kept.id, kept.started_at) == ("subscription-SJB", shanghai("2025-06-01 10:00"))
    assert kept.confirmed_at == shanghai("2026-03-02 10:00")


def test_a_no_or_a_late_yes_keeps_nothing() -> None:
    played("> QXSJB\n> KTSJB\n> [1008620400] 不\n< …手机报(新华)仍将于03月31日停止…\n= SJB ending 2026-03-31", has=FOUR)
    played(
        """
        > QXSJB
        @ 2026-03-31 12:00
        > KTSJB
        @ 2026-04-01 09:00
        > [1008620400] 是
        < [1008620400 result] 手机报(新华)的确认已失效…
        = SJB ended
        > KTSJB
        < …您将订购新华的手机报业务…
        """,
        has=FOUR,
    )


# ---- orders placed by others


def placed(conversation: Conversation, **fields: object) -> Order:
    """Place an order over the management API and return it."""
    request = {"who": "api:shop", "service_code": "YYH", "channel": Channel.WEB, **fields}
    conversation.happens(PlaceOrder(**request))  # type: ignore[arg-type]
    return next(record for record in conversation.outcome.records if isinstance(record, Order))


def test_an_agents_order_is_asked_about_as_well() -> None:
    conversation = played("")
    order = placed(conversation, who="agent:mei", channel=Channel.AGENT, reason="she asked at the counter")
    assert order.state is OrderState.AWAITING
    conversation.play("> [1008620400] 是\n< …成功订购音乐盒…\n= YYH active")
    assert conversation.account.running_subscription("YYH", conversation.now).channel is Channel.AGENT  # type: ignore[union-attr]
    kinds = [record.kind for record in conversation.evidence]
    assert kinds == ["order-asked", "order-confirmed"]
    asked, confirmed = (json.loads(record.payload or "{}") for record in conversation.evidence)
    assert asked["reason"] == "she asked at the counter"
    assert (confirmed["ordered_by"], confirmed["answer"], confirmed["asked"]) == ("agent:mei", "是", asked["asked"])
    (event,) = conversation.outcome.events
    assert (event.receiver, event.type) == ("sp:CMCC", "subscription.ordered")
    assert (event.data["action"], event.data["reason"], event.data["access_mode"]) == (1, 1, 8)


def test_the_origin_of_an_order_is_told_from_the_evidence() -> None:
    played(
        "> KTYYH\n> [1008620400] 是\n> 0000\n> [10086977] 查1\n< 音乐盒于2026年03月02日通过短信开通，由本号码短信回复“是”确认。中国移动"
    )


# ---- codes

CODES = policy(confirm_mode="code")


@pytest.mark.parametrize("given", [{"policy": CODES}, {"carrier": ProviderTraits("one", single_number=True)}])
def test_only_the_code_is_a_yes(given: dict[str, object]) -> None:
    conversation = played("> KTYYH\n< …请在24小时内回复验证码…确认订购…", **given)
    number = conversation.sent[-1].number
    code = order_of(conversation, "YYH").code
    assert code is not None
    assert code in conversation.sent[-1].text
    if number == "10086":
        # A single-number provider: a word for yes does not confirm, other text does not decline.
        conversation.play("> 是\n< …确认音乐盒请回复确认短信中的验证码…\n> 1\n< …\n= YYH never")
    conversation.play(f"> [{number}] {code}\n< …成功订购音乐盒…\n= YYH active")
    conversation.play(f"> [{number}] {code}\n< …此前已确认音乐盒…")


def test_with_a_code_any_word_to_the_orders_number_is_a_no() -> None:
    for word in ("是", "1", "1234567"):
        played(f"> KTYYH\n> [1008620400] {word}\n< …未订购音乐盒…\n= YYH never", policy=CODES)


def test_a_code_to_10086_itself_confirms_its_order_among_several() -> None:
    conversation = played("> KTYYH\n> KTSJB", policy=CODES)
    conversation.play(f"> {order_of(conversation, 'SJB').code}\n< …成功订购手机报…\n= SJB active, YYH never")


def test_codes_are_neither_recently_used_nor_keywords() -> None:
    conversation = played("", policy=policy(confirm_mode="code", aliases={"1000": "0000"}))
    conversation.randbelow = lambda sides: 0 if sides == 9000 else sides - 1  # type: ignore[method-assign]
    codes = []
    for _ in range(5):
        conversation.play("> KTYYH")
        codes.append(order_of(conversation, "YYH").code)
        conversation.play(f"> [10086204{order_of(conversation, 'YYH').number}] 否")
    assert codes == ["1001", "1002", "1003", "1004", "1005"]
    conversation.play("@ +8d\n> KTYYH")
    assert order_of(conversation, "YYH").code == "1001"


def test_a_confirmed_order_with_a_trial_starts_the_trial() -> None:
    conversation = played("> KTZQ\n> [1008620400] 是")
    held = conversation.account.running_subscription("ZQ", conversation.now)
    assert held is not None
    assert (held.state, held.goes_on, held.confirmed_at) == (SubscriptionState.TRIAL, False, conversation.now)
