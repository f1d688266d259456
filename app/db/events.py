"""Events for SPs and billing: written with the change that they tell of."""

from collections.abc import Sequence

from sqlalchemy import Connection

from app.db import tables
from app.db.rows import Row, insert_rows


def append_events(connection: Connection, rows: Sequence[Row]) -> None:
    """Write events in the order in which they happened."""
    insert_rows(connection, tables.event, rows)
