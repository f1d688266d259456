"""Tables of records: one for each kind, its columns derived from the fields of the kind's class.

Every table also has the columns of customer data, and ``open``, by which records that can still change are found
however old they are. Fields that are no string, integer, boolean or instant are stored as JSON text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table

from app.db import columns
from app.db.columns import customer, partial_index
from app.db.keys import TENURE, TenureKey
from app.db.readers import Field, RowReader, fields_of
from app.domain.bills import Bill, Spend
from app.domain.campaigns import CampaignMessage
from app.domain.charges import Charge, Use
from app.domain.consents import MarketingConsent
from app.domain.orders import Order
from app.domain.passwords import PasswordTries
from app.domain.preferences import Preferences
from app.domain.records import Record
from app.domain.refunds import Refund
from app.domain.spam import SpamReport
from app.domain.suspension import LowBalance, Suspension
from app.domain.tickets import Ticket
from app.domain.usage import DataUsage
from app.domain.values import value


@value
class OwnedRecord:
    """A record and its subscriber."""

    msisdn: str
    tenure: int
    record: Record


@dataclass(eq=False, slots=True)
class RecordTable:
    """A kind of record and its table. Equal to itself only: statements are cached by it."""

    kind: type[Record]
    table: Table
    fields: tuple[Field, ...]
    reader: RowReader[OwnedRecord]

    def row(self, tenure: TenureKey, record: Record) -> dict[str, object]:
        """Return the row of a record; ``tenure`` is bucket, number and tenure."""
        row: dict[str, object] = dict(zip(TENURE, tenure, strict=True))
        for field in self.fields:
            found = getattr(record, field.name)
            row[field.name] = found if found is None or field.write is None else field.write(found)
        return {**row, "open": record.is_open}


def _table(name: str, kind: type[Record], *indexes: tuple[str, ...]) -> RecordTable:
    """Return the table of a kind; ``indexes`` are for queries across subscribers."""
    of_kind = fields_of(kind)
    table = Table(
        name,
        columns.metadata,
        *customer(),
        *(Column(field.name, field.type, nullable=field.optional) for field in of_kind),
        Column("open", Boolean, nullable=False),
        PrimaryKeyConstraint("bucket", "msisdn", "tenure", "id"),
        Index(f"ix_{name}_id", "id"),
        partial_index(f"ix_{name}_open", "bucket", "msisdn", "tenure", where="open"),
        *(Index(f"ix_{name}_{'_'.join(names)}", *names) for names in indexes),
        **columns.CLUSTERED,
    )
    reader = RowReader(OwnedRecord, table, record=RowReader(kind, table))
    return RecordTable(kind, table, of_kind, reader)


RECORD_TABLES: Mapping[type[Record], RecordTable] = {
    item.kind: item
    for item in (
        _table("service_order", Order, ("state", "id"), ("service_code", "id")),
        _table("ticket", Ticket, ("state", "id"), ("number",)),
        _table("charge", Charge, ("state", "id")),
        _table("per_use", Use),
        _table("refund", Refund, ("ticket_id",)),
        _table("spam_report", SpamReport, ("number",)),
        _table("preferences", Preferences),
        _table("data_usage", DataUsage),
        _table("bill", Bill),
        _table("spend", Spend),
        _table("low_balance", LowBalance),
        _table("suspension", Suspension),
        _table("password_tries", PasswordTries),
        _table("marketing_consent", MarketingConsent),
        _table("campaign_message", CampaignMessage, ("id", "state")),
    )
}
