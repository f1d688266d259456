"""Data usage: the latest reading of each month, and the thresholds that it passed (flows.md 9)."""

from collections.abc import Iterable
from datetime import datetime

from app.domain.account import Plan, Subscriber
from app.domain.records import Record, latest
from app.domain.values import replace, value

# The percentage of the plan at which it is used up.
USED_UP = 100


@value
class DataUsage(Record):
    """The latest reading of a month. Its id is the month (``2026-03``).

    Attributes:
        used_kb: the data used in the month so far, in KB of 1024 bytes.
        read_at: when it was read (UTC).
        spent: the highest threshold, in percent, that an alert is done with; no alert is sent for it or lower ones.
    """

    used_kb: int
    read_at: datetime
    spent: int = 0

    @property
    def last_instant(self) -> datetime:
        """The latest of its times (UTC)."""
        return latest(self.made_at, self.read_at)

    def with_reading(self, used_kb: int, at: datetime) -> "DataUsage | None":
        """Return the record with a reading at ``at`` (UTC), or None if that is older than the stored one."""
        return None if at < self.read_at else replace(self, used_kb=used_kb, read_at=at)


def data_plan(subscriber: Subscriber) -> Plan | None:
    """Return the plan of a subscriber if it includes data, else None."""
    plan = subscriber.plan
    return plan if plan is not None and plan.data_kb > 0 else None


def highest_passed(used_kb: int, plan: Plan, thresholds: Iterable[int]) -> int:
    """Return the highest threshold, in percent, that usage has reached; 0 if none."""
    return max((percent for percent in thresholds if used_kb * 100 >= plan.data_kb * percent), default=0)
