"""Data usage: cumulative readings, one record for each month, and the thresholds that they pass (flows.md 9)."""

from collections.abc import Iterable
from datetime import datetime

from app.domain.account import Plan, Subscriber
from app.domain.records import Record
from app.domain.values import replace, value

USED_UP = 100


@value
class DataUsage(Record):
    """The newest reading of a month, which is its id (``2026-03``); sizes in KB of 1024 bytes, times UTC.

    ``spent``: the highest threshold, in percent, that was passed this month; it and those below are told no more.
    """

    used_kb: int
    read_at: datetime
    spent: int = 0

    def with_reading(self, used_kb: int, at: datetime) -> "DataUsage | None":
        """After a later reading; None for one that is older than the one held."""
        return None if at < self.read_at else replace(self, used_kb=used_kb, read_at=at)


def data_plan(subscriber: Subscriber) -> Plan | None:
    """Her plan, if there is data in it: without any there is nothing that usage could be a part of."""
    plan = subscriber.plan
    return plan if plan is not None and plan.data_kb > 0 else None


def highest_passed(used_kb: int, plan: Plan, thresholds: Iterable[int]) -> int:
    """The highest threshold in percent that usage has reached, 0 if none."""
    return max((percent for percent in thresholds if used_kb * 100 >= plan.data_kb * percent), default=0)
