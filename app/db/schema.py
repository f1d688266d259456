"""The whole schema: the tables written out, and those made from records."""

from app.db import campaigns, events, idempotency, record_tables, tables, terms

metadata = tables.metadata
OWN = (campaigns.campaign, campaigns.campaign_recipient, events.event, idempotency.idempotent_call, terms.terms_change)
RECORDS = tuple(item.table for item in record_tables.RECORD_TABLES.values())
# Emptied by a reset; the environment's mark stays, and the catalogue's version only goes up.
RESET = tuple(table for table in metadata.sorted_tables if table not in (tables.gateway_state, tables.provider_lane))
