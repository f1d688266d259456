"""Accounts: locked by their conversation row, loaded for a whole batch, written back as rows."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, bindparam, or_, select

from app.db import tables
from app.db.rows import (
    AnySelect,
    Fields,
    Row,
    as_parameter,
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
from app.domain.account import (
    Brand,
    Channel,
    Language,
    Payment,
    Plan,
    Subscriber,
    SubscriberStatus,
    Subscription,
    SubscriptionState,
    Terms,
)
from app.domain.catalogue import Billing, CancelEffect
from app.domain.evidence import ChainHead

Key = tuple[int, str]
Tenure = tuple[int, str, int]
_NUMBER = ("bucket", "msisdn")
_TENURE = ("bucket", "msisdn", "tenure")
_ITEM = ("bucket", "msisdn", "id")


@dataclass(frozen=True, slots=True)
class LockedConversation:
    """A number's conversation row, locked for this transaction."""

    bucket: int
    msisdn: str
    tenure: int
    guards: str | None


# Looking a word up is several times faster than making an enum member of it, and this is the hot path.
_BRANDS = {brand.value: brand for brand in Brand}
_PAYMENTS = {payment.value: payment for payment in Payment}
_STATUSES = {status.value: status for status in SubscriberStatus}
_LANGUAGES = {language.value: language for language in Language}
_STATES = {state.value: state for state in SubscriptionState}
_CHANNELS = {channel.value: channel for channel in Channel}
_BILLINGS = {billing.value: billing for billing in Billing}
_EFFECTS = {effect.value: effect for effect in CancelEffect}


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
    keys = [{"bucket": bucket, "msisdn": msisdn} for bucket, msisdn in sorted(set(numbers))]
    return [
        LockedConversation(*row)
        for row in fetch(connection, _lock(connection.dialect.name, wait=wait), as_parameter(keys))
    ]


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """What the tables hold of a tenure; questions are still text, as their kinds belong to the commands."""

    subscriber: Subscriber
    chain: ChainHead
    subscriptions: tuple[Subscription, ...]
    questions: tuple[StoredQuestion, ...]


SUBSCRIBER_COLUMNS = tuple(map(raw, tables.subscriber.c))
SUBSCRIPTION_COLUMNS = tuple(map(raw, tables.subscription.c))


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
        .where(or_(table.c.closed_as.is_(None), one_of(table.c.closed_as, "answered")))
        .order_by(table.c.id)
    )


def load_accounts(connection: Connection, tenures: Sequence[Tenure], since: datetime) -> dict[Key, StoredAccount]:
    """The accounts of tenures; what ended before ``since`` is left out."""
    if not tenures:
        return {}
    dialect = connection.dialect.name
    keys = as_parameter([dict(zip(_TENURE, tenure, strict=True)) for tenure in tenures])
    subscriptions: dict[Key, list[Subscription]] = defaultdict(list)
    for row in fetch(connection, _subscriptions(dialect), {**keys, "since": since}):
        subscriptions[row[0], row[1]].append(subscription_of(row))
    questions: dict[Key, list[StoredQuestion]] = defaultdict(list)
    for row in fetch(connection, _questions(dialect), {**keys, "since": since}):
        questions[row[0], row[1]].append(_question_of(row))
    return {
        (row[0], row[1]): StoredAccount(
            subscriber_of(row),
            ChainHead(row[-2], row[-1]),
            tuple(subscriptions[row[0], row[1]]),
            tuple(questions[row[0], row[1]]),
        )
        for row in fetch(connection, _subscribers(dialect), keys)
    }


def subscriber_of(row: Fields) -> Subscriber:
    """A row of ``SUBSCRIBER_COLUMNS`` as the domain knows it."""
    (
        _,
        msisdn,
        tenure,
        brand,
        vip,
        payment,
        balance,
        points,
        status,
        language,
        plan,
        password,
        created,
        closed,
        _,
        _,
    ) = row
    return Subscriber(
        msisdn,
        tenure,
        _BRANDS[brand],
        bool(vip),
        _PAYMENTS[payment],
        balance,
        points,
        _STATUSES[status],
        _LANGUAGES[language],
        plan_of(plan),
        password,
        from_micros(created),
        _instant(closed),
    )


def plan_of(text: str | None) -> Plan | None:
    """A plan from its JSON."""
    return Plan(**json.loads(text)) if text else None


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def subscription_of(row: Fields) -> Subscription:
    """A row of ``SUBSCRIPTION_COLUMNS`` as the domain knows it."""
    (_, _, _, id_, code, state, in_plan, started, channel, price, billing, sp, effect, trial, contract, left, ends) = (
        row
    )
    return Subscription(
        id_,
        code,
        _STATES[state],
        bool(in_plan),
        from_micros(started),
        _CHANNELS[channel],
        Terms(price, _BILLINGS[billing], sp, _EFFECTS[effect]),
        _instant(trial),
        _instant(contract),
        _instant(left),
        _instant(ends),
    )


def _question_of(row: Fields) -> StoredQuestion:
    (_, _, _, id_, kind, state, extension, text, asked, expires, parent, handed, failed, closed, closed_as) = row
    return StoredQuestion(
        id_, kind, state, extension, text, from_micros(asked), from_micros(expires), parent,
        _instant(handed), _instant(failed), _instant(closed), closed_as,
    )  # fmt: skip


def _tenure_row(bucket: int, msisdn: str, tenure: int) -> dict[str, object]:
    return {"bucket": bucket, "msisdn": msisdn, "tenure": tenure}


def subscriber_row(bucket: int, subscriber: Subscriber, chain: ChainHead) -> dict[str, object]:
    """The row of a tenure with the head of its evidence chain."""
    plan = json.dumps(asdict(subscriber.plan), ensure_ascii=False) if subscriber.plan else None
    return {
        **_tenure_row(bucket, subscriber.msisdn, subscriber.tenure),
        "brand": subscriber.brand,
        "vip": subscriber.vip,
        "payment": subscriber.payment,
        "balance_fen": subscriber.balance_fen,
        "points": subscriber.points,
        "status": subscriber.status,
        "language": subscriber.language,
        "plan": plan,
        "password_hash": subscriber.password_hash,
        "created_at": subscriber.created_at,
        "closed_at": subscriber.closed_at,
        "evidence_seq": chain.seq,
        "evidence_hash": chain.hash,
    }


def subscription_row(tenure: Tenure, item: Subscription) -> dict[str, object]:
    """The row of a subscription."""
    return {
        **_tenure_row(*tenure),
        "id": item.id,
        "service_code": item.service_code,
        "state": item.state,
        "in_plan": item.in_plan,
        "started_at": item.started_at,
        "channel": item.channel,
        "price_fen": item.terms.price_fen,
        "billing": item.terms.billing,
        "sp_code": item.terms.sp_code,
        "cancel_effect": item.terms.cancel_effect,
        "trial_ends_at": item.trial_ends_at,
        "contract_until": item.contract_until,
        "unsubscribed_at": item.unsubscribed_at,
        "ends_at": item.ends_at,
    }


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
    """Write tenure and guards of locked numbers."""
    update_rows(connection, tables.conversation, rows, _NUMBER)


def ask_questions(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert new questions."""
    insert_rows(connection, tables.question, rows)


def close_questions(connection: Connection, rows: Sequence[Row]) -> None:
    """Write how questions ended."""
    update_rows(connection, tables.question, rows, _ITEM)
