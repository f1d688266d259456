"""What may be charged at all, and when (safety.md 2, 10, 11; flows.md 7, 17)."""

from dataclasses import replace

import pytest

from app.commands.directory import SetSubscriber
from app.domain.account import SubscriberStatus, SubscriptionState
from app.domain.charges import Charge
from tests.commands.fees import announce, code, fee, states
from tests.commands.transcript import Conversation
from tests.commands.world import FOUR, SUBSCRIBER, has, shanghai

LEAVING = (*FOUR, has("LD", in_plan=True), has("GS"), has("KD", trial_until="2026-03-20 10:00"))


@pytest.mark.parametrize(
    ("service", "fen", "due", "period", "status", "why"),
    [
        ("YYH", 600, "2026-03-05 12:00", None, 422, "service_code"),
        ("NO", 600, "2026-03-05 12:00", None, 422, "service_code"),
        ("SJB", 301, "2026-03-05 12:00", None, 422, "amount_fen"),
        ("LD", 1, "2026-03-05 12:00", None, 422, "amount_fen"),
        ("GS", 250, "2026-03-05 12:00", None, 422, "kind"),
        ("CL", 500, "2026-03-05 12:00", "2025-11", 422, "period"),
        ("KD", 1990, "2026-03-25 12:00", None, 422, "due_at"),
    ],
)
def test_no_consent_no_fee(service: str, fen: int, due: str, period: str | None, status: int, why: str) -> None:
    conversation = Conversation(has=LEAVING)
    refusal = announce(conversation, "c-1", service, fen, due, period=period).refusal
    assert refusal is not None
    assert (refusal.status, refusal.detail.partition(":")[0]) == (status, why)
    assert conversation.sent == []
    assert [record.kind for record in conversation.evidence] == ["fee-refused"]
    conversation.play("@ 2026-04-06 12:00\n<")


def test_a_number_that_is_nobodys_is_charged_nothing() -> None:
    refusal = announce(Conversation(subscriber=None), "c-1", "CL", 500, "2026-03-05 12:00").refusal
    assert refusal is not None
    assert refusal.status == 422


def test_only_for_a_period_in_which_it_was_held() -> None:
    conversation = Conversation()
    conversation.play("> QXSJB\n= SJB ending 2026-03-31")
    for number, (due, period, accepted) in enumerate(
        [
            ("2026-03-05 12:00", "2025-05", False),
            ("2026-03-30 12:00", "2026-04", False),
            ("2026-04-02 12:00", None, False),
            ("2026-04-02 12:00", "2026-03", False),
            ("2026-03-31 23:59:59", "2025-12", True),
            ("2026-03-30 12:00", None, True),
        ]
    ):
        outcome = announce(conversation, f"c-{number}", "SJB", 300, due, period=period)
        assert (outcome.refusal is None) == accepted, (due, period)


def test_one_monthly_fee_for_a_subscription_and_month() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    refusal = announce(conversation, "c-2", "SJB", 300, "2026-03-31 23:59").refusal
    assert refusal is not None
    assert refusal.status == 409
    assert announce(conversation, "c-2", "SJB", 300, "2026-04-01 00:00").refusal is None
    # Also one that was given up: she would pay what she was told is free.
    conversation.play(f"> [10086901] {code(conversation, 'c-1')}\n@ +73h")
    assert states(conversation)["c-1"] == "waived"
    assert announce(conversation, "c-3", "SJB", 300, "2026-03-31 23:59").refusal is not None


def test_the_same_charge_twice() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    assert announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00", period="2026-03").verdict == "known"
    refusal = announce(conversation, "c-1", "SJB", 200, "2026-03-05 12:00").refusal
    assert refusal is not None
    assert refusal.status == 409
    assert len(conversation.sent) == 1


@pytest.mark.parametrize(
    ("yes", "asked", "due"),
    [
        ("2026-03-02 09:00", "2026-03-03 12:00", "2026-03-05 09:00:01"),
        ("2026-02-26 23:59:59", "2026-03-01 23:59:59", "2026-03-02 11:00:01"),
        ("2026-02-27 12:00", "2026-03-02 12:00", "2026-03-02 12:00:01"),
        ("2026-02-27 12:00", "2026-03-02 12:00:01", "2026-03-02 12:00:01"),
    ],
)
def test_no_fee_in_the_first_72_hours(yes: str, asked: str, due: str) -> None:
    conversation = Conversation(has=(replace(has("CL", "2025-01-01 10:00"), confirmed_at=shanghai(yes)),))
    announce(conversation, "c-1", "CL", 500, asked)
    charge = fee(conversation, "c-1")
    assert (charge.asked_due_at, charge.due_at) == (shanghai(asked), shanghai(due))
    conversation.move(charge.due_at)
    assert states(conversation) == {"c-1": "charged"}


@pytest.mark.parametrize(
    ("goes_on", "due", "accepted"),
    [(False, "2026-03-25 12:00", False), (True, "2026-03-19 12:00", False), (True, "2026-03-20 10:00", True)],
)
def test_on_trial(goes_on: bool, due: str, accepted: bool) -> None:  # noqa: FBT001
    trial = replace(has("CL", trial_until="2026-03-20 10:00"), goes_on=goes_on)
    assert trial.state is SubscriptionState.TRIAL
    assert (announce(Conversation(has=(trial,)), "c-1", "CL", 500, due).refusal is None) == accepted


def test_no_monthly_fee_while_suspended() -> None:
    suspended = replace(SUBSCRIBER, status=SubscriberStatus.SUSPENDED)
    assert announce(Conversation(subscriber=suspended), "c-1", "SJB", 300, "2026-03-05 12:00").refusal is not None
    # One that was announced before, and falls due meanwhile.
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    conversation.account = replace(conversation.account, subscriber=suspended)
    conversation.play("@ 2026-03-05 12:00\n<")
    assert states(conversation) == {"c-1": "cancelled"}


def test_who_gives_up_the_number_owes_nothing_more() -> None:
    conversation = Conversation()
    announce(conversation, "c-1", "SJB", 300, "2026-03-05 12:00")
    announce(conversation, "c-2", "CL", 500, "2026-03-05 12:00")
    conversation.play(f"> [10086901] {code(conversation, 'c-2')}")
    before = len(conversation.sent)
    conversation.happens(SetSubscriber("api:crm", frozenset({"status"}), create=False, status=SubscriberStatus.CLOSED))
    assert states(conversation) == {"c-1": "cancelled", "c-2": "cancelled"}
    told = [event.data["charge_id"] for event in conversation.outcome.events if event.type == "charge.cancelled"]
    assert told == ["c-1", "c-2"]
    assert len(conversation.sent) == before
    assert conversation.account.records[Charge].keys() == {"c-1", "c-2"}
