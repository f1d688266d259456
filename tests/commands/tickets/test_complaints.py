"""TS and CXTS: every complaint is a ticket with deadlines by tier (flows.md 12; safety.md 14, 24)."""

from dataclasses import replace

import pytest

from app.commands.collecting import load
from app.commands.router import Router
from app.commands.tickets.complaints import AgentComplaint
from app.domain.account import Brand, Language, SubscriberStatus
from app.domain.charges import Charge, ChargeKind, ChargeState
from app.domain.policy import ProviderTraits
from app.domain.refusals import RefusalReason
from app.domain.tickets import Ticket, TicketKind, TicketState
from app.domain.turn import Outcome, apply
from tests.commands.charges.charging import announce, code
from tests.commands.refusals import INVALID
from tests.commands.transcript import Conversation, play, policy
from tests.commands.world import FOUR, SUBSCRIBER, shanghai


def tickets(conversation: Conversation) -> tuple[Ticket, ...]:
    return conversation.account.records_of(Ticket)


def charge(charge_id: str, service_code: str, due_at: str, **fields: object) -> Charge:
    due = shanghai(due_at)
    whole = Charge(
        id=charge_id, made_at=shanghai("2026-02-20 10:00"), kind=ChargeKind.MONTHLY, service_code=service_code,
        subscription_id=f"subscription-{service_code}", amount_fen=300, period=due_at[:7], asked_due_at=due, due_at=due,
        channel=None,
    )  # fmt: skip
    return replace(whole, **fields)  # type: ignore[arg-type]


def with_charges(*charges: Charge, start: str = "2026-03-02 10:00") -> Conversation:
    conversation = Conversation(start=start)
    conversation.account = apply(conversation.account, Outcome(records=charges))
    return conversation


# ---- number and deadlines


@pytest.mark.parametrize(
    ("tier", "start", "said"),
    [
        (replace(SUBSCRIBER, vip=True), "2026-03-02 10:00", "8小时内(不晚于03月02日18时00分)处理完毕"),
        # Quiet hours do not extend a deadline.
        (replace(SUBSCRIBER, vip=True, brand=Brand.GOTONE), "2026-03-31 23:59", "8小时内(不晚于04月01日07时59分)"),
        (replace(SUBSCRIBER, brand=Brand.GOTONE), "2026-02-28 22:30", "24小时内(不晚于03月01日22时30分)处理完毕"),
        (replace(SUBSCRIBER, brand=Brand.MZONE), "2026-12-30 10:00", "48小时内(不晚于01月01日10时00分)处理完毕"),
        (
            replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED),
            "2028-02-27 10:00",
            "48小时内(不晚于02月29日10时00分)",
        ),
    ],
)
def test_deadlines_by_tier(tier: object, start: str, said: str) -> None:
    conversation = play("> TS 手机报我没有订过", subscriber=tier, start=start)
    (ticket,) = tickets(conversation)
    conversation.play(
        f"> 10086\n< …\n> TS 又一次\n< [10086 result] 您的投诉已受理，工单号…。我们将在48小时内(…{said}…CXTS。中国移动"
    )
    assert (ticket.kind, ticket.state, ticket.text) == (TicketKind.COMPLAINT, TicketState.OPEN, "手机报我没有订过")
    assert len(ticket.number) == 8
    assert not set(ticket.number) & set("0O1I")
    assert len({other.number for other in tickets(conversation)}) == 2


@pytest.mark.parametrize(
    "text",
    ["投诉 多收了我的钱", "TS#多收了我的钱", "ts 多收了我的钱", "投訴 多收了我的钱", "ＴＳ　多收了我的钱", "“TS 多收了我的钱", "T S#多收了我的钱"],
)  # fmt: skip
def test_keywords_and_separators(text: str) -> None:
    assert [ticket.text for ticket in tickets(play(f"> {text}"))] == ["多收了我的钱"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("TS多收了我的钱", "多收了我的钱"),
        ("ts10元哪来的", "10元哪来的"),
        ("投诉：多收了我的钱", "多收了我的钱"),
        ("投訴:多收了我的钱", "多收了我的钱"),
        ("投诉多收了我的钱", "多收了我的钱"),
        ("我要投诉 多收了我的钱", "多收了我的钱"),
        ("我要投诉，多收了我的钱。", "多收了我的钱。"),
        ("TS+多收了我的钱", "多收了我的钱"),
        ("TS >5元/月", ">5元/月"),
        ("TS 多收？", "多收？"),
        ("“TS 多收了我的钱”", "多收了我的钱"),
        (" “ TS 多收了我的钱 ” 。", "多收了我的钱"),
        ('"TS 多收了我的钱"', "多收了我的钱"),
        ("（TS 多收了我的钱）", "多收了我的钱"),
        ("【“TS 多收了我的钱”】", "多收了我的钱"),
        ("【投诉】多收了我的钱", "多收了我的钱"),
        ("“TS”多收了我的钱", "多收了我的钱"),
        ("（TS）多收了我的钱（手机报）", "多收了我的钱（手机报）"),
        ("“TS 说“好””", "说“好”"),
        ("TS “好”", "“好”"),
        ("TS 手机报(新华)", "手机报(新华)"),
        ("(TS 手机报(新华)", "手机报(新华)"),
        ("“TS” 他说 “好”", "他说 “好”"),
        ("TS 他说“好”", "他说“好”"),
        ("TS乱\n扣\n费", "乱\n扣\n费"),
    ],
)
def test_quotes_brackets_and_punctuation_around_the_keyword(text: str, kept: str) -> None:
    conversation = Conversation()
    conversation.text(text)
    assert [ticket.text for ticket in tickets(conversation)] == [kept]


def test_other_words_with_the_prefix_and_keywords_without_a_text() -> None:
    for text in ("T shirt", "tsunami", "TSLA", "投诉查询", "CXTS"):
        assert not tickets(play(f"> {text}"))
    for text in ("TS", "TS。", "TS：", "“TS”", "TS ?", "我要投诉", "我要投訴！", "投诉，", "TS##", "TS ……"):
        play(f"> {text}\n< [10086 reply] 请在10分钟内直接回复您要投诉的内容…")


def test_aliases_are_removed_like_keywords() -> None:
    conversation = Conversation(policy=policy(aliases={"WDTS": "TS", "ts2": "投诉"}))
    conversation.router = Router(load({"WDTS": "TS", "ts2": "投诉"}))
    conversation.play("> wdts 乱扣费\n> WDTS：乱扣费\n> TS2乱扣费\n> TS 乱扣费")
    assert [ticket.text for ticket in tickets(conversation)] == ["乱扣费"] * 4


def test_any_text_after_the_keyword_is_the_complaint() -> None:
    conversation = play("""
        > TS 我发了0000没用
        < [10086 result] 您的投诉已受理…
        > TS QXCL
        < [10086 result] 您的投诉已受理…
        > TS#是
        < [10086 result] 您的投诉已受理…
        = CL active
    """)
    assert [ticket.text for ticket in tickets(conversation)] == ["我发了0000没用", "QXCL", "是"]


def test_a_password_in_a_complaint_is_kept_masked() -> None:
    (ticket,) = tickets(play("> TS 我发了802357#739184#739184没有用"))
    assert ticket.text == "我发了******#******#******没有用"


def test_in_english() -> None:
    play(
        """
        > TS
        < What is your complaint about? Please reply within ten minutes…
        > The news paper costs too much
        < [10086 result] Your complaint was received, ticket …. First answer within 48h (by March 4, 10:00), …
        > CXTS
        < Your open tickets: Ticket … (complaint, March 2): in progress, to be resolved by March 4, 10:00. China Mobile
        """,
        subscriber=replace(SUBSCRIBER, language=Language.EN),
    )


# ---- TS without a text


def test_ts_without_a_text_asks_and_the_next_text_is_the_complaint() -> None:
    conversation = play("""
        > TS
        < [10086 reply] 请在10分钟内直接回复您要投诉的内容，如“多收了我的费用”。中国移动
        @ +9m
        > 天天收到手机报很烦。
        < [10086 result] …(不晚于03月04日10时09分)…
        > 再说一句
        < 抱歉，未能识别您的短信…
    """)
    assert [ticket.text for ticket in tickets(conversation)] == ["天天收到手机报很烦。"]


def test_the_window_includes_its_last_instant() -> None:
    assert tickets(play("> TS\n@ +10m\n> 天天收到手机报很烦"))
    conversation = play("""
        > TS
        @ +10m1s
        > 天天收到手机报很烦
        < 您未在时限内回复投诉内容，本次投诉未受理。投诉请发送TS+投诉内容…
        > 1
        < 抱歉，未能识别您的短信…
    """)
    assert not tickets(conversation)


@pytest.mark.parametrize("text", ["1", "12", "①", "十二", "1,3", "是", "否", "Y", "n", "“1”。"])
def test_a_number_yes_or_no_is_never_the_complaint(text: str) -> None:
    conversation = play(f"> TS\n> {text}\n< 抱歉，未能识别您的回复，投诉未受理。…\n> 信号差\n< …已受理…")
    assert [ticket.text for ticket in tickets(conversation)] == ["信号差"]


def test_a_command_in_between_is_a_command() -> None:
    conversation = play("""
        > TS
        > QXCL
        < [10086977 result] 彩铃…
        > QXABC
        < [10086977] …ABC…
        > QX那个业务我没有订过
        < [10086 result] 您的投诉已受理…
    """)
    assert [ticket.text for ticket in tickets(conversation)] == ["QX那个业务我没有订过"]


def test_it_ranks_last_among_open_questions() -> None:
    conversation = play("""
        > 0000
        > TS
        > 1
        < [10086977 result] 彩铃…
        > 99
        < 清单中没有序号99…
        > 全部
        < …“是”…
        > 手机报我没有订过
        < [10086 result] 您的投诉已受理…
        > 是
        < [10086977 result] …
        = HT ending 2026-03-03, SJB ending 2026-03-31, TQ ended
    """)
    assert len(tickets(conversation)) == 1


def test_beside_an_order_and_a_charge() -> None:
    conversation = Conversation(has=FOUR[1:])
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play(f"""
        > KTCL
        < [1008620400] …
        > TS
        < …直接回复您要投诉的内容…
        > 否
        < 您有多条短信待回复…
        > {code(conversation, "c-1")}
        < [10086901 result] …
        > [1008620400] 是
        < [1008620400 result] …彩铃…
        > 好像多收了我的费用
        < [10086 result] 您的投诉已受理…
        = CL active, SJB active
    """)
    assert [ticket.kind for ticket in tickets(conversation)] == [TicketKind.FEE_DISPUTE, TicketKind.COMPLAINT]


def test_only_what_is_sent_to_10086_itself() -> None:
    conversation = play("""
        > TS
        > [10086901] 这是什么
        < 抱歉，未能识别您的短信…
        > [10086977] 这是什么
        < 抱歉，未能识别您的短信…
    """)
    assert not tickets(conversation)
    one_number = ProviderTraits("test", single_number=True)
    assert tickets(play("> TS\n> [10086977] 这是什么\n< …已受理…", carrier=one_number))


def test_a_second_ts_restarts_the_window_and_one_with_a_text_closes_the_question() -> None:
    play("""
        > TS
        @ +9m
        > TS
        @ +9m
        > 信号差
        < …已受理…
    """)
    play("""
        > TS
        > TS 信号差
        < …已受理…
        > 再说一句
        < 抱歉，未能识别您的短信…
    """)


# ---- which charge


def test_a_charge_is_named_by_its_code_its_service_or_its_id() -> None:
    open_one = charge("c-1", "SJB", "2026-03-05 12:00", state=ChargeState.REMINDED, code="8366")
    taken = charge(
        "fee-77", "SJB", "2026-02-05 12:00", state=ChargeState.CHARGED, settled_at=shanghai("2026-02-05 12:00")
    )
    for text, named in (
        ("8366是什么费用", ("c-1",)),
        ("手机报我没有订过", ("c-1",)),
        ("手 机 报 我没有订过", ("c-1",)),
        ("账单上fee-77不对", ("fee-77",)),
        ("8366和fee-77都不对", ("c-1", "fee-77")),
        ("183661", ()),
        ("彩铃不好听", ()),
    ):
        conversation = with_charges(open_one, taken).play(f"> TS {text}")
        (ticket,) = tickets(conversation)
        assert ticket.charge_ids == named, text
    with_charges(open_one).play(
        "> TS 手机报我没有订过\n< …涉及费用：03月手机报(新华)3元；如到期未有结论，已收取的先行退还。…"
    )


def test_a_charge_given_up_or_settled_long_ago_is_not_named() -> None:
    waived = charge("c-1", "SJB", "2026-03-05 12:00", state=ChargeState.WAIVED, settled_at=shanghai("2026-03-01 10:00"))
    old = charge("c-2", "TQ", "2025-12-20 12:00", state=ChargeState.CHARGED, settled_at=shanghai("2025-12-20 12:00"))
    nothing = charge("c-3", "CL", "2026-03-05 12:00", amount_fen=0)
    (ticket,) = tickets(with_charges(waived, old, nothing).play("> TS 手机报天气预报彩铃都不对"))
    assert ticket.charge_ids == ()


# ---- the list of open tickets


def test_open_tickets_are_listed_with_their_deadlines() -> None:
    conversation = play("> CXTS\n< [10086 reply] 您目前没有处理中的投诉…\n> TS 多收费\n@ +1h\n> TS 信号差")
    first, second = (ticket.number for ticket in tickets(conversation))
    conversation.play(f"""
        > 投诉查询
        < 您的工单进度如下：工单{first}(投诉，03月02日受理)：处理中，不晚于03月04日10时00分处理完毕；工单{second}(投诉，…11时00分处理完毕。中国移动
        @ 2026-03-04 10:30
        > CXTS
        < …工单{first}…：已超过时限，正在加急处理；工单{second}…处理中，不晚于…
    """)


# ---- by an agent


def test_an_agents_complaint_notifies_the_subscriber() -> None:
    conversation = with_charges(charge("c-1", "SJB", "2026-03-05 12:00"))
    (notice,) = conversation.happens(AgentComplaint("agent:7", "她说没有订过", "c-1"))
    assert notice.kind == "result"
    assert "手机报(新华)3元" in notice.text
    assert '"who":"agent:7"' in (conversation.evidence[-1].payload or "")
    conversation.happens(AgentComplaint("agent:7", "她说没有订过", "c-2"))
    assert conversation.outcome.refusal
    assert conversation.outcome.refusal.reason == INVALID
    assert len(tickets(conversation)) == 1
    nobody = Conversation(subscriber=None)
    nobody.happens(AgentComplaint("agent:7", "她说没有订过"))
    assert nobody.outcome.refusal
    assert nobody.outcome.refusal.reason is RefusalReason.UNKNOWN_SUBSCRIBER


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("TS+多收了我的钱", "多收了我的钱"),
        ("TS +8613700140000 骚扰我", "+8613700140000 骚扰我"),
        ("投诉：+86137骚扰", "+86137骚扰"),
    ],
)
def test_a_plus_after_the_keyword_is_a_separator_and_otherwise_part_of_the_text(text: str, complaint: str) -> None:
    conversation = play(f"> {text}")
    assert [ticket.text for ticket in tickets(conversation)] == [complaint]
