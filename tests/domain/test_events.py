"""How long events are sent (flows.md 14)."""

from datetime import timedelta

import pytest

from app.domain.events import is_sent_until_acknowledged, next_try
from tests.commands.world import shanghai

MADE = shanghai("2026-03-02 10:00")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("receiver", "kind", "expected"),
    [
        ("billing", "charge.charged", True),
        ("billing", "anything.else", True),
        ("sp:XINHUA", "subscription.unsubscribed", True),
        ("sp:XINHUA", "subscription.ended", True),
        ("sp:XINHUA", "subscription.started", False),
        ("sp:XINHUA", "order.declined", False),
    ],
)
def test_events_about_money_and_ends_are_sent_until_acknowledged(receiver: str, kind: str, *, expected: bool) -> None:
    assert is_sent_until_acknowledged(receiver, kind) is expected


def test_pauses_grow_up_to_an_hour_and_the_last_try_is_after_three_days() -> None:
    pauses = [next_try("sp:A", "order.made", MADE, MADE, attempts, 0.999) for attempts in range(1, 20)]
    assert all(moment is not None and moment <= MADE + timedelta(hours=1) for moment in pauses)
    assert pauses[0] is not None
    assert pauses[0] < MADE + timedelta(seconds=5)
    late = MADE + 3 * DAY - timedelta(minutes=1)
    assert next_try("sp:A", "order.made", MADE, late, 99, 0.999) == MADE + 3 * DAY


def test_retry_after_is_respected_up_to_a_day() -> None:
    assert next_try("sp:A", "a.b", MADE, MADE, 1, 0.0, timedelta(hours=2)) == MADE + timedelta(hours=2)
    assert next_try("sp:A", "a.b", MADE, MADE, 1, 0.0, timedelta(days=30)) == MADE + DAY


def test_after_three_days_events_about_money_are_sent_daily_and_others_given_up() -> None:
    assert next_try("sp:A", "order.made", MADE, MADE + 3 * DAY, 50, 0.5) is None
    assert next_try("billing", "charge.charged", MADE, MADE + 3 * DAY, 50, 0.5) == MADE + 4 * DAY
    assert next_try("billing", "charge.charged", MADE, MADE + 99 * DAY, 50, 0.5) == MADE + 100 * DAY
