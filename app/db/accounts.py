"""Accounts: lock them by their conversation rows, load those of a whole batch, and write the changes back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from app.db.asked_texts import asked_texts
from app.db.keys import ITEM, TENURE, ItemKey, NumberKey, TenureKey
from app.db.questions import question
from app.db.readers import RowReader
from app.db.rows import AnySelect, Row, as_keys, fetch, given_keys, matching, one_of, raw
from app.db.subscribers import CHAIN_HEAD, SUBSCRIBER, subscriber
from app.db.subscriptions import SUBSCRIPTION, subscription
from app.db.types import Instant, instant_or_none
from app.db.writing import Given, insert_rows, update_rows
from app.domain.account import Subscriber
from app.domain.evidence import ChainHead
from app.domain.subscriptions import Subscription
from app.domain.values import value


@value
class LookBack:
    """How far back an account is loaded, in UTC.

    Questions and subscriptions that ended earlier are left out, and records that were made earlier and are closed.
    """

    questions: datetime
    subscriptions: datetime
    records: datetime


@value
class StoredQuestion:
    """A row of ``question``; its state is still JSON. Times are UTC.

    Attributes:
        extension: what follows the access number that the question was sent from.
        handed_over_at: when the network had taken all its messages.
        failed_at: when one of its messages failed.
        closed_as: how it ended; None while it is open.
    """

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
    """An account as it is stored. The states of questions are still JSON, as only the commands know their kinds."""

    subscriber: Subscriber
    chain: ChainHead
    subscriptions: tuple[Subscription, ...]
    questions: tuple[StoredQuestion, ...]


@value
class _Tenure:
    bucket: int
    subscriber: Subscriber
    chain: ChainHead


_TENURE = RowReader(_Tenure, subscriber, subscriber=SUBSCRIBER, chain=CHAIN_HEAD)
_QUESTION = RowReader(StoredQuestion, question, "asked_text")


@cache
def _subscribers(dialect: str) -> AnySelect:
    given = given_keys(dialect, subscriber, TENURE)
    return select(*_TENURE.columns).join_from(subscriber, given, matching(subscriber, given, TENURE))


@cache
def _subscriptions(dialect: str) -> AnySelect:
    given = given_keys(dialect, subscription, TENURE)
    recent = or_(subscription.c.state != "ended", subscription.c.ends_at >= bindparam("since", type_=Instant))
    return (
        select(*SUBSCRIPTION.columns, subscription.c.bucket, subscription.c.msisdn)
        .join_from(subscription, given, matching(subscription, given, TENURE))
        .where(recent)
        .order_by(subscription.c.id)
    )


@cache
def _questions(dialect: str) -> AnySelect:
    """Questions that are open or ended lately. A question that was replaced is left out: its successor is asked."""
    given = given_keys(dialect, question, TENURE)
    return (
        select(*_QUESTION.columns, question.c.asked_text, question.c.id, question.c.bucket, question.c.msisdn)
        .join_from(question, given, matching(question, given, TENURE))
        .where(question.c.expires_at >= bindparam("since", type_=Instant))
        .where(or_(question.c.closed_as.is_(None), one_of(question.c.closed_as, "answered", "undeliverable")))
        .order_by(question.c.id)
    )


def load_accounts(
    connection: Connection, tenures: Sequence[TenureKey], back: LookBack
) -> dict[NumberKey, StoredAccount]:
    """Return the accounts of tenures, as far back as ``back`` says, by bucket and number."""
    if not tenures:
        return {}
    dialect = connection.dialect.name
    keys = as_keys(tenures)
    subscriptions: dict[NumberKey, list[Subscription]] = defaultdict(list)
    for row in fetch(connection, _subscriptions(dialect), {**keys, "since": back.subscriptions}):
        subscriptions[row[-2], row[-1]].append(SUBSCRIPTION.read(row))
    questions = _load_questions(connection, keys, back.questions)
    found: dict[NumberKey, StoredAccount] = {}
    for tenure in map(_TENURE.read, fetch(connection, _subscribers(dialect), keys)):
        key = tenure.bucket, tenure.subscriber.msisdn
        found[key] = StoredAccount(tenure.subscriber, tenure.chain, tuple(subscriptions[key]), tuple(questions[key]))
    return found


def _load_questions(
    connection: Connection, keys: Mapping[str, str], since: datetime
) -> Mapping[NumberKey, list[StoredQuestion]]:
    rows = fetch(connection, _questions(connection.dialect.name), {**keys, "since": since})
    places = [(text, id_, (bucket, msisdn)) for *_, text, id_, bucket, msisdn in rows]
    texts = asked_texts(connection, [(*number, id_) for text, id_, number in places if text is None])
    found: dict[NumberKey, list[StoredQuestion]] = defaultdict(list)
    for row, (text, id_, number) in zip(rows, places, strict=True):
        found[number].append(_QUESTION.read(row, texts.get(id_, text)))
    return found


@cache
def _reached(dialect: str) -> AnySelect:
    given = given_keys(dialect, question, ITEM)
    columns = (question.c.id, raw(question.c.handed_over_at), raw(question.c.failed_at))
    return select(*columns).join_from(question, given, matching(question, given, ITEM))


def question_arrivals(
    connection: Connection, questions: Sequence[ItemKey]
) -> dict[str, tuple[datetime | None, datetime | None]]:
    """Return by question id when the network had taken all messages, and when one of them failed; UTC.

    None: not yet.
    """
    if not questions:
        return {}
    keys = as_keys(questions)
    return {
        id_: (instant_or_none(handed), instant_or_none(failed))
        for id_, handed, failed in fetch(connection, _reached(connection.dialect.name), keys)
    }


def insert_questions(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert new questions."""
    insert_rows(connection, question, rows)


def _not_known_yet(_given: Given) -> ColumnElement[bool]:
    return question.c.handed_over_at.is_(None)


def set_questions_arrived(connection: Connection, rows: Sequence[Row]) -> None:
    """Write ``handed_over_at`` of questions that have none yet."""
    update_rows(connection, question, rows, ITEM, only=_not_known_yet)


def close_questions(connection: Connection, rows: Sequence[Row]) -> None:
    """Write how and when questions ended."""
    update_rows(connection, question, rows, ITEM)
