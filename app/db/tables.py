"""The tables that are not derived from records.

Keys of customer data start with ``bucket``, so that the tables can be distributed. Instants are microseconds since the
Unix epoch, ids UUIDv7 text, amounts integer fen, structured values JSON text.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from app.db import columns
from app.db.columns import customer, optional, partial_index, required
from app.db.types import Id, Instant

metadata = columns.metadata
_PENDING = "status = 'pending'"
_HAS_PROVIDER_ID = "provider_message_id IS NOT NULL"
_ANSWERABLE = "closed_as IS NULL OR closed_as IN ('answered', 'undeliverable')"
_IN_PARTS = "part > 0"
_UNSENT = "status IN ('queued', 'sending')"
_UNKNOWN_SEND = "status = 'unknown' AND final_at IS NULL AND told IS NULL"

# ---- shared reference tables

service_provider = Table(
    "service_provider",
    metadata,
    Column("sp_code", Text, primary_key=True),
    *required(Text, "name", "short_name", "service_phone"),
    Column("own", Boolean, nullable=False),
    *optional(Text, "webhook_url", "sealed_webhook_secret", "confirm_mode"),
)

service = Table(
    "service",
    metadata,
    Column("service_code", Text, primary_key=True),
    *required(Text, "name", "sp_code", "billing", "cancel_effect"),
    Column("price_fen", BigInteger, nullable=False),
    Column("cancellable_by_sms", Boolean, nullable=False),
    *optional(Text, "cancel_how", "cancel_warning", "past_prices"),
    Column("order_keyword", Text, unique=True),
    *required(Boolean, "on_offer", "visible"),
    Column("trial_days", Integer, nullable=False),
    Column("sms_closed_after", BigInteger),
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

# One row: the state that all processes share. ``environment`` marks a database that may be reset. ``head_keys`` are the
# ids of all keys that sign heads of evidence chains; NULL: some heads are older than signing.
gateway_state = Table(
    "gateway_state", metadata, Column("id", SmallInteger, primary_key=True),
    Column("environment", Text, nullable=False), Column("catalogue_version", BigInteger, nullable=False),
    Column("clock_frozen_at", Instant), Column("clock_fresh", Boolean, nullable=False),
    Column("fault_mode", Text, nullable=False), Column("fault_rate_ppm", Integer, nullable=False),
    Column("fault_count", Integer),
    Column("report_status", Text, nullable=False), Column("report_delay_seconds", Integer, nullable=False),
    Column("head_keys", Text),
)  # fmt: skip

# A claim of a provider's messages locks its row, so that two workers never send one subscriber's out of order. The row
# also holds the circuit breaker's state (NULL: closed).
provider_lane = Table(
    "provider_lane", metadata, Column("provider", Text, primary_key=True),
    *optional(Integer, "failures", "openings"), *optional(Instant, "paused_until"),
)  # fmt: skip

# ---- messages in

inbound_message = Table(
    "inbound_message",
    metadata,
    *customer(tenure=False),
    Column("id", Id, nullable=False),
    Column("tenure", Integer),
    # ``repeat``: empty, or the row's own id, of a message that came under a known id with other content.
    *required(Text, "provider", "provider_message_id", "repeat", "dialled", "text", "status"),
    Column("sealed", Text),
    *required(Instant, "sent_at", "stored_at", "due_at"),
    Column("tries", SmallInteger, nullable=False),
    *optional(Instant, "received_at", "handled_at"),
    *optional(Text, "verdict", "trace", "concat_ref"),
    # ``part``: which of ``parts``, from 1; 0: a whole message. ``missing``: how many parts of a joined one never came.
    Column("part", SmallInteger, nullable=False),
    *optional(SmallInteger, "parts", "missing"),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    # The bucket comes last, here and below, so that messages of a batch are neighbours in the index and few pages are
    # written. The name by convention would be too long for PostgreSQL.
    UniqueConstraint(
        "provider", "provider_message_id", "msisdn", "part", "repeat", "bucket", name="uq_inbound_message_known"
    ),
    partial_index("ix_inbound_message_pending", "id", where=_PENDING),
    Index("ix_inbound_message_id", "id"),
    partial_index("ix_inbound_message_queue", "bucket", "msisdn", "id", where=_PENDING),
    partial_index("ix_inbound_message_dead", "id", where="status = 'dead'"),
    partial_index("ix_inbound_message_part", "bucket", "msisdn", "concat_ref", where=_IN_PARTS),
)

# The lock and the queue head of a number; inserted by intake, never updated by it. ``version`` is the id of the last
# batch of turns that changed the number's account.
conversation = Table(
    "conversation",
    metadata,
    *customer(tenure=False),
    Column("tenure", Integer, nullable=False),
    Column("guards", Text),
    Column("version", Id),
    PrimaryKeyConstraint("bucket", "msisdn"),
)

# ---- the account

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
)

question = Table(
    "question",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "kind", "state", "extension", "asked_text"),
    *required(Instant, "asked_at", "expires_at"),
    Column("parent_id", Id),
    *optional(Instant, "handed_over_at", "failed_at", "closed_at"),
    Column("closed_as", Text),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    # Questions that can still be answered, at least by an explanation; replaced ones cannot.
    partial_index("ix_question_remembered", "bucket", "msisdn", "tenure", "expires_at", where=_ANSWERABLE),
)

timer = Table(
    "timer",
    metadata,
    *customer(),
    *required(Text, "kind", "subject"),
    Column("due_at", Instant, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure", "kind", "subject"),
    Index("ix_timer_due_at", "due_at"),
)

evidence = Table(
    "evidence",
    metadata,
    *customer(),
    Column("seq", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    *required(Text, "kind", "subject"),
    *optional(Text, "payload", "salt"),
    *required(Text, "payload_hash", "previous_hash", "hash"),
    PrimaryKeyConstraint("bucket", "msisdn", "tenure", "seq"),
    Index("ix_evidence_subject", "bucket", "msisdn", "tenure", "subject"),
)

# ---- messages out

outbound_message = Table(
    "outbound_message",
    metadata,
    *customer(),
    Column("id", Id, nullable=False),
    *required(Text, "service_number", "text", "class", "lane", "encoding", "provider"),
    Column("segments", SmallInteger, nullable=False),
    *optional(Id, "question_id", "in_reply_to"),
    Column("about", Text),
    Column("told", SmallInteger),
    *required(Instant, "made_at", "valid_until"),
    Column("status", Text, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    *optional(Text, "leased_by", "provider_message_id", "error_code"),
    *optional(Instant, "leased_until", "handed_over_at", "final_at"),
    PrimaryKeyConstraint("bucket", "msisdn", "id"),
    Index("ix_outbound_message_id", "id"),
    partial_index("ix_outbound_message_provider_id", "provider", "provider_message_id", where=_HAS_PROVIDER_ID),
    partial_index("ix_outbound_message_unfinished", "provider", "lane", "id", where=_UNSENT),
    partial_index("ix_outbound_message_unknown", "id", where="status = 'unknown'"),
    partial_index("ix_outbound_message_unanswered", "valid_until", where=_UNKNOWN_SEND),
    partial_index("ix_outbound_message_told", "told", "status", where="told IS NOT NULL"),
    partial_index("ix_outbound_message_order", "bucket", "msisdn", "lane", "id", where=_UNSENT),
)

# Failed attempts to send a message; ``result`` is refused, refused for now or unknown.
attempt = Table(
    "attempt",
    metadata,
    *customer(tenure=False),
    Column("message_id", Id, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("result", Text, nullable=False),
    Column("error_code", Text),
    PrimaryKeyConstraint("bucket", "message_id", "number"),
)

# Delivery reports as they came. One that is parked has the bucket of its provider's id.
delivery_report = Table(
    "delivery_report",
    metadata,
    # ``part``: the segment that the report is about, from 1; 0 is the whole message.
    *required(SmallInteger, "bucket", "part"),
    *required(Id, "id"),
    *optional(Id, "message_id"),
    *required(Text, "provider", "provider_message_id", "status"),
    *optional(Text, "msisdn", "error_code"),
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
    *customer(tenure=False),
    *required(Id, "seq", "message_id"),
    *required(Text, "direction", "service_number", "text"),
    Column("segments", SmallInteger, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("in_reply_to", Id),
    Column("report", Text),
    Column("report_due_at", Instant),
    PrimaryKeyConstraint("bucket", "msisdn", "seq"),
    UniqueConstraint("message_id", "bucket"),
    partial_index("ix_simulator_message_report", "report_due_at", where="report_due_at IS NOT NULL"),
)
