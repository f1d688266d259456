"""Tickets of disputed charges: cancelled, upheld or undecided in time (flows.md 7, 12; safety.md 14, 22)."""

from datetime import timedelta

import pytest

from app.commands.tickets.resolving import RefundRequest, Resolve
from app.domain.refunds import RefundPolicy
from app.domain.refusals import RefusalReason
from app.domain.tickets import Decision, Ticket, TicketKind
from tests.commands.charges.charging import announce, charge_of, code, states
from tests.commands.refusals import CONFLICT, INVALID
from tests.commands.tickets.test_resolving import decide, ledger, refused, resolve, the_ticket, to_billing
from tests.commands.transcript import Conversation


def with_disputed_charge(due: str = "2026-03-05 12:00", *, at: str = "@ +30m") -> Conversation:
    """Return a conversation with a monthly charge that is disputed in time."""
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, due)
    conversation.play(f"{at}\n> [10086901] {code(conversation, 'c-1')}\n< [10086901 result] …")
    assert the_ticket(conversation).kind is TicketKind.FEE_DISPUTE
    return conversation


def test_an_undecided_dispute_waives_the_charge_and_stays_open() -> None:
    conversation = with_disputed_charge().play("@ 2026-03-05 10:29:59\n<")
    assert (states(conversation), the_ticket(conversation).breached) == ({"c-1": "disputed"}, False)
    assert the_ticket(conversation).warned
    conversation.play("@ 2026-03-05 10:30\n< [10086 notice] …手机报(新华)…该笔费用已为您免收。中国移动\n@ +30d\n<")
    assert (states(conversation), the_ticket(conversation).breached) == ({"c-1": "waived"}, True)
    # The ticket stays open for the call; the charge is settled.
    assert the_ticket(conversation).is_open
    resolve(conversation, Decision.UPHELD)
    assert refused(conversation) == CONFLICT
    assert resolve(conversation, message="已向您说明")
    assert states(conversation) == {"c-1": "waived"}


def test_staff_cancel_a_disputed_charge() -> None:
    conversation = with_disputed_charge().play("@ +4h")
    (notice,) = resolve(conversation, Decision.CANCELLED)
    assert (notice.number, notice.kind) == ("10086", "notice")
    for fact in ("已处理完毕", "手机报(新华)3元不应收取", "手机报(新华)已退订，可用至03月31日"):
        assert fact in notice.text
    assert [event.type for event in to_billing(conversation.outcome)] == ["charge.cancelled"]
    conversation.play("= SJB ending 2026-03-31\n@ +60d\n<")
    assert states(conversation) == {"c-1": "cancelled"}
    assert not the_ticket(conversation).breached
    resolve(conversation, Decision.UPHELD)
    assert refused(conversation) == RefusalReason.TICKET_RESOLVED


def test_staff_uphold_a_charge_before_it_is_due() -> None:
    conversation = with_disputed_charge().play("@ +4h")
    (notice,) = resolve(conversation, Decision.UPHELD, "您于六月一日以短信确认订购")
    assert "您于六月一日以短信确认订购" in notice.text
    conversation.play("@ 2026-03-05 11:59\n= SJB active")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ 2026-03-05 12:01\n<")
    assert states(conversation) == {"c-1": "charged"}


def test_staff_uphold_a_charge_after_it_was_due_and_refund_it() -> None:
    conversation = with_disputed_charge("2026-03-02 12:00").play("@ 2026-03-03 10:00")
    assert states(conversation) == {"c-1": "disputed"}
    (notice,) = resolve(conversation, Decision.UPHELD, "费用无误，予以优惠", RefundPolicy.PRINCIPAL)
    assert "已正常扣收" in notice.text
    assert "先行退还" in notice.text
    assert [event.type for event in to_billing(conversation.outcome)] == ["charge.charged", "charge.refunded"]
    assert charge_of(conversation, "c-1").state == "charged"
    assert decide(conversation, confirmed=False)


def test_a_disputed_charge_needs_a_decision() -> None:
    conversation = with_disputed_charge()
    resolve(conversation, Decision.DONE)
    assert refused(conversation) == INVALID
    assert the_ticket(conversation).is_open
    # After an unsubscribe has settled the charge, only the call remains.
    conversation.play("> QXSJB\n< …")
    assert states(conversation) == {"c-1": "cancelled"}
    assert resolve(conversation, Decision.DONE, "已向您说明")


def test_a_refused_refund_changes_nothing_else() -> None:
    conversation = with_disputed_charge()
    wrong = RefundRequest(RefundPolicy.DOUBLE, "c-1")
    conversation.happens(Resolve("agent:7", the_ticket(conversation).id, Decision.CANCELLED, None, wrong))
    assert refused(conversation) == INVALID
    assert states(conversation) == {"c-1": "disputed"}
    assert the_ticket(conversation).is_open


def test_an_undecided_late_dispute_refunds_the_principal() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-03 12:00")
    conversation.play(f"""
        @ 2026-03-02 11:30
        > [10086901] {code(conversation, "c-1")}
        < [10086901 result] …
        @ 2026-03-04 11:29
        <
        @ 2026-03-04 11:30
        < [10086 notice] …手机报(新华)费用3元已先行退还…
    """)
    assert states(conversation) == {"c-1": "charged"}
    assert sorted(ledger(conversation)) == ["c-1:principal"]


@pytest.mark.parametrize("decision", [Decision.CANCELLED, Decision.UPHELD])
def test_a_complaint_about_a_charge_that_is_not_taken_yet(decision: Decision) -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("@ +2h\n> TS 手机报的费用不对\n< …涉及费用：03月手机报(新华)3元…\n@ +1h")
    assert resolve(conversation, decision)
    conversation.play("@ 2026-03-05 12:01")
    assert states(conversation) == {"c-1": "cancelled" if decision is Decision.CANCELLED else "charged"}


def test_the_list_names_the_kind_of_each_ticket() -> None:
    conversation = with_disputed_charge().play("> TS 信号差\n> CXTS\n< …(费用疑问，…(投诉，…")
    assert len([ticket for ticket in conversation.account.records_of(Ticket) if ticket.is_open]) == 2


def test_an_ambiguous_no_stored_after_the_charges_were_taken_is_asked_back() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-02 10:10")
    announce(conversation, "c-2", "CL", 500, "2026-03-02 10:10")
    conversation.play("@ +3h\n<")
    assert states(conversation) == {"c-1": "charged", "c-2": "charged"}
    (sent,) = conversation.text("否", "10086901", sent_at=conversation.now - timedelta(hours=2))
    for charge_id in ("c-1", "c-2"):
        assert code(conversation, charge_id) in sent.text
