"""Staff respond and decide; deadlines are breached; charges are refunded once (flows.md 12, 17; safety.md 14)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.tickets.resolving import DecideRefund, RefundRequest, Resolve, RespondFirst
from app.domain.account import Brand, Language, Subscriber, SubscriberStatus
from app.domain.charges import Charge, ChargeState
from app.domain.refunds import Refund, RefundPolicy, SecondHalf
from app.domain.refusals import RefusalReason
from app.domain.tickets import Decision, Ticket, TicketState
from app.domain.turn import EventDraft, Outcome
from tests.commands.refusals import CONFLICT, INVALID, UNKNOWN
from tests.commands.tickets.test_complaints import charge, tickets, with_charges
from tests.commands.transcript import Conversation, Sent, play
from tests.commands.world import SUBSCRIBER, shanghai

MINUTE = timedelta(minutes=1)
VIP = replace(SUBSCRIBER, vip=True)
GOTONE = replace(SUBSCRIBER, brand=Brand.GOTONE)
CLOSING = SetSubscriber("api:x", frozenset({"status"}), create=False, status=SubscriberStatus.CLOSED)
TAKEN = charge("c-1", "SJB", "2026-03-02 09:00", state=ChargeState.CHARGED, settled_at=shanghai("2026-03-02 09:00"))


def the_ticket(conversation: Conversation) -> Ticket:
    return tickets(conversation)[-1]


def resolve(
    conversation: Conversation,
    decision: Decision = Decision.DONE,
    message: str | None = None,
    policy: RefundPolicy | None = None,
    charge_id: str | None = "c-1",
) -> list[Sent]:
    refund = RefundRequest(policy, charge_id) if policy else None
    return conversation.happens(Resolve("agent:7", the_ticket(conversation).id, decision, message, refund))


def decide(conversation: Conversation, *, confirmed: bool) -> list[Sent]:
    return conversation.happens(DecideRefund("agent:8", the_ticket(conversation).id, confirmed=confirmed))


def refused(conversation: Conversation) -> RefusalReason | None:
    return conversation.outcome.refusal.reason if conversation.outcome.refusal else None


def ledger(conversation: Conversation) -> Mapping[str, tuple[int, SecondHalf | None]]:
    return {entry.id: (entry.amount_fen, entry.second_half) for entry in conversation.account.records_of(Refund)}


def to_billing(outcome: Outcome) -> list[EventDraft]:
    return [event for event in outcome.events if event.receiver == "billing"]


def complaint(text: str = "手机报我没有订过", *charges: Charge, subscriber: Subscriber = SUBSCRIBER) -> Conversation:
    conversation = with_charges(*(charges or (TAKEN,)))
    conversation.account = replace(conversation.account, subscriber=subscriber)
    return conversation.play(f"> TS {text}")


# ---- first response and decision


def test_the_first_response_is_sent_outside_quiet_hours() -> None:
    conversation = complaint()
    conversation.play("@ 2026-03-02 23:30")
    assert conversation.happens(RespondFirst("agent:7", the_ticket(conversation).id, "我们正在核实")) == []
    number = the_ticket(conversation).number
    assert the_ticket(conversation).responded_by == "agent:7"
    conversation.happens(RespondFirst("agent:7", the_ticket(conversation).id, "又一次"))
    assert refused(conversation) == CONFLICT
    assert resolve(conversation, message="已为您核实") == []
    # Both notices of one ticket are deferred; neither replaces the other.
    conversation.play(f"""
        @ 2026-03-03 07:00
        < [10086 notice] 关于您的工单{number}，现答复如下：我们正在核实。中国移动
        < [10086 notice] 您的工单{number}已处理完毕：已为您核实。中国移动
        > CXTS
        < 您目前没有处理中的投诉…
    """)


def test_resolved_is_final() -> None:
    conversation = complaint()
    (notice,) = resolve(conversation)
    assert "已处理完毕" in notice.text
    ticket = the_ticket(conversation)
    assert (ticket.state, ticket.decision, ticket.who) == (TicketState.RESOLVED, Decision.DONE, "agent:7")
    assert '"decision":"done"' in (conversation.evidence[-1].payload or "")
    for again in (Resolve("agent:7", ticket.id, Decision.UPHELD), RespondFirst("agent:7", ticket.id, "x")):
        assert conversation.happens(again) == []
        assert refused(conversation) == RefusalReason.TICKET_RESOLVED
    conversation.play("@ +30d\n<")
    assert not the_ticket(conversation).breached
    for unknown in (
        Resolve("agent:7", "no", Decision.DONE), RespondFirst("a", "no", "x"), DecideRefund("a", "no", confirmed=True)
    ):  # fmt: skip
        conversation.happens(unknown)
        assert refused(conversation) == UNKNOWN


# ---- deadlines


@pytest.mark.parametrize(
    ("subscriber", "warned", "due"),
    [
        (VIP, "2026-03-02 16:24", "2026-03-02 18:00"),
        (GOTONE, "2026-03-03 05:12", "2026-03-03 10:00"),
        (SUBSCRIBER, "2026-03-04 00:24", "2026-03-04 10:00"),
    ],
)
def test_warned_at_four_fifths_and_breached_after(subscriber: Subscriber, warned: str, due: str) -> None:
    conversation = play("> TS 信号差", subscriber=subscriber)
    conversation.happens(RespondFirst("agent:7", the_ticket(conversation).id, "我们正在核实"))

    def warned_and_breached() -> tuple[bool, bool]:
        return the_ticket(conversation).warned, the_ticket(conversation).breached

    conversation.move(shanghai(warned) - MINUTE)
    assert warned_and_breached() == (False, False)
    conversation.move(shanghai(warned))
    assert warned_and_breached() == (True, False)
    conversation.move(shanghai(due) - MINUTE)
    assert warned_and_breached() == (True, False)
    conversation.move(shanghai(due))
    assert warned_and_breached() == (True, True)
    assert conversation.evidence[-1].kind == "ticket-breached"
    # Resolving a ticket does not undo its breach.
    resolve(conversation)
    assert the_ticket(conversation).breached


def test_a_missing_first_response_is_a_breach_of_its_own() -> None:
    conversation = play("> TS 信号差")
    conversation.play("@ +48h")
    assert the_ticket(conversation).breached
    answered = play("> TS 信号差")
    answered.play("@ +47h59m")
    answered.happens(RespondFirst("agent:7", the_ticket(answered).id, "我们正在核实"))
    assert not the_ticket(answered).breached


def test_a_late_timer_does_not_hide_a_breach() -> None:
    conversation = play("> TS 信号差", subscriber=VIP)
    conversation.timers.clear()
    conversation.move(shanghai("2026-03-02 18:00"))
    resolve(conversation)
    assert the_ticket(conversation).breached


# ---- refunds


def test_a_double_refund_is_two_entries_once() -> None:
    conversation = complaint()
    (notice,) = resolve(conversation, message="系统有误", policy=RefundPolicy.DOUBLE)
    assert (notice.number, notice.kind) == ("10086", "notice")
    assert "已处理完毕：系统有误。03月手机报(新华)费用已双倍退还，共6元。" in notice.text
    assert ledger(conversation) == {"c-1:principal": (300, SecondHalf.PAID), "c-1:second_half": (300, None)}
    events = to_billing(conversation.outcome)
    assert [(event.type, event.data["refund_id"], event.data["amount_fen"]) for event in events] == [
        ("charge.refunded", "c-1:principal", 300),
        ("charge.refunded", "c-1:second_half", 300),
    ]
    assert [record.kind for record in conversation.evidence[-2:]] == ["refund", "refund"]
    assert '"who":"agent:7"' in (conversation.evidence[-1].payload or "")
    conversation.play("> TS 手机报又说一次")
    for policy in (RefundPolicy.DOUBLE, RefundPolicy.PRINCIPAL):
        assert resolve(conversation, policy=policy) == []
        assert refused(conversation) is RefusalReason.ALREADY_REFUNDED
    assert the_ticket(conversation).is_open
    assert len(ledger(conversation)) == 2
    assert conversation.chain_is_whole()


def test_an_undecided_second_half_is_paid_after_three_days() -> None:
    conversation = complaint()
    (notice,) = resolve(conversation, policy=RefundPolicy.PRINCIPAL)
    assert "手机报(新华)费用3元已先行退还" in notice.text
    assert "6元" not in notice.text
    assert ledger(conversation) == {"c-1:principal": (300, SecondHalf.WAITING)}
    conversation.play("""
        @ 2026-03-05 09:59:59
        <
        @ 2026-03-05 10:00
        < [10086 notice] 03月手机报(新华)费用未能在3天内核实，按有利于您的原则再退还3元，连同此前退还的为双倍退还。中国移动
        @ +30d
        <
    """)
    assert ledger(conversation) == {"c-1:principal": (300, SecondHalf.PAID), "c-1:second_half": (300, None)}
    assert decide(conversation, confirmed=True) == []
    assert refused(conversation) == CONFLICT


def test_a_second_half_is_paid_or_closed_as_decided() -> None:
    for confirmed, halves, words in (
        (True, [(300, SecondHalf.PAID), (300, None)], "再退还3元"),
        (False, [(300, SecondHalf.CLOSED)], "不再另行退还，此前退还的3元仍归您所有"),
    ):
        conversation = complaint()
        resolve(conversation, policy=RefundPolicy.PRINCIPAL)
        conversation.play("@ +1d")
        (notice,) = decide(conversation, confirmed=confirmed)
        assert words in notice.text
        assert list(ledger(conversation).values()) == halves
        assert len(to_billing(conversation.outcome)) == (1 if confirmed else 0)
        assert '"who":"agent:8"' in (conversation.evidence[-1].payload or "")
        assert decide(conversation, confirmed=not confirmed) == []
        assert refused(conversation) == CONFLICT
        conversation.play("@ +10d\n<")
        assert list(ledger(conversation).values()) == halves


@pytest.mark.parametrize("state", [state for state in ChargeState if state is not ChargeState.CHARGED])
def test_a_charge_that_was_not_taken_is_not_refunded(state: ChargeState) -> None:
    conversation = complaint("多收费", charge("c-1", "SJB", "2026-03-05 12:00", state=state))
    resolve(conversation, policy=RefundPolicy.DOUBLE)
    assert refused(conversation) == INVALID
    resolve(conversation, policy=RefundPolicy.PRINCIPAL, charge_id="c-9")
    assert refused(conversation) == INVALID
    assert ledger(conversation) == {}
    assert the_ticket(conversation).is_open
    assert resolve(conversation, policy=RefundPolicy.NONE, charge_id=None)


# ---- a complaint that names a charge and is not decided in time


def test_the_principal_is_refunded_at_the_deadline_of_a_complaint() -> None:
    conversation = complaint(subscriber=VIP)
    number = the_ticket(conversation).number
    conversation.play(f"""
        @ 2026-03-02 17:59
        <
        @ 2026-03-02 18:00
        < [10086 notice] 非常抱歉，您的工单{number}未能按时处理完毕。03月手机报(新华)费用3元已先行退还…
        > CXTS
        < …已超过时限，正在加急处理…
        @ 2026-03-05 17:59
        <
        @ 2026-03-05 18:00
        < …再退还3元…
        @ +30d
        <
    """)
    assert the_ticket(conversation).is_open
    assert len(ledger(conversation)) == 2


def test_a_refund_at_night_is_notified_in_the_morning() -> None:
    conversation = with_charges(TAKEN, start="2026-03-31 22:10")
    conversation.account = replace(conversation.account, subscriber=VIP)
    conversation.play("> TS 手机报我没有订过\n< …(不晚于04月01日06时10分)…\n@ 2026-04-01 06:30\n<")
    assert ledger(conversation) == {"c-1:principal": (300, SecondHalf.WAITING)}
    conversation.play("@ 2026-04-01 07:00\n< [10086 notice] …已先行退还…")


@pytest.mark.parametrize("decision", [Decision.UPHELD, Decision.DONE])
def test_a_late_decision_closes_the_second_half(decision: Decision) -> None:
    conversation = complaint(subscriber=VIP).play("@ +9h")
    policy = RefundPolicy.NONE if decision is Decision.DONE else None
    (notice,) = resolve(conversation, decision, "费用无误", policy, None)
    assert "不再另行退还" in notice.text
    assert ledger(conversation) == {"c-1:principal": (300, SecondHalf.CLOSED)}


def test_done_without_a_refund_policy_leaves_the_second_half_undecided() -> None:
    conversation = complaint(subscriber=VIP).play("@ +9h")
    resolve(conversation)
    conversation.play("@ +3d\n< …再退还3元…")


def test_every_named_charge_is_refunded_once() -> None:
    other = replace(TAKEN, id="c-2", service_code="TQ", subscription_id=None, amount_fen=200)
    conversation = complaint("手机报和天气预报都不对", TAKEN, other, subscriber=VIP)
    conversation.play("> TS 手机报，再说一次")
    conversation.play("@ +9h\n< …天气预报(墨迹)费用2元…手机报(新华)费用3元…")
    assert sorted(ledger(conversation)) == ["c-1:principal", "c-2:principal"]


def test_a_named_charge_that_is_taken_later_is_refunded_then() -> None:
    reminded = charge("c-1", "SJB", "2026-03-03 12:00", state=ChargeState.REMINDED)
    conversation = complaint("手机报我没有订过", reminded, subscriber=VIP).play("@ 2026-03-03 11:59\n<")
    taken = replace(reminded, state=ChargeState.CHARGED, settled_at=shanghai("2026-03-03 12:00"))
    conversation.account = conversation.account.with_records({Charge: {"c-1": taken}})
    conversation.play("@ 2026-03-03 12:01\n< …手机报(新华)费用3元已先行退还…")


def test_a_decision_in_time_refunds_nothing() -> None:
    conversation = complaint(subscriber=VIP)
    resolve(conversation, Decision.UPHELD, "您于三月一日订购")
    conversation.play("@ +30d\n<")
    assert ledger(conversation) == {}


# ---- the end of a tenure


def test_closing_a_number_resolves_its_tickets() -> None:
    conversation = complaint(subscriber=VIP)
    conversation.happens(CLOSING)
    closed = [record for record in conversation.outcome.records if isinstance(record, Ticket)]
    assert [(ticket.state, ticket.who) for ticket in closed] == [(TicketState.RESOLVED, "tenure-ended")]


def test_closing_a_number_pays_undecided_second_halves() -> None:
    conversation = complaint()
    resolve(conversation, policy=RefundPolicy.PRINCIPAL)
    conversation.happens(CLOSING)
    entries = {entry.id: entry for entry in conversation.outcome.records if isinstance(entry, Refund)}
    assert entries["c-1:principal"].second_half is SecondHalf.PAID
    assert entries["c-1:second_half"].amount_fen == 300
    assert len(to_billing(conversation.outcome)) == 1


OTHER = charge("c-2", "TQ", "2026-03-01 09:00", state=ChargeState.CHARGED, settled_at=shanghai("2026-03-01 09:00"))
TWICE = ["c-1:principal", "c-1:second_half"]


@pytest.mark.parametrize(
    ("before", "back"),
    [
        ("> TS 手机报我没有订过", TWICE),
        ("> TS 手机报我没有订过\n> TS 手机报，再说一次", TWICE),
        ("> TS 手机报和天气预报都不对", [*TWICE, "c-2:principal", "c-2:second_half"]),
        ("> TS 手机报我没有订过\n@ +9h", TWICE),
        ("> TS 手机报我没有订过\n@ +4d", TWICE),
        # A complaint without a charge, one that was decided and one already refunded give nothing.
        ("> TS 信号差", []),
        ("> TS 手机报我没有订过\n* upheld", []),
        ("> TS 手机报我没有订过\n* closed\n> TS 手机报我没有订过", ["c-1:principal"]),
    ],
)
def test_closing_a_number_refunds_double_what_open_complaints_name(before: str, back: list[str]) -> None:
    conversation = with_charges(TAKEN, OTHER)
    conversation.account = replace(conversation.account, subscriber=VIP)
    for line in before.splitlines():
        match line:
            case "* upheld":
                resolve(conversation, Decision.UPHELD)
            case "* closed":
                conversation.play("@ +9h")
                resolve(conversation, policy=RefundPolicy.NONE)
            case _:
                conversation.play(line)
    sent_before = len(conversation.sent)
    refunded_before = sorted(ledger(conversation))
    conversation.happens(CLOSING)
    new_entries = {entry.id: entry for entry in conversation.outcome.records if isinstance(entry, Refund)}
    assert sorted({*refunded_before, *new_entries}) == back
    assert not any(entry.is_open for entry in new_entries.values())
    refunds = [str(event.data["refund_id"]) for event in to_billing(conversation.outcome)]
    assert sorted(refunds) == sorted({*new_entries} - {*refunded_before})
    assert len(conversation.sent) == sent_before
    conversation.play("@ +30d\n<")


def test_in_english() -> None:
    conversation = complaint(subscriber=replace(VIP, language=Language.EN))
    number = the_ticket(conversation).number
    conversation.play(f"""
        @ +8h
        < We are sorry: your ticket {number} was not resolved in time. The fee of CNY3 for 手机报(新华) (March) was refunded; …
        @ +3d
        < As we could not settle the fee for 手机报(新华) (March) within three days, another CNY3 was refunded: twice the fee in all. …
    """)
    (notice,) = resolve(conversation, message="We checked your bill.")
    assert notice.text == f"Your ticket {number} has been resolved: We checked your bill. China Mobile"
