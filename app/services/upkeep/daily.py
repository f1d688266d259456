"""The daily tasks that there are: partitions first, as what they drop need not be purged row by row."""

from collections.abc import Mapping
from datetime import time
from functools import partial

from app.db.session import Database
from app.domain.heads import HeadKeys
from app.domain.policy import RetentionPeriods, Spans
from app.services.upkeep.partitions import keep_in_pieces
from app.services.upkeep.retention import purge_in_pieces
from app.services.upkeep.schedule import DailyTask


def daily_tasks(
    database: Database, times: Mapping[str, time], spans: Spans, kept: RetentionPeriods, heads: HeadKeys
) -> list[DailyTask]:
    """Return the tasks that have a time of day, in Asia/Shanghai. SQLite has no partitions."""
    tasks = []
    if "partitions" in times and not database.is_sqlite:
        tasks.append(DailyTask("partitions", times["partitions"], partial(keep_in_pieces, spans, kept)))
    if "purge" in times:
        tasks.append(DailyTask("purge", times["purge"], partial(purge_in_pieces, kept, heads)))
    return tasks
