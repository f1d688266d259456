"""Bodies of the events that tell of an end."""

from datetime import UTC, datetime

import pytest

from app.domain.catalogue import Billing, CancelEffect
from app.domain.sp_events import Cause, ended
from app.domain.subscriptions import Channel, Subscription, SubscriptionState, Terms

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("cause", [Cause.NUMBER_CLOSED, Cause.TRIAL_OVER, Cause.NEW_TERMS])
def test_an_end_has_the_same_fields_whatever_its_cause(cause: Cause) -> None:
    held = Subscription(
        "s-1",
        "SJB",
        SubscriptionState.ENDED,
        in_plan=False,
        started_at=AT,
        channel=Channel.SMS,
        terms=Terms(300, Billing.MONTHLY, "XINHUA", CancelEffect.MONTH_END),
        ends_at=AT,
        goes_on=True,
    )
    event = ended("+8613800138000", held, cause, AT)
    assert (event.receiver, event.type) == ("sp:XINHUA", "subscription.ended")
    assert event.data == {
        "msisdn": "+8613800138000",
        "service_code": "SJB",
        "subscription_id": "s-1",
        "ends_at": "2026-03-02T02:00:00+00:00",
        "trial_ends_at": None,
        "goes_on": False,
        "at": "2026-03-02T02:00:00+00:00",
        "action": 2,
        "reason": cause.value,
    }
