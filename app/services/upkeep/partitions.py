"""Keep partitions of the message tables: make those of the time ahead, drop those past their retention (ADR 28)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from app import observability
from app.db import partitions
from app.db.clock import clock_of
from app.db.partitions import OF_MESSAGES, Partition
from app.db.reports import delivery_report
from app.db.session import Database
from app.domain.ids import first_at
from app.domain.policy import RetentionPeriods, Spans
from app.domain.values import value
from app.services.upkeep.pieces import Pieces, drive
from app.services.upkeep.retention import RAW_REPORT_RETENTION

log = observability.logger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How many messages a piece looks at.
_PIECE = 1_000


@value
class PartitionCounts:
    """What a run did: spans of time that were made, partitions that were dropped, and old ones that were left.

    Those are left that hold what must stay, or that were in use.
    """

    made: int
    dropped: int
    left: int


class BusyError(Exception):
    """Other transactions hold the tables; the task is tried again later."""


def ranges_to_make(found: Sequence[Partition], taken: int | None, now: datetime, spans: Spans) -> list[tuple[int, int]]:
    """Return the ranges of ids for which partitions are to be made, oldest first.

    ``taken``: the newest id in the default partitions. Its range cannot get a partition: the rows stay where they are.
    """
    newest = max((one.until for one in found if not one.is_default), default=0)
    begin = max(newest, first_at(_span_of(now, spans.length)))
    ranges = []
    while begin <= first_at(now + spans.ahead * spans.length):
        end = first_at(_span_of(partitions.time_of(begin), spans.length) + spans.length)
        ranges.append((begin, end))
        begin = end
    return [one for one in ranges if taken is None or one[0] > taken]


def _span_of(moment: datetime, length: timedelta) -> datetime:
    """Return when the span of time begins that a moment lies in, UTC."""
    return _EPOCH + (moment - _EPOCH) // length * length


def make(database: Database, spans: Spans) -> int:
    """Make the partitions of the time ahead; return of how many spans. Raise BusyError if the tables are in use."""
    return drive(_make(spans, database.clock()), database.write_now)


def keep_in_pieces(spans: Spans, kept: RetentionPeriods) -> Pieces[PartitionCounts]:
    """Yield the pieces of a run, by the database's clock, as ids are, also where the gateway's is moved.

    Raise BusyError if the tables are in use.
    """
    now: datetime = yield lambda connection: clock_of(connection)()
    made = yield from _make(spans, now)
    past = list(_past((yield partitions.existing), now, kept))
    dropped = 0
    for one in past:
        dropped += yield from _drop(one)
    return PartitionCounts(made, dropped, len(past) - dropped)


def _make(spans: Spans, now: datetime) -> Pieces[int]:
    found: list[Partition] = yield partitions.existing
    if not found:
        return 0
    taken: int | None = yield partitions.newest_in_defaults
    if taken is not None and taken >= max((one.until for one in found if not one.is_default), default=taken + 1):
        log.warning("rows are in default partitions, as there was none for their time; a purge deletes them one by one")
    wanted = ranges_to_make(found, taken, now, spans)
    for since, until in wanted:
        if not (yield partial(partitions.make, since=since, until=until)):
            raise BusyError("the tables of messages are in use: partitions could not be made")
    return len(wanted)


def _past(found: Sequence[Partition], now: datetime, kept: RetentionPeriods) -> Iterator[Partition]:
    """Yield the partitions that hold nothing but what is past its retention, in the order in which they may go."""
    reports = now - RAW_REPORT_RETENTION
    limits = {delivery_report.name: first_at(reports)}
    messages = first_at(now - kept.messages)
    ordered = sorted(found, key=lambda one: one.table in OF_MESSAGES)
    yield from (one for one in ordered if one.until <= limits.get(one.table, messages))


def _drop(partition: Partition) -> Pieces[int]:
    """Drop a partition, after what belongs to its messages and lies elsewhere. Return 1 if it is gone."""
    if (yield partial(partitions.must_stay, partition=partition)):
        return 0
    after: int | None = 0
    while after is not None and partitions.has_keys(partition):
        after = yield partial(partitions.forget, partition=partition, after=after, limit=_PIECE)
    return int((yield partial(partitions.drop, partition=partition)))


def listed(database: Database) -> list[Partition]:
    """Return all partitions, oldest first; none on SQLite."""
    return database.read_now(partitions.existing)
