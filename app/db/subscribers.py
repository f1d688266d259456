"""Subscribers: the rows of tenures, with the heads of their evidence chains."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from app.db.columns import customer, metadata, optional, required
from app.db.keys import TENURE
from app.db.rows import (
    Fields,
    Row,
    raw,
    upsert_rows,
)
from app.db.types import Instant, from_micros, instant_or_none
from app.domain.account import Brand, Language, Payment, Plan, Subscriber, SubscriberStatus
from app.domain.evidence import ChainHead

subscriber = Table(
    "subscriber",
    metadata,
    *customer(),
    Column("brand", Text, nullable=False),
    Column("vip", Boolean, nullable=False),
    Column("payment", Text, nullable=False),
    *required(BigInteger, "balance_fen", "points"),
    *required(Text, "status", "language"),
    *optional(Text, "plan", "password_hash"),
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("evidence_seq", Integer, nullable=False),
    Column("evidence_hash", Text, nullable=False),
    *optional(Text, "evidence_key", "evidence_mac"),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure"),
)


SUBSCRIBER_COLUMNS = tuple(map(raw, subscriber.c))


# A dict lookup is several times faster than calling the enum, and this is the hot path.
_BRANDS = {brand.value: brand for brand in Brand}
_PAYMENTS = {payment.value: payment for payment in Payment}
_STATUSES = {status.value: status for status in SubscriberStatus}
_LANGUAGES = {language.value: language for language in Language}


def subscriber_of(row: Fields) -> Subscriber:
    """Return the subscriber in a row of ``SUBSCRIBER_COLUMNS``; instants in the row are microseconds."""
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
        *_,
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
        instant_or_none(closed),
    )


def plan_of(text: str | None) -> Plan | None:
    """Return the plan in JSON text; None for none."""
    return Plan(**json.loads(text)) if text else None


def subscriber_row(bucket: int, item: Subscriber, chain: ChainHead) -> dict[str, object]:
    """Return the row of a tenure, with the head of its evidence chain."""
    plan = json.dumps(asdict(item.plan), ensure_ascii=False) if item.plan else None
    return {
        "bucket": bucket,
        "msisdn": item.msisdn,
        "tenure": item.tenure,
        "brand": item.brand,
        "vip": item.vip,
        "payment": item.payment,
        "balance_fen": item.balance_fen,
        "points": item.points,
        "status": item.status,
        "language": item.language,
        "plan": plan,
        "password_hash": item.password_hash,
        "created_at": item.created_at,
        "closed_at": item.closed_at,
        "evidence_seq": chain.seq,
        "evidence_hash": chain.hash,
        "evidence_key": chain.key,
        "evidence_mac": chain.mac,
    }


def save_subscribers(connection: Connection, rows: Sequence[Row]) -> None:
    """Create or replace tenures."""
    upsert_rows(connection, subscriber, rows, TENURE)
