"""A use costs what it cost at its time, and no more than she was told that day (safety.md 12)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.commands.orders.new_terms import NEW_TERMS, AnnouncedTerms
from app.domain.account import Channel, Subscription, SubscriptionState
from app.domain.catalogue import CancelEffect
from app.domain.charges import ChargeKind, ChargeState, Use
from app.domain.turn import Outcome, TimerSet
from tests.commands.charges.charging import announce, charge_of, code, offer, states, use
from tests.commands.transcript import Conversation
from tests.commands.world import has, shanghai

SMS, WEB = Channel.SMS, Channel.WEB


# ---- what it costs


@pytest.mark.parametrize("channel", [SMS, WEB])
def test_the_price_of_a_use_is_that_of_its_time_however_late_and_in_whatever_order_it_is_reported(
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


def changed(conversation: Conversation) -> None:
    """She agrees to 5元 a use from the 4th at noon on."""
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
        # As she confirmed it, from when she had it to when she left it.
        (has("GS", "2026-03-02 09:00", price_fen=100), {"2026-03-02 08:59": 250, "2026-03-02 09:00": 100}),
        (ENDED, {"2026-03-02 09:00": 100, "2026-03-02 09:01": 250, "2025-12-31 10:00": 250}),
        (replace(ENDED, in_plan=True), {"2026-03-02 09:00": 0, "2026-03-02 09:01": 250}),
        (has("GS", in_plan=True), {"2026-03-02 09:00": 0}),
        (TRIAL, {"2026-03-02 09:00": 0, "2026-03-02 09:01": 250}),
    ],
)
def test_what_she_had_then_sets_the_price(held: Subscription, costs: dict[str, int]) -> None:
    conversation = Conversation(has=(held,))
    for at, fen in costs.items():
        use(conversation, at, "GS", WEB, at)
        assert charge_of(conversation, f"use-{at}").amount_fen == fen, at


def test_new_terms_bind_uses_from_their_day_only() -> None:
    conversation = Conversation(has=(has("GS"),))
    changed(conversation)
    for at, fen in (("2026-03-04 11:59", 250), ("2026-03-04 12:00", 500)):
        use(conversation, at, "GS", WEB, at)
        assert charge_of(conversation, f"use-{at}").amount_fen == fen, at


def test_a_use_of_what_she_left_since_is_taken_at_the_price_that_she_confirmed() -> None:
    conversation = Conversation(has=(ENDED,))
    use(conversation, "u-1", "GS", WEB, "2026-03-02 08:00")
    conversation.play("@ 2026-03-03 12:00")
    assert (charge_of(conversation, "use-u-1").amount_fen, states(conversation)["use-u-1"]) == (100, "charged")


@pytest.mark.parametrize(("fen", "accepted"), [(250, True), (251, False)])
def test_billing_takes_no_more_for_a_use_than_it_cost_at_its_time(fen: int, *, accepted: bool) -> None:
    conversation = Conversation()
    conversation.take(Outcome(records=(Use("u-1", conversation.now, "GS", SMS, conversation.now, None),)))
    conversation.play("@ +1h")
    offer(conversation, "GS", 900)
    outcome = announce(conversation, "c-1", "GS", fen, "2026-03-05 12:00", kind=ChargeKind.PER_USE)
    assert (outcome.refusal is None) == accepted


# ---- what she was told


@pytest.mark.parametrize(
    "uses",
    [
        [(250, True), (250, False), (100, False), (250, False)],
        [(250, True), (99_900, True), (99_900, False), (500, False), (100_000, True)],
        [(900, True), (100, False), (899, False), (901, True)],
        [(0, False), (250, True), (0, False), (250, False)],
    ],
)
def test_a_later_use_of_a_day_is_told_if_it_costs_more_than_she_was_told(uses: Sequence[tuple[int, bool]]) -> None:
    conversation = Conversation()
    for number, (fen, told) in enumerate(uses):
        offer(conversation, "GS", fen)
        before = len(conversation.sent)
        conversation.play("@ +1m")
        use(conversation, f"u-{number}", "GS", SMS)
        assert len(conversation.sent) - before == told, (number, fen)
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
        # The first by SMS is told, whatever was told of others.
        [(BY_WEB, 900, True), (BY_SMS, 100, True), (BY_SMS, 900, True)],
    ],
)
@pytest.mark.parametrize("wait", ["0s", "1m"])
@pytest.mark.parametrize("ids", ["abcde", "edcba"])
def test_what_she_was_told_last_counts_by_whatever_channel(
    uses: Sequence[tuple[str, int, bool]], wait: str, ids: str
) -> None:
    conversation = Conversation()
    for id_, (channel, fen, told) in zip(ids, uses, strict=False):
        offer(conversation, "GS", fen)
        before = len(conversation.sent)
        conversation.play(f"@ +{wait}")
        use(conversation, id_, "GS", Channel(channel))
        assert len(conversation.sent) - before == told, (channel, fen)
    conversation.play("@ +26h")
    assert set(states(conversation).values()) == {"charged"}


def test_what_she_doubted_is_the_last_that_she_was_told_and_the_next_is_told_again() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    offer(conversation, "GS", 100)
    use(conversation, "u-2", "GS", WEB)
    conversation.play(f"> [10086901] {code(conversation, 'use-u-2')}\n< …不收费…")
    offer(conversation, "GS", 250)
    use(conversation, "u-3", "GS", SMS)
    assert charge_of(conversation, "use-u-3").reminded_with is None


@pytest.mark.parametrize(("coming", "fen", "told_with"), [(900, 250, "use-u-1"), (100, 250, None), (900, 900, "use-u-2"), (900, 901, None), (250, 100, "use-u-1")])  # fmt: skip
def test_a_reminder_that_is_still_to_come_may_be_the_last_that_she_hears(
    coming: int, fen: int, told_with: str | None
) -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    conversation.play("! refusing")
    offer(conversation, "GS", coming)
    use(conversation, "u-2", "GS", WEB)
    offer(conversation, "GS", fen)
    use(conversation, "u-3", "GS", SMS)
    assert charge_of(conversation, "use-u-3").reminded_with == told_with


def test_days_are_those_of_the_uses_however_late_they_are_reported() -> None:
    conversation = Conversation(start="2026-03-03 10:00")
    offer(conversation, "GS", 900)
    came = []
    for at in ("2026-03-03 09:00", "2026-03-02 23:59:59", "2026-03-03 00:00", "2026-03-02 08:00"):
        before = len(conversation.sent)
        use(conversation, at, "GS", SMS, at)
        came.append(len(conversation.sent) - before)
    assert came == [1, 1, 0, 0]


def test_what_was_told_of_a_use_on_the_web_is_not_told_of_one_by_sms() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", WEB)
    use(conversation, "u-2", "GS", SMS)
    use(conversation, "u-3", "GS", SMS)
    assert [charge_of(conversation, f"use-u-{n}").reminded_with for n in (1, 2, 3)] == [None, None, "use-u-2"]


def test_after_a_doubt_the_next_use_is_told_again() -> None:
    conversation = Conversation()
    use(conversation, "u-1", "GS", SMS)
    conversation.play(f"> [10086901] {code(conversation, 'use-u-1')}\n< …不收费…\n@ +1h")
    use(conversation, "u-2", "GS", SMS)
    conversation.play(f"> [10086901] {code(conversation, 'use-u-2')}\n< …不收费…\n@ +2d")
    assert states(conversation) == {"use-u-1": "waived", "use-u-2": "waived"}


def test_what_a_reminder_that_never_came_was_to_tell_was_not_told() -> None:
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
    # Reported late, and not told by anything that still counts.
    use(conversation, "u-5", "GS", SMS, "2026-03-02 11:00")
    assert charge_of(conversation, "use-u-5").reminded_with == "use-u-1"


def test_a_later_use_is_not_taken_when_the_first_was_given_up_before_she_was_told() -> None:
    conversation = Conversation(has=(has("GS"),), start="2026-03-31 23:30")
    use(conversation, "u-1", "GS", SMS)
    use(conversation, "u-2", "GS", SMS)
    first = charge_of(conversation, "use-u-1")
    conversation.take(Outcome(records=(first.moved(ChargeState.WAIVED, conversation.now, "unsubscribed"),)))
    conversation.play("@ +25h")
    assert states(conversation) == {"use-u-1": "waived", "use-u-2": "waived"}


def test_web_reminders_do_not_stand_in_for_the_first_of_a_day_by_sms() -> None:
    conversation = Conversation(start="2026-03-02 23:30")
    use(conversation, "u-1", "GS", SMS)
    use(conversation, "u-2", "GS", Channel.WEB)
    conversation.play("! refusing")
    use(conversation, "u-3", "GS", SMS)
    assert charge_of(conversation, "use-u-3").reminded_with == "use-u-1"
    conversation.play("@ +26h")
    assert states(conversation) == {"use-u-1": "announced", "use-u-2": "charged", "use-u-3": "announced"}
