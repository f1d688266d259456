"""The rules for a monthly charge, when it is announced and again when it is taken (safety.md 3, 10, 11)."""

from dataclasses import replace

import pytest

from app.commands.accounts.import_lines import ImportSubscription
from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.commands.tickets.resolving import Resolve
from app.domain.catalogue import CancelEffect
from app.domain.subscriptions import Channel, Subscription, SubscriptionState
from app.domain.tickets import Decision
from app.domain.turn import TimerSet
from tests.commands.charges.charging import announce, charge_of, states, use
from tests.commands.transcript import Conversation
from tests.commands.world import has, shanghai

DUE = "2026-03-05 12:00"


def new_terms(conversation: Conversation, fen: int, day: str) -> None:
    """Announce another price of 彩铃 (fen), confirm it if asked, and move on to its day."""
    terms = AnnouncedTerms(f"to-{fen}", fen, CancelEffect.IMMEDIATE, shanghai(day), "api:staff").text()
    conversation.timers[NEW_TERMS, "subscription-CL"] = TimerSet(NEW_TERMS, "subscription-CL", conversation.now, terms)
    asked = len(conversation.sent)
    conversation.play("@ +1s")
    if len(conversation.sent) > asked:
        conversation.text("是", conversation.sent[-1].number)
    conversation.move(shanghai(day))
    conversation.play("@ +1m")


def highest_accepted(conversation: Conversation, period: str) -> int:
    """Return the highest charge for 彩铃 that is accepted for a month, of all its prices (fen)."""
    for fen in (900, 700, 500, 400):
        if announce(conversation, f"{period}-{fen}", "CL", fen, "2026-05-20 12:00", period=period).refusal is None:
            return fen
    return 0


@pytest.mark.parametrize(
    ("held", "changes", "months"),
    [
        # A price that changes within March: March costs the price at its beginning or the new one if lower.
        (has("CL"), [(700, "2026-03-20 00:00")], {"2026-02": 500, "2026-03": 500, "2026-04": 700}),
        (has("CL"), [(400, "2026-03-20 00:00")], {"2026-02": 400, "2026-03": 400, "2026-04": 400}),
        (has("CL"), [(700, "2026-04-01 00:00")], {"2026-03": 500, "2026-04": 700}),
        (has("CL"), [(700, "2026-04-01 00:01")], {"2026-03": 500, "2026-04": 500, "2026-05": 700}),
        # Two changes, within a month and in two months.
        (has("CL"), [(700, "2026-03-10 12:00"), (900, "2026-03-20 00:00")], {"2026-03": 500, "2026-04": 900}),
        (has("CL"), [(700, "2026-03-10 12:00"), (900, "2026-04-20 00:00")], {"2026-03": 500, "2026-04": 700, "2026-05": 900}),
        (has("CL"), [(900, "2026-03-10 12:00"), (400, "2026-03-20 00:00")], {"2026-03": 400}),
        # A subscription that starts within the month costs the price confirmed then.
        (has("CL", "2026-03-01 10:00"), [(700, "2026-03-20 00:00")], {"2026-03": 500, "2026-04": 700}),
        (has("CL", "2026-03-01 10:00", price_fen=700), [], {"2026-03": 700}),
    ],
)  # fmt: skip
def test_a_month_costs_the_lower_of_its_first_price_and_the_present_one(
    held: Subscription, changes: list[tuple[int, str]], months: dict[str, int]
) -> None:
    conversation = Conversation(has=(held,))
    for fen, day in changes:
        new_terms(conversation, fen, day)
    conversation.play("@ 2026-05-10 12:00")
    assert {period: highest_accepted(conversation, period) for period in months} == months


# ---- changes between the reminder and the due date


def import_subscription(conversation: Conversation, code: str, **line: object) -> None:
    """Import a subscription of a service, with the fields of ``line``."""
    fields = {"state": SubscriptionState.ACTIVE, "in_plan": False, "started_at": shanghai("2025-12-01 10:00"), **line}
    conversation.happens(ImportSubscription("api:crm", code, channel=Channel.WEB, **fields))  # type: ignore[arg-type]
    assert conversation.outcome.refusal is None


TRIAL = {"state": SubscriptionState.TRIAL, "trial_ends_at": shanghai("2026-03-08 10:00")}
CHANGES: list[tuple[dict[str, object], str, str]] = [
    ({}, "charged", "due"),
    ({"price_fen": 500}, "charged", "due"),
    ({"in_plan": True}, "waived", "in the plan"),
    ({"price_fen": 300}, "waived", "more than the price"),
    ({"price_fen": 0}, "waived", "more than the price"),
    ({"started_at": shanghai("2026-03-01 00:00")}, "waived", "not held in that month"),
    (TRIAL, "waived", "on trial"),
]


@pytest.mark.parametrize("upheld", ["never", "before it is due", "after it was due"])
@pytest.mark.parametrize(("line", "state", "why"), CHANGES)
def test_a_reminded_charge_is_checked_again_when_it_is_taken(
    line: dict[str, object], state: str, why: str, upheld: str
) -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "CL", 500, "2026-03-04 12:00", period="2026-02")
    if upheld != "never":
        conversation.text("否", "10086901")
    if upheld == "after it was due":
        conversation.play("@ 2026-03-04 12:01")
    import_subscription(conversation, "CL", **line)
    if upheld != "never":
        (said,) = conversation.happens(
            Resolve("agent", charge_of(conversation, "c-1").ticket_id or "", Decision.UPHELD)
        )
        assert ("已为您取消该笔费用" in said.text) == (state == "waived")
    conversation.play("@ 2026-03-05 10:01")
    assert states(conversation) == {"c-1": state}
    at_once = state == "charged" and upheld == "after it was due"
    assert charge_of(conversation, "c-1").reason == ("upheld" if at_once else why)


def test_a_charge_waived_as_too_expensive_can_be_announced_for_less() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "CL", 500, DUE)
    import_subscription(conversation, "CL", price_fen=300)
    conversation.play("@ 2026-03-05 12:01")
    assert announce(conversation, "c-2", "CL", 500, "2026-03-20 12:00").refusal is not None
    assert announce(conversation, "c-2", "CL", 300, "2026-03-20 12:00").refusal is None
    conversation.play("@ 2026-03-20 12:01")
    assert states(conversation) == {"c-1": "waived", "c-2": "charged"}


@pytest.mark.parametrize(("in_plan", "state"), [(False, "charged"), (True, "waived")])
def test_a_use_of_a_service_that_is_in_the_plan_by_then_is_not_taken(state: str, *, in_plan: bool) -> None:
    conversation = Conversation(has=(has("GS"),))
    use(conversation, "u-1", "GS", Channel.WEB)
    import_subscription(conversation, "GS", in_plan=in_plan)
    conversation.play("@ +25h")
    assert states(conversation) == {"use-u-1": state}


def test_an_import_that_moves_the_start_moves_the_72_free_hours() -> None:
    conversation = Conversation(has=(replace(has("CL"), free_until=None),))
    announce(conversation, "c-1", "CL", 500, "2026-03-02 18:00")
    import_subscription(conversation, "CL", started_at=shanghai("2026-03-01 10:00"))
    conversation.play("@ 2026-03-04 10:00")
    assert states(conversation) == {"c-1": "reminded"}
    conversation.play("@ +1s")
    assert states(conversation) == {"c-1": "charged"}
