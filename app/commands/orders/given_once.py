"""Benefits given once in 180 days for a service: its free period of 72 hours and its trial (safety.md 11)."""

from datetime import datetime, timedelta

from app.domain.account import Account
from app.domain.subscriptions import FREE_PERIOD

GIVEN_ONCE_IN = timedelta(days=180)


def had_free_hours(account: Account, service_code: str, at: datetime) -> bool:
    """Return True if a free period of the service began in the 180 days before ``at`` (UTC)."""
    begins = (item.free_until - FREE_PERIOD for item in account.subscriptions_of(service_code) if item.free_until)
    return any(at - began_at <= GIVEN_ONCE_IN for began_at in begins)


def had_trial(account: Account, service_code: str, at: datetime) -> bool:
    """Return True if a trial of the service began in the 180 days before ``at`` (UTC)."""
    trials = (item for item in account.subscriptions_of(service_code) if item.trial_ends_at)
    return any(at - item.started_at <= GIVEN_ONCE_IN for item in trials)
