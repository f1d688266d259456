"""What finds work can be limited to a share of the numbers; on both databases."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from app.db import delivery_outcomes, event_queue, recovery, simulator, timers, unknown_sends, waiting
from app.db.conversations import conversation
from app.db.events import event
from app.db.outbound_messages import outbound_message
from app.db.outbox import due_messages, outbox
from app.db.recovery import FailoverRoute
from app.db.session import Database, normalise_url
from app.db.shares import Share
from app.db.timers import timer
from app.db.writing import insert_rows
from tests.db.queues import fill
from tests.running import START

NUMBERS = 60
MOST = 1_000
LATER = START + timedelta(days=1)
# Finds work of a share, and returns the buckets of what it found.
Finder = Callable[[Connection, Share | None], Sequence[int]]


def buckets_of(found: Sequence[Any]) -> list[int]:
    return [one.bucket for one in found]


def new_timers(connection: Connection) -> Sequence[int]:
    return connection.execute(select(timer.c.bucket).where(timer.c.kind != "k")).scalars().all()


def outcomes(connection: Connection, share: Share | None) -> Sequence[int]:
    delivery_outcomes.collect(connection, START, share)
    return new_timers(connection)


def unknown(connection: Connection, share: Share | None) -> Sequence[int]:
    unknown_sends.collect(connection, START, share)
    return new_timers(connection)


def lost(connection: Connection, share: Share | None) -> Sequence[int]:
    recovery.release_lost_leases(connection, "simulator", LATER, LATER, resend=True, everything=False, share=share)
    return connection.execute(select(outbox.c.bucket).where(outbox.c.leased_by.is_(None))).scalars().all()


def failed_over(connection: Connection, share: Share | None) -> Sequence[int]:
    recovery.fail_over(connection, "simulator", FailoverRoute("other"), LATER, MOST, share)
    return connection.execute(select(outbox.c.bucket).where(outbox.c.provider == "other")).scalars().all()


def due_events(connection: Connection, share: Share | None) -> Sequence[int]:
    found = event_queue.due_events(connection, "sp", START, MOST, "me", share)
    assert event_queue.is_due(connection, "sp", START, share) is bool(found)
    return buckets_of(found)


def pending(connection: Connection, share: Share | None) -> Sequence[int]:
    locked = waiting.lock_waiting(connection, START, MOST, share).locked
    numbers = list(timers.due_numbers(connection, LATER, MOST, None))
    messages = waiting.pending_of(connection, numbers, START, None, share)
    assert sorted(buckets_of(locked)) == sorted(buckets_of(messages))
    return buckets_of(locked)


def without_conversation(connection: Connection, share: Share | None) -> Sequence[int]:
    return [bucket for bucket, _ in waiting.numbers_without_conversation(connection, START, MOST, share)]


FINDERS: dict[str, Finder] = {
    "messages to handle": pending,
    "numbers to handle": lambda c, share: [number[0] for number in waiting.pending_numbers(c, START, MOST, share)],
    "numbers without a conversation": without_conversation,
    "timers": lambda c, share: [number[0] for number in timers.due_numbers(c, LATER, MOST, share)],
    "outcomes": outcomes,
    "unknown sends": unknown,
    "messages to send": lambda c, share: buckets_of(due_messages(c, "simulator", START, MOST, "me", share)),
    "lost leases": lost,
    "messages to fail over": failed_over,
    "events": due_events,
    "reports": lambda c, share: buckets_of(simulator.due_reports(c, START, MOST, share)),
}


# ---- what has to be there for some of them to find anything


def finish_all(connection: Connection) -> None:
    connection.execute(update(outbound_message).values(status="delivered", about="charge:1"))


def lose_all(connection: Connection) -> None:
    connection.execute(update(outbound_message).values(unknown_until=START))


def lease_all(connection: Connection) -> None:
    connection.execute(update(outbox).values(leased_by="gone", leased_until=START))


def add_events(connection: Connection) -> None:
    shared = {"tenure": 1, "receiver": "sp", "type": "t", "data": "{}", "made_at": START, "due_at": START}
    keys = connection.execute(select(outbox.c.bucket, outbox.c.msisdn, outbox.c.id)).mappings()
    insert_rows(connection, event, [{**key, **shared, "status": "pending", "attempts": 0} for key in keys])


PREPARATIONS: dict[str, Callable[[Connection], object]] = {
    "numbers without a conversation": lambda connection: connection.execute(conversation.delete()),
    "outcomes": finish_all,
    "unknown sends": lose_all,
    "lost leases": lease_all,
    "events": add_events,
}


@pytest.fixture
def database(unused_database_url: str) -> Iterator[Database]:
    opened = Database(normalise_url(unused_database_url))
    opened.write_now(lambda connection: fill(connection, NUMBERS))
    yield opened
    opened.close()


@pytest.mark.parametrize("name", FINDERS)
def test_only_work_of_the_share_is_found(database: Database, name: str) -> None:
    def all_buckets(connection: Connection) -> list[int]:
        return sorted(connection.execute(select(outbox.c.bucket)).scalars())

    def found(share: Share | None) -> list[int]:
        with database.engine.connect() as connection, connection.begin() as transaction:
            if name in PREPARATIONS:
                PREPARATIONS[name](connection)
            result = sorted(FINDERS[name](connection, share))
            transaction.rollback()
        return result

    buckets = database.read_now(all_buckets)
    halves = tuple(range(0, 256, 2)), tuple(range(1, 256, 2))
    assert len(buckets) == NUMBERS
    assert found(None) == buckets
    for half in halves:
        assert found(half) == [bucket for bucket in buckets if bucket in half]
