"""Accounts: locked by their conversation row, loaded for a whole batch, written back as rows."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from app.db import tables
from app.db.account_rows import (
    SUBSCRIBER_COLUMNS,
    SUBSCRIPTION_COLUMNS,
    Tenure,
    instant_or_none,
    subscriber_of,
    subscription_of,
)
from app.db.rows import (
    AnySelect,
    Fields,
    Given,
    Row,
    as_keys,
    fetch,
    from_json,
    insert_rows,
    matching,
    one_of,
    raw,
    shape_of,
    update_rows,
    upsert_rows,
)
from app.db.types import Instant, from_micros
from app.domain.account import Subscriber
from app.domain.evidence import ChainHead
from app.domain.subscriptions import Subscription, SubscriptionState
from app.domain.values import value

Key = tuple[int, str]
ItemKey = tuple[int, str, str]
_NUMBER = ("bucket", "msisdn")
_TENURE = ("bucket", "msisdn", "tenure")
_ITEM = ("bucket", "msisdn", "id")


@value
class LockedConversation:
    """A number's conversation row, locked for this transaction.

    ``version`` is another one after every batch that changed the account, hand-overs of questions aside.
    """

    bucket: int
    msisdn: str
    tenure: int
    guards: str | None
    version: str | None


@cache
def _lock(dialect: str, *, wait: bool) -> AnySelect:
    table = tables.conversation
    given = from_json(dialect, shape_of(table, _NUMBER))
    statement = (
        select(*table.c)
        .join_from(table, given, matching(table, given, _NUMBER))
        .order_by(table.c.bucket, table.c.msisdn)
    )
    return statement.with_for_update(skip_locked=not wait, of=table)


def lock_conversations(connection: Connection, numbers: Sequence[Key], *, wait: bool) -> list[LockedConversation]:
    """Lock numbers in a fixed order; workers skip those that are taken, a management call waits for them."""
    keys = as_keys(_NUMBER, sorted(set(numbers)))
    return [LockedConversation(*row) for row in fetch(connection, _lock(connection.dialect.name, wait=wait), keys)]


@value
class LookBack:
    """What ended before these moments (UTC) is left out of an account that is loaded; of records, what was made."""

    questions: datetime
    subscriptions: datetime
    records: datetime


@value
class StoredQuestion:
    """A question whose state is still JSON."""

    id: str
    kind: str
    state: str
    extension: str
    asked_text: str
    asked_at: datetime
    expires_at: datetime
    parent_id: str | None
    handed_over_at: datetime | None
    failed_at: datetime | None
    closed_at: datetime | None
    closed_as: str | None


@value
class StoredAccount:
    """What the tables hold of a tenure; questions are still text, as their kinds belong to the commands."""

    subscriber: Subscriber
    chain: ChainHead
    subscriptions: tuple[Subscription, ...]
    questions: tuple[StoredQuestion, ...]


@cache
def _subscribers(dialect: str) -> AnySelect:
    table = tables.subscriber
    given = from_json(dialect, shape_of(table, _TENURE))
    return select(*SUBSCRIBER_COLUMNS).join_from(table, given, matching(table, given, _TENURE))


@cache
def _subscriptions(dialect: str) -> AnySelect:
    table = tables.subscription
    given = from_json(dialect, shape_of(table, _TENURE))
    recent = or_(table.c.state != "ended", table.c.ends_at >= bindparam("since", type_=Instant))
    return (
        select(*SUBSCRIPTION_COLUMNS)
        .join_from(table, given, matching(table, given, _TENURE))
        .where(recent)
        .order_by(table.c.id)
    )


@cache
def _questions(dialect: str) -> AnySelect:
    """Open or lately ended ones; one that was replaced never speaks again, its successor does."""
    table = tables.question
    given = from_json(dialect, shape_of(table, _TENURE))
    return (
        select(*map(raw, table.c))
        .join_from(table, given, matching(table, given, _TENURE))
        .where(table.c.expires_at >= bindparam("since", type_=Instant))
        .where(or_(table.c.closed_as.is_(None), one_of(table.c.closed_as, "answered", "undeliverable")))
        .order_by(table.c.id)
    )


def load_accounts(connection: Connection, tenures: Sequence[Tenure], back: LookBack) -> dict[Key, StoredAccount]:
    """The accounts of tenures, as far back as that."""
    if not tenures:
        return {}
    dialect = connection.dialect.name
    keys = as_keys(_TENURE, tenures)
    subscriptions: dict[Key, list[Subscription]] = defaultdict(list)
    for row in fetch(connection, _subscriptions(dialect), {**keys, "since": back.subscriptions}):
        subscriptions[row[0], row[1]].append(subscription_of(row))
    questions: dict[Key, list[StoredQuestion]] = defaultdict(list)
    for row in fetch(connection, _questions(dialect), {**keys, "since": back.questions}):
        questions[row[0], row[1]].append(_question_of(row))
    return {
        (row[0], row[1]): StoredAccount(
            subscriber_of(row),
            ChainHead(*row[-4:]),
            tuple(subscriptions[row[0], row[1]]),
            tuple(questions[row[0], row[1]]),
        )
        for row in fetch(connection, _subscribers(dialect), keys)
    }


@cache
def _reached(dialect: str) -> AnySelect:
    table = tables.question
    given = from_json(dialect, shape_of(table, _ITEM))
    columns = (table.c.id, raw(table.c.handed_over_at), raw(table.c.failed_at))
    return select(*columns).join_from(table, given, matching(table, given, _ITEM))


def reached(connection: Connection, questions: Sequence[ItemKey]) -> dict[str, tuple[datetime | None, datetime | None]]:
    """Of questions by id: when the network took all their messages, and when one of them failed."""
    if not questions:
        return {}
    keys = as_keys(_ITEM, questions)
    return {
        id_: (instant_or_none(handed), instant_or_none(failed))
        for id_, handed, failed in fetch(connection, _reached(connection.dialect.name), keys)
    }


def _question_of(row: Fields) -> StoredQuestion:
    (_, _, _, id_, kind, state, extension, text, asked, expires, parent, handed, failed, closed, closed_as) = row
    return StoredQuestion(
        id_, kind, state, extension, text, from_micros(asked), from_micros(expires), parent,
        instant_or_none(handed), instant_or_none(failed), instant_or_none(closed), closed_as,
    )  # fmt: skip


def save_subscribers(connection: Connection, rows: Sequence[Row]) -> None:
    """Create or replace tenures."""
    upsert_rows(connection, tables.subscriber, rows, _TENURE)


def save_subscriptions(connection: Connection, rows: Sequence[Row]) -> None:
    """Create or replace subscriptions. What ends is written first: a service may end and begin again in one batch."""
    ended = [row for row in rows if row["state"] == SubscriptionState.ENDED]
    upsert_rows(connection, tables.subscription, ended, _ITEM)
    upsert_rows(
        connection, tables.subscription, [row for row in rows if row["state"] != SubscriptionState.ENDED], _ITEM
    )


def save_conversations(connection: Connection, rows: Sequence[Row]) -> None:
    """Write tenure, guards and version of locked numbers."""
    update_rows(connection, tables.conversation, rows, _NUMBER)


def ask_questions(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert new questions."""
    insert_rows(connection, tables.question, rows)


def _not_known_yet(_given: Given) -> ColumnElement[bool]:
    return tables.question.c.handed_over_at.is_(None)


def questions_arrived(connection: Connection, rows: Sequence[Row]) -> None:
    """Write when questions arrived, unless a receipt said so before."""
    update_rows(connection, tables.question, rows, _ITEM, only=_not_known_yet)


def close_questions(connection: Connection, rows: Sequence[Row]) -> None:
    """Write how questions ended."""
    update_rows(connection, tables.question, rows, _ITEM)
