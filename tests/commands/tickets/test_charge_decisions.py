"""Disputed charges: staff cancel or uphold them, or nobody decides in time (flows.md 7; safety.md 12, 14)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.commands.ticketing import open_ticket
from app.commands.tickets.charge_decisions import DecisionResult, cancel, lapse, uphold
from app.commands.tickets.resolving import Resolve
from app.domain.account import Language, SubscriberStatus
from app.domain.policy import ProviderTraits
from app.domain.refusals import Refusal
from app.domain.subscriptions import Channel
from app.domain.tickets import Decision, Ticket, TicketKind
from app.domain.turn import Outcome, Stimulus, Turn
from tests.commands.charges.charging import announce, charge_of, code, states, use
from tests.commands.refusals import CONFLICT
from tests.commands.transcript import Conversation
from tests.commands.world import FOUR, SUBSCRIBER, has


def disputed(due: str = "2026-03-05 12:00", **given: object) -> Conversation:
    conversation = Conversation(**given)  # type: ignore[arg-type]
    announce(conversation, "c-1", "SJB", 300, due)
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}")
    return conversation


def turn_of(conversation: Conversation) -> Turn:
    return Turn(
        Stimulus(), conversation.account, conversation.catalogue, conversation.policy, ProviderTraits("test"),
        conversation.now, conversation.now, conversation.ids, conversation.randbelow,
    )  # fmt: skip


def apply_decision(conversation: Conversation, decided: DecisionResult) -> str:
    """Apply a decision and return its sentences."""
    conversation.take(decided.outcome)
    return "".join(decided.sentences)


def test_cancelled_by_staff_costs_nothing_and_ends_the_service() -> None:
    conversation = disputed()
    said = apply_decision(
        conversation, cancel(turn_of(conversation), [charge_of(conversation, "c-1")], who="a", reason="called")
    )
    assert "手机报(新华)3元不应收取" in said
    assert "可用至03月31日，期间不收费" in said
    conversation.play("= SJB ending 2026-03-31\n@ 2026-03-06 12:00\n<")
    assert states(conversation) == {"c-1": "cancelled"}


def test_under_contract_the_charge_is_cancelled_and_the_service_goes_on() -> None:
    bound = has("SJB", "2025-06-01 10:00", contract_until="2026-12-31 10:00")
    conversation = disputed(has=(*FOUR[:2], bound))
    said = apply_decision(
        conversation, cancel(turn_of(conversation), [charge_of(conversation, "c-1")], who="a", reason="called")
    )
    assert "合约期" in said
    conversation.play("= SJB active")
    assert states(conversation) == {"c-1": "cancelled"}


def cancel_by_staff(conversation: Conversation, charge_id: str = "c-1") -> str:
    """Resolve the ticket of a charge as cancelled and return the notice."""
    ticket = charge_of(conversation, charge_id).ticket_id or next(iter(conversation.account.records[Ticket]))
    (notice,) = conversation.happens(Resolve("agent", ticket, Decision.CANCELLED))
    return notice.text


@pytest.mark.parametrize(
    "before",
    [
        "",
        # The charge for March waits for the disputed one of February, or is disputed or named by a complaint itself.
        "@ 2026-03-03 12:00",
        "@ 2026-03-02 12:00\n> [10086901] {code}",
        "> [10086901] {code}\n@ 2026-03-03 12:00",
        "> TS 手机报我没有订过",
    ],
)
@pytest.mark.parametrize("bound", [None, "2026-12-31 10:00"])
def test_all_charges_of_a_service_that_was_not_ordered_are_given_up(before: str, bound: str | None) -> None:
    conversation = Conversation(has=(*FOUR[:2], has("SJB", "2025-06-01 10:00", contract_until=bound), FOUR[3]))
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 11:30", period="2026-02")
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}")
    for charge_id, service, fen in (("c-2", "SJB", 300), ("c-3", "SJB", 0), ("c-4", "TQ", 200)):
        announce(conversation, charge_id, service, fen, "2026-03-03 11:30")
    conversation.play(before.format(code=code(conversation, "c-2")))
    said = cancel_by_staff(conversation)
    assert ("02月手机报(新华)3元不应收取" in said, "03月手机报(新华)3元不应收取" in said) == (True, True)
    assert "照常收取" not in said
    conversation.play("@ 2026-03-31 12:00")
    # The free charge may have been settled before.
    assert states(conversation) | {"c-3": ""} == {"c-1": "cancelled", "c-2": "waived", "c-3": "", "c-4": "charged"}


@pytest.mark.parametrize("left", ["", "> QXSJB"])
def test_a_service_that_was_not_ordered_cannot_be_charged_while_it_runs_on(left: str) -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00", period="2026-02")
    conversation.play(f"@ +2h\n> TS 手机报我没有订过\n{left}")
    said = cancel_by_staff(conversation)
    assert "02月手机报(新华)3元不应收取" in said
    assert "照常收取" not in said
    assert left or "手机报(新华)已退订，可用至03月31日，期间不收费" in said
    conversation.play("= SJB ending 2026-03-31")
    refusal = announce(conversation, "c-2", "SJB", 300, "2026-03-20 12:00").refusal
    assert refusal is not None
    assert refusal.reason == CONFLICT
    # A new order confirms the price.
    conversation.play("> KTSJB\n> [1008620400] 是\n= SJB active")
    assert announce(conversation, "c-2", "SJB", 300, "2026-03-20 12:00").refusal is None


def test_upheld_before_it_is_due_it_is_taken_then() -> None:
    conversation = disputed()
    conversation.play("@ +5h")
    (ticket,) = conversation.account.records[Ticket]
    conversation.happens(Resolve("agent", ticket, Decision.UPHELD, "您于六月一日确认订购"))
    assert "计费无误，将于03月05日12时00分起扣收" in conversation.sent[-1].text
    assert "您于六月一日确认订购" in conversation.sent[-1].text
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}\n< …此前已答复…")
    conversation.play("@ 2026-03-05 11:59:59")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ +1s")
    assert states(conversation) == {"c-1": "charged"}


def test_upheld_after_it_was_due_it_is_taken_at_once() -> None:
    conversation = disputed("2026-03-03 12:00")
    conversation.play("@ 2026-03-03 15:00\n<")
    said = apply_decision(conversation, uphold(turn_of(conversation), charge_of(conversation, "c-1"), who="agent"))
    assert "已正常扣收" in said
    assert states(conversation) == {"c-1": "charged"}


def set_status(conversation: Conversation, to: SubscriberStatus) -> None:
    conversation.happens(SetSubscriber("api:crm", frozenset({"status"}), create=False, status=to))


def uphold_by_staff(conversation: Conversation) -> Refusal | None:
    (ticket,) = conversation.account.records[Ticket]
    conversation.happens(Resolve("agent", ticket, Decision.UPHELD))
    return conversation.answered.refusal


@pytest.mark.parametrize("at", ["2026-03-03 11:00", "2026-03-03 13:00"])
def test_nothing_is_upheld_while_suspended(at: str) -> None:
    conversation = disputed("2026-03-03 12:00")
    set_status(conversation, SubscriberStatus.SUSPENDED)
    conversation.play(f"@ {at}\n<")
    refusal = uphold_by_staff(conversation)
    assert refusal is not None
    assert refusal.reason == CONFLICT
    conversation.play("@ 2026-03-03 13:00\n<")
    assert states(conversation) == {"c-1": "disputed"}
    set_status(conversation, SubscriberStatus.ACTIVE)
    assert uphold_by_staff(conversation) is None
    assert states(conversation) == {"c-1": "charged"}


def test_what_was_upheld_and_falls_due_in_suspension_is_not_taken() -> None:
    conversation = disputed("2026-03-03 12:00")
    assert uphold_by_staff(conversation) is None
    set_status(conversation, SubscriberStatus.SUSPENDED)
    conversation.play("@ 2026-03-03 12:00")
    assert states(conversation) == {"c-1": "cancelled"}


def test_no_charge_of_several_months_is_taken_while_one_is_disputed() -> None:
    conversation = disputed("2026-03-03 12:00")
    for number, period in ((2, "2026-02"), (3, "2026-01")):
        announce(conversation, f"c-{number}", "SJB", 300, "2026-03-03 12:00", period=period)
    conversation.play(f"> [10086901] {code(conversation, 'c-2')}\n@ 2026-03-04 12:00")
    assert states(conversation) == {"c-1": "disputed", "c-2": "disputed", "c-3": "reminded"}
    for charge_id, left in (("c-1", "reminded"), ("c-2", "charged")):
        conversation.happens(Resolve("agent", charge_of(conversation, charge_id).ticket_id or "", Decision.UPHELD))
        conversation.play("@ +1s")
        assert states(conversation)["c-3"] == left


def test_a_charge_that_waited_for_a_disputed_one_is_taken_after_the_decision() -> None:
    conversation = disputed()
    announce(conversation, "c-2", "SJB", 300, "2026-03-03 12:00", period="2026-02")
    conversation.play("@ 2026-03-04 12:00\n<")
    assert states(conversation) == {"c-1": "disputed", "c-2": "reminded"}
    apply_decision(conversation, uphold(turn_of(conversation), charge_of(conversation, "c-1"), who="agent"))
    conversation.play("@ +1s")
    assert states(conversation) == {"c-1": "reminded", "c-2": "charged"}


def test_an_undecided_charge_is_waived_with_a_notice() -> None:
    conversation = disputed("2026-03-03 12:00")
    conversation.play("@ 2026-03-05 09:59:59\n<\n@ +1s\n< …手机报(新华)3元…免收…\n@ +30d\n<")
    assert states(conversation) == {"c-1": "waived"}
    (ticket,) = (item for item in conversation.account.records[Ticket].values() if isinstance(item, Ticket))
    assert ticket.breached


def test_a_settled_charge_is_not_decided_again() -> None:
    conversation = disputed()
    apply_decision(conversation, lapse(turn_of(conversation), charge_of(conversation, "c-1"), who="timer"))
    turn, settled = turn_of(conversation), charge_of(conversation, "c-1")
    for decided in (
        cancel(turn, [settled], who="a", reason="r"), uphold(turn, settled, who="a"), lapse(turn, settled, who="t"),
    ):  # fmt: skip
        assert decided == DecisionResult(Outcome())


def test_nothing_is_taken_while_a_dead_letter_is_open() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 12:00")
    opened = open_ticket(turn_of(conversation), TicketKind.DEAD_LETTER, "?", who="timer")
    conversation.take(opened.outcome)
    conversation.play("@ +5h")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.take(Outcome(records=(opened.ticket.when_tenure_ends(conversation.now),)))
    conversation.play("@ +1h")
    assert states(conversation) == {"c-1": "charged"}


def test_in_english() -> None:
    conversation = disputed(subscriber=replace(SUBSCRIBER, language=Language.EN))
    assert "we call you by March 5, 10:00" in conversation.sent[-1].text
    said = apply_decision(conversation, uphold(turn_of(conversation), charge_of(conversation, "c-1"), who="agent"))
    assert said == "We have checked: 手机报(新华) (March) CNY3 is due and will be charged from March 5, 12:00. "


def refuse_reminders(conversation: Conversation) -> None:
    """Mark all reminders as refused by the network for good."""
    failed = {id_: replace(item, failed_at=conversation.now) for id_, item in conversation.account.questions.items()}
    conversation.account = replace(conversation.account, questions=failed)


@pytest.mark.parametrize("decision", [Decision.UPHELD, Decision.CANCELLED, None])
def test_a_charge_disputed_without_a_delivered_reminder_is_never_taken(decision: Decision | None) -> None:
    conversation = Conversation().play("! refusing")
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 13:00")
    refuse_reminders(conversation)
    conversation.play("! taking\n> [10086901] 否\n< [10086901 result] 您对03月手机报(新华)3元的疑问已受理…")
    assert (states(conversation), charge_of(conversation, "c-1").reminded_at) == ({"c-1": "disputed"}, None)
    conversation.play("@ 2026-03-02 14:00\n<")
    if decision:
        (said,) = conversation.happens(Resolve("agent", charge_of(conversation, "c-1").ticket_id or "", decision))
        assert "已为您取消该笔费用" in said.text
    conversation.play("@ +4d")
    assert states(conversation)["c-1"] == ("cancelled" if decision is Decision.CANCELLED else "waived")


def test_a_disputed_reminder_that_never_arrived_covers_no_use() -> None:
    conversation = Conversation(has=(has("GS"),)).play("! refusing")
    for number in (1, 2):
        use(conversation, f"u-{number}", "GS", Channel.SMS)
    refuse_reminders(conversation)
    conversation.play("! taking\n> [10086901] 否\n< [10086901 result] …免收…\n@ +2d")
    assert states(conversation) == {"use-u-1": "waived", "use-u-2": "waived"}
