"""The first schema: catalogue, inbox, accounts, evidence, outbox, the simulated network."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# How PostgreSQL stores tables whose rows are updated, and queues.
UPDATED_IN_PLACE = {"fillfactor": 80}
QUEUE = {
    "fillfactor": 80,
    "autovacuum_vacuum_scale_factor": 0,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_analyze_scale_factor": 0,
    "autovacuum_analyze_threshold": 1000,
}
# The tables that PostgreSQL partitions; rows for which there is no partition yet find a place in the default one.
PARTITIONED = {
    "inbound_message": "",
    "outbound_message": "WITH (fillfactor = 80)",
    "delivery_report": "",
    "attempt": "",
    "message_part": "",
}


def upgrade() -> None:
    op.create_table(
        "access_record",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "id", name=op.f("pk_access_record")),
    )
    op.create_index("ix_access_record_at", "access_record", ["at", "id"])
    op.create_index("ix_access_record_who", "access_record", ["who", "at", "id"])
    op.create_table(
        "api_token",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "attempt",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "message_id", "number", name=op.f("pk_attempt")),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (message_id)",
    )
    op.create_table(
        "bill",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_bill")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_bill_id", "bill", ["id"], unique=False)
    op.create_index(
        "ix_bill_open",
        "bill",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=True),
        sa.Column("payment", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("tally", sa.Text(), nullable=True),
        sa.Column("vip", sa.Boolean(), nullable=True),
        sa.Column("by_segment", sa.Boolean(), nullable=False),
        sa.Column("expanded", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
    )
    op.create_index(
        "ix_campaign_unfinished",
        "campaign",
        ["id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "campaign_message",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("goes_at", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_campaign_message")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_campaign_message_id", "campaign_message", ["id"], unique=False)
    op.create_index("ix_campaign_message_id_state", "campaign_message", ["id", "state"], unique=False)
    op.create_index(
        "ix_campaign_message_open",
        "campaign_message",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "campaign_recipient",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "campaign_id", "msisdn", name=op.f("pk_campaign_recipient")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_campaign_recipient_campaign_id", "campaign_recipient", ["campaign_id", "status", "reason"], unique=False
    )
    op.create_index(
        "ix_campaign_recipient_waiting",
        "campaign_recipient",
        ["campaign_id", "bucket", "msisdn"],
        unique=False,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "charge",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("asked_due_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("question_id", sa.Text(), nullable=True),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("any_hour", sa.Boolean(), nullable=False),
        sa.Column("reminded_with", sa.Text(), nullable=True),
        sa.Column("reminded_at", sa.BigInteger(), nullable=True),
        sa.Column("window_ends_at", sa.BigInteger(), nullable=True),
        sa.Column("ticket_id", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_charge")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_charge_id", "charge", ["id"], unique=False)
    op.create_index(
        "ix_charge_open",
        "charge",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_index("ix_charge_state_id", "charge", ["state", "id"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("guards", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", name=op.f("pk_conversation")),
        sqlite_with_rowid=False,
        postgresql_with=UPDATED_IN_PLACE,
    )
    op.create_index(
        "ix_conversation_stranger",
        "conversation",
        ["bucket", "msisdn"],
        unique=False,
        sqlite_where=sa.text("tenure = 0"),
        postgresql_where=sa.text("tenure = 0"),
    )
    op.create_table(
        "data_usage",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("used_kb", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_data_usage")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_data_usage_id", "data_usage", ["id"], unique=False)
    op.create_index(
        "ix_data_usage_open",
        "data_usage",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "delivery_report",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_message_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_delivery_report")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_delivery_report_provider_id", "delivery_report", ["provider", "provider_message_id"], unique=False
    )
    op.create_index(
        "ix_delivery_report_parked",
        "delivery_report",
        ["id"],
        unique=False,
        sqlite_where=sa.text("message_id IS NULL"),
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.create_table(
        "duty",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_duty")),
    )
    op.create_table(
        "event",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_event")),
    )
    op.create_index(
        "ix_event_dead",
        "event",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status = 'dead'"),
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.create_index(
        "ix_event_leased",
        "event",
        ["leased_until"],
        unique=False,
        sqlite_where=sa.text("status = 'sending'"),
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "ix_event_due_at",
        "event",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_event_id", "event", ["id"], unique=False)
    op.create_index(
        "ix_event_open",
        "event",
        ["receiver", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.create_index(
        "ix_event_order",
        "event",
        ["bucket", "msisdn", "receiver", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.create_index("ix_event_receiver", "event", ["receiver", "id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("salt", sa.Text(), nullable=True),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("kept_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "seq", name=op.f("pk_evidence")),
    )
    op.create_index(
        "ix_evidence_kept_since",
        "evidence",
        ["kept_since"],
        unique=False,
        sqlite_where=sa.text("kept_since IS NOT NULL"),
        postgresql_where=sa.text("kept_since IS NOT NULL"),
    )
    op.create_index("ix_evidence_subject", "evidence", ["bucket", "msisdn", "tenure", "subject"], unique=False)
    op.create_table(
        "gateway_state",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("catalogue_version", sa.BigInteger(), nullable=False),
        sa.Column("clock_frozen_at", sa.BigInteger(), nullable=True),
        sa.Column("clock_fresh", sa.Boolean(), nullable=False),
        sa.Column("fault_mode", sa.Text(), nullable=False),
        sa.Column("fault_rate_ppm", sa.Integer(), nullable=False),
        sa.Column("fault_count", sa.Integer(), nullable=True),
        sa.Column("report_status", sa.Text(), nullable=False),
        sa.Column("report_delay_seconds", sa.Integer(), nullable=False),
        sa.Column("head_keys", sa.Text(), nullable=True),
        sa.Column("oldest_program", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_state")),
    )
    op.create_table(
        "idempotent_call",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotent_call")),
    )
    op.create_index("ix_idempotent_call_begun_at", "idempotent_call", ["begun_at"], unique=False)
    op.create_table(
        "inbound_key",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_message_id", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "provider", "provider_message_id", "msisdn", "part", "bucket", name=op.f("pk_inbound_key")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inbound_message",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_message_id", sa.Text(), nullable=False),
        sa.Column("dialled", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("handled_at", sa.BigInteger(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=True),
        sa.Column("concat_ref", sa.Text(), nullable=True),
        sa.Column("reply_token", sa.Text(), nullable=True),
        sa.Column("missing", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "id", name=op.f("pk_inbound_message")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "ix_inbound_message_dead",
        "inbound_message",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status = 'dead'"),
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.create_index("ix_inbound_message_id", "inbound_message", ["id"], unique=False)
    op.create_index(
        "ix_inbound_message_part",
        "inbound_message",
        ["bucket", "msisdn", "concat_ref"],
        unique=False,
        sqlite_where=sa.text("part > 0"),
        postgresql_where=sa.text("part > 0"),
    )
    op.create_index(
        "ix_inbound_message_pending",
        "inbound_message",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_inbound_message_postponed",
        "inbound_message",
        ["bucket", "msisdn"],
        unique=False,
        sqlite_where=sa.text("(status || '') = 'pending' AND due_at > stored_at"),
        postgresql_where=sa.text("(status || '') = 'pending' AND due_at > stored_at"),
    )
    op.create_table(
        "low_balance",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_low_balance")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_low_balance_id", "low_balance", ["id"], unique=False)
    op.create_index(
        "ix_low_balance_open",
        "low_balance",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "marketing_consent",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_marketing_consent")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_marketing_consent_id", "marketing_consent", ["id"], unique=False)
    op.create_index(
        "ix_marketing_consent_open",
        "marketing_consent",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "message_part",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "message_id", "number", name=op.f("pk_message_part")),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (message_id)",
    )
    op.create_index(
        "ix_message_part_provider_id",
        "message_part",
        ["provider", "provider_message_id"],
        unique=False,
        sqlite_where=sa.text("coalesce(provider_message_id, '') <> ''"),
        postgresql_where=sa.text("coalesce(provider_message_id, '') <> ''"),
    )
    op.create_table(
        "outbound_message",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("service_number", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("class", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("segments", sa.SmallInteger(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=True),
        sa.Column("in_reply_to", sa.BigInteger(), nullable=True),
        sa.Column("about", sa.Text(), nullable=True),
        sa.Column("told", sa.SmallInteger(), nullable=True),
        sa.Column("has_news", sa.Boolean(), nullable=True),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("handed_over_at", sa.BigInteger(), nullable=True),
        sa.Column("final_at", sa.BigInteger(), nullable=True),
        sa.Column("unknown_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "id", name=op.f("pk_outbound_message")),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_outbound_message_id", "outbound_message", ["id"], unique=False)
    op.create_index(
        "ix_outbound_message_news",
        "outbound_message",
        ["id"],
        unique=False,
        sqlite_where=sa.text("has_news IS NOT NULL"),
        postgresql_where=sa.text("has_news IS NOT NULL"),
    )
    op.create_index(
        "ix_outbound_message_provider_id",
        "outbound_message",
        ["provider", "provider_message_id"],
        unique=False,
        sqlite_where=sa.text("coalesce(provider_message_id, '') <> ''"),
        postgresql_where=sa.text("coalesce(provider_message_id, '') <> ''"),
    )
    op.create_index(
        "ix_outbound_message_unknown",
        "outbound_message",
        ["unknown_until"],
        unique=False,
        sqlite_where=sa.text("unknown_until IS NOT NULL"),
        postgresql_where=sa.text("unknown_until IS NOT NULL"),
    )
    op.create_table(
        "outbox",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=True),
        sa.Column("reply_token", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "id", name=op.f("pk_outbox")),
        sqlite_with_rowid=False,
        postgresql_with=QUEUE,
    )
    op.create_index(
        "ix_outbox_leased",
        "outbox",
        ["leased_until"],
        unique=False,
        sqlite_where=sa.text("leased_by IS NOT NULL"),
        postgresql_where=sa.text("leased_by IS NOT NULL"),
    )
    op.create_index("ix_outbox_waiting", "outbox", ["provider", "lane", "id"], unique=False)
    op.create_table(
        "password_tries",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_password_tries")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_password_tries_id", "password_tries", ["id"], unique=False)
    op.create_index(
        "ix_password_tries_open",
        "password_tries",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "per_use",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_per_use")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_per_use_id", "per_use", ["id"], unique=False)
    op.create_index(
        "ix_per_use_open",
        "per_use",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "preferences",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("fee_summary", sa.Boolean(), nullable=False),
        sa.Column("data_alerts", sa.Boolean(), nullable=True),
        sa.Column("fee_summary_told", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_preferences")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_preferences_id", "preferences", ["id"], unique=False)
    op.create_index(
        "ix_preferences_open",
        "preferences",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "probe_state",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_probe_state")),
    )
    op.create_table(
        "provider_lane",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=True),
        sa.Column("openings", sa.Integer(), nullable=True),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_lane")),
    )
    op.create_table(
        "question",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("asked_text", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("handed_over_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_as", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "id", name=op.f("pk_question")),
        postgresql_with=UPDATED_IN_PLACE,
    )
    op.create_index("ix_question_asked_at", "question", ["asked_at"], unique=False)
    op.create_index(
        "ix_question_remembered",
        "question",
        ["bucket", "msisdn", "tenure", "expires_at"],
        unique=False,
        sqlite_where=sa.text("closed_as IS NULL OR closed_as IN ('answered', 'undeliverable')"),
        postgresql_where=sa.text("closed_as IS NULL OR closed_as IN ('answered', 'undeliverable')"),
    )
    op.create_table(
        "refund",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=True),
        sa.Column("second_half", sa.Text(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_refund")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_refund_id", "refund", ["id"], unique=False)
    op.create_index(
        "ix_refund_open",
        "refund",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_index("ix_refund_ticket_id", "refund", ["ticket_id"], unique=False)
    op.create_table(
        "scheduled_task",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("done_for", sa.Text(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_scheduled_task")),
    )
    op.create_table(
        "service",
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sp_code", sa.Text(), nullable=False),
        sa.Column("billing", sa.Text(), nullable=False),
        sa.Column("cancel_effect", sa.Text(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("cancellable_by_sms", sa.Boolean(), nullable=False),
        sa.Column("cancel_how", sa.Text(), nullable=True),
        sa.Column("cancel_warning", sa.Text(), nullable=True),
        sa.Column("past_prices", sa.Text(), nullable=True),
        sa.Column("order_keyword", sa.Text(), nullable=True),
        sa.Column("on_offer", sa.Boolean(), nullable=False),
        sa.Column("visible", sa.Boolean(), nullable=False),
        sa.Column("trial_days", sa.Integer(), nullable=False),
        sa.Column("sms_closed_after", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("service_code", name=op.f("pk_service")),
        sa.UniqueConstraint("order_keyword", name=op.f("uq_service_order_keyword")),
    )
    op.create_table(
        "service_order",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=True),
        sa.Column("trial_days", sa.BigInteger(), nullable=False),
        sa.Column("subscription_id", sa.Text(), nullable=True),
        sa.Column("question_id", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("terms_change_id", sa.Text(), nullable=True),
        sa.Column("takes_effect_at", sa.BigInteger(), nullable=True),
        sa.Column("free_hours", sa.Boolean(), nullable=False),
        sa.Column("wrong_codes", sa.BigInteger(), nullable=False),
        sa.Column("price_before_fen", sa.BigInteger(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_service_order")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_service_order_id", "service_order", ["id"], unique=False)
    op.create_index(
        "ix_service_order_open",
        "service_order",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_index("ix_service_order_service_code_id", "service_order", ["service_code", "id"], unique=False)
    op.create_index("ix_service_order_state_id", "service_order", ["state", "id"], unique=False)
    op.create_table(
        "service_provider",
        sa.Column("sp_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column("service_phone", sa.Text(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("webhook_url", sa.Text(), nullable=True),
        sa.Column("sealed_webhook_secret", sa.Text(), nullable=True),
        sa.Column("confirm_mode", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sp_code", name=op.f("pk_service_provider")),
    )
    op.create_table(
        "simulator_message",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("report", sa.Text(), nullable=True),
        sa.Column("report_due_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "seq", name=op.f("pk_simulator_message")),
        sa.UniqueConstraint("message_id", "bucket", name=op.f("uq_simulator_message_message_id_bucket")),
    )
    op.create_index(
        "ix_simulator_message_report",
        "simulator_message",
        ["report_due_at"],
        unique=False,
        sqlite_where=sa.text("report_due_at IS NOT NULL"),
        postgresql_where=sa.text("report_due_at IS NOT NULL"),
    )
    op.create_table(
        "spam_report",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_spam_report")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spam_report_id", "spam_report", ["id"], unique=False)
    op.create_index("ix_spam_report_number", "spam_report", ["number"], unique=False)
    op.create_index(
        "ix_spam_report_open",
        "spam_report",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "spend",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_spend")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_spend_id", "spend", ["id"], unique=False)
    op.create_index(
        "ix_spend_open",
        "spend",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "subscriber",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("vip", sa.Boolean(), nullable=False),
        sa.Column("payment", sa.Text(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("evidence_seq", sa.Integer(), nullable=False),
        sa.Column("evidence_hash", sa.Text(), nullable=False),
        sa.Column("evidence_key", sa.Text(), nullable=True),
        sa.Column("evidence_mac", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", name=op.f("pk_subscriber")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscription",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("in_plan", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("billing", sa.Text(), nullable=False),
        sa.Column("sp_code", sa.Text(), nullable=False),
        sa.Column("cancel_effect", sa.Text(), nullable=False),
        sa.Column("trial_ends_at", sa.BigInteger(), nullable=True),
        sa.Column("contract_until", sa.BigInteger(), nullable=True),
        sa.Column("unsubscribed_at", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("goes_on", sa.Boolean(), nullable=False),
        sa.Column("free_until", sa.BigInteger(), nullable=True),
        sa.Column("began_under", sa.BigInteger(), nullable=False),
        sa.Column("owed_month", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "id", name=op.f("pk_subscription")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_subscription_held",
        "subscription",
        ["bucket", "msisdn", "tenure", "service_code"],
        unique=True,
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index(
        "ix_subscription_service",
        "subscription",
        ["service_code", "bucket", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "suspension",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("stops_at", sa.BigInteger(), nullable=False),
        sa.Column("over_at", sa.BigInteger(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_suspension")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_suspension_id", "suspension", ["id"], unique=False)
    op.create_index(
        "ix_suspension_open",
        "suspension",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "terms_change",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("service_code", sa.Text(), nullable=False),
        sa.Column("cancel_effect", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("takes_effect_at", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("at_bucket", sa.SmallInteger(), nullable=True),
        sa.Column("at_id", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_change")),
    )
    op.create_index("ix_terms_change_service", "terms_change", ["service_code", "takes_effect_at"], unique=False)
    op.create_index(
        "ix_terms_change_under_way",
        "terms_change",
        ["id"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "ticket",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("first_response_due", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("first_response_at", sa.BigInteger(), nullable=True),
        sa.Column("breached", sa.Boolean(), nullable=False),
        sa.Column("charge_id", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("who", sa.Text(), nullable=True),
        sa.Column("responded_by", sa.Text(), nullable=True),
        sa.Column("warned", sa.Boolean(), nullable=False),
        sa.Column("other_charge_ids", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id", name=op.f("pk_ticket")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ticket_id", "ticket", ["id"], unique=False)
    op.create_index("ix_ticket_number", "ticket", ["number"], unique=False)
    op.create_index(
        "ix_ticket_open",
        "ticket",
        ["bucket", "msisdn", "tenure"],
        unique=False,
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.create_index("ix_ticket_state_id", "ticket", ["state", "id"], unique=False)
    op.create_table(
        "timer",
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("tenure", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "msisdn", "tenure", "kind", "subject", name=op.f("pk_timer")),
        sqlite_with_rowid=False,
        postgresql_with=QUEUE,
    )
    op.create_index("ix_timer_due_at", "timer", ["due_at"], unique=False)
    op.create_table(
        "worker",
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("roles", sa.Text(), nullable=True),
        sa.Column("providers", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("handed_back", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_worker")),
    )
    if op.get_context().dialect.name == "postgresql":
        for table, storage in PARTITIONED.items():
            op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT {storage}")


def downgrade() -> None:
    op.drop_table("worker")
    op.drop_table("duty")
    op.drop_index("ix_timer_due_at", table_name="timer")
    op.drop_table("timer")
    op.drop_index("ix_ticket_state_id", table_name="ticket")
    op.drop_index("ix_ticket_open", table_name="ticket", sqlite_where=sa.text("open"), postgresql_where=sa.text("open"))
    op.drop_index("ix_ticket_number", table_name="ticket")
    op.drop_index("ix_ticket_id", table_name="ticket")
    op.drop_table("ticket")
    op.drop_index(
        "ix_terms_change_under_way",
        table_name="terms_change",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_index("ix_terms_change_service", table_name="terms_change")
    op.drop_table("terms_change")
    op.drop_index(
        "ix_suspension_open", table_name="suspension", sqlite_where=sa.text("open"), postgresql_where=sa.text("open")
    )
    op.drop_index("ix_suspension_id", table_name="suspension")
    op.drop_table("suspension")
    op.drop_index(
        "ix_subscription_service",
        table_name="subscription",
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.drop_index(
        "ix_subscription_held",
        table_name="subscription",
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.drop_table("subscription")
    op.drop_table("subscriber")
    op.drop_index("ix_spend_open", table_name="spend", sqlite_where=sa.text("open"), postgresql_where=sa.text("open"))
    op.drop_index("ix_spend_id", table_name="spend")
    op.drop_table("spend")
    op.drop_index(
        "ix_spam_report_open", table_name="spam_report", sqlite_where=sa.text("open"), postgresql_where=sa.text("open")
    )
    op.drop_index("ix_spam_report_number", table_name="spam_report")
    op.drop_index("ix_spam_report_id", table_name="spam_report")
    op.drop_table("spam_report")
    op.drop_index(
        "ix_simulator_message_report",
        table_name="simulator_message",
        sqlite_where=sa.text("report_due_at IS NOT NULL"),
        postgresql_where=sa.text("report_due_at IS NOT NULL"),
    )
    op.drop_table("simulator_message")
    op.drop_table("service_provider")
    op.drop_index("ix_service_order_state_id", table_name="service_order")
    op.drop_index("ix_service_order_service_code_id", table_name="service_order")
    op.drop_index(
        "ix_service_order_open",
        table_name="service_order",
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.drop_index("ix_service_order_id", table_name="service_order")
    op.drop_table("service_order")
    op.drop_table("service")
    op.drop_table("scheduled_task")
    op.drop_index("ix_refund_ticket_id", table_name="refund")
    op.drop_index("ix_refund_open", table_name="refund", sqlite_where=sa.text("open"), postgresql_where=sa.text("open"))
    op.drop_index("ix_refund_id", table_name="refund")
    op.drop_table("refund")
    op.drop_index(
        "ix_question_remembered",
        table_name="question",
        sqlite_where=sa.text("closed_as IS NULL OR closed_as IN ('answered', 'undeliverable')"),
        postgresql_where=sa.text("closed_as IS NULL OR closed_as IN ('answered', 'undeliverable')"),
    )
    op.drop_index("ix_question_asked_at", table_name="question")
    op.drop_table("question")
    op.drop_table("provider_lane")
    op.drop_table("probe_state")
    op.drop_index(
        "ix_preferences_open", table_name="preferences", sqlite_where=sa.text("open"), postgresql_where=sa.text("open")
    )
    op.drop_index("ix_preferences_id", table_name="preferences")
    op.drop_table("preferences")
    op.drop_index(
        "ix_per_use_open", table_name="per_use", sqlite_where=sa.text("open"), postgresql_where=sa.text("open")
    )
    op.drop_index("ix_per_use_id", table_name="per_use")
    op.drop_table("per_use")
    op.drop_index(
        "ix_password_tries_open",
        table_name="password_tries",
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.drop_index("ix_password_tries_id", table_name="password_tries")
    op.drop_table("password_tries")
    op.drop_index("ix_outbox_waiting", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(
        "ix_outbound_message_unknown",
        table_name="outbound_message",
        sqlite_where=sa.text("unknown_until IS NOT NULL"),
        postgresql_where=sa.text("unknown_until IS NOT NULL"),
    )
    op.drop_index(
        "ix_outbound_message_provider_id",
        table_name="outbound_message",
        sqlite_where=sa.text("coalesce(provider_message_id, '') <> ''"),
        postgresql_where=sa.text("coalesce(provider_message_id, '') <> ''"),
    )
    op.drop_index(
        "ix_outbound_message_news",
        table_name="outbound_message",
        sqlite_where=sa.text("has_news IS NOT NULL"),
        postgresql_where=sa.text("has_news IS NOT NULL"),
    )
    op.drop_index("ix_outbound_message_id", table_name="outbound_message")
    op.drop_table("outbound_message")
    op.drop_index(
        "ix_message_part_provider_id",
        table_name="message_part",
        sqlite_where=sa.text("coalesce(provider_message_id, '') <> ''"),
        postgresql_where=sa.text("coalesce(provider_message_id, '') <> ''"),
    )
    op.drop_table("message_part")
    op.drop_index(
        "ix_marketing_consent_open",
        table_name="marketing_consent",
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.drop_index("ix_marketing_consent_id", table_name="marketing_consent")
    op.drop_table("marketing_consent")
    op.drop_index(
        "ix_low_balance_open", table_name="low_balance", sqlite_where=sa.text("open"), postgresql_where=sa.text("open")
    )
    op.drop_index("ix_low_balance_id", table_name="low_balance")
    op.drop_table("low_balance")
    op.drop_index(
        "ix_inbound_message_postponed",
        table_name="inbound_message",
        sqlite_where=sa.text("(status || '') = 'pending' AND due_at > stored_at"),
        postgresql_where=sa.text("(status || '') = 'pending' AND due_at > stored_at"),
    )
    op.drop_index(
        "ix_inbound_message_part",
        table_name="inbound_message",
        sqlite_where=sa.text("part > 0"),
        postgresql_where=sa.text("part > 0"),
    )
    op.drop_index(
        "ix_inbound_message_pending",
        table_name="inbound_message",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index("ix_inbound_message_id", table_name="inbound_message")
    op.drop_index(
        "ix_inbound_message_dead",
        table_name="inbound_message",
        sqlite_where=sa.text("status = 'dead'"),
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.drop_table("inbound_message")
    op.drop_table("inbound_key")
    op.drop_index("ix_idempotent_call_begun_at", table_name="idempotent_call")
    op.drop_table("idempotent_call")
    op.drop_table("gateway_state")
    op.drop_index("ix_evidence_subject", table_name="evidence")
    op.drop_index(
        "ix_evidence_kept_since",
        table_name="evidence",
        sqlite_where=sa.text("kept_since IS NOT NULL"),
        postgresql_where=sa.text("kept_since IS NOT NULL"),
    )
    op.drop_table("evidence")
    op.drop_index("ix_event_receiver", table_name="event")
    op.drop_index(
        "ix_event_order",
        table_name="event",
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.drop_index(
        "ix_event_open",
        table_name="event",
        sqlite_where=sa.text("status IN ('pending', 'sending')"),
        postgresql_where=sa.text("status IN ('pending', 'sending')"),
    )
    op.drop_index("ix_event_id", table_name="event")
    op.drop_index(
        "ix_event_due_at",
        table_name="event",
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_index(
        "ix_event_dead",
        table_name="event",
        sqlite_where=sa.text("status = 'dead'"),
        postgresql_where=sa.text("status = 'dead'"),
    )
    op.drop_table("event")
    op.drop_index(
        "ix_delivery_report_parked",
        table_name="delivery_report",
        sqlite_where=sa.text("message_id IS NULL"),
        postgresql_where=sa.text("message_id IS NULL"),
    )
    op.drop_index("ix_delivery_report_provider_id", table_name="delivery_report")
    op.drop_table("delivery_report")
    op.drop_index(
        "ix_data_usage_open", table_name="data_usage", sqlite_where=sa.text("open"), postgresql_where=sa.text("open")
    )
    op.drop_index("ix_data_usage_id", table_name="data_usage")
    op.drop_table("data_usage")
    op.drop_index(
        "ix_conversation_stranger",
        table_name="conversation",
        sqlite_where=sa.text("tenure = 0"),
        postgresql_where=sa.text("tenure = 0"),
    )
    op.drop_table("conversation")
    op.drop_index("ix_charge_state_id", table_name="charge")
    op.drop_index("ix_charge_open", table_name="charge", sqlite_where=sa.text("open"), postgresql_where=sa.text("open"))
    op.drop_index("ix_charge_id", table_name="charge")
    op.drop_table("charge")
    op.drop_index(
        "ix_campaign_recipient_waiting",
        table_name="campaign_recipient",
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_index("ix_campaign_recipient_campaign_id", table_name="campaign_recipient")
    op.drop_table("campaign_recipient")
    op.drop_index(
        "ix_campaign_message_open",
        table_name="campaign_message",
        sqlite_where=sa.text("open"),
        postgresql_where=sa.text("open"),
    )
    op.drop_index("ix_campaign_message_id_state", table_name="campaign_message")
    op.drop_index("ix_campaign_message_id", table_name="campaign_message")
    op.drop_table("campaign_message")
    op.drop_index(
        "ix_campaign_unfinished",
        table_name="campaign",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_table("campaign")
    op.drop_index("ix_bill_open", table_name="bill", sqlite_where=sa.text("open"), postgresql_where=sa.text("open"))
    op.drop_index("ix_bill_id", table_name="bill")
    op.drop_table("bill")
    op.drop_table("attempt")
    op.drop_table("api_token")
    op.drop_table("access_record")
