"""What is given to a customer once in half a year: a service's free 72 hours, and its trial (safety.md 11)."""

from datetime import datetime, timedelta

from app.domain.account import FREE_PERIOD, Account

GIVEN_ONCE_IN = timedelta(days=180)


def had_free_hours(account: Account, service_code: str, at: datetime) -> bool:
    """Whether the free 72 hours of a service were given to her lately."""
    given = (item.free_until - FREE_PERIOD for item in account.of_service(service_code) if item.free_until)
    return any(at - moment <= GIVEN_ONCE_IN for moment in given)


def had_trial(account: Account, service_code: str, at: datetime) -> bool:
    """Whether a trial of a service was given to her lately."""
    trials = (item for item in account.of_service(service_code) if item.trial_ends_at)
    return any(at - item.started_at <= GIVEN_ONCE_IN for item in trials)
