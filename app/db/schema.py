"""The whole schema: the tables written out, and those made from records."""

from app.db import access, campaigns, events, idempotency, record_tables, tables, terms  # noqa: F401  each adds its tables

metadata = tables.metadata
# Emptied by a reset; the environment's mark stays, and the catalogue's version only goes up.
RESET = tuple(table for table in metadata.sorted_tables if table not in (tables.gateway_state, tables.provider_lane))
