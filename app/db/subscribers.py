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
    func,
    or_,
    select,
)

from app.db.columns import CLUSTERED, customer, metadata, optional, required
from app.db.keys import TENURE, TenureKey
from app.db.readers import RowReader
from app.db.rows import Row
from app.db.types import Instant
from app.db.writing import upsert_rows
from app.domain.account import Subscriber
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
    **CLUSTERED,
)


SUBSCRIBER = RowReader(Subscriber, subscriber)
CHAIN_HEAD = RowReader(
    ChainHead,
    subscriber,
    seq=subscriber.c.evidence_seq,
    hash=subscriber.c.evidence_hash,
    key=subscriber.c.evidence_key,
    mac=subscriber.c.evidence_mac,
)


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


def tenures(connection: Connection, after: TenureKey | None, limit: int) -> list[TenureKey]:
    """Return the next ``limit`` tenures after ``after``, in the order of their keys."""
    columns = subscriber.c
    key = (columns.bucket, columns.msisdn, columns.tenure)
    statement = select(*key).order_by(*key).limit(limit)
    if after is not None:
        bucket, msisdn, tenure = after
        same = (columns.bucket == bucket) & (columns.msisdn == msisdn)
        statement = statement.where(
            or_(
                columns.bucket > bucket,
                (columns.bucket == bucket) & (columns.msisdn > msisdn),
                same & (columns.tenure > tenure),
            )
        )
    return [(row[0], row[1], row[2]) for row in connection.execute(statement)]


def count_tenures(connection: Connection) -> int:
    """Return the number of tenures, for a progress bar."""
    return connection.execute(select(func.count()).select_from(subscriber)).scalar_one()
