"""No part of a charge is refunded twice, in whatever order customers and staff act (flows.md 12)."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.commands.tickets.resolving import DecideRefund, RefundRequest, Resolve
from app.domain.refunds import Refund, RefundPart, RefundPolicy
from app.domain.tickets import Decision
from app.domain.turn import Outcome, Stimulus
from tests.commands.tickets.test_complaints import tickets, with_charges
from tests.commands.tickets.test_resolving import TAKEN
from tests.commands.transcript import Conversation
from tests.effort import tries

FEE = TAKEN.amount_fen
ACTIONS = st.one_of(
    st.just("complain"),
    st.sampled_from([RefundRequest(policy, TAKEN.id) for policy in RefundPolicy]),
    st.booleans(),
    st.sampled_from([timedelta(hours=1), timedelta(hours=49), timedelta(days=3)]),
)


class CountingConversation(Conversation):
    """A conversation that counts the refund events to billing, by ledger entry."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.paid: Counter[str] = Counter()

    def take(self, outcome: Outcome) -> None:
        """Apply an outcome and count its refund events."""
        for event in outcome.events:
            assert event.data["amount_fen"] == FEE
            self.paid[str(event.data["refund_id"])] += 1
        super().take(outcome)

    def decide(self, which: int, action: RefundRequest | bool) -> None:  # noqa: FBT001  drawn with the others
        """Resolve one of the tickets with a refund, or decide its second half."""
        all_tickets = tickets(self)
        if not all_tickets:
            return
        ticket_id = all_tickets[which % len(all_tickets)].id
        call: Stimulus = DecideRefund("agent:8", ticket_id, confirmed=bool(action))
        if isinstance(action, RefundRequest):
            call = Resolve("agent:7", ticket_id, Decision.DONE, None, action)
        self.happens(call)


@tries(60)
@given(st.lists(st.tuples(ACTIONS, st.integers(0, 3)), max_size=12))
def test_no_part_of_a_charge_is_refunded_twice(actions: list[tuple[object, int]]) -> None:
    conversation = CountingConversation()
    conversation.account = with_charges(TAKEN).account
    for action, which in actions:
        match action:
            case timedelta():
                conversation.move(conversation.now + action)
            case bool() | RefundRequest():
                conversation.decide(which, action)
            case _:
                conversation.text("TS 手机报我没有订过")
    conversation.move(conversation.now + timedelta(days=30))
    entries = conversation.account.records_of(Refund)
    assert conversation.paid == Counter(entry.id for entry in entries)
    assert not any(entry.is_open for entry in entries), "nothing waits for ever"
    if entries:
        assert RefundPart.PRINCIPAL in {entry.part for entry in entries}
        assert conversation.chain_is_whole()
    # Each complaint named the charge: it was decided, or the charge was refunded.
    assert entries or not any(ticket.is_open for ticket in tickets(conversation))
