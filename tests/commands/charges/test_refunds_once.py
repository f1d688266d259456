"""Whatever customers and staff do, and in whatever order: no part of a charge is given back twice (flows.md 12)."""

from collections import Counter
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.commands.tickets.resolving import DecideRefund, RefundRequest, Resolve
from app.domain.refunds import Refund, RefundPart, RefundPolicy
from app.domain.tickets import Decision
from app.domain.turn import Outcome, Stimulus
from tests.commands.tickets.test_complaints import tickets, with_charges
from tests.commands.tickets.test_resolving import TAKEN
from tests.commands.transcript import Conversation

FEE = TAKEN.amount_fen
DOINGS = st.one_of(
    st.just("complain"),
    st.sampled_from([RefundRequest(policy, TAKEN.id) for policy in RefundPolicy]),
    st.booleans(),
    st.sampled_from([timedelta(hours=1), timedelta(hours=49), timedelta(days=3)]),
)


class Watched(Conversation):
    """A conversation that counts what billing is told to give back, by entry."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.paid: Counter[str] = Counter()

    def take(self, outcome: Outcome) -> None:
        """As ever, and what billing is told is counted."""
        for event in outcome.events:
            assert event.data["amount_fen"] == FEE
            self.paid[str(event.data["refund_id"])] += 1
        super().take(outcome)

    def decide(self, which: int, doing: RefundRequest | bool) -> None:  # noqa: FBT001  drawn with the others
        """Staff do something with one of the tickets."""
        known = tickets(self)
        if not known:
            return
        ticket_id = known[which % len(known)].id
        wanted: Stimulus = DecideRefund("agent:8", ticket_id, confirmed=bool(doing))
        if isinstance(doing, RefundRequest):
            wanted = Resolve("agent:7", ticket_id, Decision.DONE, None, doing)
        self.happens(wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DOINGS, st.integers(0, 3)), max_size=12))
def test_no_part_of_a_charge_is_given_back_twice(doings: list[tuple[object, int]]) -> None:
    conversation = Watched()
    conversation.account = with_charges(TAKEN).account
    for doing, which in doings:
        match doing:
            case timedelta():
                conversation.move(conversation.now + doing)
            case bool() | RefundRequest():
                conversation.decide(which, doing)
            case _:
                conversation.text("TS 手机报我没有订过")
    conversation.move(conversation.now + timedelta(days=30))
    entries = conversation.account.records_of(Refund)
    assert conversation.paid == Counter(entry.id for entry in entries)
    assert not any(entry.is_open for entry in entries), "nothing waits for ever"
    if entries:
        assert RefundPart.PRINCIPAL in {entry.part for entry in entries}
        assert conversation.chain_is_whole()
    # Each complaint named the fee: it was decided, or the fee went back.
    assert entries or not any(ticket.is_open for ticket in tickets(conversation))
