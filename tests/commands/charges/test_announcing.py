"""Which charges are accepted, and when they fall due (safety.md 2, 10, 11; flows.md 7, 17)."""

from dataclasses import replace

import pytest

from app.commands.accounts.directory import SetSubscriber
from app.domain.account import SubscriberStatus
from app.domain.charges import Charge
from app.domain.refunds import Refund, RefundPart, refund_id
from app.domain.refusals import RefusalReason
from app.domain.subscriptions import SubscriptionState
from app.domain.turn import Outcome
from tests.commands.charges.charging import announce, charge_of, code, states
from tests.commands.refusals import CONFLICT, INVALID
from tests.commands.transcript import Conversation
from tests.commands.world import FOUR, SUBSCRIBER, has, shanghai

SUBSCRIPTIONS = (*FOUR, has("LD", in_plan=True), has("GS"), has("KD", trial_until="2026-03-20 10:00"))


@pytest.mark.parametrize(
    ("service", "fen", "due", "period", "reason", "why"),
    [
        ("YYH", 600, "2026-03-05 12:00", None, RefusalReason.NO_CONSENT, "service_code"),
        ("NO", 600, "2026-03-05 12:00", None, RefusalReason.NO_CONSENT, "service_code"),
        ("SJB", 301, "2026-03-05 12:00", None, INVALID, "amount_fen"),
        ("LD", 1, "2026-03-05 12:00", None, INVALID, "amount_fen"),
        ("GS", 250, "2026-03-05 12:00", None, INVALID, "kind"),
        ("CL", 500, "2026-03-05 12:00", "2025-11", INVALID, "period"),
        ("KD", 1990, "2026-03-25 12:00", None, INVALID, "due_at"),
    ],
)
def test_a_charge_without_consent_is_refused(
    service: str, fen: int, due: str, period: str | None, reason: RefusalReason, why: str
) -> None:
    conversation = Conversation(has=SUBSCRIPTIONS)
    refusal = announce(conversation, "c-1", service, fen, due, period=period).refusal
    assert refusal is not None
    assert (refusal.reason, refusal.detail.partition(":")[0]) == (reason, why)
    assert conversation.sent == []
    assert [record.kind for record in conversation.evidence] == ["fee-refused"]
    conversation.play("@ 2026-04-06 12:00\n<")


def test_a_number_without_a_subscriber_is_not_charged() -> None:
    refusal = announce(Conversation(subscriber=None), "c-1", "CL", 500, "2026-03-05 12:00").refusal
    assert refusal is not None
    assert refusal.reason == RefusalReason.NO_CONSENT


def test_a_charge_is_accepted_only_for_a_month_of_the_subscription() -> None:
    conversation = Conversation()
    conversation.play("> QXSJB\n= SJB ending 2026-03-31")
    for number, (due, period, accepted) in enumerate(
        [
            ("2026-03-05 12:00", "2025-05", False),
            ("2026-03-30 12:00", "2026-04", False),
            ("2026-04-02 12:00", None, False),
            ("2026-04-02 12:00", "2026-03", False),
            ("2026-03-31 23:59:59", "2025-12", False),
            ("2026-03-30 12:00", None, True),
        ]
    ):
        outcome = announce(conversation, f"c-{number}", "SJB", 300, due, period=period)
        assert (outcome.refusal is None) == accepted, (due, period)


@pytest.mark.parametrize(
    ("period", "due", "accepted"),
    [
        ("2026-03", "2026-03-10 12:00", True),
        ("2026-02", "2026-03-10 12:00", True),
        ("2025-06", "2026-03-10 12:00", True),
        ("2026-04", "2026-03-10 12:00", False),
        ("2026-12", "2026-03-10 12:00", False),
        ("2027-03", "2026-03-10 12:00", False),
        # Months begin and end in Shanghai time.
        ("2026-04", "2026-03-31 23:59:59", False),
        ("2026-04", "2026-04-01 00:00", True),
    ],
)
def test_a_month_that_begins_after_the_due_date_is_refused(period: str, due: str, *, accepted: bool) -> None:
    conversation = Conversation()
    assert (announce(conversation, "c-1", "SJB", 300, due, period=period).refusal is None) == accepted
    assert len(conversation.sent) == accepted


def test_a_month_that_begins_after_the_unsubscribe_is_refused() -> None:
    conversation = Conversation(start="2026-03-31 20:00")
    conversation.text("QXHT")
    refusal = announce(conversation, "c-1", "HT", 300, "2026-04-01 09:00", period="2026-04").refusal
    assert refusal is not None
    assert (refusal.reason, "after the customer unsubscribed" in refusal.detail) == (INVALID, True)


@pytest.mark.parametrize(("period", "accepted"), [("2026-02", False), ("2026-03", True)])
def test_a_month_that_was_all_trial_is_refused(period: str, *, accepted: bool) -> None:
    trial = replace(has("CL", "2026-01-20 10:00", trial_until="2026-03-20 10:00"), goes_on=True)
    conversation = Conversation(has=(trial,))
    assert (announce(conversation, "c-1", "CL", 500, "2026-03-25 12:00", period=period).refusal is None) == accepted
    conversation = Conversation(has=(replace(trial, state=SubscriptionState.ACTIVE),), start="2026-03-21 10:00")
    assert (announce(conversation, "c-1", "CL", 500, "2026-03-25 12:00", period=period).refusal is None) == accepted


def test_one_monthly_charge_for_a_service_and_month() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    assert reason(announce(conversation, "c-2", "SJB", 300, "2026-03-31 23:59")) == RefusalReason.ALREADY_CHARGED
    assert (
        reason(announce(conversation, "c-2", "SJB", 100, "2026-04-05 12:00", period="2026-03"))
        == RefusalReason.ALREADY_CHARGED
    )
    assert reason(announce(conversation, "c-2", "SJB", 300, "2026-04-01 00:00")) is None
    assert reason(announce(conversation, "c-3", "TQ", 200, "2026-03-05 12:00")) is None


def reason(outcome: Outcome) -> RefusalReason | None:
    return outcome.refusal.reason if outcome.refusal else None


ORDER_AGAIN = "> KTCL\n> [1008620400] 是\n= CL active"


@pytest.mark.parametrize("left_at", ["2026-03-05 10:00", "2026-03-31 20:00"])
def test_one_monthly_charge_after_unsubscribing_and_ordering_again(left_at: str) -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, balance_fen=90_000))
    announce(conversation, "c-1", "CL", 500, "2026-03-02 12:00")
    conversation.play(f"@ {left_at}\n> QXCL\n{ORDER_AGAIN}")
    assert (
        reason(announce(conversation, "c-2", "CL", 500, "2026-04-20 12:00", period="2026-03"))
        == RefusalReason.ALREADY_CHARGED
    )
    assert reason(announce(conversation, "c-3", "CL", 500, "2026-04-20 12:00")) is None
    conversation.play("@ 2026-04-21 12:00")
    assert states(conversation) == {"c-1": "charged", "c-3": "charged"}


@pytest.mark.parametrize(
    "given_up",
    [
        "> QXCL\n" + ORDER_AGAIN,
        "! refusing\n@ +4d\n! taking",
        "> [10086901] {code}\n@ +4d",
        "@ 2026-03-05 13:00\n* refund",
        "* suspended\n@ 2026-03-05 13:00\n* active",
    ],
)
def test_another_monthly_charge_after_the_first_was_given_up_or_refunded(given_up: str) -> None:
    conversation = Conversation(subscriber=replace(SUBSCRIBER, balance_fen=90_000))
    refusing = given_up.startswith("!")
    conversation.taking = not refusing
    announce(conversation, "c-1", "CL", 500, "2026-03-05 12:00")
    for part in given_up.format(code=code(conversation, "c-1")).split("* "):
        name, _, rest = part.partition("\n")
        match name:
            case "refund":
                conversation.take(Outcome(records=(refund_of(charge_of(conversation, "c-1")),)))
            case "suspended" | "active":
                set_status(conversation, SubscriberStatus(name))
                conversation.play(rest)
            case _:
                conversation.play(part)
    # Of several announced at once the first is accepted.
    reasons = [reason(announce(conversation, f"c-{n}", "CL", 500, "2026-03-20 12:00")) for n in (2, 3)]
    assert reasons == [None, RefusalReason.ALREADY_CHARGED]
    conversation.play("@ 2026-03-20 12:00")
    assert states(conversation)["c-2"] == "charged"
    assert reason(announce(conversation, "c-4", "CL", 500, "2026-03-25 12:00")) == RefusalReason.ALREADY_CHARGED


def refund_of(charge: Charge) -> Refund:
    return Refund(
        refund_id(charge.id, RefundPart.PRINCIPAL), charge.due_at, charge.id, RefundPart.PRINCIPAL, charge.service_code,
        charge.amount_fen, "agent",
    )  # fmt: skip


def set_status(conversation: Conversation, to: SubscriberStatus) -> None:
    conversation.happens(SetSubscriber("api:crm", frozenset({"status"}), create=False, status=to))


def test_a_month_announced_as_free_stays_free_until_a_new_order() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.play("> QXSJB\n< …可用至03月31日，期间不收费；待扣的03月费用3元不再扣收。…")
    assert reason(announce(conversation, "c-2", "SJB", 300, "2026-03-20 12:00")) == CONFLICT
    conversation.play("> KTSJB\n> [1008620400] 是\n= SJB active")
    assert reason(announce(conversation, "c-3", "SJB", 300, "2026-03-20 12:00")) is None


def test_a_free_charge_does_not_count_as_the_one_of_its_month() -> None:
    conversation = Conversation()
    reasons = [reason(announce(conversation, f"c-{n}", "SJB", fen, "2026-03-05 12:00")) for n, fen in enumerate((0, 300, 0, 300))]  # fmt: skip
    assert reasons == [None, None, None, RefusalReason.ALREADY_CHARGED]


def test_the_same_charge_twice() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    assert announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00", period="2026-03").verdict == "known"
    refusal = announce(conversation, "c-1", "SJB", 200, "2026-03-05 12:00").refusal
    assert refusal is not None
    assert refusal.reason == RefusalReason.ID_TAKEN
    assert len(conversation.sent) == 1


@pytest.mark.parametrize(
    ("yes", "asked", "due"),
    [
        ("2026-03-02 09:00", "2026-03-03 12:00", "2026-03-05 09:00:01"),
        ("2026-02-26 23:59:59", "2026-03-01 23:59:59", "2026-03-02 11:05:01"),
        ("2026-02-27 12:00", "2026-03-02 12:00", "2026-03-02 12:00:01"),
        ("2026-02-27 12:00", "2026-03-02 12:00:01", "2026-03-02 12:00:01"),
    ],
)
def test_no_charge_falls_due_in_the_first_72_hours(yes: str, asked: str, due: str) -> None:
    conversation = Conversation(has=(replace(has("CL", "2025-01-01 10:00"), confirmed_at=shanghai(yes)),))
    announce(conversation, "c-1", "CL", 500, asked)
    charge = charge_of(conversation, "c-1")
    assert (charge.asked_due_at, charge.due_at) == (shanghai(asked), shanghai(due))
    conversation.move(charge.due_at)
    assert states(conversation) == {"c-1": "charged"}


@pytest.mark.parametrize(
    ("goes_on", "due", "accepted"),
    [(False, "2026-03-25 12:00", False), (True, "2026-03-19 12:00", False), (True, "2026-03-20 10:00", True)],
)
def test_a_trial_is_charged_only_after_a_yes_and_after_its_end(due: str, *, goes_on: bool, accepted: bool) -> None:
    trial = replace(has("CL", trial_until="2026-03-20 10:00"), goes_on=goes_on)
    assert trial.state is SubscriptionState.TRIAL
    assert (announce(Conversation(has=(trial,)), "c-1", "CL", 500, due).refusal is None) == accepted


def test_no_monthly_charge_while_suspended() -> None:
    suspended = replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED)
    assert announce(Conversation(subscriber=suspended), "c-1", "SJB", 300, "2026-03-05 12:00").refusal is not None


@pytest.mark.parametrize(
    ("script", "state"),
    [
        # It falls due during, after or before the suspension.
        ("* suspended\n@ 2026-03-05 12:00", "cancelled"),
        ("* suspended\n@ 2026-03-05 11:59\n* active\n@ 2026-03-05 12:00", "charged"),
        ("@ 2026-03-05 12:00\n* suspended", "charged"),
        # It falls due during the suspension, but its timer runs late, when the number is active again.
        ("* suspended\n* late 2026-03-05 13:00\n* active\n@ +1h", "cancelled"),
        # A disputed charge waits for its decision, and is waived if none comes in time.
        ("> [10086901] {code}\n* suspended\n@ +4d\n* active\n@ +4d", "waived"),
    ],
)
def test_a_monthly_charge_that_falls_due_in_suspension_is_never_taken(script: str, state: str) -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    for line in script.format(code=code(conversation, "c-1")).splitlines():
        match line.split(" ", 2):
            case ["*", "late", moment]:
                conversation.now = shanghai(moment)
            case ["*", name]:
                set_status(conversation, SubscriberStatus(name))
            case _:
                conversation.play(line)
    assert states(conversation) == {"c-1": state}


def test_closing_a_number_cancels_its_open_charges() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    announce(conversation, "c-2", "CL", 500, "2026-03-05 12:00")
    conversation.play(f"> [10086901] {code(conversation, 'c-2')}")
    before = len(conversation.sent)
    conversation.happens(SetSubscriber("api:crm", frozenset({"status"}), create=False, status=SubscriberStatus.CLOSED))
    assert states(conversation) == {"c-1": "cancelled", "c-2": "cancelled"}
    cancelled = [event.data["charge_id"] for event in conversation.outcome.events if event.type == "charge.cancelled"]
    assert cancelled == ["c-1", "c-2"]
    assert len(conversation.sent) == before
    assert conversation.account.records[Charge].keys() == {"c-1", "c-2"}
