"""The schema. Rows of customer data start their keys with ``bucket``, so that it distributes (design: data).

Instants are microseconds since the Unix epoch, ids UUIDv7 text, amounts integer fen, structured values JSON text.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from app.db.types import Id, Instant

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _customer(*, tenure: bool = True) -> list[Column[Any]]:
    """The columns that every row of customer data starts with."""
    columns: list[Column[Any]] = [
        Column("bucket", SmallInteger, nullable=False),
        Column("msisdn", Text, nullable=False),
    ]
    return [*columns, Column("tenure", Integer, nullable=False)] if tenure else columns


# ---- shared reference tables

service_provider = Table(
    "service_provider",
    metadata,
    Column("sp_code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("short_name", Text, nullable=False),
    Column("service_phone", Text, nullable=False),
    Column("own", Boolean, nullable=False),
    Column("webhook_url", Text),
    Column("webhook_secret", Text),
)

service = Table(
    "service",
    metadata,
    Column("service_code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("sp_code", Text, nullable=False),
    Column("billing", Text, nullable=False),
    Column("price_fen", BigInteger, nullable=False),
    Column("cancel_effect", Text, nullable=False),
    Column("cancellable_by_sms", Boolean, nullable=False),
    Column("cancel_how", Text),
    Column("cancel_warning", Text),
    Column("order_keyword", Text, unique=True),
    Column("on_offer", Boolean, nullable=False),
    Column("trial_days", Integer, nullable=False),
    Column("visible", Boolean, nullable=False),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

# One row: what all processes must agree on. ``environment`` marks a database that may be reset.
gateway_state = Table(
    "gateway_state",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("environment", Text, nullable=False),
    Column("catalogue_version", BigInteger, nullable=False),
    Column("clock_frozen_at", Instant),
    Column("clock_fresh", Boolean, nullable=False),
    Column("fault_mode", Text, nullable=False),
    Column("fault_rate_ppm", Integer, nullable=False),
    Column("fault_count", Integer),
    Column("report_status", Text, nullable=False),
    Column("report_delay_seconds", Integer, nullable=False),
)

# The row that a claim of a provider's messages locks, so that two workers never take one subscriber's out of order.
provider_lane = Table("provider_lane", metadata, Column("provider", Text, primary_key=True))

# ---- messages in

inbound_message = Table(
    "inbound_message",
    metadata,
    *_customer(tenure=False),
    Column("id", Id, nullable=False),
    Column("tenure", Integer),
    Column("provider", Text, nullable=False),
    Column("provider_message_id", Text, nullable=False),
    Column("dialled", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sealed", Text),
    Column("received_at", Instant),
    Column("sent_at", Instant, nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("tries", SmallInteger, nullable=False),
    Column("verdict", Text),
    Column("handled_at", Instant),
    Column("trace", Text),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    UniqueConstraint("bucket", "provider", "provider_message_id", "msisdn"),
    Index(
        "ix_inbound_message_pending",
        "id",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index("ix_inbound_message_id", "id"),
    Index(
        "ix_inbound_message_queue",
        "bucket",
        "msisdn",
        "id",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "ix_inbound_message_dead", "id", sqlite_where=text("status = 'dead'"), postgresql_where=text("status = 'dead'")
    ),
)

# The lock and the queue head of a number; made at intake, never updated there.
conversation = Table(
    "conversation",
    metadata,
    *_customer(tenure=False),
    Column("tenure", Integer, nullable=False),
    Column("guards", Text),
    PrimaryKeyConstraint("bucket", "msisdn"),
)

# ---- the account

subscriber = Table(
    "subscriber",
    metadata,
    *_customer(),
    Column("brand", Text, nullable=False),
    Column("vip", Boolean, nullable=False),
    Column("payment", Text, nullable=False),
    Column("balance_fen", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("plan", Text),
    Column("password_hash", Text),
    Column("created_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Column("evidence_seq", Integer, nullable=False),
    Column("evidence_hash", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure"),
)

subscription = Table(
    "subscription",
    metadata,
    *_customer(),
    Column("id", Id, nullable=False),
    Column("service_code", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("in_plan", Boolean, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("channel", Text, nullable=False),
    Column("price_fen", BigInteger, nullable=False),
    Column("billing", Text, nullable=False),
    Column("sp_code", Text, nullable=False),
    Column("cancel_effect", Text, nullable=False),
    Column("trial_ends_at", Instant),
    Column("contract_until", Instant),
    Column("unsubscribed_at", Instant),
    Column("ends_at", Instant),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index(
        "ix_subscription_held",
        "bucket",
        "msisdn",
        "tenure",
        "service_code",
        unique=True,
        sqlite_where=text("state <> 'ended'"),
        postgresql_where=text("state <> 'ended'"),
    ),
    # Whether anyone holds a service (safety.md 3) is a look at one entry.
    Index(
        "ix_subscription_service",
        "service_code",
        sqlite_where=text("state <> 'ended'"),
        postgresql_where=text("state <> 'ended'"),
    ),
)

question = Table(
    "question",
    metadata,
    *_customer(),
    Column("id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("asked_text", Text, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("parent_id", Id),
    Column("handed_over_at", Instant),
    Column("failed_at", Instant),
    Column("closed_at", Instant),
    Column("closed_as", Text),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    # What can still speak; one that was replaced never does, its successor does.
    Index(
        "ix_question_remembered",
        "bucket",
        "msisdn",
        "tenure",
        "expires_at",
        sqlite_where=text("closed_as IS NULL OR closed_as = 'answered'"),
        postgresql_where=text("closed_as IS NULL OR closed_as = 'answered'"),
    ),
)

timer = Table(
    "timer",
    metadata,
    *_customer(),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure", "kind", "subject"),
    Index("ix_timer_due_at", "due_at"),
)

evidence = Table(
    "evidence",
    metadata,
    *_customer(),
    Column("seq", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", Text),
    Column("salt", Text),
    Column("payload_hash", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure", "seq"),
    Index("ix_evidence_subject", "bucket", "msisdn", "tenure", "subject"),
)

# What others are to be told, in the order in which it happened.
event = Table(
    "event",
    metadata,
    *_customer(),
    Column("id", Id, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    PrimaryKeyConstraint("bucket", "id"),
    Index("ix_event_receiver", "receiver", "id"),
)

access_record = Table(
    "access_record",
    metadata,
    *_customer(tenure=False),
    Column("id", Id, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("reason", Text),
    Column("at", Instant, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
)

# ---- messages out

outbound_message = Table(
    "outbound_message",
    metadata,
    *_customer(),
    Column("id", Id, nullable=False),
    Column("service_number", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("class", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("question_id", Id),
    Column("in_reply_to", Id),
    Column("made_at", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("status", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("leased_by", Text),
    Column("leased_until", Instant),
    Column("provider_message_id", Text),
    Column("handed_over_at", Instant),
    Column("final_at", Instant),
    Column("error_code", Text),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_outbound_message_id", "id"),
    Index(
        "ix_outbound_message_provider_id",
        "provider",
        "provider_message_id",
        sqlite_where=text("provider_message_id IS NOT NULL"),
        postgresql_where=text("provider_message_id IS NOT NULL"),
    ),
    Index(
        "ix_outbound_message_unfinished",
        "provider",
        "lane",
        "id",
        sqlite_where=text("status IN ('queued', 'sending')"),
        postgresql_where=text("status IN ('queued', 'sending')"),
    ),
    Index(
        "ix_outbound_message_order",
        "bucket",
        "msisdn",
        "lane",
        "id",
        sqlite_where=text("status IN ('queued', 'sending')"),
        postgresql_where=text("status IN ('queued', 'sending')"),
    ),
)

# Every try to hand a message over; ``result`` is accepted, refused, refused for now or unknown.
attempt = Table(
    "attempt",
    metadata,
    *_customer(tenure=False),
    Column("message_id", Id, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", Text, nullable=False),
    Column("error_code", Text),
    PrimaryKeyConstraint("bucket", "message_id", "number"),
)

# Raw delivery reports. One whose message is not known yet waits under the bucket of its provider's id.
delivery_report = Table(
    "delivery_report",
    metadata,
    Column("bucket", SmallInteger, nullable=False),
    Column("id", Id, nullable=False),
    Column("msisdn", Text),
    Column("message_id", Id),
    Column("provider", Text, nullable=False),
    Column("provider_message_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("reported_at", Instant),
    Column("stored_at", Instant, nullable=False),
    Column("parked", Boolean, nullable=False),
    PrimaryKeyConstraint("bucket", "id"),
    Index("ix_delivery_report_provider_id", "provider", "provider_message_id"),
)

# ---- the simulated network: what its handsets sent and received

simulator_message = Table(
    "simulator_message",
    metadata,
    *_customer(tenure=False),
    Column("seq", Id, nullable=False),
    Column("message_id", Id, nullable=False),
    Column("direction", Text, nullable=False),
    Column("service_number", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("segments", SmallInteger, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("in_reply_to", Id),
    Column("report", Text),
    Column("report_due_at", Instant),
    PrimaryKeyConstraint("bucket", "msisdn", "seq"),
    UniqueConstraint("bucket", "message_id"),
    Index(
        "ix_simulator_message_report",
        "report_due_at",
        sqlite_where=text("report_due_at IS NOT NULL"),
        postgresql_where=text("report_due_at IS NOT NULL"),
    ),
)

# Emptied by a reset; the catalogue's version and the environment's mark stay.
RESET = (
    service_provider,
    service,
    api_token,
    inbound_message,
    conversation,
    subscriber,
    subscription,
    question,
    timer,
    evidence,
    event,
    access_record,
    outbound_message,
    attempt,
    delivery_report,
    simulator_message,
)
