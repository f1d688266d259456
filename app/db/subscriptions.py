"""Subscriptions: their rows, with the terms last confirmed."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from app.db.columns import CLUSTERED, customer, metadata, optional, partial_index, required
from app.db.keys import ITEM, TENURE, TenureKey
from app.db.readers import RowReader
from app.db.rows import Row
from app.db.types import Id, Instant
from app.db.writing import upsert_rows
from app.domain.subscriptions import Subscription, SubscriptionState, Terms

subscription = Table(
    "subscription",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "service_code", "state"),
    Column("in_plan", Boolean, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("channel", Text, nullable=False),
    Column("price_fen", BigInteger, nullable=False),
    *required(Text, "billing", "sp_code", "cancel_effect"),
    *optional(Instant, "trial_ends_at", "contract_until", "unsubscribed_at", "ends_at", "confirmed_at"),
    Column("goes_on", Boolean, nullable=False),
    Column("free_until", Instant),
    Column("began_under", BigInteger, nullable=False),
    Column("owed_month", Text),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    partial_index(
        "ix_subscription_held", "bucket", "msisdn", "tenure", "service_code", where="state <> 'ended'", unique=True
    ),
    # To see whether anybody has a service takes one index look-up (safety.md 3).
    partial_index("ix_subscription_service", "service_code", "bucket", "id", where="state <> 'ended'"),
    **CLUSTERED,
)


SUBSCRIPTION = RowReader(Subscription, subscription, terms=RowReader(Terms, subscription))


def subscription_row(tenure: TenureKey, item: Subscription) -> dict[str, object]:
    """Return the row of a subscription."""
    return {
        **dict(zip(TENURE, tenure, strict=True)),
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
        "confirmed_at": item.confirmed_at,
        "goes_on": item.goes_on,
        "free_until": item.free_until,
        "began_under": item.began_under,
        "owed_month": item.owed_month,
    }


def save_subscriptions(connection: Connection, rows: Sequence[Row]) -> None:
    """Create or replace subscriptions.

    Ended ones are written first: a service may end and start again in one batch, and only one may be running.
    """
    ended = [row for row in rows if row["state"] == SubscriptionState.ENDED]
    upsert_rows(connection, subscription, ended, ITEM)
    upsert_rows(connection, subscription, [row for row in rows if row["state"] != SubscriptionState.ENDED], ITEM)
