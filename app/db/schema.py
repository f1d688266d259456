"""The metadata of all tables, and which of them a reset empties."""

from app.db import access, campaigns, events, idempotency, record_tables, tables, terms  # noqa: F401  each adds its tables

metadata = tables.metadata
# The tables that a reset empties. The environment's mark stays, and the version of the catalogue never goes back.
RESET = tuple(table for table in metadata.sorted_tables if table not in (tables.gateway_state, tables.provider_lane))
