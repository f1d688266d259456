"""A use costs the price of its time, and is reminded unless an earlier reminder covers it (safety.md 12)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.domain.catalogue import CancelEffect
from app.domain.charges import ChargeKind, ChargeState, Use
from app.domain.subscriptions import Channel, Subscription, SubscriptionState
from app.domain.turn import Outcome, TimerSet
from tests.commands.charges.charging import announce, charge_of, code, offer, states, use
from tests.commands.transcript import Conversation
from tests.commands.world import has, shanghai

SMS, WEB = Channel.SMS, Channel.WEB


# ---- prices


@pytest.mark.parametrize("channel", [SMS, WEB])
def test_a_use_costs_the_price_of_its_time_in_whatever_order_it_is_reported(
    channel: Channel,
) -> None:
    conversation = Conversation()
    for at, fen in (("2026-03-02 11:00", 900), ("2026-03-02 12:00", 100), ("2026-03-03 12:00", 700)):
        conversation.move(shanghai(at))
        offer(conversation, "GS", fen)
    costs = {
        "2026-03-03 12:00": 700,
        "2026-03-02 10:59:59": 250,
        "2026-03-03 11:59:59": 100,
        "2026-03-02 11:00": 900,
        "2025-01-01 10:00": 250,
        "2026-03-02 12:00": 100,
    }
    for at, fen in costs.items():
        use(conversation, at, "GS", channel, at)
        assert charge_of(conversation, f"use-{at}").amount_fen == fen, at


def change_terms(conversation: Conversation) -> None:
    """Announce and confirm 5元 a use from noon on 4 March."""
    terms = AnnouncedTerms("t-1", 500, CancelEffect.MONTH_END, shanghai("2026-03-04 12:00"), "api:staff")
    conversation.timers[NEW_TERMS, "subscription-GS"] = TimerSet(
        NEW_TERMS, "subscription-GS", conversation.now, terms.text()
    )
    conversation.play("@ +1m\n> [1008620400] 是\n< …\n@ 2026-03-04 12:01")


ENDED = replace(has("GS", "2026-01-01 10:00", price_fen=100), state=SubscriptionState.ENDED, ends_at=shanghai("2026-03-02 09:00"))  # fmt: skip
TRIAL = replace(has("GS", trial_until="2026-03-02 09:00"), state=SubscriptionState.ACTIVE)


@pytest.mark.parametrize(
    ("held", "costs"),
    [
        # The confirmed price applies from the start of the subscription to its end.
        (has("GS", "2026-03-02 09:00", price_fen=100), {"2026-03-02 08:59": 250, "2026-03-02 09:00": 100}),
        (ENDED, {"2026-03-02 09:00": 100, "2026-03-02 09:01": 250, "2025-12-31 10:00": 250}),
        (replace(ENDED, in_plan=True), {"2026-03-02 09:00": 0, "2026-03-02 09:01": 250}),
        (has("GS", in_plan=True), {"2026-03-02 09:00": 0}),
        (TRIAL, {"2026-03-02 09:00": 0, "2026-03-02 09:01": 250}),
    ],
)
def test_the_subscription_of_the_time_of_use_sets_the_price(held: Subscription, costs: dict[str, int]) -> None:
    conversation = Conversation(has=(held,))
    for at, fen in costs.items():
        use(conversation, at, "GS", WEB, at)
        assert charge_of(conversation, f"use-{at}").amount_fen == fen, at


def test_new_terms_bind_uses_from_their_day_only() -> None:
    conversation = Conversation(has=(has("GS"),))
    change_terms(conversation)
    for at, fen in (("2026-03-04 11:59", 250), ("2026-03-04 12:00", 500)):
        use(conversation, at, "GS", WEB, at)
        assert charge_of(conversation, f"use-{at}").amount_fen == fen, at


def test_a_use_before_the_end_of_a_subscription_costs_its_confirmed_price() -> None:
    conversation = Conversation(has=(ENDED,))
    use(conversation, "u-1", "GS", WEB, "2026-03-02 08:00")
    conversation.play("@ 2026-03-03 12:00")
    assert (charge_of(conversation, "use-u-1").amount_fen, states(conversation)["use-u-1"]) == (100, "charged")


@pytest.mark.parametrize(("fen", "accepted"), [(250, True), (251, False)])
def test_billing_cannot_charge_more_for_a_use_than_its_price_then(fen: int, *, accepted: bool) -> None:
    conversation = Conversation()
    conversation.take(Outcome(records=(Use("u-1", conversation.now, "GS", SMS, conversation.now, None),)))
    conversation.play("@ +1h")
    offer(conversation, "GS", 900)
    outcome = announce(conversation, "c-1", "GS", fen, "2026-03-05 12:00", kind=ChargeKind.PER_USE)
    assert (outcome.refusal is None) == accepted


# ---- covering reminders


@pytest.mark.parametrize(
    "uses",
    [
        [(250, True), (250, False), (100, False), (250, False)],
        [(250, True), (99_900, True), (99_900, False), (500, False), (100_000, True)],
        [(900, True), (100, False), (899, False), (901, True)],
        [(0, False), (250, True), (0, False), (250, False)],
    ],
)
def test_a_later_use_of_a_day_is_reminded_if_it_costs_more_than_the_last_reminder_said(
    uses: Sequence[tuple[int, bool]],
) -> None:
    conversation = Conversation()
    for number, (fen, reminded) in enumerate(uses):
        offer(conversation, "GS", fen)
        before = len(conversation.sent)
        conversation.play("@ +1m")
        use(conversation, f"u-{number}", "GS", SMS)
        assert len(conversation.sent) - before == reminded, (number, fen)
    conversation.play("@ +26h")
    assert set(states(conversation).values()) == {"charged"}


BY_WEB, BY_SMS = "web", "sms"


@pytest.mark.parametrize(
    "uses",
    [
        [(BY_WEB, 260, True), (BY_WEB, 100, True), (BY_SMS, 255, True), (BY_WEB, 100, True), (BY_SMS, 240, True)],
        [(BY_SMS, 250, True), (BY_WEB, 100, True), (BY_SMS, 101, True), (BY_SMS, 101, False), (BY_SMS, 100, False)],
        [(BY_SMS, 250, True), (BY_WEB, 100, True), (BY_SMS, 100, False), (BY_SMS, 250, True)],
        [(BY_SMS, 100, True), (BY_WEB, 900, True), (BY_SMS, 900, False), (BY_SMS, 100, False)],
        # The first use by SMS is reminded whatever other channels were.
        [(BY_WEB, 900, True), (BY_SMS, 100, True), (BY_SMS, 900, True)],
    ],
)
@pytest.mark.parametrize("wait", ["0s", "1m"])
@pytest.mark.parametrize("ids", ["abcde", "edcba"])
def test_the_last_reminder_counts_by_whatever_channel(
    uses: Sequence[tuple[str, int, bool]], wait: str, ids: str
) -> None:
    conversation = Conversation()
    for id_, (channel, fen, reminded) in zip(ids, uses, strict=False):
        offer(conversation, "GS", fen)
        before = len(conversation.sent)
        conversation.play(f"@ +{wait}")
        use(conversation, id_, "GS", Channel(channel))
        assert len(conversation.sent) - before == reminded, (channel, fen)
    conversation.play("@ +26h")
    assert set(states(conversation).values()) == {"charged"}


def test_a_disputed_last_reminder_covers_no_other_use() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    offer(conversation, "GS", 100)
    use(conversation, "u-2", "GS", WEB)
    conversation.play(f"> [10086901] {code(conversation, 'use-u-2')}\n< …免收…")
    offer(conversation, "GS", 250)
    use(conversation, "u-3", "GS", SMS)
    assert charge_of(conversation, "use-u-3").reminded_with is None


@pytest.mark.parametrize(("coming", "fen", "covered_by"), [(900, 250, "use-u-1"), (100, 250, None), (900, 900, "use-u-2"), (900, 901, None), (250, 100, "use-u-1")])  # fmt: skip
def test_a_pending_reminder_counts_as_possibly_the_last(coming: int, fen: int, covered_by: str | None) -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    conversation.play("! refusing")
    offer(conversation, "GS", coming)
    use(conversation, "u-2", "GS", WEB)
    offer(conversation, "GS", fen)
    use(conversation, "u-3", "GS", SMS)
    assert charge_of(conversation, "use-u-3").reminded_with == covered_by


def test_the_day_is_that_of_the_use_however_late_it_is_reported() -> None:
    conversation = Conversation(start="2026-03-03 10:00")
    offer(conversation, "GS", 900)
    reminders = []
    for at in ("2026-03-03 09:00", "2026-03-02 23:59:59", "2026-03-03 00:00", "2026-03-02 08:00"):
        before = len(conversation.sent)
        use(conversation, at, "GS", SMS, at)
        reminders.append(len(conversation.sent) - before)
    assert reminders == [1, 1, 0, 0]


def test_a_reminder_of_a_use_on_the_web_does_not_cover_the_first_by_sms() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", WEB)
    use(conversation, "u-2", "GS", SMS)
    use(conversation, "u-3", "GS", SMS)
    assert [charge_of(conversation, f"use-u-{n}").reminded_with for n in (1, 2, 3)] == [None, None, "use-u-2"]


def test_after_a_dispute_the_next_use_is_reminded_again() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    conversation.play(f"> [10086901] {code(conversation, 'use-u-1')}\n< …免收…\n@ +1h")
    use(conversation, "u-2", "GS", SMS)
    conversation.play(f"> [10086901] {code(conversation, 'use-u-2')}\n< …免收…\n@ +2d")
    assert states(conversation) == {"use-u-1": "waived", "use-u-2": "waived"}


def test_a_use_covered_by_a_reminder_that_never_arrived_is_not_taken() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    conversation.play("! refusing")
    offer(conversation, "GS", 900)
    for number in (2, 3):
        use(conversation, f"u-{number}", "GS", SMS)
    offer(conversation, "GS", 250)
    use(conversation, "u-4", "GS", SMS)
    assert [charge_of(conversation, f"use-u-{n}").reminded_with for n in (2, 3, 4)] == [None, "use-u-2", "use-u-1"]
    conversation.play("@ +73h\n! taking")
    assert states(conversation) == {
        "use-u-1": "charged", "use-u-2": "waived", "use-u-3": "waived", "use-u-4": "charged",
    }  # fmt: skip
    # A use reported late is covered by the reminder that was handed over.
    use(conversation, "u-5", "GS", SMS, "2026-03-02 11:00")
    assert charge_of(conversation, "use-u-5").reminded_with == "use-u-1"


def test_a_covered_use_is_not_taken_when_the_first_was_waived_before_its_reminder() -> None:
    conversation = Conversation(has=(has("GS"),), start="2026-03-31 23:30")
    use(conversation, "u-1", "GS", SMS)
    use(conversation, "u-2", "GS", SMS)
    first = charge_of(conversation, "use-u-1")
    conversation.take(Outcome(records=(first.moved(ChargeState.WAIVED, conversation.now, "unsubscribed"),)))
    conversation.play("@ +25h")
    assert states(conversation) == {"use-u-1": "waived", "use-u-2": "waived"}


def test_web_reminders_do_not_cover_the_first_use_of_a_day_by_sms() -> None:
    conversation = Conversation(start="2026-03-02 23:30")
    use(conversation, "u-1", "GS", SMS)
    use(conversation, "u-2", "GS", Channel.WEB)
    conversation.play("! refusing")
    use(conversation, "u-3", "GS", SMS)
    assert charge_of(conversation, "use-u-3").reminded_with == "use-u-1"
    conversation.play("@ +26h")
    assert states(conversation) == {"use-u-1": "announced", "use-u-2": "charged", "use-u-3": "announced"}
